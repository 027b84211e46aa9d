//! A model: a graph with a face to the world.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::graph::{Graph, Node, NodeId, WireId};
use crate::names::Names;
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
    /// The name that people see, unique among the layers: that of the weight without `.weight`, like `stage1.conv1`;
    /// where the file does not name weights so, that of the node with its path written the same way.
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
    let mut names = Names::default();
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
            let module = [".weight", "_weight"].iter().find_map(|suffix| weight_name.strip_suffix(suffix));
            let module = module.filter(|module| !module.is_empty());
            let name = module.map_or_else(|| short_name(node), str::to_owned);
            Some(Layer { name: names.claim(name, weight), node: id, weight, channel_axis })
        })
        .collect()
}

/// A node's name as people write it: of `/stage1/conv1/Conv`, a path of modules and then the operator, `stage1.conv1`.
pub(crate) fn short_name(node: &Node) -> String {
    let mut path: Vec<&str> = node.name.split('/').filter(|part| !part.is_empty()).collect();
    let op = node.op.name();
    if path.len() > 1 {
        // ONNX writes BatchNorm out.
        path.pop_if(|last| *last == op || *last == "BatchNormalization");
    }
    if path.is_empty() { op.to_owned() } else { path.join(".") }
}
