//! Reductions.

use fewbit_graph::op;
use fewbit_graph::op::Reducer;

use crate::cpu::broadcast::{Broadcast, Run};
use crate::cpu::simd::{Level, dispatch, rewritten};

/// A reduction, made ready.
#[derive(Clone, Debug)]
pub(crate) struct Reduce {
    kind: Reducer,
    /// How the output lies over the input.
    output: Broadcast,
    /// How many elements are reduced to one.
    count: usize,
}

impl Reduce {
    /// Of an input of this shape.
    pub(crate) fn new(op: &op::Reduce, x: &[usize]) -> Self {
        let kept = |axis: usize| !op.axes.contains(&axis);
        let output: Vec<usize> =
            x.iter().enumerate().map(|(axis, &n)| if kept(axis) { n } else { 1 }).collect();
        let count = op.axes.iter().map(|&axis| x[axis]).product();
        Self { kind: op.kind, output: Broadcast::new(&output, x), count }
    }

    /// Reduces x.
    ///
    /// A sum or a product over the innermost axes goes through them in eight lanes, element i into lane i mod 8, and joins the
    /// lanes at the end of a stretch; one over other axes goes from element to element.
    pub(crate) fn run(&self, level: Level, x: &[f32], y: &mut [f32]) {
        match self.kind {
            Reducer::Max => self.fold(level, x, y, f32::NEG_INFINITY, max),
            Reducer::Min => self.fold(level, x, y, f32::INFINITY, min),
            Reducer::Prod => self.fold(level, x, y, 1.0, |a, b| a * b),
            Reducer::Sum | Reducer::Mean => self.fold(level, x, y, 0.0, |a, b| a + b),
        }
        if self.kind == Reducer::Mean {
            y.iter_mut().for_each(|y| *y /= self.count as f32);
        }
    }

    #[inline(always)]
    fn fold(&self, level: Level, x: &[f32], y: &mut [f32], first: f32, f: impl Fn(f32, f32) -> f32) {
        if x.len() == y.len() * self.count && self.output.repeats_each(self.count) {
            dispatch!(level, _simd => {
                for (y, part) in y.iter_mut().zip(x.chunks_exact(self.count)) {
                    *y = f(first, lanes(part, first, &f));
                }
            });
            return;
        }
        y.fill(first);
        dispatch!(level, _simd => {
            for Run { at, len, from, stride } in self.output.runs(0, x.len()) {
                let part = &x[at..at + len];
                if stride == 0 {
                    y[from] = f(y[from], lanes(part, first, &f));
                } else {
                    y[from..from + len].iter_mut().zip(part).for_each(|(y, &x)| *y = f(*y, x));
                }
            }
        });
    }
}

#[inline(always)]
fn lanes(values: &[f32], first: f32, f: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [first; 8];
    let mut whole = values.chunks_exact(8);
    for values in &mut whole {
        lanes.iter_mut().zip(values).for_each(|(lane, &x)| *lane = f(*lane, x));
    }
    lanes.iter_mut().zip(whole.remainder()).for_each(|(lane, &x)| *lane = f(*lane, x));
    let [a, b, c, d, e, g, h, i] = lanes;
    f(f(f(a, b), f(c, d)), f(f(e, g), f(h, i)))
}

#[inline(always)]
fn max(max: f32, x: f32) -> f32 {
    if x > max || x.is_nan() { x } else { rewritten(max) }
}

#[inline(always)]
fn min(min: f32, x: f32) -> f32 {
    if x < min || x.is_nan() { x } else { rewritten(min) }
}
