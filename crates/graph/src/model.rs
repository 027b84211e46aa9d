//! A model: a graph with a face to the world.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::graph::{Graph, NodeId, WireId};
use crate::op::Op;

/// The BLAKE3 hash of a model's canonical form: operators, connections, parameters. Names do not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ModelId(pub [u8; 32]);

impl fmt::Display for ModelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A model as it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// What it computes.
    pub graph: Graph,
    /// What the file says of itself: producer, licence, …
    pub metadata: BTreeMap<String, String>,
}

/// A node with weights that can be quantized: Conv, Gemm, or MatMul with a parameter on its right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// The name that people see: that of the weight without `.weight`, else that of the node.
    pub name: String,
    /// The node.
    pub node: NodeId,
    /// The wire of its weight.
    pub weight: WireId,
    /// The axis of the weight on which output channels lie.
    pub channel_axis: usize,
}

impl Model {
    /// The layers, in the order in which they run.
    pub fn layers(&self) -> Vec<Layer> {
        layers(&self.graph)
    }
}

/// The layers of a graph, in the order in which they run.
pub fn layers(graph: &Graph) -> Vec<Layer> {
    graph
        .nodes()
        .filter_map(|(id, node)| {
            let weight = *node.inputs.get(1)?;
            let rank = graph.value(weight)?.shape().len();
            let channel_axis = match &node.op {
                Op::Conv(_) => 0,
                Op::Gemm(gemm) => usize::from(!gemm.trans_b),
                Op::MatMul if rank >= 2 => rank - 1,
                _ => return None,
            };
            let weight_name = &graph.wire(weight).name;
            let name = weight_name.strip_suffix(".weight").unwrap_or(&node.name).to_owned();
            Some(Layer { name, node: id, weight, channel_axis })
        })
        .collect()
}
