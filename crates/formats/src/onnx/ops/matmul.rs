//! Matrix products.

use fewbit_graph::op::{self, Binary};
use fewbit_graph::{Op, WireId};

use crate::onnx::call::{Built, Call, Fault};
use crate::onnx::ops::activation::activation;

pub(super) fn gemm(call: &mut Call<'_, '_>) -> Built {
    let (gemm, inputs) = gemm_parts(call)?;
    call.finish(Op::Gemm(gemm), &inputs)
}

/// com.microsoft: Gemm and an activation.
pub(super) fn fused_gemm(call: &mut Call<'_, '_>) -> Built {
    let (gemm, inputs) = gemm_parts(call)?;
    let y = call.step("gemm", Op::Gemm(gemm), &inputs);
    let y = activation(call, y)?;
    call.done(y)
}

fn gemm_parts(call: &mut Call<'_, '_>) -> Result<(op::Gemm, Vec<WireId>), Fault> {
    let gemm = op::Gemm {
        alpha: call.attributes.float("alpha")?.unwrap_or(1.0),
        beta: call.attributes.float("beta")?.unwrap_or(1.0),
        trans_a: call.attributes.flag("transA")?.unwrap_or(false),
        trans_b: call.attributes.flag("transB")?.unwrap_or(false),
    };
    let mut inputs = vec![call.wire(0)?, call.wire(1)?];
    inputs.extend(call.optional_wire(2)?);
    Ok((gemm, inputs))
}

pub(super) fn matmul(call: &mut Call<'_, '_>) -> Built {
    let (a, b) = (call.wire(0)?, call.wire(1)?);
    let ranks = (call.rank(0).unwrap_or(2), call.rank(1).unwrap_or(2));
    if ranks.0 != 1 && ranks.1 != 1 {
        return call.finish(Op::MatMul, &[a, b]);
    }
    let y = product(call, (a, ranks.0), (b, ranks.1));
    call.done(y)
}

/// The product of two tensors with their numbers of axes. A vector counts as a matrix of one row or one column, whose axis is
/// taken away again.
pub(super) fn product(call: &mut Call<'_, '_>, a: (WireId, usize), b: (WireId, usize)) -> WireId {
    use op::Reshape::{Squeeze, Unsqueeze};
    let ((mut a, a_rank), (mut b, b_rank)) = (a, b);
    let mut axes = Vec::new();
    let out_rank = a_rank.max(2).max(b_rank.max(2));
    if a_rank == 1 {
        a = call.step("row", Op::Reshape(Unsqueeze { axes: vec![0] }), &[a]);
        axes.push(out_rank - 2);
    }
    if b_rank == 1 {
        b = call.step("column", Op::Reshape(Unsqueeze { axes: vec![1] }), &[b]);
        axes.push(out_rank - 1);
    }
    let product = call.step("product", Op::MatMul, &[a, b]);
    if axes.is_empty() { product } else { call.step("squeezed", Op::Reshape(Squeeze { axes }), &[product]) }
}

/// com.microsoft: alpha·A′·B′, where ′ swaps the last two axes if asked, or moves the first before the last one.
pub(super) fn fused_matmul(call: &mut Call<'_, '_>) -> Built {
    let mut wires = [call.wire(0)?, call.wire(1)?];
    let ranks = [call.rank(0)?, call.rank(1)?];
    let names = [("transA", "transBatchA"), ("transB", "transBatchB")];
    for ((wire, &rank), (swap, batch)) in wires.iter_mut().zip(&ranks).zip(names) {
        let mut perm: Vec<usize> = (0..rank).collect();
        if call.attributes.flag(batch)?.unwrap_or(false) && rank > 2 {
            let first = perm.remove(0);
            perm.insert(rank - 2, first);
        }
        if call.attributes.flag(swap)?.unwrap_or(false) && rank > 1 {
            perm.swap(rank - 2, rank - 1);
        }
        if !perm.is_sorted() {
            *wire = call.transpose(swap, *wire, perm);
        }
    }
    let [a, b] = wires;
    let alpha = call.attributes.float("alpha")?.unwrap_or(1.0);
    let [a_rank, b_rank] = ranks;
    let y = product(call, (a, a_rank), (b, b_rank));
    let y = if alpha == 1.0 { y } else { call.with_number("scaled", Binary::Mul, y, alpha) };
    let y = match call.attributes.text("activation")? {
        Some(_) => activation(call, y)?,
        None => y,
    };
    call.done(y)
}
