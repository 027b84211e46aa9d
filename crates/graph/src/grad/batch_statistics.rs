//! Batch normalization while a network learns: with the mean and the variance of the batch itself.

use crate::grad::GradError;
use crate::graph::{Graph, Node, WireId};
use crate::infer::{Bindings, InferError, infer};
use crate::op::{Binary, Op, Reduce, Reducer, Reshape, Unary, Update};
use crate::patch::Patch;
use crate::shaped::Shaped;
use crate::tensor::Tensor;

/// What a batch says of the input of one BatchNorm.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchStatistics {
    /// The name of the BatchNorm.
    pub name: String,
    /// The mean of each channel over the batch, \[C\].
    pub mean: WireId,
    /// The variance likewise, \[C\]: Σ(x − mean)²/n.
    pub variance: WireId,
    /// n: the number of elements of a channel in a batch.
    pub count: usize,
    /// The BatchNorm's own mean, \[C\].
    pub running_mean: WireId,
    /// The BatchNorm's own variance, \[C\].
    pub running_variance: WireId,
}

/// A graph whose BatchNorms use the statistics of the batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Unfolded {
    /// The graph. Its outputs are those of the one that it was made of.
    pub graph: Graph,
    /// The statistics of each BatchNorm, in the order in which they ran.
    pub statistics: Vec<BatchStatistics>,
    wires: Vec<Option<WireId>>,
}

impl Unfolded {
    /// Where a wire of the old graph is: `None` if nothing needs it any more.
    pub fn wire(&self, old: WireId) -> Option<WireId> {
        self.wires.get(old.0 as usize).copied().flatten()
    }
}

impl BatchStatistics {
    /// Lets each step move the running mean and variance towards the batch's: r ← decay·r + (1 − decay)·b. PyTorch's
    /// momentum is 1 − decay. The variance goes with the factor n/(n − 1) that makes it unbiased.
    ///
    /// # Errors
    /// [`InferError`] if the graph is not the one that the statistics are of.
    pub fn track(&self, graph: &mut Graph, bindings: &Bindings, decay: f32) -> Result<(), InferError> {
        let mut build = Shaped::new(graph, bindings)?;
        let n = self.count as f64;
        let name = |what: &str| format!("{}.running_{what}.next", self.name);
        let factor = Tensor::scalar((n / (n - 1.0).max(1.0)) as f32);
        let factor = build.parameter(format!("{}.unbiased", self.name), factor);
        let unbiased = build.binary(&name("variance"), Binary::Mul, self.variance, factor)?;
        let update = Op::Update(Update::Mean { decay });
        for (what, running, batch) in
            [("mean", self.running_mean, self.mean), ("variance", self.running_variance, unbiased)]
        {
            let next = build.node(&name(what), update.clone(), &[running, batch])?;
            build.graph.assign(running, next);
        }
        Ok(())
    }
}

/// Replaces each BatchNorm by operators that normalize with the statistics of the batch (Ioffe & Szegedy 2015,
/// arXiv 1502.03167, algorithm 1), so that gradients pass through these too.
///
/// # Errors
/// [`GradError`] if the graph is not well formed or shapes do not fit.
pub fn unfold_batch_norm(graph: &Graph, bindings: &Bindings) -> Result<Unfolded, GradError> {
    let outputs = graph.outputs.len();
    let mut wires: Vec<Option<WireId>> = graph.wires().map(|(id, _)| Some(id)).collect();
    let (mut graph, mut found) = (graph.clone(), Vec::new());
    let first = |graph: &Graph| graph.nodes().map(|(_, node)| node).find(|node| is_norm(node)).cloned();
    while let Some(norm) = first(&graph) {
        let shape = infer(&graph, bindings)?.shape(norm.inputs[0]).to_vec();
        let channels = shape.get(1).copied().unwrap_or(1).max(1);
        found.push((norm.name.clone(), shape.iter().product::<usize>() / channels));
        let patched = unfold(&graph, &norm, &shape).apply(&graph)?;
        wires.iter_mut().for_each(|wire| *wire = wire.and_then(|wire| patched.wire(wire)));
        graph = patched.graph;
    }
    // Until here outputs have kept what the batches say, four wires for each BatchNorm.
    let kept = graph.outputs.split_off(outputs);
    let statistics =
        std::iter::zip(found, kept.chunks_exact(4)).map(|((name, count), wires)| BatchStatistics {
            name,
            count,
            mean: wires[0],
            variance: wires[1],
            running_mean: wires[2],
            running_variance: wires[3],
        });
    Ok(Unfolded { statistics: statistics.collect(), graph, wires })
}

fn is_norm(node: &Node) -> bool {
    matches!(node.op, Op::BatchNorm { .. })
}

/// y = (x − mean)·scale/√(variance + ε) + bias, with mean and variance of x over all axes but that of channels.
fn unfold(graph: &Graph, norm: &Node, shape: &[usize]) -> Patch {
    let mut patch = Patch::new(graph, format!("let {} use the batch's statistics", norm.name));
    let (Op::BatchNorm { epsilon }, &[x, scale, bias, running_mean, running_variance]) =
        (&norm.op, norm.inputs.as_slice())
    else {
        return patch;
    };
    let name = |what: &str| format!("{}.{what}", norm.name);
    let axes: Vec<usize> = (0..shape.len()).filter(|&axis| axis != 1).collect();
    let average = Op::Reduce(Reduce { kind: Reducer::Mean, axes: axes.clone(), keep_dims: true });
    let along = Op::Reshape(Reshape::Unsqueeze { axes: axes.clone() });
    let vector = Op::Reshape(Reshape::Squeeze { axes });
    let binary = Op::Binary;

    let mean = patch.node(name("mean"), average.clone(), &[x]);
    let centred = patch.node(name("centred"), binary(Binary::Sub), &[x, mean]);
    let square = patch.node(name("square"), binary(Binary::Mul), &[centred, centred]);
    let variance = patch.node(name("variance"), average, &[square]);
    let epsilon = patch.parameter(name("epsilon"), Tensor::scalar(*epsilon));
    let sum = patch.node(name("deviation"), binary(Binary::Add), &[variance, epsilon]);
    let deviation = patch.node(name("deviation"), Op::Unary(Unary::Sqrt), &[sum]);
    let scale = patch.node(name("scale"), along.clone(), &[scale]);
    let gain = patch.node(name("gain"), binary(Binary::Div), &[scale, deviation]);
    let scaled = patch.node(name("scaled"), binary(Binary::Mul), &[centred, gain]);
    let bias = patch.node(name("bias"), along, &[bias]);
    let output = &graph.wire(norm.output).name;
    let y = patch.node_with_output(&norm.name, output, binary(Binary::Add), &[scaled, bias]);
    patch.replace(norm.output, y);
    for statistic in [mean, variance] {
        let of_channels = patch.node(name("statistic"), vector.clone(), &[statistic]);
        patch.output(of_channels);
    }
    patch.output(running_mean);
    patch.output(running_variance);
    patch
}
