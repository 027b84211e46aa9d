//! The largest and the smallest elements along an axis.

use std::cmp::Ordering;

use crate::backend::RunError;
use crate::control::Control;
use crate::cpu::pieces::{self, in_pieces};

/// The lines of a tensor along one axis.
#[derive(Clone, Copy, Debug)]
struct Lines {
    len: usize,
    /// The distance of two elements along it.
    stride: usize,
}

impl Lines {
    fn new(axis: usize, x: &[usize]) -> Self {
        Self { len: x[axis], stride: x[axis + 1..].iter().product() }
    }

    /// The elements of line number `line`, in order.
    fn of<'a>(&self, line: usize, x: &'a [f32]) -> impl Iterator<Item = f32> + 'a {
        let first = line / self.stride * self.stride * self.len + line % self.stride;
        x[first..].iter().copied().step_by(self.stride).take(self.len)
    }
}

/// The place of the largest or smallest element, made ready.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ArgReduce {
    lines: Lines,
    max: bool,
    last: bool,
}

impl ArgReduce {
    /// Along `axis` of this shape.
    pub(crate) fn new(axis: usize, x: &[usize], max: bool, last: bool) -> Self {
        Self { lines: Lines::new(axis, x), max, last }
    }

    /// The index in each line of x.
    pub(crate) async fn run(&self, x: &[f32], y: &mut [f32], control: &Control<'_>) -> Result<(), RunError> {
        in_pieces(y.len(), self.lines.len * pieces::ELEMENT, control, |lines| {
            for line in lines {
                y[line] = self.place(self.lines.of(line, x)) as f32;
            }
            Ok(())
        })
        .await
    }

    fn place(&self, line: impl Iterator<Item = f32>) -> usize {
        let mut best = (0, if self.max { f32::NEG_INFINITY } else { f32::INFINITY });
        for (i, x) in line.enumerate() {
            let (found, there) = if self.max { (x, best.1) } else { (best.1, x) };
            let equal = x == best.1 || (x.is_nan() && best.1.is_nan());
            let better = found > there || (x.is_nan() && !best.1.is_nan());
            if better || (equal && (self.last || i == 0)) {
                best = (i, x);
            }
        }
        best.0
    }
}

/// The k largest or smallest elements, made ready.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TopK {
    lines: Lines,
    k: usize,
    largest: bool,
    indices: bool,
}

impl TopK {
    /// Along `axis` of this shape.
    pub(crate) fn new(axis: usize, x: &[usize], k: usize, largest: bool, indices: bool) -> Self {
        Self { lines: Lines::new(axis, x), k, largest, indices }
    }

    /// The elements of each line of x, or their indices.
    pub(crate) async fn run(&self, x: &[f32], y: &mut [f32], control: &Control<'_>) -> Result<(), RunError> {
        let Self { lines: Lines { len, stride }, k, .. } = *self;
        // NaN is the largest; then the order is that of the indices.
        let order = |a: &(u32, f32), b: &(u32, f32)| {
            let ascending = a.1.partial_cmp(&b.1).unwrap_or_else(|| a.1.is_nan().cmp(&b.1.is_nan()));
            let by_size = if self.largest { ascending.reverse() } else { ascending };
            by_size.then(a.0.cmp(&b.0)) as Ordering
        };
        let mut line = Vec::with_capacity(len);
        in_pieces(x.len() / len, len * pieces::FUNCTION, control, |lines| {
            for number in lines {
                line.clear();
                line.extend((0..).zip(self.lines.of(number, x)));
                if k < len {
                    line.select_nth_unstable_by(k, order);
                }
                line[..k].sort_unstable_by(order);
                let first = number / stride * stride * k + number % stride;
                let targets = y[first..].iter_mut().step_by(stride);
                for (y, &(index, x)) in targets.zip(&line[..k]) {
                    *y = if self.indices { index as f32 } else { x };
                }
            }
            Ok(())
        })
        .await
    }
}
