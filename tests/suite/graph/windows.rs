//! The length formulas against slow and obvious ones.

use fewbit_graph::infer::{Window, broadcast_shapes, slice_axis, window_output};
use proptest::prelude::*;

/// Counts windows one by one.
fn count_windows(input: usize, window: Window, ceil_mode: bool) -> Option<usize> {
    let Window { kernel, stride, dilation, pad_begin, pad_end } = window;
    if kernel == 0 || stride == 0 || dilation == 0 {
        return None;
    }
    let padded = input + pad_begin + pad_end;
    let last_tap = |start: usize| start + (kernel - 1) * dilation;
    if last_tap(0) >= padded {
        return None;
    }
    let mut count = 1;
    loop {
        let (before, start) = ((count - 1) * stride, count * stride);
        let whole = last_tap(start) < padded;
        // The window before does not reach the end, and this one starts in the input or the padding before it.
        let partial = ceil_mode && last_tap(before) + 1 < padded && start < input + pad_begin;
        if !(whole || partial) {
            return Some(count);
        }
        count += 1;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_window_fits_as_often_as_one_counts(
        input in 1usize..20, kernel in 0usize..6, stride in 0usize..5, dilation in 0usize..4,
        pads in (0usize..4, 0usize..4), ceil_mode: bool,
    ) {
        // Padding is less than the window, as PyTorch and ONNX Runtime demand it of pooling.
        let reach = kernel.saturating_sub(1) * dilation;
        let window = Window {
            kernel, stride, dilation, pad_begin: pads.0.min(reach), pad_end: pads.1.min(reach),
        };
        prop_assert_eq!(window_output(input, window, ceil_mode), count_windows(input, window, ceil_mode));
    }

    #[test]
    fn a_slice_has_the_indices_that_one_walks(
        n in 1i64..9, start in -12i64..12, end in -12i64..12, step in prop_oneof![-4i64..0, 1i64..5],
    ) {
        let from_front = |i: i64| if i < 0 { i + n } else { i };
        let (start_from_front, end_from_front) = (from_front(start), from_front(end));
        // A start beyond the axis is moved to its edge, which decides the phase of longer steps.
        let first = if step > 0 { start_from_front.max(0) } else { start_from_front.clamp(0, n - 1) };
        let before_end = |i: i64| if step > 0 { i < end_from_front } else { i > end_from_front };
        let walked: Vec<i64> =
            (0..).map(|k| first + k * step).take_while(|&i| 0 <= i && i < n && before_end(i)).collect();
        let (first, count) = slice_axis(n as usize, start, end, step);
        let found: Vec<i64> = (0..count as i64).map(|k| first as i64 + k * step).collect();
        prop_assert_eq!(found, walked);
    }

    #[test]
    fn broadcasting_is_symmetric_and_idempotent(
        a in prop::collection::vec(1usize..4, 0..4), b in prop::collection::vec(1usize..4, 0..4),
    ) {
        let both = broadcast_shapes(&a, &b);
        prop_assert_eq!(&both, &broadcast_shapes(&b, &a));
        if let Some(both) = both {
            prop_assert_eq!(broadcast_shapes(&a, &both), Some(both.clone()));
            prop_assert_eq!(broadcast_shapes(&both, &both), Some(both));
        }
    }
}

#[test]
fn broadcasting_follows_numpys_examples() {
    type Shape<'a> = &'a [usize];
    let cases: [(Shape<'_>, Shape<'_>, Option<Shape<'_>>); 8] = [
        (&[256, 256, 3], &[3], Some(&[256, 256, 3])),
        (&[8, 1, 6, 1], &[7, 1, 5], Some(&[8, 7, 6, 5])),
        (&[5, 4], &[1], Some(&[5, 4])),
        (&[], &[2, 3], Some(&[2, 3])),
        (&[], &[], Some(&[])),
        (&[15, 3, 5], &[3, 1], Some(&[15, 3, 5])),
        (&[3], &[4], None),
        (&[2, 1], &[8, 4, 3], None),
    ];
    for (a, b, expected) in cases {
        assert_eq!(broadcast_shapes(a, b).as_deref(), expected, "{a:?} and {b:?}");
    }
}

#[test]
fn pythons_slices_come_out() {
    // (n, start, end, step) and what list(range(n))[start:end:step] holds in Python.
    let cases: [(usize, i64, i64, i64, &[i64]); 10] = [
        (5, 1, -1, 2, &[1, 3]),
        (5, 0, i64::MAX, 1, &[0, 1, 2, 3, 4]),
        (5, -2, i64::MAX, 1, &[3, 4]),
        (5, -100, 2, 1, &[0, 1]),
        (5, 4, i64::MIN, -1, &[4, 3, 2, 1, 0]),
        (5, i64::MAX, i64::MIN, -2, &[4, 2, 0]),
        (5, 3, 1, 1, &[]),
        (5, 1, 3, -1, &[]),
        (5, 0, 5, i64::MAX, &[0]),
        (5, 4, -6, i64::MIN, &[4]),
    ];
    for (n, start, end, step, expected) in cases {
        let (first, count) = slice_axis(n, start, end, step);
        let found: Vec<i64> =
            (0..count as i64).map(|k| (first as i64).wrapping_add(k.wrapping_mul(step))).collect();
        assert_eq!(found, expected, "range({n})[{start}:{end}:{step}]");
    }
}

#[test]
fn absurd_windows_have_no_output() {
    let window = Window { kernel: 3, stride: 1, dilation: 1, pad_begin: 0, pad_end: 0 };
    let absurd = [
        Window { stride: 0, ..window },
        Window { dilation: 0, ..window },
        Window { kernel: 0, ..window },
        Window { kernel: 9, ..window },
        Window { kernel: usize::MAX, dilation: 2, ..window },
        Window { pad_begin: usize::MAX, ..window },
        Window { pad_end: usize::MAX, ..window },
        Window { dilation: usize::MAX, ..window },
    ];
    for window in absurd {
        for ceil_mode in [false, true] {
            assert_eq!(window_output(8, window, ceil_mode), None, "{window:?}");
        }
    }
    let long_step = Window { stride: usize::MAX, ..window };
    assert_eq!(window_output(8, long_step, false), Some(1));
    assert_eq!(window_output(8, long_step, true), Some(1));
}
