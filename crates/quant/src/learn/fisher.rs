//! How much each value that a unit gives matters to the network's answer.
//!
//! BRECQ (Li et al. 2021, arXiv 2102.05426, eq. 10) weights the squared error of a block's output by the diagonal of the
//! Fisher information: the square of the gradient of −ln p(y | x) along that output, for an answer y drawn from the float
//! network's own p. One answer is drawn for each sample.

use fewbit_graph::op::{Binary, Op, Reduce, Reducer};
use fewbit_graph::{Bindings, Tensor, WireId, gradients};
use fewbit_numeric::Philox;
use fewbit_runtime::Backend;

use crate::answers::softmax;
use crate::error::QuantError;
use crate::learn::cache::{Cache, Fill, batch_of};
use crate::learn::part;
use crate::observe::BATCH;
use crate::prepare::Prepared;

/// The stream of [`Philox`] that answers are drawn from.
const ANSWERS: u64 = 0x6669_7368_6572;

/// The wire of the network's scores before any softmax at its end.
pub(crate) fn logits(prepared: &Prepared) -> Result<WireId, QuantError> {
    let output = prepared.face()?.output;
    let graph = &prepared.graph;
    let node = graph.producer(output).map(|node| graph.node_of(node));
    Ok(match node {
        Some(node) if matches!(node.op, Op::Softmax { .. } | Op::LogSoftmax { .. }) => {
            node.inputs.first().copied().unwrap_or(output)
        }
        _ => output,
    })
}

/// An answer for each row of `logits` [N, classes, …], drawn from its softmax: 1 for its class, 0 for the others.
pub(crate) fn answers(logits: &Tensor, seed: u64) -> Result<Tensor, QuantError> {
    let classes = logits.len() / logits.shape().first().copied().unwrap_or(1).max(1);
    let mut drawn = vec![0.0; logits.len()];
    let rows = logits.as_f32()?.chunks(classes.max(1)).zip(drawn.chunks_mut(classes.max(1)));
    for ((row, answer), draw) in rows.zip(Philox::new(seed).uniforms(ANSWERS)) {
        let mut left = draw;
        let below = |p: f32| {
            left -= p;
            left < 0.0
        };
        let class = softmax(row).into_iter().position(below).unwrap_or(classes - 1);
        answer.iter_mut().skip(class).take(1).for_each(|one| *one = 1.0);
    }
    Ok(Tensor::f32(logits.shape(), drawn)?)
}

/// Prepares to compute the gradient of −ln p of the `answers` along `wire`, which `cache`, of the float network, knows.
pub(crate) async fn fill(
    backend: &dyn Backend,
    prepared: &Prepared,
    cache: &Cache,
    answers: &Tensor,
    wire: WireId,
) -> Result<Fill, QuantError> {
    let samples = answers.shape().first().copied().unwrap_or(0);
    let batch = prepared.face()?.batch(BATCH.min(samples));
    let logits = logits(prepared)?;
    let (mut graph, mut sources, wires) = cache.graph(prepared, batch, &[logits], &mut part::float)?;
    let found = |wire: WireId| wires.get(&wire).copied().unwrap_or(wire);
    let drawn = graph.input("answers", batch_of(batch, answers));
    sources.push((drawn, answers.clone()));
    let log = graph.node("log_softmax", Op::LogSoftmax { axis: 1 }, &[found(logits)]);
    let picked = graph.node("picked", Op::Binary(Binary::Mul), &[log, drawn]);
    let all = Reduce { kind: Reducer::Sum, axes: (0..answers.shape().len()).collect(), keep_dims: false };
    let likelihood = graph.node("likelihood", Op::Reduce(all), &[picked]);
    graph.outputs = gradients(&mut graph, &Bindings::new(), likelihood, &[found(wire)])?;
    Fill::new(backend, &graph, sources, (samples, batch)).await
}

/// The gradients with a mean square of 1: so the loss keeps its size, and a regularizer's factor its meaning.
pub(crate) fn slope(gradient: &Tensor) -> Result<Tensor, QuantError> {
    let values = gradient.as_f32()?;
    let squares: f64 = values.iter().map(|&g| f64::from(g) * f64::from(g)).sum();
    let rms = (squares / values.len().max(1) as f64).sqrt();
    let scale = if rms > 0.0 { 1.0 / rms } else { 0.0 };
    let scaled: Vec<f32> = values.iter().map(|&g| (f64::from(g) * scale) as f32).collect();
    Ok(Tensor::f32(gradient.shape(), scaled)?)
}
