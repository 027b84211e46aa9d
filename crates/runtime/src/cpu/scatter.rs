//! Elements and parts of a tensor by their places: taken out, or put in.

use fewbit_graph::op::ScatterReduction;

use crate::backend::RunError;
use crate::control::Control;
use crate::cpu::gather::index;
use crate::cpu::layout::strides;
use crate::cpu::pieces::{self, in_pieces};
use crate::cpu::stage::binary::{max, min};

/// What an update makes of the element that is there.
fn combined(reduction: ScatterReduction) -> fn(f32, f32) -> f32 {
    match reduction {
        ScatterReduction::Replace => |_, update| update,
        ScatterReduction::Add => |there, update| there + update,
        ScatterReduction::Mul => |there, update| there * update,
        ScatterReduction::Max => max,
        ScatterReduction::Min => min,
    }
}

/// Single elements, each at its own place but for one axis, made ready.
#[derive(Clone, Debug)]
pub(crate) struct Elements {
    /// The length of the axis in x, and the distance of two elements along it.
    axis: (usize, usize),
    /// For each axis of the indices its length, and the distance in x of two places along it; 0 for the axis itself.
    places: Vec<(usize, usize)>,
}

impl Elements {
    /// Of x and indices of these shapes.
    pub(crate) fn new(axis: usize, x: &[usize], indices: &[usize]) -> Self {
        let own = strides(x);
        let stride = |i: usize| if i == axis { 0 } else { own[i] as usize };
        Self {
            axis: (x[axis], own[axis] as usize),
            places: indices.iter().enumerate().map(|(i, &len)| (len, stride(i))).collect(),
        }
    }

    /// Takes elements out.
    pub(crate) async fn gather(
        &self,
        [x, numbers]: [&[f32]; 2],
        y: &mut [f32],
        control: &Control<'_>,
    ) -> Result<(), RunError> {
        self.each(numbers, control, |i, place| y[i] = x[place]).await
    }

    /// Puts updates into a copy of x, in ascending order.
    pub(crate) async fn scatter(
        &self,
        reduction: ScatterReduction,
        [x, numbers, updates]: [&[f32]; 3],
        y: &mut [f32],
        control: &Control<'_>,
    ) -> Result<(), RunError> {
        y.copy_from_slice(x);
        let combined = combined(reduction);
        self.each(numbers, control, |i, place| y[place] = combined(y[place], updates[i])).await
    }

    /// Gives `work` the number of each index, in order, and the place in x that it means.
    async fn each(
        &self,
        numbers: &[f32],
        control: &Control<'_>,
        mut work: impl FnMut(usize, usize),
    ) -> Result<(), RunError> {
        let Some((&(len, step), outer)) = self.places.split_last() else { return Ok(()) };
        in_pieces(numbers.len() / len, len * pieces::ELEMENT, control, |rows| {
            for row in rows {
                let (mut rest, mut from) = (row, 0);
                for &(len, stride) in outer.iter().rev() {
                    from += rest % len * stride;
                    rest /= len;
                }
                for (i, &number) in numbers[row * len..(row + 1) * len].iter().enumerate() {
                    work(row * len + i, from + i * step + index(number, self.axis.0) * self.axis.1);
                }
            }
            Ok(())
        })
        .await
    }
}

/// Parts of a tensor by the indices of their first axes, made ready. A part's elements follow one another.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    /// The axes that indices are listed for: length, and distance in x.
    axes: Vec<(usize, usize)>,
    /// The elements of a part.
    len: usize,
    /// The elements of a batch of x.
    batch: usize,
    /// How many parts each batch gives.
    count: usize,
}

impl Parts {
    /// Of x and indices of these shapes, whose first axes are batches.
    pub(crate) fn new(batch_dims: usize, x: &[usize], indices: &[usize]) -> Self {
        let (listed, places) = indices.split_last().map_or((0, indices), |(&n, places)| (n, places));
        let inner = batch_dims..batch_dims + listed;
        Self {
            axes: std::iter::zip(&x[inner.clone()], &strides(x)[inner.clone()])
                .map(|(&len, &stride)| (len, stride as usize))
                .collect(),
            len: x[inner.end..].iter().product(),
            batch: x[batch_dims..].iter().product(),
            count: places[batch_dims..].iter().product(),
        }
    }

    /// Where part number `part` begins in x.
    fn from(&self, part: usize, numbers: &[f32]) -> usize {
        let listed = &numbers[part * self.axes.len()..];
        let inner = self.axes.iter().zip(listed).map(|(&(len, stride), &number)| index(number, len) * stride);
        part / self.count * self.batch + inner.sum::<usize>()
    }

    /// Takes parts out.
    pub(crate) async fn gather(
        &self,
        [x, numbers]: [&[f32]; 2],
        y: &mut [f32],
        control: &Control<'_>,
    ) -> Result<(), RunError> {
        let len = self.len;
        in_pieces(y.len() / len, len + pieces::ELEMENT, control, |parts| {
            for part in parts {
                let from = self.from(part, numbers);
                y[part * len..(part + 1) * len].copy_from_slice(&x[from..from + len]);
            }
            Ok(())
        })
        .await
    }

    /// Puts updates into a copy of x, in ascending order.
    pub(crate) async fn scatter(
        &self,
        reduction: ScatterReduction,
        [x, numbers, updates]: [&[f32]; 3],
        y: &mut [f32],
        control: &Control<'_>,
    ) -> Result<(), RunError> {
        y.copy_from_slice(x);
        let (len, combined) = (self.len, combined(reduction));
        in_pieces(updates.len() / len, len * pieces::ELEMENT, control, |parts| {
            for part in parts {
                let there = &mut y[self.from(part, numbers)..][..len];
                let updates = &updates[part * len..(part + 1) * len];
                there.iter_mut().zip(updates).for_each(|(there, &update)| *there = combined(*there, update));
            }
            Ok(())
        })
        .await
    }
}
