//! The largest and the smallest elements along an axis.

use std::cmp::Ordering;

use crate::backend::RunError;
use crate::control::Control;
use crate::cpu::pieces::{self, in_pieces};
use crate::cpu::simd::{Level, dispatch, rewritten};

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
    pub(crate) async fn run(
        &self,
        level: Level,
        x: &[f32],
        y: &mut [f32],
        control: &Control<'_>,
    ) -> Result<(), RunError> {
        if self.last {
            self.search(level, x, y, control, |x, best| x >= best || x.is_nan()).await
        } else {
            self.search(level, x, y, control, |x, best| x > best || (x.is_nan() && !best.is_nan())).await
        }
    }

    /// `replaces` says whether an element takes the place of the best one before it, if the largest is looked for; the
    /// smallest is the largest of the negated.
    async fn search(
        &self,
        level: Level,
        x: &[f32],
        y: &mut [f32],
        control: &Control<'_>,
        replaces: impl Fn(f32, f32) -> bool + Copy,
    ) -> Result<(), RunError> {
        let (Lines { len, stride }, sign) = (self.lines, if self.max { 1.0 } else { -1.0 });
        let mut best = vec![0.0; stride];
        in_pieces(y.len() / stride, len * stride * pieces::ELEMENT, control, |blocks| {
            dispatch!(level, _simd => {
                for block in blocks {
                    let x = &x[block * len * stride..][..len * stride];
                    let y = &mut y[block * stride..][..stride];
                    if let [y] = y {
                        let mut found = (0, sign * x[0]);
                        for (i, x) in x.iter().map(|x| sign * x).enumerate() {
                            if replaces(x, found.1) {
                                found = (i, x);
                            }
                        }
                        *y = found.0 as f32;
                        continue;
                    }
                    // Lines that lie side by side are walked together.
                    y.fill(0.0);
                    best.iter_mut().zip(x).for_each(|(best, x)| *best = sign * x);
                    for (i, row) in x.chunks_exact(stride).enumerate() {
                        for ((y, best), x) in y.iter_mut().zip(&mut best).zip(row) {
                            let x = sign * x;
                            let here = replaces(x, *best);
                            *y = if here { i as f32 } else { rewritten(*y) };
                            *best = if here { x } else { rewritten(*best) };
                        }
                    }
                }
            });
            Ok(())
        })
        .await
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
