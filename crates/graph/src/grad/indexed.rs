//! Operators that choose elements: the gradient goes back to where they came from.

use crate::grad::layout::INDICES;
use crate::grad::site::{Gradient, Site};
use crate::graph::WireId;
use crate::op::{Binary, Op, ScatterReduction};
use crate::tensor::Tensor;

/// The place of the condition among the inputs of [`Op::Where`].
pub(super) const CONDITION: usize = 0;

/// The place of the updates among the inputs of a scatter.
const UPDATES: usize = 2;

pub(super) fn choice(site: &mut Site<'_, '_>) -> Gradient {
    let (condition, zero) = (site.node.inputs[CONDITION], site.constant(0.0));
    let [a, b] = if site.input == 1 { [site.g, zero] } else { [zero, site.g] };
    let wide = site.add(Op::Where, &[condition, a, b])?;
    site.summed_to(wide, &site.shape())
}

pub(super) fn top_k(site: &mut Site<'_, '_>, axis: usize, k: usize, largest: bool) -> Gradient {
    let indices = site.add(Op::TopK { axis, k, largest, indices: true }, &[site.wire()])?;
    let add = Op::ScatterElements { axis, reduction: ScatterReduction::Add };
    put(site, add, indices)
}

pub(super) fn gather_elements(site: &mut Site<'_, '_>, axis: usize) -> Gradient {
    let add = Op::ScatterElements { axis, reduction: ScatterReduction::Add };
    put(site, add, site.node.inputs[INDICES])
}

/// Batches become axes like any other: each index is led by the batch that it belongs to.
pub(super) fn gather_nd(site: &mut Site<'_, '_>, batch_dims: usize) -> Gradient {
    let indices = site.node.inputs[INDICES];
    let indices = if batch_dims == 0 {
        indices
    } else {
        let mut shape = site.shape_of(indices);
        let places: Vec<usize> = shape[..shape.len() - 1].to_vec();
        let stride = |axis: usize| places[axis + 1..].iter().product::<usize>();
        let batches = (0..places.iter().product())
            .flat_map(|i: usize| (0..batch_dims).map(move |axis| (i, axis)))
            .map(|(i, axis)| (i / stride(axis) % places[axis]) as f32)
            .collect();
        let last = shape.len() - 1;
        shape[last] = batch_dims;
        let batches: Vec<f32> = batches;
        let batches = site.parameter(Tensor::vector(batches));
        let batches = site.reshaped(batches, &shape)?;
        site.add(Op::Concat { axis: last }, &[batches, indices])?
    };
    put(site, Op::ScatterNd { reduction: ScatterReduction::Add }, indices)
}

/// What is replaced gets nothing. Of several updates of one place only the last gets its gradient: each leaves its number
/// there, and looks whether it is still there.
pub(super) fn scatter(site: &mut Site<'_, '_>, reduction: ScatterReduction) -> Gradient {
    let (g, indices, shape) = (site.g, site.node.inputs[INDICES], site.shape());
    let replaces = reduction == ScatterReduction::Replace;
    if site.input != UPDATES {
        if !replaces {
            return Ok(g);
        }
        let updates = site.shape_of(site.node.inputs[UPDATES]);
        let zero = site.constant(0.0);
        let zeros = site.expanded(zero, &updates)?;
        return site.add(site.node.op.clone(), &[g, indices, zeros]);
    }
    let taken = taken(site, g, indices)?;
    if !replaces {
        return Ok(taken);
    }
    let count = shape.iter().product();
    let numbers: Vec<f32> = (1..=count).map(|i: usize| i as f32).collect();
    let numbers = site.parameter(Tensor::vector(numbers));
    let numbers = site.reshaped(numbers, &shape)?;
    let x = site.shape_of(site.node.inputs[0]);
    let zero = site.constant(0.0);
    let zeros = site.expanded(zero, &x)?;
    let left = site.add(site.node.op.clone(), &[zeros, indices, numbers])?;
    let left = self::taken(site, left, indices)?;
    let stays = site.binary(Binary::Equal, left, numbers)?;
    site.binary(Binary::Mul, taken, stays)
}

/// The elements of `wire` at the places that a scatter changes.
fn taken(site: &mut Site<'_, '_>, wire: WireId, indices: WireId) -> Gradient {
    let gather = match site.node.op {
        Op::ScatterElements { axis, .. } => Op::GatherElements { axis },
        _ => Op::GatherNd { batch_dims: 0 },
    };
    site.add(gather, &[wire, indices])
}

/// Zeros of the input's shape, with the gradient scattered into them.
fn put(site: &mut Site<'_, '_>, scatter: Op, indices: WireId) -> Gradient {
    let zero = site.constant(0.0);
    let zeros = site.expanded(zero, &site.shape())?;
    site.add(scatter, &[zeros, indices, site.g])
}
