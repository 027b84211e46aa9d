//! A model made ready to be quantized: rewritten, with its layers and what they cost.

use std::collections::{BTreeMap, BTreeSet};

use fewbit_graph::graph::GraphError;
use fewbit_graph::infer::{Bindings, Facts, infer};
use fewbit_graph::op::Op;
use fewbit_graph::passes::{self, DelayTransposes, DropIdentity, Evaluate, FoldBatchNorm, FoldConstants};
use fewbit_graph::{DType, Dim, Graph, Layer, Model, Patch, Source, Tensor, WireId, cost, model};

use crate::error::QuantError;
use crate::memory;
use crate::report::{LayerFacts, ModelFacts, NodeFacts, Unsupported};
use crate::statistics::{self, Statistics};

/// A model whose constants and BatchNorms are folded. All that is measured later starts from here.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// What it is.
    pub facts: ModelFacts,
    /// What it computes, after the rewrites. Each layer has a weight of its own.
    pub graph: Graph,
    /// The layers, in the order in which they run.
    pub layers: Vec<Layer>,
    /// What a folded BatchNorm told of each layer's output; none where there was no BatchNorm.
    pub statistics: Vec<Option<Statistics>>,
    face: Result<Face, QuantError>,
}

/// How samples go in and answers come out.
#[derive(Clone, Debug, PartialEq)]
pub struct Face {
    /// The wire that samples are fed to.
    pub input: WireId,
    /// The first output: what is evaluated.
    pub output: WireId,
    /// The shape of one sample, without the batch axis.
    pub sample_shape: Vec<usize>,
    /// The shape of one answer, without the batch axis.
    pub answer_shape: Vec<usize>,
    /// What goes into each layer, and comes out.
    pub layers: Vec<LayerWires>,
    /// The name of the batch axis; none if the model takes one sample at a time.
    batch: Option<String>,
    /// Numbers in all values that nodes compute for one sample.
    pub values_per_sample: usize,
}

/// What goes into a layer, and comes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerWires {
    /// The wire that the layer reads.
    pub input: WireId,
    /// The axis of its channels; 0 where there are none.
    pub input_axis: usize,
    /// The number of its channels; 1 where there are none.
    pub input_channels: usize,
    /// Values of one channel of the input that lie side by side.
    pub input_inner: usize,
    /// The axis of the output's channels.
    pub output_axis: usize,
}

impl Prepared {
    /// Prepares `model`, which people call `name`.
    ///
    /// `operators` counts the operators as the file has them, `unsupported` lists those that cannot run. A model that
    /// cannot run is prepared all the same, so that one can look at it: see [`Self::face`]. `evaluator` computes what
    /// does not depend on an input.
    ///
    /// # Errors
    /// [`QuantError::Graph`] if the graph is not well formed.
    pub fn new(
        name: impl Into<String>,
        model: &Model,
        operators: BTreeMap<String, u64>,
        unsupported: Vec<Unsupported>,
        evaluator: &dyn Evaluate,
    ) -> Result<Self, QuantError> {
        let name = name.into();
        let fold_constants = FoldConstants { evaluator };
        let (graph, mut rewrites) =
            passes::run(&model.graph, &[&DropIdentity, &fold_constants, &DelayTransposes])?;
        let batch_norms = statistics::of_batch_norms(&graph);
        let (graph, folded) = passes::run(&graph, &[&DropIdentity, &fold_constants, &FoldBatchNorm])?;
        rewrites.extend(folded);
        let graph = with_own_weights(graph.pruned()?.graph, &mut rewrites)?;
        let graph = with_free_batch(graph, &mut rewrites);
        let layers = model::layers(&graph);
        let one = bindings_of(&graph, 1).and_then(|bindings| infer(&graph, &bindings).ok());
        let facts = ModelFacts {
            id: model.id().to_string(),
            parameters: float_parameters(&model.graph),
            macs: one.as_ref().map_or(0, |facts| cost::total_cost(&graph, facts).macs),
            inputs: graph.inputs.iter().map(|&wire| named_input(&graph, wire)).collect(),
            outputs: graph.outputs.iter().map(|&wire| named_output(&graph, wire)).collect(),
            operators,
            lengths: BTreeMap::new(),
            layers: layers.iter().map(|layer| layer_facts(&graph, layer, one.as_ref())).collect(),
            nodes: node_facts(&graph, &layers, one.as_ref()),
            rewrites,
            metadata: model.metadata.clone(),
            float_bytes: 4 * float_parameters(&graph),
            activation_bytes: one.as_ref().map_or(0, |facts| memory::live_bytes(&graph, facts)),
            unsupported,
            name,
        };
        let face = face(&facts, &graph, &layers);
        let statistics = statistics::of_layers(&graph, &layers, &batch_norms);
        Ok(Self { facts, graph, layers, statistics, face })
    }

    /// The same model with another graph, which has the same layers in the same order. `rewrites` tell what was done.
    ///
    /// # Errors
    /// [`QuantError::Graph`] if the graph is not well formed, [`QuantError::Layer`] if it has other layers.
    pub(crate) fn rewritten(
        &self,
        graph: Graph,
        rewrites: Vec<String>,
        statistics: Vec<Option<Statistics>>,
    ) -> Result<Self, QuantError> {
        graph.check()?;
        let layers = model::layers(&graph);
        if layers.len() != self.layers.len() {
            return Err(QuantError::Layer { index: layers.len(), count: self.layers.len() });
        }
        let one = bindings_of(&graph, 1).and_then(|bindings| infer(&graph, &bindings).ok());
        let mut facts = self.facts.clone();
        facts.layers = layers.iter().map(|layer| layer_facts(&graph, layer, one.as_ref())).collect();
        facts.nodes = node_facts(&graph, &layers, one.as_ref());
        facts.float_bytes = 4 * float_parameters(&graph);
        facts.rewrites.extend(rewrites);
        let face = face(&facts, &graph, &layers);
        Ok(Self { facts, graph, layers, statistics, face })
    }

    /// How samples go in and answers come out.
    ///
    /// # Errors
    /// Why the model cannot run: operators that are not supported, shapes that do not fit or are not known, more than
    /// one input.
    pub fn face(&self) -> Result<&Face, QuantError> {
        self.face.as_ref().map_err(Clone::clone)
    }

    /// A layer by its place.
    ///
    /// # Errors
    /// [`QuantError::Layer`] if there is none.
    pub fn layer(&self, index: usize) -> Result<&Layer, QuantError> {
        self.layers.get(index).ok_or(QuantError::Layer { index, count: self.layers.len() })
    }

    /// The weights of a layer.
    ///
    /// # Errors
    /// [`QuantError::Layer`] if there is none.
    pub fn weights(&self, index: usize) -> Result<&Tensor, QuantError> {
        let layer = self.layer(index)?;
        let missing = QuantError::Layer { index, count: self.layers.len() };
        self.graph.value(layer.weight).ok_or(missing)
    }

    /// The bias of a layer; none if it has none of its own.
    ///
    /// # Errors
    /// [`QuantError::Layer`] if there is no such layer.
    pub fn bias(&self, index: usize) -> Result<Option<&Tensor>, QuantError> {
        let layer = self.layer(index)?;
        Ok(self.bias_wire(layer).and_then(|wire| self.graph.value(wire)))
    }

    /// The wire of a layer's bias.
    pub(crate) fn bias_wire(&self, layer: &Layer) -> Option<WireId> {
        let node = self.graph.node_of(layer.node);
        let is_bias = matches!(node.op, Op::Conv(_) | Op::Gemm(_));
        let wire = node.inputs.get(2).copied().filter(|_| is_bias)?;
        self.graph.value(wire).map(|_| wire)
    }

    /// The names of the layers.
    pub fn layer_names(&self) -> Vec<String> {
        self.layers.iter().map(|layer| layer.name.clone()).collect()
    }

    /// The number of samples, if `samples` fit the model's input.
    ///
    /// # Errors
    /// [`QuantError::Samples`] if they do not, and those of [`Self::face`].
    pub fn check_samples(&self, samples: &Tensor) -> Result<usize, QuantError> {
        let face = self.face()?;
        match samples.shape().split_first() {
            Some((&n, rest)) if n > 0 && rest == face.sample_shape && samples.dtype() == DType::F32 => Ok(n),
            _ => Err(QuantError::Samples {
                input: self.graph.wire(face.input).name.clone(),
                expected: times(
                    std::iter::once("N".to_owned()).chain(face.sample_shape.iter().map(usize::to_string)),
                ),
                found: samples.fact().to_string(),
            }),
        }
    }
}

impl Face {
    /// The bindings for a batch of `n` samples.
    pub fn bindings(&self, n: usize) -> Bindings {
        self.batch.iter().map(|symbol| (symbol.clone(), n)).collect()
    }

    /// The most samples that may go together, not more than `wanted`.
    pub fn batch(&self, wanted: usize) -> usize {
        if self.batch.is_some() { wanted.max(1) } else { 1 }
    }

    /// How many answers a sample has, and of how many classes each is: of a classifier one, of a language model, which takes T tokens
    /// and gives T×V scores, T.
    pub fn answers(&self) -> Option<(usize, usize)> {
        match *self.answer_shape {
            [tokens, classes] if classes > 1 && self.sample_shape == [tokens] => Some((tokens, classes)),
            _ => self.classes().map(|classes| (1, classes)),
        }
    }

    /// The tokens that a language model knows; none if it is another model.
    pub fn vocabulary(&self) -> Option<usize> {
        self.answers().and_then(|(tokens, classes)| (tokens > 1).then_some(classes))
    }

    /// The number of classes, if an answer is one score for each class.
    pub fn classes(&self) -> Option<usize> {
        match self.answer_shape.split_first() {
            Some((&classes, rest)) if classes > 1 && rest.iter().all(|&n| n == 1) => Some(classes),
            _ => None,
        }
    }
}

/// Gives each layer whose weight or bias somebody else reads too a copy of it, so that each can be changed by itself.
fn with_own_weights(graph: Graph, rewrites: &mut Vec<String>) -> Result<Graph, GraphError> {
    let uses = graph.uses();
    let mut patch = Patch::new(&graph, "weights of their own");
    let mut changed = false;
    for layer in model::layers(&graph) {
        let inputs = graph.node_of(layer.node).inputs.iter().copied().enumerate().skip(1);
        for ((input, wire), what) in inputs.zip(["weight", "bias"]) {
            let shared = uses[wire.0 as usize] > 1;
            if let (true, Some(value)) = (shared, graph.value(wire)) {
                let own = patch.parameter(format!("{}.{what}", layer.name), value.clone());
                patch.replace_input(layer.node, input, own);
                rewrites.push(format!(
                    "gave {} a copy of its {what}, which something else reads too",
                    layer.name
                ));
                changed = true;
            }
        }
    }
    if changed { Ok(patch.apply(&graph)?.graph) } else { Ok(graph) }
}

/// Lets the first axis of the only input vary, if it was fixed and the answers follow it.
fn with_free_batch(graph: Graph, rewrites: &mut Vec<String>) -> Graph {
    let (&[input], Some(&output)) = (graph.inputs.as_slice(), graph.outputs.first()) else { return graph };
    let Source::Input(dims) = &graph.wire(input).source else { return graph };
    let Some((&Dim::Known(fixed), rest)) = dims.split_first() else { return graph };
    if rest.is_empty() || rest.iter().any(|dim| matches!(dim, Dim::Symbol(_))) {
        return graph;
    }
    let mut free = Graph::new();
    let shape = std::iter::once(Dim::Symbol("N".to_owned())).chain(rest.iter().cloned()).collect();
    let free_input = free.input(graph.wire(input).name.clone(), shape);
    let wires = free.splice(&graph, "", &mut |wire, _| (wire == input).then_some(free_input));
    free.outputs = graph.outputs.iter().map(|wire| wires[wire.0 as usize]).collect();
    let follows = |n: usize| {
        let facts = infer(&free, &Bindings::from([("N".to_owned(), n)])).ok()?;
        facts.shape(wires[output.0 as usize]).first().map(|&first| first == n)
    };
    if follows(2) == Some(true) && follows(3) == Some(true) {
        rewrites.push(format!("let the batch vary, which the file fixes at {fixed}"));
        return free;
    }
    graph
}

/// The bindings for a batch of `n`; none if a symbol is not the first axis of an input.
fn bindings_of(graph: &Graph, n: usize) -> Option<Bindings> {
    let mut bindings = Bindings::new();
    for &wire in &graph.inputs {
        let Source::Input(dims) = &graph.wire(wire).source else { continue };
        if let Some(Dim::Symbol(symbol)) = dims.first() {
            bindings.insert(symbol.clone(), n);
        }
    }
    let bound = |dim: &Dim| match dim {
        Dim::Symbol(symbol) => bindings.contains_key(symbol),
        Dim::Known(_) => true,
    };
    let all = graph.inputs.iter().all(|&wire| match &graph.wire(wire).source {
        Source::Input(dims) => dims.iter().all(bound),
        _ => true,
    });
    (all && bindings.len() <= 1).then_some(bindings)
}

fn face(facts: &ModelFacts, graph: &Graph, layers: &[Layer]) -> Result<Face, QuantError> {
    let opaque = graph.nodes().filter_map(|(_, node)| match &node.op {
        Op::Opaque(op) => Some(format!("{} `{}`", op.name, node.name)),
        _ => None,
    });
    let listed = facts.unsupported.iter().map(|u| format!("{} `{}` ({})", u.operator, u.node, u.reason));
    let list: Vec<String> = if facts.unsupported.is_empty() { opaque.collect() } else { listed.collect() };
    if !list.is_empty() {
        return Err(QuantError::Unsupported { model: facts.name.clone(), list: list.join(", ") });
    }
    let refuse = |why: String| QuantError::Face { model: facts.name.clone(), why };
    let (&[input], Some(&output)) = (graph.inputs.as_slice(), graph.outputs.first()) else {
        let (inputs, outputs) = (graph.inputs.len(), graph.outputs.len());
        return Err(refuse(format!(
            "it has {inputs} inputs and {outputs} outputs, but must have one input and an output"
        )));
    };
    let Source::Input(dims) = &graph.wire(input).source else {
        return Err(refuse("its input is no input".to_owned()));
    };
    let batch = match dims.split_first() {
        Some((Dim::Symbol(symbol), _)) => Some(symbol.clone()),
        Some((Dim::Known(1), _)) => None,
        Some((Dim::Known(n), _)) => {
            return Err(refuse(format!(
                "its batch is fixed at {n}; export it with a batch of 1 or a free one"
            )));
        }
        None => return Err(refuse("its input is a single number; it needs a batch axis".to_owned())),
    };
    let Some(bindings) = bindings_of(graph, 1) else {
        let shape = times(dims.iter().map(Dim::to_string));
        return Err(refuse(format!(
            "its input is {shape}, and only the batch may be free; export it with a fixed size"
        )));
    };
    let one = infer(graph, &bindings)?;
    Ok(Face {
        input,
        output,
        sample_shape: one.shape(input).get(1..).unwrap_or_default().to_vec(),
        answer_shape: one.shape(output).get(1..).unwrap_or_default().to_vec(),
        layers: layers.iter().map(|layer| layer_wires(graph, &one, layer)).collect(),
        batch,
        values_per_sample: graph.nodes().map(|(_, node)| one.of(node.output).len()).sum(),
    })
}

fn layer_wires(graph: &Graph, one: &Facts, layer: &Layer) -> LayerWires {
    let node = graph.node_of(layer.node);
    let input = node.inputs[0];
    let (shape, output) = (one.shape(input), one.shape(node.output));
    let axis = match &node.op {
        Op::Conv(_) => Some(1),
        // Its channels lie along the batch, which varies.
        Op::Gemm(gemm) if gemm.trans_a => None,
        _ => shape.len().checked_sub(1).filter(|&axis| axis > 0),
    };
    let output_axis = match &node.op {
        Op::Conv(_) => 1,
        _ => output.len().saturating_sub(1),
    };
    let (input_axis, input_channels, input_inner) =
        match axis.and_then(|axis| Some((axis, *shape.get(axis)?))) {
            Some((axis, channels)) => (axis, channels, shape[axis + 1..].iter().product()),
            None => (0, 1, 1),
        };
    LayerWires { input, input_axis, input_channels, input_inner, output_axis }
}

/// The float values that nodes read, each counted once.
fn float_parameters(graph: &Graph) -> u64 {
    let read: BTreeSet<WireId> = graph.nodes().flat_map(|(_, node)| node.inputs.iter().copied()).collect();
    let tensors = read.into_iter().filter_map(|wire| graph.value(wire));
    tensors.filter(|tensor| tensor.dtype() == DType::F32).map(|tensor| tensor.len() as u64).sum()
}

fn named_input(graph: &Graph, wire: WireId) -> (String, String) {
    let wire = graph.wire(wire);
    let dims = match &wire.source {
        Source::Input(dims) => dims.as_slice(),
        _ => &[],
    };
    (wire.name.clone(), times(dims.iter().map(Dim::to_string)))
}

/// The shape of an output with the batch's name, told by what changes from one sample to two.
fn named_output(graph: &Graph, wire: WireId) -> (String, String) {
    let shape = |n: usize| {
        let facts = infer(graph, &bindings_of(graph, n)?).ok()?;
        Some(facts.shape(wire).to_vec())
    };
    let symbol = bindings_of(graph, 1).and_then(|bindings| bindings.into_keys().next());
    let text = match (shape(1), shape(2)) {
        (Some(one), Some(two)) => times(one.iter().zip(&two).map(|(&a, &b)| match (&symbol, a) {
            (Some(symbol), 1) if a != b => symbol.clone(),
            (Some(symbol), _) if a != b => format!("{a}{symbol}"),
            _ => a.to_string(),
        })),
        _ => "?".to_owned(),
    };
    (graph.wire(wire).name.clone(), text)
}

fn layer_facts(graph: &Graph, layer: &Layer, one: Option<&Facts>) -> LayerFacts {
    let node = graph.node_of(layer.node);
    let weight_shape = graph.value(layer.weight).map_or_else(Vec::new, |weight| weight.shape().to_vec());
    let parameters = node.inputs.iter().skip(1).filter_map(|&wire| graph.value(wire));
    let (depthwise, strides) = match &node.op {
        Op::Conv(conv) => {
            let own = conv.groups > 1
                && weight_shape.first() == Some(&conv.groups)
                && weight_shape.get(1) == Some(&1);
            (own, conv.strides.clone())
        }
        _ => (false, Vec::new()),
    };
    LayerFacts {
        name: layer.name.clone(),
        operator: node.op.name().to_owned(),
        channel_axis: layer.channel_axis,
        depthwise,
        strides,
        parameters: parameters.map(|tensor| tensor.len() as u64).sum(),
        macs: one.map_or(0, |facts| cost::node_cost(graph, facts, node).macs),
        weight_shape,
    }
}

fn node_facts(graph: &Graph, layers: &[Layer], one: Option<&Facts>) -> Vec<NodeFacts> {
    let producers = |wires: &[WireId]| {
        let mut nodes: Vec<u32> =
            wires.iter().filter_map(|&wire| graph.producer(wire)).map(|id| id.0).collect();
        nodes.dedup();
        nodes
    };
    graph
        .nodes()
        .map(|(id, node)| NodeFacts {
            name: node.name.clone(),
            operator: node.op.name().to_owned(),
            inputs: producers(&node.inputs),
            layer: layers.iter().position(|layer| layer.node == id).map(|at| at as u32),
            shape: one.map_or_else(String::new, |facts| {
                times(facts.shape(node.output).iter().skip(1).map(usize::to_string))
            }),
        })
        .collect()
}

fn times(lengths: impl Iterator<Item = String>) -> String {
    lengths.collect::<Vec<_>>().join("×")
}
