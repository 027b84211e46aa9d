//! Strided views: the host's side of `prelude/strided.wgsl`.

use bytemuck::{Pod, Zeroable};

use crate::step::word;

/// One axis of an index space, with its stride in each of two views.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Axis {
    pub(crate) length: usize,
    pub(crate) first: i64,
    pub(crate) second: i64,
}

/// Up to eight words, as the uniform address space wants them.
pub(crate) type Eight<T> = [[T; 4]; 2];

/// `Strided` of the prelude.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, Pod, Zeroable)]
pub(crate) struct Strided {
    rank: u32,
    first_offset: i32,
    second_offset: i32,
    pad: u32,
    lengths: Eight<u32>,
    first: Eight<i32>,
    second: Eight<i32>,
}

impl Strided {
    /// Two views of the space of `axes` (row-major), which begin at these offsets.
    pub(crate) fn new(axes: &[Axis], first_offset: i64, second_offset: i64) -> Result<Self, String> {
        let axes = collapse(axes);
        Ok(Self {
            rank: axes.len() as u32,
            first_offset: signed(first_offset)?,
            second_offset: signed(second_offset)?,
            pad: 0,
            lengths: eight(axes.iter().map(|axis| word(axis.length)))?,
            first: eight(axes.iter().map(|axis| signed(axis.first)))?,
            second: eight(axes.iter().map(|axis| signed(axis.second)))?,
        })
    }
}

/// The same views on as few axes as can be: axes of length 1 vanish, and neighbours that both views walk as one merge.
pub(crate) fn collapse(axes: &[Axis]) -> Vec<Axis> {
    let mut merged: Vec<Axis> = Vec::new();
    for axis in axes.iter().filter(|axis| axis.length != 1) {
        let length = axis.length as i64;
        match merged.last_mut() {
            Some(outer) if outer.first == axis.first * length && outer.second == axis.second * length => {
                *outer = Axis { length: outer.length * axis.length, ..*axis };
            }
            _ => merged.push(*axis),
        }
    }
    merged
}

/// The row-major strides of `shape`.
pub(crate) fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    strides
}

/// The strides with which a tensor of `shape` is read at the indices of `whole`: 0 where it is stretched.
pub(crate) fn broadcast_strides(shape: &[usize], whole: &[usize]) -> Vec<i64> {
    let missing = whole.len().saturating_sub(shape.len());
    let own = shape.iter().zip(strides(shape)).map(|(&n, stride)| if n == 1 { 0 } else { stride as i64 });
    std::iter::repeat_n(0, missing).chain(own).collect()
}

/// A stride or an offset as a word.
pub(crate) fn signed(n: i64) -> Result<i32, String> {
    i32::try_from(n).map_err(|_| format!("the stride {n} is too large for a kernel"))
}

/// Up to eight numbers, filled up with zeros.
pub(crate) fn eight<T: Copy + Default>(
    numbers: impl ExactSizeIterator<Item = Result<T, String>>,
) -> Result<Eight<T>, String> {
    let mut all = Eight::default();
    if numbers.len() > 8 {
        return Err(format!("{} axes; eight are supported", numbers.len()));
    }
    for (slot, number) in all.iter_mut().flatten().zip(numbers) {
        *slot = number?;
    }
    Ok(all)
}
