//! Matrix products.

use fewbit_graph::Op;
use fewbit_graph::op;

use crate::onnx::call::{Call, Fault};

pub(super) fn gemm(call: &mut Call<'_, '_>) -> Result<(), Fault> {
    let gemm = op::Gemm {
        alpha: call.attributes.float("alpha")?.unwrap_or(1.0),
        beta: call.attributes.float("beta")?.unwrap_or(1.0),
        trans_a: call.attributes.flag("transA")?.unwrap_or(false),
        trans_b: call.attributes.flag("transB")?.unwrap_or(false),
    };
    let mut inputs = vec![call.wire(0)?, call.wire(1)?];
    inputs.extend(call.optional_wire(2)?);
    call.finish(Op::Gemm(gemm), &inputs)
}

/// A vector counts as a matrix of one row or one column, whose axis is taken away again.
pub(super) fn matmul(call: &mut Call<'_, '_>) -> Result<(), Fault> {
    use op::Reshape::{Squeeze, Unsqueeze};
    let rank = |call: &Call<'_, '_>, i| call.rank(i).unwrap_or(2);
    let (a_rank, b_rank) = (rank(call, 0), rank(call, 1));
    let (mut a, mut b) = (call.wire(0)?, call.wire(1)?);
    if a_rank != 1 && b_rank != 1 {
        return call.finish(Op::MatMul, &[a, b]);
    }
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
    call.finish(Op::Reshape(Squeeze { axes }), &[product])
}
