//! Graphs within graphs, written out: the functions of a model where they are called, and the branch of an If whose
//! condition is known. What is inside gets names of its own.

use std::collections::BTreeMap;

use prost::Message as _;

use crate::error::{Place, Problem, ReadError};
use crate::limits::Limits;
use crate::onnx::order;
use crate::onnx::proto::{AttributeProto, FunctionProto, GraphProto, NodeProto};

/// New names of values; those that are not in it keep theirs.
type Names = BTreeMap<String, String>;

/// Puts the branches of these Ifs, by their place in the file and whether the condition holds, where the Ifs are.
///
/// # Errors
/// [`ReadError`] if the names that the values get take more than [`Limits::filled_elements`] bytes.
pub(super) fn branches(
    graph: &mut GraphProto,
    taken: &[(usize, bool)],
    limits: &Limits,
) -> Result<(), ReadError> {
    let mut left = Left::new(&[], limits);
    for &(index, holds) in taken {
        let prefix = order::name_of(graph, index);
        let Some(node) = graph.node.get_mut(index) else { continue };
        let wanted = if holds { "then_branch" } else { "else_branch" };
        let outputs = std::mem::take(&mut node.output);
        let attribute = node.attribute.iter_mut().find(|attribute| attribute.name() == wanted);
        let branch = attribute.and_then(|attribute| attribute.g.take()).unwrap_or_default();
        *node = NodeProto::default();
        let mut inner = *branch;
        let mut names = Names::new();
        let initial = inner.initializer.iter().map(|tensor| tensor.name());
        let made = inner.node.iter().flat_map(|node| &node.output).map(String::as_str);
        for name in initial.chain(made).filter(|name| !name.is_empty()) {
            left.bytes(prefix.len() as u64)?;
            names.insert(name.to_owned(), format!("{prefix}/{name}"));
        }
        rename(&mut inner, &names);
        for (output, inner) in outputs.into_iter().zip(&inner.output) {
            graph.node.push(identity(inner.name(), output));
        }
        graph.node.append(&mut inner.node);
        graph.initializer.append(&mut inner.initializer);
        graph.value_info.append(&mut inner.value_info);
    }
    Ok(())
}

fn identity(input: &str, output: String) -> NodeProto {
    NodeProto {
        input: vec![input.to_owned()],
        output: vec![output],
        op_type: Some("Identity".to_owned()),
        ..Default::default()
    }
}

/// Gives the values of a graph, and of those inside, other names.
fn rename(graph: &mut GraphProto, names: &Names) {
    for tensor in &mut graph.initializer {
        renamed_option(&mut tensor.name, names);
    }
    for value in graph.value_info.iter_mut().chain(&mut graph.output) {
        renamed_option(&mut value.name, names);
    }
    for node in &mut graph.node {
        rename_node(node, names);
    }
}

fn renamed_option(name: &mut Option<String>, names: &Names) {
    if let Some(new) = name.as_ref().and_then(|name| names.get(name)) {
        *name = Some(new.clone());
    }
}

fn rename_node(node: &mut NodeProto, names: &Names) {
    for name in node.input.iter_mut().chain(&mut node.output) {
        if let Some(new) = names.get(name) {
            name.clone_from(new);
        }
    }
    for attribute in &mut node.attribute {
        attribute.g.iter_mut().for_each(|graph| rename(graph, names));
        attribute.graphs.iter_mut().for_each(|graph| rename(graph, names));
    }
}

/// Puts the bodies of functions where they are called, until no call is left.
///
/// # Errors
/// [`ReadError`] if functions lie deeper in each other than [`Limits::depth`], as those that call themselves do, or if
/// that makes more nodes, messages or bytes than are read.
pub(super) fn functions(
    graph: &mut GraphProto,
    functions: &[FunctionProto],
    limits: &Limits,
) -> Result<(), ReadError> {
    let mut bodies = BTreeMap::new();
    for function in functions {
        bodies.entry((function.domain(), function.name(), function.overload())).or_insert(function);
    }
    let mut left = Left::new(functions, limits);
    let mut calls = 0u64;
    let mut nodes = Vec::new();
    let outermost = std::mem::take(&mut graph.node).into_iter().map(|node| (node, 0));
    let mut waiting: Vec<(NodeProto, u32)> = outermost.rev().collect();
    while let Some((node, depth)) = waiting.pop() {
        let Some(function) = bodies.get(&(node.domain(), node.op_type(), node.overload())).copied() else {
            nodes.push(node);
            continue;
        };
        within("functions within functions", u64::from(depth) + 1, u64::from(limits.depth))?;
        calls += 1;
        left.body(&function.node, node.name().len().max(function.name().len()))?;
        waiting.extend(body(function, node, calls).into_iter().map(|node| (node, depth + 1)).rev());
        within("nodes within functions", calls.max((nodes.len() + waiting.len()) as u64), limits.nodes)?;
    }
    graph.node = nodes;
    Ok(())
}

fn within(what: &'static str, found: u64, limit: u64) -> Result<(), ReadError> {
    if found > limit {
        return Err(Place::File.error(Problem::TooLarge { what, found, limit }));
    }
    Ok(())
}

/// How much may still be written out: what a file stores once takes memory wherever it is called.
struct Left {
    messages: u64,
    most_messages: u64,
    bytes: u64,
    most_bytes: u64,
}

impl Left {
    /// Each of `functions` once, and so many bytes beyond as there may be elements that are not stored.
    fn new(functions: &[FunctionProto], limits: &Limits) -> Self {
        let stored: u64 = functions.iter().map(|function| function.encoded_len() as u64).sum();
        let most_bytes = limits.filled_elements.saturating_add(stored);
        Self { messages: 0, most_messages: limits.messages, bytes: 0, most_bytes }
    }

    /// Counts the nodes of a body whose names get a prefix of so many bytes.
    fn body(&mut self, nodes: &[NodeProto], prefix: usize) -> Result<(), ReadError> {
        self.messages += messages(nodes);
        within("protobuf messages within functions", self.messages, self.most_messages)?;
        for node in nodes {
            let names = node.output.len() + 1;
            self.bytes(
                (node.encoded_len() as u64).saturating_add((prefix as u64).saturating_mul(names as u64)),
            )?;
        }
        Ok(())
    }

    fn bytes(&mut self, bytes: u64) -> Result<(), ReadError> {
        self.bytes = self.bytes.saturating_add(bytes);
        within("bytes of nodes and names within functions and branches", self.bytes, self.most_bytes)
    }
}

/// The nodes, attributes and what lies in these.
fn messages(nodes: &[NodeProto]) -> u64 {
    let of_graph = |graph: &GraphProto| {
        let values = graph.input.len() + graph.output.len() + graph.value_info.len();
        1 + (graph.initializer.len() + values) as u64 + messages(&graph.node)
    };
    let of_attribute = |attribute: &AttributeProto| {
        let listed = attribute.strings.len() + attribute.tensors.len();
        let rare = attribute.type_protos.len() + attribute.sparse_tensors.len();
        let graphs = attribute.g.iter().map(|graph| &**graph).chain(&attribute.graphs);
        1 + (listed + rare) as u64 + graphs.map(of_graph).sum::<u64>()
    };
    nodes.iter().map(|node| 1 + node.attribute.iter().map(of_attribute).sum::<u64>()).sum()
}

/// The nodes of `function` with the inputs, outputs and attributes of `call`.
fn body(function: &FunctionProto, call: NodeProto, number: u64) -> Vec<NodeProto> {
    let prefix =
        if call.name().is_empty() { format!("{}.{number}", function.name()) } else { call.name().to_owned() };
    let inner = function.node.iter().flat_map(|node| &node.output).filter(|name| !name.is_empty());
    let mut names: Names = inner.map(|name| (name.clone(), format!("{prefix}/{number}/{name}"))).collect();
    let given = function.input.iter().enumerate().map(|(i, name)| (name, call.input.get(i)));
    for (formal, actual) in
        given.chain(function.output.iter().enumerate().map(|(i, name)| (name, call.output.get(i))))
    {
        // An output that the caller leaves away keeps the name that nobody knows.
        match actual.filter(|actual| !actual.is_empty()) {
            Some(actual) => names.insert(formal.clone(), actual.clone()),
            None if function.input.contains(formal) => names.insert(formal.clone(), String::new()),
            None => None,
        };
    }
    let mut nodes = function.node.clone();
    for node in &mut nodes {
        rename_node(node, &names);
        let own = node.name().to_owned();
        node.name = (!own.is_empty()).then(|| format!("{prefix}/{own}"));
        node.attribute.retain_mut(|attribute| resolve(attribute, function, &call));
    }
    nodes
}

/// Replaces an attribute that stands for one of the function by what the call gives, and says whether there is one.
fn resolve(attribute: &mut AttributeProto, function: &FunctionProto, call: &NodeProto) -> bool {
    let wanted = attribute.ref_attr_name().to_owned();
    if wanted.is_empty() {
        return true;
    }
    let given = call.attribute.iter().chain(&function.attribute_proto).find(|given| given.name() == wanted);
    let Some(given) = given else { return false };
    let name = attribute.name.take();
    *attribute = AttributeProto { name, ..given.clone() };
    true
}
