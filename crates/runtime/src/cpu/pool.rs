//! Pooling, one channel at a time.

use std::ops::Range;

use fewbit_graph::op;
use fewbit_graph::op::PoolKind;

use crate::backend::RunError;
use crate::control::Control;
use crate::cpu::pieces::{self, in_pieces};
use crate::cpu::simd::{Level, dispatch, rewritten};

/// A pooling operator, made ready.
#[derive(Clone, Debug)]
pub(crate) struct Pool {
    pub(super) kind: PoolKind,
    /// Rows and columns.
    pub(super) axes: [Axis; 2],
}

/// One spatial axis.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    pub(super) input: usize,
    pub(super) output: usize,
    pub(super) stride: usize,
    pub(super) taps: Vec<Tap>,
    /// How many elements a mean divides by, for each window.
    pub(super) counts: Vec<usize>,
}

/// One place of the window along an axis.
#[derive(Clone, Debug)]
pub(super) struct Tap {
    /// The windows for which it lies inside the input.
    pub(super) windows: Range<usize>,
    /// The element that the first of these windows sees.
    pub(super) from: usize,
}

impl Pool {
    /// For x and y of these shapes, with one or two spatial axes.
    pub(crate) fn new(op: &op::Pool, x: &[usize], y: &[usize]) -> Self {
        let rank = op.kernel.len();
        let axis = |i: usize| {
            let padded = op.kind == PoolKind::Mean { count_include_pad: true };
            Axis::new(op, i, x[2 + i], y[2 + i], padded)
        };
        let columns = axis(rank - 1);
        let rows = if rank == 2 { axis(0) } else { Axis::single() };
        Self { kind: op.kind, axes: [rows, columns] }
    }

    /// Pools every channel of x.
    pub(crate) async fn run(
        &self,
        level: Level,
        x: &[f32],
        y: &mut [f32],
        control: &Control<'_>,
    ) -> Result<(), RunError> {
        let [rows, columns] = &self.axes;
        let (input, output) = (rows.input * columns.input, rows.output * columns.output);
        let cost = output * rows.taps.len() * columns.taps.len() * pieces::ELEMENT;
        in_pieces(x.len() / input, cost, control, |planes| {
            let x = x[planes.start * input..planes.end * input].chunks_exact(input);
            let y = y[planes.start * output..planes.end * output].chunks_exact_mut(output);
            dispatch!(level, _simd => x.zip(y).for_each(|(x, y)| match self.kind {
                PoolKind::Max => self.max(x, y),
                PoolKind::Mean { .. } => self.mean(x, y),
            }));
            Ok(())
        })
        .await
    }

    #[inline(always)]
    fn max(&self, x: &[f32], y: &mut [f32]) {
        y.fill(f32::NEG_INFINITY);
        self.fold(x, y, |max, x| if x > max || x.is_nan() { x } else { rewritten(max) });
    }

    #[inline(always)]
    fn mean(&self, x: &[f32], y: &mut [f32]) {
        y.fill(0.0);
        self.fold(x, y, |sum, x| sum + x);
        let [rows, columns] = &self.axes;
        for (row, &in_row) in y.chunks_exact_mut(columns.output).zip(&rows.counts) {
            for (y, &in_column) in row.iter_mut().zip(&columns.counts) {
                *y /= (in_row * in_column) as f32;
            }
        }
    }

    /// Folds the inputs of each window into its output, row by row, column by column.
    #[inline(always)]
    fn fold(&self, x: &[f32], y: &mut [f32], f: impl Fn(f32, f32) -> f32) {
        let [rows, columns] = &self.axes;
        for (i, out) in y.chunks_exact_mut(columns.output).enumerate() {
            for tap in rows.taps.iter().filter(|tap| tap.windows.contains(&i)) {
                let row = tap.from + (i - tap.windows.start) * rows.stride;
                let row = &x[row * columns.input..][..columns.input];
                for tap in &columns.taps {
                    let (out, row) = (&mut out[tap.windows.clone()], row.get(tap.from..).unwrap_or_default());
                    match columns.stride {
                        1 => out.iter_mut().zip(row).for_each(|(y, &x)| *y = f(*y, x)),
                        2 => out.iter_mut().zip(row.chunks(2)).for_each(|(y, x)| *y = f(*y, x[0])),
                        stride => {
                            out.iter_mut().zip(row.iter().step_by(stride)).for_each(|(y, &x)| *y = f(*y, x));
                        }
                    }
                }
            }
        }
    }
}

impl Axis {
    fn new(op: &op::Pool, i: usize, input: usize, output: usize, padded: bool) -> Self {
        let (stride, pad) = (op.strides[i], op.pads_begin[i]);
        let offsets = (0..op.kernel[i]).map(|k| k * op.dilations[i]);
        let taps = offsets.clone().map(|offset| {
            // Window w sees w·stride + offset − pad, which lies inside from `first` to before `last`.
            let first = pad.saturating_sub(offset).div_ceil(stride).min(output);
            let last = (input + pad).saturating_sub(offset).div_ceil(stride).min(output).max(first);
            Tap { windows: first..last, from: (first * stride + offset).saturating_sub(pad) }
        });
        let taps: Vec<Tap> = taps.collect();
        let end = input + pad + op.pads_end[i];
        let counts = (0..output).map(|w| match padded {
            true => offsets.clone().filter(|offset| w * stride + offset < end).count(),
            false => taps.iter().filter(|tap| tap.windows.contains(&w)).count(),
        });
        Self { input, output, stride, counts: counts.collect(), taps }
    }

    /// The missing axis of a one-dimensional operator.
    fn single() -> Self {
        Self { input: 1, output: 1, stride: 1, taps: vec![Tap { windows: 0..1, from: 0 }], counts: vec![1] }
    }
}
