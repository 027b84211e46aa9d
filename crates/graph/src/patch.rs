//! A rewrite as a value: what is added to a graph, and who then reads what.

use std::collections::BTreeMap;

use crate::graph::{Assignment, Graph, GraphError, Node, NodeId, Source, Wire, WireId};
use crate::op::Op;
use crate::tensor::Tensor;

/// A proposed change of one graph. Nothing happens before [`apply`](Self::apply).
///
/// A patch adds parameters and nodes, and lets nodes and outputs of the graph read other wires. Nothing is removed by
/// hand: what no output and no assignment depends on afterwards is left out. New wires get ids that go on from the graph's own, so old
/// and new wires are named the same way while the patch is made.
///
/// ```
/// # use fewbit_graph::{Graph, Op, Patch, op::Unary, tensor::Dim};
/// let mut graph = Graph::new();
/// let x = graph.input("x", vec![Dim::Known(3)]);
/// let y = graph.node("y", Op::Unary(Unary::Relu), &[x]);
/// graph.outputs.push(y);
///
/// let mut patch = Patch::new(&graph, "rounded x");
/// let rounded = patch.node("x.rounded", Op::Unary(Unary::Round), &[x]);
/// patch.replace(x, rounded); // `y` reads `x.rounded`, which itself still reads `x`
/// let patched = patch.apply(&graph)?;
/// assert_eq!(patched.graph.nodes().map(|(_, node)| node.name.as_str()).collect::<Vec<_>>(), ["x.rounded", "y"]);
/// # Ok::<(), fewbit_graph::GraphError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Patch {
    /// What it does, for people: "folded BatchNorm bn1 into conv1".
    pub explanation: String,
    /// The number of wires of the graph that it is for.
    first: usize,
    added: Vec<Added>,
    replaced: BTreeMap<WireId, WireId>,
    inputs: BTreeMap<(NodeId, usize), WireId>,
    outputs: Vec<WireId>,
}

#[derive(Clone, Debug)]
struct Added {
    name: String,
    value: Value,
}

#[derive(Clone, Debug)]
enum Value {
    Parameter(Tensor),
    Node { name: String, op: Op, inputs: Vec<WireId> },
}

/// A graph after a [`Patch`].
#[derive(Clone, Debug, PartialEq)]
pub struct Patched {
    /// The new graph.
    pub graph: Graph,
    wires: Vec<Option<WireId>>,
}

impl Patched {
    /// Where a wire of the old graph, or one that the patch added, is in the new one: `None` if nothing needs it any
    /// more. A wire that was replaced and then left out is found at its replacement.
    pub fn wire(&self, old: WireId) -> Option<WireId> {
        self.wires.get(old.0 as usize).copied().flatten()
    }
}

impl Patch {
    /// A patch for `graph` that changes nothing yet.
    pub fn new(graph: &Graph, explanation: impl Into<String>) -> Self {
        Self {
            explanation: explanation.into(),
            first: graph.wires().len(),
            added: Vec::new(),
            replaced: BTreeMap::new(),
            inputs: BTreeMap::new(),
            outputs: Vec::new(),
        }
    }

    /// Adds a wire with a value. It gets this name unless a wire that stays has it, then with a number.
    pub fn parameter(&mut self, name: impl Into<String>, value: Tensor) -> WireId {
        self.add(name.into(), Value::Parameter(value))
    }

    /// Adds a node and gives its output, named after the node under the same condition.
    pub fn node(&mut self, name: impl Into<String>, op: Op, inputs: &[WireId]) -> WireId {
        let name = name.into();
        self.node_with_output(name.clone(), name, op, inputs)
    }

    /// [`node`](Self::node) with another name for the output wire. A node that computes what an old wire held takes
    /// that wire's name, so that the value keeps its name.
    pub fn node_with_output(
        &mut self,
        name: impl Into<String>,
        output: impl Into<String>,
        op: Op,
        inputs: &[WireId],
    ) -> WireId {
        let value = Value::Node { name: name.into(), op, inputs: inputs.to_vec() };
        self.add(output.into(), value)
    }

    /// Lets the graph's nodes and outputs that read `old` read `new`. Nodes of the patch read what they name, so a
    /// new node may take `old` and then replace it. Replacements do not chain.
    pub fn replace(&mut self, old: WireId, new: WireId) {
        self.replaced.insert(old, new);
    }

    /// Lets one input of one of the graph's nodes read `new`; goes before [`replace`](Self::replace).
    pub fn replace_input(&mut self, node: NodeId, input: usize, new: WireId) {
        self.inputs.insert((node, input), new);
    }

    /// Adds an output after those of the graph.
    pub fn output(&mut self, wire: WireId) {
        self.outputs.push(wire);
    }

    fn add(&mut self, name: String, value: Value) -> WireId {
        self.added.push(Added { name, value });
        WireId((self.first + self.added.len() - 1) as u32)
    }

    /// The graph with the change: old nodes keep their order, a new node stands before the first that reads it,
    /// wires that stay keep their names, what no output depends on is left out. Inputs stay, read or not.
    ///
    /// # Errors
    /// [`GraphError`] if `graph` or the change is not well formed: nodes that wait for each other, a wire or an input
    /// that is not there, a patch for another graph.
    pub fn apply(self, graph: &Graph) -> Result<Patched, GraphError> {
        self.check(graph)?;
        let plan = Rewrite::new(&self, graph);
        let order = plan.order()?;
        Ok(plan.build(graph, &order))
    }

    fn check(&self, graph: &Graph) -> Result<(), GraphError> {
        graph.check()?;
        let found = graph.wires().len();
        if found != self.first {
            let explanation = self.explanation.clone();
            return Err(GraphError::OtherGraph { explanation, expected: self.first, found });
        }
        for &(node, input) in self.inputs.keys() {
            let there = (node.0 as usize) < graph.nodes().len() && input < graph.node_of(node).inputs.len();
            if !there {
                let explanation = self.explanation.clone();
                return Err(GraphError::NoSuchInput { explanation, node: node.0, input });
            }
        }
        let count = self.first + self.added.len();
        let added = self.added.iter().filter_map(|added| match &added.value {
            Value::Node { inputs, .. } => Some(inputs),
            Value::Parameter(_) => None,
        });
        let named = self.replaced.iter().flat_map(|(old, new)| [old, new]);
        let named = named.chain(self.inputs.values()).chain(&self.outputs).chain(added.flatten());
        match named.copied().find(|wire| wire.0 as usize >= count) {
            Some(wire) => {
                let user = format!("the patch \"{}\"", self.explanation);
                Err(GraphError::NoSuchWire { user, wire: wire.0, count })
            }
            None => Ok(()),
        }
    }
}

/// Old and added wires and nodes in one numbering: the added ones follow.
struct Rewrite {
    nodes: Vec<Node>,
    wires: Vec<Wire>,
    outputs: Vec<WireId>,
    assignments: Vec<Assignment>,
    replaced: BTreeMap<WireId, WireId>,
    /// The nodes that outputs and assignments depend on.
    live: Vec<bool>,
}

impl Rewrite {
    fn new(patch: &Patch, graph: &Graph) -> Self {
        let reads = |wire: WireId| patch.replaced.get(&wire).copied().unwrap_or(wire);
        let mut nodes: Vec<Node> = graph.nodes().map(|(_, node)| node.clone()).collect();
        for node in &mut nodes {
            node.inputs.iter_mut().for_each(|wire| *wire = reads(*wire));
        }
        for (&(node, input), &wire) in &patch.inputs {
            nodes[node.0 as usize].inputs[input] = wire;
        }
        let mut wires: Vec<Wire> = graph.wires().map(|(_, wire)| wire.clone()).collect();
        for added in &patch.added {
            let output = WireId(wires.len() as u32);
            let source = match &added.value {
                Value::Parameter(tensor) => Source::Parameter(tensor.clone()),
                Value::Node { name, op, inputs } => {
                    nodes.push(Node { name: name.clone(), op: op.clone(), inputs: inputs.clone(), output });
                    Source::Node(NodeId((nodes.len() - 1) as u32))
                }
            };
            wires.push(Wire { name: added.name.clone(), source });
        }
        let old_outputs = graph.outputs.iter().map(|&wire| reads(wire));
        let outputs: Vec<WireId> = old_outputs.chain(patch.outputs.iter().copied()).collect();
        let assigned =
            |&Assignment { target, value }: &Assignment| Assignment { target, value: reads(value) };
        let mut rewrite = Self {
            live: vec![false; nodes.len()],
            nodes,
            wires,
            outputs,
            assignments: graph.assignments.iter().map(assigned).collect(),
            replaced: patch.replaced.clone(),
        };
        rewrite.mark();
        rewrite
    }

    fn producer(&self, wire: WireId) -> Option<usize> {
        match self.wires[wire.0 as usize].source {
            Source::Node(id) => Some(id.0 as usize),
            Source::Input(_) | Source::Parameter(_) => None,
        }
    }

    fn mark(&mut self) {
        let values = self.assignments.iter().map(|assignment| assignment.value);
        let results = self.outputs.iter().copied().chain(values);
        let mut open: Vec<usize> = results.filter_map(|wire| self.producer(wire)).collect();
        while let Some(node) = open.pop() {
            if !std::mem::replace(&mut self.live[node], true) {
                open.extend(self.nodes[node].inputs.iter().filter_map(|&wire| self.producer(wire)));
            }
        }
    }

    /// The live nodes, in the order of the list except that each comes after those that it reads from.
    fn order(&self) -> Result<Vec<usize>, GraphError> {
        #[derive(Clone, Copy, PartialEq)]
        enum State {
            New,
            Open,
            Done,
        }
        let mut order = Vec::new();
        let mut state = vec![State::New; self.nodes.len()];
        for root in (0..self.nodes.len()).filter(|&node| self.live[node]) {
            // Nodes that wait for their sources, each with the number of inputs that have been looked at.
            let mut waiting = if state[root] == State::New { vec![(root, 0)] } else { Vec::new() };
            while let Some((node, looked_at)) = waiting.last_mut() {
                state[*node] = State::Open;
                match self.nodes[*node].inputs.get(*looked_at) {
                    Some(&wire) => {
                        *looked_at += 1;
                        match self.producer(wire).map(|source| (source, state[source])) {
                            Some((source, State::New)) => waiting.push((source, 0)),
                            Some((source, State::Open)) => {
                                return Err(GraphError::Circle(self.nodes[source].name.clone()));
                            }
                            Some((_, State::Done)) | None => {}
                        }
                    }
                    None => {
                        state[*node] = State::Done;
                        order.push(*node);
                        waiting.pop();
                    }
                }
            }
        }
        Ok(order)
    }

    fn build(mut self, graph: &Graph, order: &[usize]) -> Patched {
        let mut stays = vec![false; self.wires.len()];
        let read = order.iter().flat_map(|&node| &self.nodes[node].inputs);
        for wire in read.chain(&self.outputs).chain(&graph.inputs) {
            stays[wire.0 as usize] = true;
        }
        for Assignment { target, value } in &self.assignments {
            stays[target.0 as usize] = true;
            stays[value.0 as usize] = true;
        }
        let mut count = 0;
        let ids: Vec<Option<WireId>> = stays
            .iter()
            .map(|&stays| {
                let id = stays.then_some(WireId(count));
                count += u32::from(stays);
                id
            })
            .collect();
        let new = |wire: WireId| ids[wire.0 as usize].unwrap_or(wire);
        let mut places = vec![0; self.nodes.len()];
        let mut nodes = Vec::with_capacity(order.len());
        for (place, &old) in order.iter().enumerate() {
            places[old] = place as u32;
            let node = &mut self.nodes[old];
            node.inputs.iter_mut().for_each(|wire| *wire = new(*wire));
            node.output = new(node.output);
            nodes.push(node.clone());
        }
        let inputs = graph.inputs.iter().map(|&wire| new(wire)).collect();
        let outputs = self.outputs.iter().map(|&wire| new(wire)).collect();
        let moved = |&Assignment { target, value }: &Assignment| Assignment {
            target: new(target),
            value: new(value),
        };
        let assignments = self.assignments.iter().map(moved).collect();
        let staying = std::iter::zip(self.wires, &stays).filter(|(_, stays)| **stays);
        let wires = staying
            .map(|(mut wire, _)| {
                if let Source::Node(node) = &mut wire.source {
                    *node = NodeId(places[node.0 as usize]);
                }
                wire
            })
            .collect();
        let mut found = ids.clone();
        for (old, new) in &self.replaced {
            found[old.0 as usize] = ids[old.0 as usize].or(ids[new.0 as usize]);
        }
        Patched { graph: Graph::assemble(wires, nodes, inputs, outputs, assignments), wires: found }
    }
}
