//! The twin: the float network and the quantized one in one graph, compared at every layer.
//!
//! For each layer there are three outputs of its own node, before any activation function and with BatchNorm folded in:
//! *float* in the float network; *local*, from the float network's input through this layer's own quantizers; and
//! *cumulative* in the quantized network. The local error is local against float: what this layer's quantizers do.
//! The cumulative error is cumulative against float: what has come together until here.
//!
//! Every number of every quantizer is a feed, and the plan keeps all values: after a change to layer k only that layer
//! and what lies behind it run again, and nothing of the float network does.

use fewbit_graph::{Graph, Op, Source, Tensor, WireId};
use fewbit_numeric::Affine;
use fewbit_runtime::{Backend, Control, Keep, Plan, RunReport};

use crate::error::QuantError;
use crate::layer::QuantizedLayer;
use crate::prepare::Prepared;
use crate::quantized::{Knobs, LayerFeeds, QuantizedGraph};
use crate::report::Errors;

/// How much an analysis may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnalysisOptions {
    /// Samples that errors are measured on; fewer if there are not as many, or memory does not suffice.
    pub samples: usize,
    /// Bytes that the values of all wires may take, by an estimate. One sample is always taken.
    pub memory: usize,
}

impl Default for AnalysisOptions {
    /// 64 samples in at most 256 MiB.
    fn default() -> Self {
        Self { samples: 64, memory: 256 << 20 }
    }
}

/// The errors of one layer's output.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LayerErrors {
    /// Its input in float, its own quantizers on.
    pub local: Errors,
    /// In the quantized network.
    pub cumulative: Errors,
}

/// The twin, ready to run, with its samples.
pub struct Analysis {
    plan: Box<dyn Plan>,
    knobs: Knobs,
    compares: Vec<WireId>,
    samples: usize,
}

impl Analysis {
    /// Builds the twin for the first of `samples`.
    ///
    /// # Errors
    /// [`QuantError::Samples`] if they do not fit the model, [`QuantError::Run`] if the engine refuses the twin.
    pub async fn prepare(
        backend: &dyn Backend,
        prepared: &Prepared,
        samples: &Tensor,
        options: AnalysisOptions,
    ) -> Result<Self, QuantError> {
        let available = prepared.check_samples(samples)?;
        let face = prepared.face()?;
        let twin = Twin::new(prepared)?;
        // The float values, their quantized copies, and each layer's local output with its quantizer.
        let per_sample = 4 * 4 * face.values_per_sample.max(1);
        let fit = (options.memory / per_sample).max(1);
        let samples_used = available.min(face.batch(options.samples)).min(fit);
        let mut plan = backend.prepare(&twin.graph, &face.bindings(samples_used), Keep::All).await?;
        plan.set(twin.input, &samples.rows(0, samples_used))?;
        let knobs = Knobs::new(prepared, &twin.layers)?;
        Ok(Self { plan, knobs, compares: twin.compares, samples: samples_used })
    }

    /// How many samples errors are measured on.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// What the plan holds in memory, in bytes.
    pub fn bytes(&self) -> usize {
        self.plan.bytes()
    }

    /// Makes a layer what `quantized` is.
    ///
    /// # Errors
    /// [`QuantError::Layer`] and [`QuantError::Weights`].
    pub fn set_layer(&mut self, layer: usize, quantized: &QuantizedLayer) -> Result<(), QuantError> {
        self.knobs.set_layer(layer, quantized)
    }

    /// Gives a layer other weights, of the same shape.
    ///
    /// # Errors
    /// [`QuantError::Layer`] and [`QuantError::Weights`].
    pub fn set_weights(&mut self, layer: usize, weights: &Tensor) -> Result<(), QuantError> {
        self.knobs.set_weights(layer, weights)
    }

    /// Gives a layer's input other grids: none for float, one for the tensor, or one for each channel.
    ///
    /// # Errors
    /// [`QuantError::Layer`].
    pub fn set_input_grids(&mut self, layer: usize, grids: Option<&[Affine]>) -> Result<(), QuantError> {
        self.knobs.set_input(layer, grids)
    }

    /// Measures the errors of every layer, in order. Only what has changed since the last run is computed.
    ///
    /// # Errors
    /// [`QuantError::Run`], also if stopped; what was computed stays, and the next run goes on from there.
    pub async fn run(&mut self, control: &Control<'_>) -> Result<(Vec<LayerErrors>, RunReport), QuantError> {
        self.knobs.feed(self.plan.as_mut())?;
        let report = self.plan.run(&self.compares, control).await?;
        let results = self.plan.read(&self.compares).await?;
        let errors = results.iter().map(Errors::of_comparison).collect::<Result<Vec<_>, _>>()?;
        let pairs = errors.iter().step_by(2).zip(errors.iter().skip(1).step_by(2));
        let layers = pairs.map(|(&local, &cumulative)| LayerErrors { local, cumulative }).collect();
        Ok((layers, report))
    }
}

/// The graph of an analysis.
struct Twin {
    graph: Graph,
    input: WireId,
    layers: Vec<LayerFeeds>,
    /// For each layer the comparison of the local output and that of the cumulative one.
    compares: Vec<WireId>,
}

impl Twin {
    fn new(prepared: &Prepared) -> Result<Self, QuantError> {
        let face = prepared.face()?;
        let quantized = QuantizedGraph::new(prepared)?;
        let mut graph = prepared.graph.clone();
        let copies = splice_quantized(&mut graph, prepared, &quantized, face.input);
        let layers: Vec<LayerFeeds> =
            quantized.layers.iter().map(|layer| layer.moved(|wire| copies[wire.0 as usize])).collect();
        let mut compares = Vec::new();
        for ((layer, feeds), wires) in prepared.layers.iter().zip(&layers).zip(&face.layers) {
            let node = prepared.graph.node_of(layer.node);
            let named = |what: &str| format!("{}.{what}", layer.name);
            let compare = Op::Compare { axis: wires.output_axis };
            let cumulative =
                graph.node(named("cumulative.errors"), compare.clone(), &[node.output, feeds.output]);
            // A layer that reads the network's own input has nothing before it: both errors are one.
            let local = if wires.input == face.input {
                cumulative
            } else {
                let quantizer = feeds.quantizer;
                let inputs = quantizer.inputs(wires.input);
                let mut inputs =
                    vec![graph.node(named("local.input"), quantizer.op(), &inputs), feeds.weight];
                inputs.extend(feeds.bias.or_else(|| node.inputs.get(2).copied()));
                let local = graph.node(named("local"), node.op.clone(), &inputs);
                graph.node(named("local.errors"), compare, &[node.output, local])
            };
            compares.extend([local, cumulative]);
        }
        graph.outputs = compares.clone();
        let pruned = graph.pruned()?;
        let to = |wire: WireId| pruned.wire(wire).unwrap_or(wire);
        Ok(Self {
            input: to(face.input),
            layers: layers.into_iter().map(|layer| layer.moved(to)).collect(),
            compares: compares.into_iter().map(to).collect(),
            graph: pruned.graph,
        })
    }
}

/// Copies the quantized network into the float one, which lends it the input and every parameter that is not a feed.
/// Gives the wire for each wire of the copy.
fn splice_quantized(
    graph: &mut Graph,
    prepared: &Prepared,
    quantized: &QuantizedGraph,
    input: WireId,
) -> Vec<WireId> {
    let own = |layer: &LayerFeeds| [Some(layer.weight), layer.bias];
    let fed: Vec<WireId> = quantized.layers.iter().flat_map(own).flatten().collect();
    let float = &prepared.graph;
    graph.splice(&quantized.graph, "quantized/", &mut |id, wire| match wire.source {
        Source::Input(_) => Some(input),
        Source::Parameter(_) if fed.contains(&id) => None,
        // The quantizers' own are not found: the float network has no such wires.
        Source::Parameter(_) => float.find(&wire.name).filter(|&same| float.value(same).is_some()),
        Source::Node(_) => None,
    })
}
