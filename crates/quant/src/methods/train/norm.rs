//! BatchNorms that learn: where one was folded into a layer it comes back behind it, and sees each batch for itself.
//!
//! The folded layer gives y, whose channels have the mean β and the deviation |γ| in the float network. A BatchNorm behind it
//! with these two as offset and scale, and as what it has seen so far, changes nothing there; behind quantized weights it
//! brings mean and deviation back, batch by batch, while both learn (Krishnamoorthi 2018, arXiv 1806.08342, §3.2.2). In the
//! end it is folded again, with the means of what it has seen: into the scales of the weights, so that no code changes, and into the bias.

use std::collections::BTreeMap;

use fewbit_graph::grad::unfold_batch_norm;
use fewbit_graph::op::Op;
use fewbit_graph::{Graph, Patch, Tensor, WireId};
use fewbit_numeric::Granularity;

use crate::error::QuantError;
use crate::methods::layerwise;
use crate::network::Network;

const EPSILON: f32 = 1e-5;
/// How much of the running means a step keeps: PyTorch's momentum of 0.1.
const DECAY: f32 = 0.9;

/// The numbers of a BatchNorm, \[channels\] each. The first two learn, the others follow the batches.
#[derive(Clone, Copy, Debug)]
pub(super) struct Norm {
    pub(super) scale: WireId,
    pub(super) offset: WireId,
    pub(super) mean: WireId,
    pub(super) variance: WireId,
}

/// A graph with its BatchNorms back.
pub(super) struct Normed {
    pub(super) graph: Graph,
    /// For each layer, the one behind it.
    pub(super) norms: Vec<Option<Norm>>,
    wires: BTreeMap<WireId, WireId>,
}

impl Normed {
    /// Where a wire is now; of a layer's output what the BatchNorm makes of it.
    pub(super) fn wire(&self, old: WireId) -> WireId {
        self.wires.get(&old).copied().unwrap_or(old)
    }
}

/// Why a layer gets no BatchNorm, if so.
pub(super) fn refusal(network: &Network, index: usize) -> Result<Option<String>, QuantError> {
    if network.prepared().statistics.get(index).is_none_or(Option::is_none) {
        return Ok(Some("the model has no BatchNorm behind it that could learn".to_owned()));
    }
    if let Some(reason) = layerwise::no_bias(network, index)? {
        return Ok(Some(reason));
    }
    let codes = network.layer(index)?.codes.as_ref();
    let shared = codes.is_some_and(|codes| codes.layout.granularity() == Granularity::Tensor);
    let why =
        "its weights have one scale for all channels, into which no BatchNorm that learned can be folded";
    Ok(shared.then(|| why.to_owned()))
}

/// Puts the BatchNorms of `network` behind the wires `outputs` of its layers, for batches of `batch` samples.
pub(super) fn insert(
    network: &Network,
    graph: &Graph,
    outputs: &[WireId],
    batch: usize,
) -> Result<Normed, QuantError> {
    let prepared = network.prepared();
    let bindings = prepared.face()?.bindings(batch);
    let mut patch = Patch::new(graph, "BatchNorms that learn");
    let mut norms = Vec::new();
    let mut replaced = Vec::new();
    for (index, &output) in outputs.iter().enumerate() {
        let statistics = prepared.statistics.get(index).and_then(Option::as_ref);
        let (Some(statistics), None) = (statistics, refusal(network, index)?) else {
            norms.push(None);
            continue;
        };
        let name = format!("{}.norm", prepared.layer(index)?.name);
        let mut vector = |what: &str, values: &mut dyn Iterator<Item = f64>| {
            let values: Vec<f32> = values.map(|value| value as f32).collect();
            patch.parameter(format!("{name}.{what}"), Tensor::vector(values))
        };
        let norm = Norm {
            scale: vector("scale", &mut statistics.deviation.iter().copied()),
            offset: vector("offset", &mut statistics.mean.iter().copied()),
            mean: vector("mean", &mut statistics.mean.iter().copied()),
            variance: vector(
                "variance",
                &mut statistics.deviation.iter().map(|deviation| deviation * deviation),
            ),
        };
        let inputs = [output, norm.scale, norm.offset, norm.mean, norm.variance];
        let normed = patch.node(name, Op::BatchNorm { epsilon: EPSILON }, &inputs);
        patch.replace(output, normed);
        replaced.push((output, normed));
        norms.push(Some(norm));
    }
    let old: Vec<WireId> = graph.wires().map(|(id, _)| id).collect();
    let patched = patch.apply(graph)?;
    let unfolded = unfold_batch_norm(&patched.graph, &bindings)
        .map_err(|error| QuantError::Method { method: "training", why: error.to_string() })?;
    let moved = |wire: WireId| patched.wire(wire).and_then(|wire| unfolded.wire(wire));
    let mut wires: BTreeMap<WireId, WireId> =
        old.into_iter().filter_map(|wire| Some((wire, moved(wire)?))).collect();
    wires.extend(replaced.into_iter().filter_map(|(output, normed)| Some((output, moved(normed)?))));
    let at = |wire: WireId| moved(wire).unwrap_or(wire);
    for norm in norms.iter_mut().flatten() {
        *norm = Norm {
            scale: at(norm.scale),
            offset: at(norm.offset),
            mean: at(norm.mean),
            variance: at(norm.variance),
        };
    }
    let mut graph = unfolded.graph;
    for statistics in &unfolded.statistics {
        statistics.track(&mut graph, &bindings, DECAY)?;
    }
    Ok(Normed { graph, norms, wires })
}

/// What a BatchNorm has learned.
pub(super) struct Learned<'a> {
    pub(super) scale: &'a [f32],
    pub(super) offset: &'a [f32],
    pub(super) mean: &'a [f32],
    pub(super) variance: &'a [f32],
}

impl Learned<'_> {
    /// γ/√(σ² + ε) of each channel; a channel that would vanish keeps the smallest factor that there is.
    pub(super) fn gains(&self) -> Vec<f64> {
        let gain = |(&scale, &variance): (&f32, &f32)| {
            let gain = f64::from(scale) / (f64::from(variance) + f64::from(EPSILON)).sqrt();
            gain.max(f64::from(f32::MIN_POSITIVE))
        };
        self.scale.iter().zip(self.variance).map(gain).collect()
    }

    /// The bias of the layer with the BatchNorm folded in: β − g·(μ − b).
    pub(super) fn bias(&self, bias: &[f32], gains: &[f64]) -> Vec<f32> {
        let moments = self.offset.iter().zip(self.mean).zip(bias.iter().zip(gains));
        let folded = |((&offset, &mean), (&bias, &gain)): ((&f32, &f32), (&f32, &f64))| {
            (f64::from(offset) - gain * (f64::from(mean) - f64::from(bias))) as f32
        };
        moments.map(folded).collect()
    }
}

/// Multiplies each channel by its gain, for weights in float with output channels on `axis` of their shape.
pub(super) fn scale_weights(weights: &mut [f32], shape: &[usize], axis: usize, gains: &[f64]) {
    let inner: usize = shape.iter().skip(axis + 1).product();
    for (row, gain) in weights.chunks_mut(inner.max(1)).zip(gains.iter().cycle()) {
        for weight in row {
            *weight = (f64::from(*weight) * gain) as f32;
        }
    }
}
