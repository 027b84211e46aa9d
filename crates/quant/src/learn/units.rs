//! What is learned together.

use std::collections::{BTreeMap, BTreeSet};

use fewbit_graph::{Graph, NodeId, Op, WireId};

use crate::error::QuantError;
use crate::prepare::Prepared;

/// A part of a network with one way in and one way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// What people call it: the layer's name, or what the names of its layers begin with.
    pub name: String,
    /// Its layers, in the order in which they run.
    pub layers: Vec<usize>,
    /// The wire of the prepared graph that it reads.
    pub input: WireId,
    /// The wire of the prepared graph that it is for.
    pub output: WireId,
}

/// Each layer with the activation function behind it, if there is nothing else behind it.
///
/// Layers that the network's first output does not depend on are in no unit.
///
/// # Errors
/// Those of [`Prepared::face`].
pub fn layers(prepared: &Prepared) -> Result<Vec<Unit>, QuantError> {
    let flow = Flow::new(prepared)?;
    let live = prepared.layers.iter().enumerate().filter(|(_, layer)| flow.nodes.contains(&layer.node));
    let unit = |(index, layer): (usize, &fewbit_graph::Layer)| {
        let node = prepared.graph.node_of(layer.node);
        Some(Unit {
            name: layer.name.clone(),
            layers: vec![index],
            input: *node.inputs.first()?,
            output: flow.behind_activation(node.output),
        })
    };
    Ok(live.filter_map(unit).collect())
}

/// The network cut wherever one wire is all that goes on: what several ways lead through (a residual block, a
/// squeeze-and-excitation) is one unit, with the activation function behind it; other layers are a unit each.
///
/// # Errors
/// Those of [`Prepared::face`].
pub fn blocks(prepared: &Prepared) -> Result<Vec<Unit>, QuantError> {
    let flow = Flow::new(prepared)?;
    let mut units = Vec::new();
    for segment in flow.segments() {
        let layers: Vec<usize> = (0..prepared.layers.len())
            .filter(|&i| prepared.layers.get(i).is_some_and(|layer| segment.nodes.contains(&layer.node)))
            .collect();
        if !layers.is_empty() {
            let name = common_name(prepared, &layers);
            let output = flow.behind_activation(segment.output);
            units.push(Unit { name, layers, input: segment.input, output });
        }
    }
    Ok(units)
}

/// The whole network.
///
/// # Errors
/// Those of [`Prepared::face`].
pub fn whole(prepared: &Prepared) -> Result<Unit, QuantError> {
    let (face, flow) = (prepared.face()?, Flow::new(prepared)?);
    let live = prepared.layers.iter().enumerate().filter(|(_, layer)| flow.nodes.contains(&layer.node));
    Ok(Unit {
        name: prepared.facts.name.clone(),
        layers: live.map(|(index, _)| index).collect(),
        input: face.input,
        output: face.output,
    })
}

/// The nodes between the network's input and its first output.
struct Flow<'a> {
    graph: &'a Graph,
    input: WireId,
    output: WireId,
    /// In the order in which they run.
    nodes: BTreeSet<NodeId>,
    /// For each wire between the two, the nodes among them that read it.
    readers: BTreeMap<WireId, Vec<NodeId>>,
}

/// What lies between two wires that all goes through.
struct Segment {
    input: WireId,
    output: WireId,
    nodes: Vec<NodeId>,
}

impl<'a> Flow<'a> {
    fn new(prepared: &'a Prepared) -> Result<Self, QuantError> {
        let face = prepared.face()?;
        let graph = &prepared.graph;
        let mut needed = BTreeSet::from([face.output]);
        for (_, node) in graph.nodes().collect::<Vec<_>>().into_iter().rev() {
            if needed.contains(&node.output) {
                needed.extend(&node.inputs);
            }
        }
        let mut flow = Self {
            graph,
            input: face.input,
            output: face.output,
            nodes: BTreeSet::new(),
            readers: BTreeMap::from([(face.input, Vec::new())]),
        };
        for (id, node) in graph.nodes().filter(|(_, node)| needed.contains(&node.output)) {
            let read: BTreeSet<WireId> = node.inputs.iter().copied().collect();
            let mut varies = false;
            for wire in read {
                if let Some(readers) = flow.readers.get_mut(&wire) {
                    readers.push(id);
                    varies = true;
                }
            }
            if varies {
                flow.nodes.insert(id);
                flow.readers.insert(node.output, Vec::new());
            }
        }
        Ok(flow)
    }

    /// The output of the activation function that alone reads `wire`; `wire` itself if there is none.
    fn behind_activation(&self, wire: WireId) -> WireId {
        match self.readers.get(&wire).map(Vec::as_slice) {
            Some(&[reader]) if wire != self.output => {
                let node = self.graph.node_of(reader);
                if matches!(node.op, Op::Unary(_)) { node.output } else { wire }
            }
            _ => wire,
        }
    }

    /// The network, cut after every node behind which only its own output is still to be read.
    fn segments(&self) -> Vec<Segment> {
        let mut segments = Vec::new();
        let mut open = Segment { input: self.input, output: self.input, nodes: Vec::new() };
        // The last reader of any wire before this node.
        let mut reach = self.readers.get(&self.input).and_then(|readers| readers.last().copied());
        for &id in &self.nodes {
            let output = self.graph.node_of(id).output;
            open.nodes.push(id);
            if reach <= Some(id) {
                open.output = output;
                let next = Segment { input: output, output, nodes: Vec::new() };
                segments.push(std::mem::replace(&mut open, next));
            }
            reach = reach.max(self.readers.get(&output).and_then(|readers| readers.last().copied()));
        }
        segments
    }
}

/// The layer's name, or the path that all names begin with; with none, the first and the last name.
fn common_name(prepared: &Prepared, layers: &[usize]) -> String {
    let names: Vec<&str> =
        layers.iter().filter_map(|&i| prepared.layers.get(i)).map(|l| l.name.as_str()).collect();
    let (Some(&first), Some(&last)) = (names.first(), names.last()) else { return String::new() };
    if names.len() == 1 {
        return first.to_owned();
    }
    let shared = |path: &str| names.iter().all(|name| name.starts_with(path));
    let ends: Vec<usize> = first.match_indices('.').map(|(at, _)| at).collect();
    match ends.into_iter().rev().find(|&at| shared(&first[..=at])) {
        Some(at) => first[..at].to_owned(),
        None => format!("{first} – {last}"),
    }
}
