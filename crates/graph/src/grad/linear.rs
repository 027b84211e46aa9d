//! Convolutions, matrix products and pooling.

use crate::grad::site::{Gradient, Site};
use crate::graph::WireId;
use crate::op::{Binary, Conv, ConvInputGrad, ConvWeightGrad, Gemm, Op, Pool, PoolGrad};

pub(super) fn conv(site: &mut Site<'_, '_>, conv: &Conv) -> Gradient {
    let &[x, w, ..] = site.node.inputs.as_slice() else { return Ok(site.g) };
    let shape = site.shape();
    match site.input {
        0 => {
            let spatial = shape[2..].to_vec();
            site.add(Op::ConvInputGrad(ConvInputGrad { conv: conv.clone(), spatial }), &[site.g, w])
        }
        1 => {
            let kernel = shape[2..].to_vec();
            site.add(Op::ConvWeightGrad(ConvWeightGrad { conv: conv.clone(), kernel }), &[site.g, x])
        }
        _ => site.summed_to_channels(site.g, 1),
    }
}

pub(super) fn pool(site: &mut Site<'_, '_>, pool: &Pool) -> Gradient {
    site.add(Op::PoolGrad(PoolGrad { pool: pool.clone() }), &[site.g, site.wire()])
}

/// With y = α·A′·B′ + β·C: dA′ = α·g·B′ᵀ, dB′ = α·A′ᵀ·g, dC = β·g.
pub(super) fn gemm(site: &mut Site<'_, '_>, gemm: &Gemm) -> Gradient {
    let &[a, b, ..] = site.node.inputs.as_slice() else { return Ok(site.g) };
    let (g, ta, tb) = (site.g, gemm.trans_a, gemm.trans_b);
    match (site.input, ta, tb) {
        (0, false, _) => product(site, gemm.alpha, (g, false), (b, !tb)),
        (0, true, _) => product(site, gemm.alpha, (b, tb), (g, true)),
        (1, _, false) => product(site, gemm.alpha, (a, !ta), (g, false)),
        (1, _, true) => product(site, gemm.alpha, (g, true), (a, ta)),
        _ => {
            let sum = site.summed_to(g, &site.shape())?;
            if gemm.beta == 1.0 {
                return Ok(sum);
            }
            let beta = site.constant(gemm.beta);
            site.binary(Binary::Mul, sum, beta)
        }
    }
}

/// dA = g·Bᵀ and dB = Aᵀ·g, summed over the leading axes that were broadcast. Where B is one matrix, the leading axes of
/// A are rows like any other.
pub(super) fn matmul(site: &mut Site<'_, '_>) -> Gradient {
    let &[a, b] = site.node.inputs.as_slice() else { return Ok(site.g) };
    let (g, shape) = (site.g, site.shape());
    if site.shape_of(b).len() == 2 {
        let g = matrix(site, g)?;
        if site.input == 0 {
            let rows = product(site, 1.0, (g, false), (b, true))?;
            return site.reshaped(rows, &shape);
        }
        let a = matrix(site, a)?;
        return product(site, 1.0, (a, true), (g, false));
    }
    let wide = if site.input == 0 {
        let b = turned(site, b)?;
        site.add(Op::MatMul, &[g, b])?
    } else {
        let a = turned(site, a)?;
        site.add(Op::MatMul, &[a, g])?
    };
    site.summed_to(wide, &shape)
}

/// alpha·A·B of two matrices, each transposed if asked.
fn product(
    site: &mut Site<'_, '_>,
    alpha: f32,
    (a, trans_a): (WireId, bool),
    (b, trans_b): (WireId, bool),
) -> Gradient {
    site.add(Op::Gemm(Gemm { alpha, beta: 1.0, trans_a, trans_b }), &[a, b])
}

/// All leading axes as one.
fn matrix(site: &mut Site<'_, '_>, wire: WireId) -> Gradient {
    let shape = site.shape_of(wire);
    let [leading @ .., columns] = shape.as_slice() else { return Ok(wire) };
    site.reshaped(wire, &[leading.iter().product(), *columns])
}

/// The last two axes swapped.
fn turned(site: &mut Site<'_, '_>, wire: WireId) -> Gradient {
    let rank = site.shape_of(wire).len();
    let mut perm: Vec<usize> = (0..rank).collect();
    perm.swap(rank - 2, rank - 1);
    site.add(Op::Transpose { perm }, &[wire])
}
