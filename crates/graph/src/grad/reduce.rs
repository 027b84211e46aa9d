//! Reductions and softmax.

use crate::grad::site::{Gradient, Site};
use crate::op::{Binary, Op, Reduce, Reducer, Unary};

/// Of equal maxima or minima each takes an equal share.
pub(super) fn reduce(site: &mut Site<'_, '_>, reduce: &Reduce) -> Gradient {
    let (x, y, shape) = (site.wire(), site.node.output, site.shape());
    let kept: Vec<usize> =
        shape.iter().enumerate().map(|(axis, &n)| if reduce.axes.contains(&axis) { 1 } else { n }).collect();
    let g = site.reshaped(site.g, &kept)?;
    match reduce.kind {
        Reducer::Sum => site.expanded(g, &shape),
        Reducer::Mean => {
            let count: usize = reduce.axes.iter().map(|&axis| shape[axis]).product();
            let count = site.constant(count as f32);
            let part = site.binary(Binary::Div, g, count)?;
            site.expanded(part, &shape)
        }
        // The product of all others: 0 if one of them is, else y/x, or for an x of 0 y with a 1 in its place.
        Reducer::Prod => {
            let zero = site.constant(0.0);
            let is_zero = site.binary(Binary::Equal, x, zero)?;
            let factors = site.binary(Binary::Add, x, is_zero)?;
            let all = Reduce { kind: Reducer::Prod, axes: reduce.axes.clone(), keep_dims: true };
            let product = site.add(Op::Reduce(all), &[factors])?;
            let zeros = site.summed(is_zero, reduce.axes.clone())?;
            let others_have_none = site.binary(Binary::Equal, zeros, is_zero)?;
            let part = site.binary(Binary::Mul, g, product)?;
            let part = site.binary(Binary::Div, part, factors)?;
            site.binary(Binary::Mul, part, others_have_none)
        }
        Reducer::Max | Reducer::Min => {
            let y = site.reshaped(y, &kept)?;
            let chosen = site.binary(Binary::Equal, x, y)?;
            let count = site.summed(chosen, reduce.axes.clone())?;
            let part = site.binary(Binary::Div, g, count)?;
            site.binary(Binary::Mul, chosen, part)
        }
    }
}

/// dx = y·(g − Σ g·y).
pub(super) fn softmax(site: &mut Site<'_, '_>, axis: usize) -> Gradient {
    let (g, y) = (site.g, site.node.output);
    let weighted = site.binary(Binary::Mul, g, y)?;
    let sum = site.summed(weighted, vec![axis])?;
    let difference = site.binary(Binary::Sub, g, sum)?;
    site.binary(Binary::Mul, y, difference)
}

/// dx = g − eʸ·Σ g.
pub(super) fn log_softmax(site: &mut Site<'_, '_>, axis: usize) -> Gradient {
    let (g, y) = (site.g, site.node.output);
    let sum = site.summed(g, vec![axis])?;
    let softmax = site.unary(Unary::Exp, y)?;
    let part = site.binary(Binary::Mul, softmax, sum)?;
    site.binary(Binary::Sub, g, part)
}
