//! Runs any graph in f64, straight from the formulas: the oracle of everything that is composed of operators.
//!
//! Nothing here is fast. Decisions that an operator defines in f32 (which code a value gets) are taken in f32; all other
//! arithmetic is in f64. Observers are not here: they have their own oracles beside their problems.

mod gradient;
mod indexed;
mod layout;
mod quantize;
mod recurrent;
mod update;

use fewbit_graph::{DType, Graph, Node, Op, Source, WireId};

use crate::array::Array;
use crate::problems::{conv, elementwise, linear, pool, reduce};

pub(crate) use layout::index_on;
pub use quantize::Grid;

/// The value of every wire, by [`WireId`], when inputs and parameters have the values of `feeds`. Parameters that are
/// not among them have their own.
pub fn evaluate(graph: &Graph, feeds: &[(WireId, Array)]) -> Vec<Array> {
    evaluate_with(graph, feeds, &|_, _| None)
}

/// [`evaluate`], with nodes for which `other` gives a value having that one instead.
pub fn evaluate_with(
    graph: &Graph,
    feeds: &[(WireId, Array)],
    other: &dyn Fn(&Node, &[&Array]) -> Option<Array>,
) -> Vec<Array> {
    let nothing = Array { shape: vec![0], values: Vec::new() };
    let mut values = vec![nothing; graph.wires().len()];
    for (id, wire) in graph.wires() {
        if let Source::Parameter(tensor) = &wire.source
            && tensor.dtype() == DType::F32
        {
            values[id.0 as usize] = Array::of(tensor);
        }
    }
    for (wire, value) in feeds {
        values[wire.0 as usize] = value.clone();
    }
    for (_, node) in graph.nodes() {
        let inputs: Vec<&Array> = node.inputs.iter().map(|wire| &values[wire.0 as usize]).collect();
        values[node.output.0 as usize] = other(node, &inputs).unwrap_or_else(|| apply(&node.op, &inputs));
    }
    values
}

/// The values of the graph's outputs.
pub fn run(graph: &Graph, feeds: &[(WireId, Array)]) -> Vec<Array> {
    let values = evaluate(graph, feeds);
    graph.outputs.iter().map(|wire| values[wire.0 as usize].clone()).collect()
}

/// Takes a step of learning: `feeds` get what the graph assigns, and what is not among them is added. Gives the value of
/// every wire before that.
pub fn step(graph: &Graph, feeds: &mut Vec<(WireId, Array)>) -> Vec<Array> {
    let values = evaluate(graph, feeds);
    for assignment in &graph.assignments {
        let value = values[assignment.value.0 as usize].clone();
        feeds.retain(|(wire, _)| *wire != assignment.target);
        feeds.push((assignment.target, value));
    }
    values
}

/// The output of one operator.
pub fn apply(op: &Op, inputs: &[&Array]) -> Array {
    let x = inputs[0];
    match op {
        Op::Conv(conv) => conv::oracle(conv, x, inputs[1], inputs.get(2).copied()),
        Op::MatMul => linear::matmul_oracle(x, inputs[1]),
        Op::Gemm(gemm) => linear::gemm_oracle(gemm, x, inputs[1], inputs.get(2).copied()),
        Op::BatchNorm { epsilon } => {
            elementwise::batch_norm_oracle(*epsilon, x, inputs[1], inputs[2], inputs[3], inputs[4])
        }
        Op::Unary(unary) => x.map(|x| elementwise::unary_oracle(*unary, x)),
        Op::Binary(binary) => elementwise::binary_oracle(*binary, x, inputs[1]),
        Op::Pool(pool) => pool::oracle(pool, x),
        Op::Reduce(reduce) => reduce::reduce_oracle(reduce, x),
        Op::Softmax { axis } => normalized(x, *axis, |x, sum| x.exp() / sum),
        Op::LogSoftmax { axis } => normalized(x, *axis, |x, sum| x - sum.ln()),
        Op::Concat { axis } => layout::concat(*axis, inputs),
        Op::Pad(pad) => layout::pad(pad, x),
        Op::Slice(slice) => layout::slice(slice, x),
        Op::Reshape(_) => layout::reshape(op, x),
        Op::Transpose { perm } => layout::transpose(perm, x),
        Op::Expand { shape } => Array::from_fn(shape, |index| x.broadcast(index)),
        Op::Where => indexed::choice(inputs),
        Op::ArgReduce { max, axis, keep_dims, last } => indexed::arg(*max, *axis, *keep_dims, *last, x),
        Op::TopK { axis, k, largest, indices } => indexed::top_k(*axis, *k, *largest, *indices, x),
        Op::CumSum { axis, exclusive, reverse } => indexed::cum_sum(*axis, *exclusive, *reverse, x),
        Op::GatherElements { axis } => indexed::gather_elements(*axis, x, inputs[1]),
        Op::GatherNd { batch_dims } => indexed::gather_nd(*batch_dims, x, inputs[1]),
        Op::ScatterElements { axis, reduction } => {
            indexed::scatter_elements(*axis, *reduction, x, inputs[1], inputs[2])
        }
        Op::ScatterNd { reduction } => indexed::scatter_nd(*reduction, x, inputs[1], inputs[2]),
        Op::Recurrent(layer) => recurrent::recurrent(*layer, inputs),
        Op::Gather { axis } => layout::gather(*axis, x, inputs[1]),
        Op::GatherGrad { axis, length } => layout::gather_grad(*axis, *length, x, inputs[1]),
        Op::FakeQuantize { axis, .. } => quantize::fake_quantize(*axis, inputs),
        Op::FakeQuantizeGrad { axis, estimator, wrt } => {
            quantize::fake_quantize_grad(*axis, *estimator, *wrt, inputs)
        }
        Op::SoftRound { axis } => quantize::soft_round(*axis, inputs),
        Op::SoftRoundGrad { axis, wrt } => quantize::soft_round_grad(*axis, *wrt, inputs),
        Op::ConvInputGrad(grad) => gradient::conv_input(grad, x, inputs[1]),
        Op::ConvWeightGrad(grad) => gradient::conv_weight(grad, x, inputs[1]),
        Op::PoolGrad(grad) => gradient::pool(&grad.pool, x, inputs[1]),
        Op::UnaryGrad(unary) => {
            let each = std::iter::zip(&x.values, &inputs[1].values);
            let values = each.map(|(g, &x)| g * gradient::slope(*unary, x)).collect();
            Array { shape: x.shape.clone(), values }
        }
        Op::Bernoulli(draw) => update::bernoulli(draw, x, inputs[1]),
        Op::Update(update) => update::update(*update, inputs),
        Op::Compare { .. } | Op::Moments { .. } | Op::Histogram { .. } | Op::Opaque(_) => {
            unreachable!("{} has an oracle of its own", op.name())
        }
    }
}

fn normalized(x: &Array, axis: usize, of: fn(f64, f64) -> f64) -> Array {
    Array::from_fn(&x.shape, |index| {
        let mut other = index.to_vec();
        let sum = (0..x.shape[axis]).map(|i| (other[axis] = i, x.at(&other).exp()).1).sum();
        of(x.at(index), sum)
    })
}
