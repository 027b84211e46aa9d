//! How broadcasting, windows and slices determine lengths. Engines ask here as well, so that there is one rule.

/// The shape that NumPy's broadcasting gives `a` and `b`: axes are aligned at the end, and an axis of length 1 is
/// stretched. `None` where two lengths differ and neither is 1.
pub fn broadcast_shapes(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let rank = a.len().max(b.len());
    let length = |shape: &[usize], axis: usize| match (axis + shape.len()).checked_sub(rank) {
        Some(own) => shape.get(own).copied().unwrap_or(1),
        None => 1,
    };
    (0..rank)
        .map(|axis| match (length(a, axis), length(b, axis)) {
            (m, n) if m == n => Some(m),
            (1, n) => Some(n),
            (m, 1) => Some(m),
            _ => None,
        })
        .collect()
}

/// A window that slides along one axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The number of taps.
    pub kernel: usize,
    /// The distance of neighbouring windows.
    pub stride: usize,
    /// The distance of neighbouring taps.
    pub dilation: usize,
    /// Padding before the axis.
    pub pad_begin: usize,
    /// Padding after the axis.
    pub pad_end: usize,
}

impl Window {
    /// The length that a window covers: (kernel − 1)·dilation + 1. `None` for an empty kernel or an overflow.
    pub fn extent(&self) -> Option<usize> {
        self.kernel.checked_sub(1)?.checked_mul(self.dilation)?.checked_add(1)
    }
}

/// How many windows fit on an axis of length `input`.
///
/// With n the padded length and e the window's [extent](Window::extent): ⌊(n − e)/stride⌋ + 1, and with `ceil_mode`
/// ⌈(n − e)/stride⌉ + 1, less one if the last window would start beyond the input and its padding at the front.
/// This is the rule of PyTorch and of ONNX. `None` if no window fits, for a stride or a dilation of 0, or on overflow.
pub fn window_output(input: usize, window: Window, ceil_mode: bool) -> Option<usize> {
    if window.stride == 0 || window.dilation == 0 {
        return None;
    }
    let front = input.checked_add(window.pad_begin)?;
    let room = front.checked_add(window.pad_end)?.checked_sub(window.extent()?)?;
    if !ceil_mode {
        return Some(room / window.stride + 1);
    }
    let steps = room.div_ceil(window.stride);
    let starts_too_late = steps.checked_mul(window.stride).is_none_or(|start| start >= front);
    if starts_too_late { Some(steps.max(1)) } else { steps.checked_add(1) }
}

/// The first index and the number of indices of `start..end` with `step` on an axis of length `n`, by ONNX's rule.
///
/// Negative indices count from the end; then both are clamped: to 0 ..= n for a positive step, and for a negative one
/// `start` to 0 ..= n − 1 and `end` to −1 ..= n − 1. Index i of the result is index first + i·step. A step of 0, or
/// an empty axis, takes nothing.
pub fn slice_axis(n: usize, start: i64, end: i64, step: i64) -> (usize, usize) {
    let Ok(length) = i64::try_from(n) else { return (0, 0) };
    if step == 0 || length == 0 {
        return (0, 0);
    }
    let from_front = |index: i64| if index < 0 { index.saturating_add(length) } else { index };
    let (start, end) = (from_front(start), from_front(end));
    let (start, end, distance) = if step > 0 {
        let (start, end) = (start.clamp(0, length), end.clamp(0, length));
        (start, end, end - start)
    } else {
        let (start, end) = (start.clamp(0, length - 1), end.clamp(-1, length - 1));
        (start, end, start - end)
    };
    let count = if distance <= 0 { 0 } else { (distance as u64).div_ceil(step.unsigned_abs()) };
    debug_assert!(count <= n as u64, "{start}..{end} of {n}");
    (start as usize, count as usize)
}
