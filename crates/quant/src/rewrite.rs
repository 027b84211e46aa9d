//! Rewrites of a prepared model that leave its layers where they are.

use std::collections::BTreeMap;

use fewbit_graph::op::Op;
use fewbit_graph::{DType, Graph, NodeId, Source, Tensor, WireId};

use crate::error::QuantError;
use crate::prepare::Prepared;

/// Other values and operators for some wires and nodes of a graph, and biases for nodes that have none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes {
    /// Parameters with other values.
    pub(crate) values: BTreeMap<WireId, Tensor>,
    /// Nodes with other operators.
    pub(crate) ops: BTreeMap<NodeId, Op>,
    /// Nodes with one more input: a parameter of this name and value.
    pub(crate) biases: BTreeMap<NodeId, (String, Tensor)>,
}

impl Changes {
    /// `graph` with the changes; wires keep their names and nodes their order.
    pub(crate) fn apply(&self, graph: &Graph) -> Graph {
        let mut changed = Graph::new();
        let mut wires: BTreeMap<WireId, WireId> = BTreeMap::new();
        for &wire in &graph.inputs {
            if let Source::Input(dims) = &graph.wire(wire).source {
                wires.insert(wire, changed.input(graph.wire(wire).name.clone(), dims.clone()));
            }
        }
        for (id, wire) in graph.wires() {
            if let Source::Parameter(value) = &wire.source {
                let value = self.values.get(&id).unwrap_or(value).clone();
                wires.insert(id, changed.parameter(wire.name.clone(), value));
            }
        }
        for (id, node) in graph.nodes() {
            let mut inputs: Vec<WireId> =
                node.inputs.iter().filter_map(|wire| wires.get(wire).copied()).collect();
            if let Some((name, bias)) = self.biases.get(&id) {
                inputs.push(changed.parameter(name.clone(), bias.clone()));
            }
            let op = self.ops.get(&id).unwrap_or(&node.op).clone();
            let name = &graph.wire(node.output).name;
            wires.insert(node.output, changed.node_with_output(node.name.clone(), name, op, &inputs));
        }
        changed.outputs = graph.outputs.iter().filter_map(|wire| wires.get(wire).copied()).collect();
        changed
    }
}

impl Prepared {
    /// The same model with a bias of zeros for each Conv and Gemm that has none; none if all have one.
    ///
    /// A Gemm whose addend is not one number for each output keeps it: it has no bias that a method may move.
    ///
    /// # Errors
    /// [`QuantError::Graph`] if the graph is not well formed.
    pub fn with_biases(&self) -> Result<Option<Self>, QuantError> {
        let mut changes = Changes::default();
        let mut rewrites = Vec::new();
        for (index, layer) in self.layers.iter().enumerate() {
            let node = self.graph.node_of(layer.node);
            let mut op = node.op.clone();
            match &mut op {
                Op::Conv(_) if node.inputs.len() == 2 => {}
                Op::Gemm(gemm) if node.inputs.len() == 2 => gemm.beta = 1.0,
                _ => continue,
            }
            let channels = self.weights(index)?.shape().get(layer.channel_axis).copied().unwrap_or(0);
            changes.biases.insert(layer.node, (format!("{}.bias", layer.name), Tensor::zeros([channels])));
            changes.ops.insert(layer.node, op);
            rewrites.push(format!("gave {} a bias", layer.name));
        }
        if rewrites.is_empty() {
            return Ok(None);
        }
        self.rewritten(changes.apply(&self.graph), rewrites, self.statistics.clone()).map(Some)
    }

    /// Whether a layer has a bias with one number for each output channel, which a method may move.
    pub(crate) fn has_channel_bias(&self, index: usize) -> Result<bool, QuantError> {
        let layer = self.layer(index)?;
        let channels = self.weights(index)?.shape().get(layer.channel_axis).copied();
        let beta = match &self.graph.node_of(layer.node).op {
            Op::Gemm(gemm) => gemm.beta,
            _ => 1.0,
        };
        let fits = |bias: &Tensor| bias.dtype() == DType::F32 && beta == 1.0 && Some(bias.len()) == channels;
        Ok(self.bias(index)?.is_some_and(fits))
    }
}
