//! Graphs within graphs, written out: the functions of a model where they are called, and the branch of an If whose
//! condition is known. What is inside gets names of its own.

use std::collections::BTreeMap;

use crate::error::{Place, Problem, ReadError};
use crate::limits::Limits;
use crate::onnx::order;
use crate::onnx::proto::{AttributeProto, FunctionProto, GraphProto, NodeProto};

/// New names of values; those that are not in it keep theirs.
type Names = BTreeMap<String, String>;

/// Puts the branches of these Ifs, by their place in the file and whether the condition holds, where the Ifs are.
pub(super) fn branches(graph: &mut GraphProto, taken: &[(usize, bool)]) {
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
/// [`ReadError`] if that makes more nodes than are read, as functions that call themselves do.
pub(super) fn functions(
    graph: &mut GraphProto,
    functions: &[FunctionProto],
    limits: &Limits,
) -> Result<(), ReadError> {
    let called = |node: &NodeProto| {
        functions.iter().find(|function| {
            (function.name(), function.domain(), function.overload())
                == (node.op_type(), node.domain(), node.overload())
        })
    };
    let mut calls = 0u64;
    while graph.node.iter().any(|node| called(node).is_some()) {
        let mut nodes = Vec::new();
        for node in std::mem::take(&mut graph.node) {
            match called(&node) {
                None => nodes.push(node),
                Some(function) => {
                    calls += 1;
                    nodes.extend(body(function, node, calls));
                }
            }
            let found = calls.max(nodes.len() as u64);
            if found > limits.nodes {
                let problem =
                    Problem::TooLarge { what: "nodes within functions", found, limit: limits.nodes };
                return Err(Place::File.error(problem));
            }
        }
        graph.node = nodes;
    }
    Ok(())
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
