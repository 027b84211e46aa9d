//! Operators that only move values: the gradient moves back, and what was copied is summed.

use crate::grad::site::{Gradient, Site};
use crate::graph::WireId;
use crate::infer::slice_axis;
use crate::op::{Op, Pad, PadMode, Slice};
use crate::tensor::Tensor;

/// The place of the indices among the inputs of [`Op::Gather`].
pub(super) const INDICES: usize = 1;

pub(super) fn reshape(site: &mut Site<'_, '_>) -> Gradient {
    site.reshaped(site.g, &site.shape())
}

pub(super) fn expand(site: &mut Site<'_, '_>) -> Gradient {
    site.summed_to(site.g, &site.shape())
}

pub(super) fn transpose(site: &mut Site<'_, '_>, perm: &[usize]) -> Gradient {
    let mut inverse = vec![0; perm.len()];
    perm.iter().enumerate().for_each(|(to, &from)| inverse[from] = to);
    site.add(Op::Transpose { perm: inverse }, &[site.g])
}

pub(super) fn gather(site: &mut Site<'_, '_>, axis: usize) -> Gradient {
    let length = site.shape()[axis];
    site.add(Op::GatherGrad { axis, length }, &[site.g, site.node.inputs[INDICES]])
}

pub(super) fn concat(site: &mut Site<'_, '_>, axis: usize) -> Gradient {
    let shape = site.shape();
    let before: usize = site.node.inputs[..site.input].iter().map(|&wire| site.shape_of(wire)[axis]).sum();
    let mut starts = vec![0; shape.len()];
    let mut ends: Vec<i64> = shape.iter().map(|&n| n as i64).collect();
    starts[axis] = before as i64;
    ends[axis] += before as i64;
    let steps = vec![1; shape.len()];
    site.add(Op::Slice(Slice { starts, ends, steps }), &[site.g])
}

/// Zeros where nothing was taken.
pub(super) fn slice(site: &mut Site<'_, '_>, slice: &Slice) -> Gradient {
    let shape = site.shape();
    let (mut begin, mut end) = (vec![0; shape.len()], vec![0; shape.len()]);
    let mut g = site.g;
    for (axis, &n) in shape.iter().enumerate() {
        let step = slice.steps[axis];
        let (first, count) = slice_axis(n, slice.starts[axis], slice.ends[axis], step);
        if step == 1 {
            begin[axis] = first as i64;
            end[axis] = (n - first - count) as i64;
        } else {
            let places = (0..count as i64).map(|i| first as i64 + i * step);
            g = spread(site, g, axis, places)?;
        }
    }
    padded(site, g, begin, end)
}

pub(super) fn pad(site: &mut Site<'_, '_>, pad: &Pad) -> Gradient {
    let opposite = |places: &[i64]| places.iter().map(|n| -n).collect();
    let (begin, end) = (opposite(&pad.begin), opposite(&pad.end));
    if matches!(pad.mode, PadMode::Constant(_)) {
        return padded(site, site.g, begin, end);
    }
    let shape = site.shape();
    let mut g = site.g;
    for (axis, &n) in shape.iter().enumerate() {
        let (begin, end) = (pad.begin[axis], pad.end[axis]);
        if (begin, end) != (0, 0) {
            let (removed, last) = ((-begin).max(0), n as i64 + begin.min(0) + end.min(0) - 1);
            let places =
                (0..n as i64 + begin + end).map(|i| removed + folded(i - begin.max(0), last, pad.mode));
            g = spread(site, g, axis, places)?;
        }
    }
    Ok(g)
}

/// Which of the places 0 ..= last fills place `i`.
fn folded(i: i64, last: i64, mode: PadMode) -> i64 {
    match mode {
        PadMode::Reflect if i < 0 => -i,
        PadMode::Reflect if i > last => 2 * last - i,
        _ => i.clamp(0, last),
    }
}

/// Element i of `axis` goes to place i of `places`, on an axis as long as the input's.
fn spread(site: &mut Site<'_, '_>, g: WireId, axis: usize, places: impl Iterator<Item = i64>) -> Gradient {
    let length = site.shape()[axis];
    let indices: Vec<f32> = places.map(|place| place as f32).collect();
    let indices = site.parameter(Tensor::vector(indices));
    site.add(Op::GatherGrad { axis, length }, &[g, indices])
}

/// Zeros around, or with negative numbers less.
fn padded(site: &mut Site<'_, '_>, g: WireId, begin: Vec<i64>, end: Vec<i64>) -> Gradient {
    if begin.iter().chain(&end).all(|&n| n == 0) {
        return Ok(g);
    }
    site.add(Op::Pad(Pad { mode: PadMode::Constant(0.0), begin, end }), &[g])
}
