//! The graph: nodes that turn wires into wires.

use serde::{Deserialize, Serialize};

use crate::names::Names;
use crate::op::Op;
use crate::patch::{Patch, Patched};
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

/// What a parameter becomes when a plan takes a step: see [`Graph::assignments`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// The parameter.
    pub target: WireId,
    /// Its next value: the output of a node, of the parameter's shape.
    pub value: WireId,
}

/// Why a graph is not well formed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    /// The nodes wait for each other.
    #[error("the node `{0}` waits for its own output")]
    Circle(String),
    /// A node comes before one that it reads from.
    #[error("the node `{node}` reads `{wire}` before it is computed")]
    Order {
        /// The node's name.
        node: String,
        /// The name of the wire that it reads.
        wire: String,
    },
    /// A wire id of another graph.
    #[error("{user} names wire {wire}, but there are only {count}")]
    NoSuchWire {
        /// Who names it: "the node `conv1`", "an output".
        user: String,
        /// The number of the wire.
        wire: u32,
        /// The number of wires.
        count: usize,
    },
    /// The list of inputs and the wires that are inputs differ.
    #[error("`{0}` must be listed as an input exactly once if the caller sets it, and not otherwise")]
    Inputs(String),
    /// Something that cannot be assigned.
    #[error("`{value}` cannot be assigned to `{target}`: {why}")]
    Assignment {
        /// The name of the wire that is assigned to.
        target: String,
        /// The name of the wire with its next value.
        value: String,
        /// The reason.
        why: String,
    },
    /// A patch made for another graph.
    #[error("the patch \"{explanation}\" is for a graph of {expected} wires, this one has {found}")]
    OtherGraph {
        /// What the patch does.
        explanation: String,
        /// The number of wires of the graph it was made for.
        expected: usize,
        /// The number of wires of the graph it was given.
        found: usize,
    },
    /// A patch that changes an input of a node that does not have it.
    #[error("the patch \"{explanation}\" changes input {input} of node {node}, which is not there")]
    NoSuchInput {
        /// What the patch does.
        explanation: String,
        /// The number of the node.
        node: u32,
        /// The place among the node's inputs.
        input: usize,
    },
}

/// Nodes and wires. Nodes are kept in an order in which they can run: an input comes before its use.
///
/// Ids stay valid as the graph grows; [`crate::Patch::apply`] makes a new graph with new ids.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    nodes: Vec<Node>,
    wires: Vec<Wire>,
    names: Names,
    /// The wires that the caller sets.
    pub inputs: Vec<WireId>,
    /// The wires that a run is for.
    pub outputs: Vec<WireId>,
    /// What a step changes: all values are computed with the parameters as they were, then all are assigned at once. This
    /// is how a graph learns; an optimizer is the nodes before it.
    pub assignments: Vec<Assignment>,
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
        self.node_with_output(name.clone(), name, op, inputs)
    }

    /// [`node`](Self::node) with another name for the output wire, with a number if that is taken.
    pub fn node_with_output(
        &mut self,
        name: impl Into<String>,
        output: impl Into<String>,
        op: Op,
        inputs: &[WireId],
    ) -> WireId {
        let id = NodeId(self.nodes.len() as u32);
        let output = self.wire_of(output.into(), Source::Node(id));
        self.nodes.push(Node { name: name.into(), op, inputs: inputs.to_vec(), output });
        output
    }

    /// Copies `other` into this graph, after what is there, and gives the wire here for each wire of `other`.
    ///
    /// For each wire of `other`, `substitute` may name a wire of this graph that takes its place. Then the wire is
    /// not copied, nor is the node that computes it, and its readers read the substitute. Every other wire and node
    /// is copied, with `prefix` before its name; inputs that are not substituted become inputs here. Outputs and
    /// assignments of this graph stay as they are, those of `other` are not copied. What only substituted wires needed stays behind without a reader, until
    /// [`pruned`](Self::pruned).
    ///
    /// A graph beside a changed copy of itself, with inputs and equal parameters shared, and the two compared:
    ///
    /// ```
    /// # use fewbit_graph::{Graph, Op, Source, Tensor, op::{Binary, Unary}, tensor::Dim};
    /// let mut model = Graph::new();
    /// let x = model.input("x", vec![Dim::Symbol("N".into()), Dim::Known(4)]);
    /// let weight = model.parameter("weight", Tensor::scalar(2.0));
    /// let product = model.node("product", Op::Binary(Binary::Mul), &[x, weight]);
    /// let y = model.node("y", Op::Unary(Unary::Relu), &[product]);
    ///
    /// let mut twin = model.clone();
    /// let rounded = twin.node("rounded", Op::Unary(Unary::Round), &[product]);
    /// let copies = twin.splice(&model, "rounded/", &mut |wire, _| match wire {
    ///     wire if wire == product => Some(rounded), // computed with a change
    ///     wire if wire == x || wire == weight => Some(wire), // shared
    ///     _ => None, // copied
    /// });
    /// let rounded_y = copies[y.0 as usize];
    /// let error = twin.node("error", Op::Compare { axis: 1 }, &[y, rounded_y]);
    /// twin.outputs = vec![error];
    /// assert_eq!(twin.wire(rounded_y).name, "rounded/y");
    /// ```
    pub fn splice(
        &mut self,
        other: &Graph,
        prefix: &str,
        substitute: &mut dyn FnMut(WireId, &Wire) -> Option<WireId>,
    ) -> Vec<WireId> {
        let substitutes: Vec<Option<WireId>> = other.wires().map(|(id, wire)| substitute(id, wire)).collect();
        let first_node = self.nodes.len();
        let copied = |output: WireId| substitutes[output.0 as usize].is_none();
        let mut places = vec![0; other.nodes.len()];
        let kept = other.nodes.iter().enumerate().filter(|(_, node)| copied(node.output));
        for (place, (i, _)) in kept.enumerate() {
            places[i] = first_node + place;
        }
        let wires: Vec<WireId> = std::iter::zip(&other.wires, &substitutes)
            .map(|(wire, substitute)| {
                let name = format!("{prefix}{}", wire.name);
                match (*substitute, &wire.source) {
                    (Some(id), _) => id,
                    (None, Source::Input(shape)) => self.input(name, shape.clone()),
                    (None, Source::Parameter(value)) => self.parameter(name, value.clone()),
                    (None, Source::Node(id)) => {
                        self.wire_of(name, Source::Node(NodeId(places[id.0 as usize] as u32)))
                    }
                }
            })
            .collect();
        self.nodes.extend(other.nodes.iter().filter(|node| copied(node.output)).map(|node| Node {
            name: format!("{prefix}{}", node.name),
            op: node.op.clone(),
            inputs: node.inputs.iter().map(|input| wires[input.0 as usize]).collect(),
            output: wires[node.output.0 as usize],
        }));
        wires
    }

    /// The graph without the nodes and parameters that no output depends on. Inputs stay.
    ///
    /// # Errors
    /// [`GraphError`] if the graph is not well formed.
    pub fn pruned(&self) -> Result<Patched, GraphError> {
        Patch::new(self, "removed what no output depends on").apply(self)
    }

    /// Lets `target` become `value` at every step of a plan.
    pub fn assign(&mut self, target: WireId, value: WireId) {
        self.assignments.push(Assignment { target, value });
    }

    /// The wires whose values are needed after a run or a step: the outputs, and what is assigned.
    pub fn results(&self) -> impl Iterator<Item = WireId> + '_ {
        self.outputs.iter().copied().chain(self.assignments.iter().map(|assignment| assignment.value))
    }

    /// Whether the graph is well formed: every wire that is named is there, every node comes after those it reads
    /// from, and [`inputs`](Self::inputs) lists the inputs. Building a graph with wires that it gave itself ensures it.
    ///
    /// # Errors
    /// [`GraphError`] with the first fault.
    pub fn check(&self) -> Result<(), GraphError> {
        for (id, node) in self.nodes() {
            for &wire in &node.inputs {
                self.check_wire(wire, || format!("the node `{}`", node.name))?;
                if self.producer(wire).is_some_and(|source| source >= id) {
                    let wire = self.wire(wire).name.clone();
                    return Err(GraphError::Order { node: node.name.clone(), wire });
                }
            }
        }
        let mut listed = vec![0u32; self.wires.len()];
        for &wire in &self.inputs {
            self.check_wire(wire, || "an input".to_owned())?;
            listed[wire.0 as usize] += 1;
        }
        for &wire in &self.outputs {
            self.check_wire(wire, || "an output".to_owned())?;
        }
        self.check_assignments()?;
        match std::iter::zip(&self.wires, listed)
            .find(|(wire, listed)| u32::from(matches!(wire.source, Source::Input(_))) != *listed)
        {
            Some((wire, _)) => Err(GraphError::Inputs(wire.name.clone())),
            None => Ok(()),
        }
    }

    fn check_assignments(&self) -> Result<(), GraphError> {
        let mut assigned = vec![false; self.wires.len()];
        for &Assignment { target, value } in &self.assignments {
            self.check_wire(target, || "an assignment".to_owned())?;
            self.check_wire(value, || "an assignment".to_owned())?;
            let refuse = |why: &str| GraphError::Assignment {
                target: self.wire(target).name.clone(),
                value: self.wire(value).name.clone(),
                why: why.to_owned(),
            };
            if self.value(target).is_none() {
                return Err(refuse("only a parameter can be assigned to"));
            }
            if self.producer(value).is_none() {
                return Err(refuse("only what a node computes can be assigned"));
            }
            if std::mem::replace(&mut assigned[target.0 as usize], true) {
                return Err(refuse("it is assigned to twice"));
            }
        }
        Ok(())
    }

    fn check_wire(&self, wire: WireId, user: impl FnOnce() -> String) -> Result<(), GraphError> {
        let count = self.wires.len();
        if (wire.0 as usize) < count {
            return Ok(());
        }
        Err(GraphError::NoSuchWire { user: user(), wire: wire.0, count })
    }

    /// A graph of these parts. Nodes are in order, and each id is the place in the list; names become unique.
    pub(crate) fn assemble(
        wires: Vec<Wire>,
        nodes: Vec<Node>,
        inputs: Vec<WireId>,
        outputs: Vec<WireId>,
        assignments: Vec<Assignment>,
    ) -> Self {
        let mut graph = Self { nodes, inputs, outputs, assignments, ..Self::default() };
        for wire in wires {
            graph.wire_of(wire.name, wire.source);
        }
        graph
    }

    fn wire_of(&mut self, name: String, source: Source) -> WireId {
        let id = WireId(self.wires.len() as u32);
        let name = self.names.claim(name, id);
        self.wires.push(Wire { name, source });
        id
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

    /// Gives a wire another name, with a number if that is taken.
    pub fn rename(&mut self, id: WireId, name: &str) {
        if let Some(wire) = self.wires.get_mut(id.0 as usize) {
            wire.name = self.names.claim(name.to_owned(), id);
        }
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

    /// The nodes that read `wire`. A walk over all nodes; see [`uses`](Self::uses) for many wires at once.
    pub fn consumers(&self, wire: WireId) -> impl Iterator<Item = NodeId> + '_ {
        self.nodes().filter(move |(_, node)| node.inputs.contains(&wire)).map(|(id, _)| id)
    }

    /// How often each wire is read, by nodes, as an output and to be assigned.
    pub fn uses(&self) -> Vec<usize> {
        let mut uses = vec![0; self.wires.len()];
        for wire in self.nodes.iter().flat_map(|node| node.inputs.iter().copied()).chain(self.results()) {
            uses[wire.0 as usize] += 1;
        }
        uses
    }

    /// The wire of this name.
    pub fn find(&self, name: &str) -> Option<WireId> {
        self.names.find(name)
    }
}

impl PartialEq for Graph {
    fn eq(&self, other: &Self) -> bool {
        self.nodes == other.nodes
            && self.wires == other.wires
            && self.inputs == other.inputs
            && self.outputs == other.outputs
            && self.assignments == other.assignments
    }
}
