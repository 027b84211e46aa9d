//! The graph: nodes that turn wires into wires.

use serde::{Deserialize, Serialize};

use crate::op::Op;
use crate::tensor::{Dim, Tensor};

/// Names a wire of one graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WireId(pub u32);

/// Names a node of one graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NodeId(pub u32);

/// Where the value of a wire comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// The caller sets it before a run: an f32 tensor of this shape, once its symbols are bound.
    Input(Vec<Dim>),
    /// A value of the graph. A plan starts with it, and may be given another of the same shape: every knob is such a feed.
    Parameter(Tensor),
    /// The output of a node.
    Node(NodeId),
}

/// A value on its way.
#[derive(Clone, Debug, PartialEq)]
pub struct Wire {
    /// The name that people see; unique in the graph.
    pub name: String,
    /// Where its value comes from.
    pub source: Source,
}

/// One application of an operator. Every operator has one output.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The name that people see.
    pub name: String,
    /// What it does.
    pub op: Op,
    /// Its inputs, in the operator's order.
    pub inputs: Vec<WireId>,
    /// Its output.
    pub output: WireId,
}

/// Why a graph is not well formed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    /// The nodes wait for each other.
    #[error("the node `{0}` waits for its own output")]
    Circle(String),
}

/// Nodes and wires. Nodes are kept in an order in which they can run: an input comes before its use.
///
/// Ids stay valid as the graph grows; [`crate::Patch::apply`] makes a new graph with new ids.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Graph {
    nodes: Vec<Node>,
    wires: Vec<Wire>,
    /// The wires that the caller sets.
    pub inputs: Vec<WireId>,
    /// The wires that a run is for.
    pub outputs: Vec<WireId>,
}

impl Graph {
    /// An empty graph.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a wire that the caller sets.
    pub fn input(&mut self, name: impl Into<String>, shape: Vec<Dim>) -> WireId {
        let wire = self.wire_of(name.into(), Source::Input(shape));
        self.inputs.push(wire);
        wire
    }

    /// Adds a wire with a value.
    pub fn parameter(&mut self, name: impl Into<String>, value: Tensor) -> WireId {
        self.wire_of(name.into(), Source::Parameter(value))
    }

    /// Adds a node after those that are there, and gives its output. The output wire is named after the node
    /// unless that name is taken, then with a number.
    pub fn node(&mut self, name: impl Into<String>, op: Op, inputs: &[WireId]) -> WireId {
        let name = name.into();
        let id = NodeId(self.nodes.len() as u32);
        let output = self.wire_of(name.clone(), Source::Node(id));
        self.nodes.push(Node { name, op, inputs: inputs.to_vec(), output });
        output
    }

    fn wire_of(&mut self, name: String, source: Source) -> WireId {
        let taken = |candidate: &str| self.wires.iter().any(|wire| wire.name == candidate);
        let mut unique = name.clone();
        let mut number = 2;
        while taken(&unique) {
            unique = format!("{name}.{number}");
            number += 1;
        }
        self.wires.push(Wire { name: unique, source });
        WireId((self.wires.len() - 1) as u32)
    }

    /// All nodes, in an order in which they can run.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = (NodeId, &Node)> + DoubleEndedIterator {
        self.nodes.iter().enumerate().map(|(i, node)| (NodeId(i as u32), node))
    }

    /// All wires.
    pub fn wires(&self) -> impl ExactSizeIterator<Item = (WireId, &Wire)> {
        self.wires.iter().enumerate().map(|(i, wire)| (WireId(i as u32), wire))
    }

    /// A node. Ids come from this graph.
    pub fn node_of(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    /// A wire. Ids come from this graph.
    pub fn wire(&self, id: WireId) -> &Wire {
        &self.wires[id.0 as usize]
    }

    /// The node whose output `wire` is.
    pub fn producer(&self, wire: WireId) -> Option<NodeId> {
        match self.wire(wire).source {
            Source::Node(id) => Some(id),
            _ => None,
        }
    }

    /// The value of a parameter wire.
    pub fn value(&self, wire: WireId) -> Option<&Tensor> {
        match &self.wire(wire).source {
            Source::Parameter(tensor) => Some(tensor),
            _ => None,
        }
    }

    /// The nodes that read `wire`.
    pub fn consumers(&self, wire: WireId) -> impl Iterator<Item = NodeId> + '_ {
        self.nodes().filter(move |(_, node)| node.inputs.contains(&wire)).map(|(id, _)| id)
    }

    /// The wire of this name.
    pub fn find(&self, name: &str) -> Option<WireId> {
        self.wires().find(|(_, wire)| wire.name == name).map(|(id, _)| id)
    }
}
