//! One tensor laid over another by NumPy's broadcasting.

/// How the elements of an operand repeat over a full shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Broadcast {
    /// Axes of the full shape, merged where the operand does not tell them apart; the innermost is never missing.
    axes: Vec<Axis>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Axis {
    len: usize,
    /// How far a step along the axis is in the operand; 0 where it repeats.
    stride: usize,
}

/// A stretch of the full tensor, and what lies under it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// Its first element, counted from the start of the part that was asked for.
    pub(crate) at: usize,
    /// Its length.
    pub(crate) len: usize,
    /// The operand's element under the first one.
    pub(crate) from: usize,
    /// 0 if that element lies under all of the stretch, 1 if the operand's elements follow one another.
    pub(crate) stride: usize,
}

impl Broadcast {
    /// An operand of a shape that broadcasts to `full`.
    pub(crate) fn new(operand: &[usize], full: &[usize]) -> Self {
        let missing = full.len() - operand.len();
        let mut stride = 1;
        let mut axes: Vec<Axis> = Vec::with_capacity(full.len());
        for (i, &len) in full.iter().enumerate().rev() {
            let own = if i < missing { 1 } else { operand[i - missing] };
            let step = if own == 1 { 0 } else { stride };
            stride *= own;
            match axes.last_mut() {
                _ if len == 1 => {}
                Some(inner) if step == inner.stride * inner.len => inner.len *= len,
                _ => axes.push(Axis { len, stride: step }),
            }
        }
        axes.reverse();
        if axes.is_empty() {
            axes.push(Axis { len: 1, stride: 0 });
        }
        Self { axes }
    }

    /// A vector along `axis` of `full`; of one element if `count` is 1.
    pub(crate) fn along(axis: usize, count: usize, full: &[usize]) -> Self {
        let mut operand = vec![1; full.len()];
        if let Some(len) = operand.get_mut(axis) {
            *len = count;
        }
        Self::new(&operand, full)
    }

    /// Whether each element of the operand lies under `count` elements of the full tensor that follow one another.
    pub(crate) fn repeats_each(&self, count: usize) -> bool {
        match self.axes.as_slice() {
            [inner] => inner.stride == 0 && inner.len == count,
            [outer, inner] => outer.stride == 1 && inner.stride == 0 && inner.len == count,
            _ => false,
        }
    }

    /// The stretches that make up elements `offset .. offset + len` of the full tensor, in order.
    pub(crate) fn runs(&self, offset: usize, len: usize) -> impl Iterator<Item = Run> + '_ {
        let (outer, inner) = self.axes.split_at(self.axes.len() - 1);
        let inner = inner[0];
        let mut at = 0;
        std::iter::from_fn(move || {
            if at == len {
                return None;
            }
            let mut rest = offset + at;
            let column = rest % inner.len;
            rest /= inner.len;
            let mut from = column * inner.stride;
            for axis in outer.iter().rev() {
                from += rest % axis.len * axis.stride;
                rest /= axis.len;
            }
            let run = Run { at, len: (inner.len - column).min(len - at), from, stride: inner.stride };
            at += run.len;
            Some(run)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(operand: &[usize], full: &[usize], offset: usize, len: usize) -> Vec<usize> {
        let runs = Broadcast::new(operand, full).runs(offset, len).collect::<Vec<_>>();
        runs.iter().flat_map(|run| (0..run.len).map(|i| run.from + i * run.stride)).collect()
    }

    #[test]
    fn equal_shapes_are_one_run() {
        let runs: Vec<_> = Broadcast::new(&[2, 1, 3], &[2, 1, 3]).runs(1, 4).collect();
        assert_eq!(runs, [Run { at: 0, len: 4, from: 1, stride: 1 }]);
    }

    #[test]
    fn a_scalar_is_one_run() {
        let runs: Vec<_> = Broadcast::new(&[], &[2, 3]).runs(0, 6).collect();
        assert_eq!(runs, [Run { at: 0, len: 6, from: 0, stride: 0 }]);
    }

    #[test]
    fn channels_repeat_over_images_and_pixels() {
        assert_eq!(seen(&[2, 1], &[2, 2, 3], 1, 9), [0, 0, 1, 1, 1, 0, 0, 0, 1]);
    }

    #[test]
    fn axes_may_repeat_in_any_place() {
        assert_eq!(seen(&[2, 1, 3], &[2, 2, 3], 0, 12), [0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5]);
        assert_eq!(seen(&[1, 2, 1], &[2, 2, 2], 0, 8), [0, 0, 1, 1, 0, 0, 1, 1]);
    }
}
