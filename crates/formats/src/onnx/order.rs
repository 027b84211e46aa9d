//! Names and order: who computes what, and what has to run first.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::error::{Place, Problem, ReadError};
use crate::onnx::proto::GraphProto;

/// The nodes that the outputs depend on, by their place in the file, each after those that it reads from. Nodes keep
/// the order of the file where it allows that.
///
/// # Errors
/// [`ReadError`] if a name stands for two values or for none, or nodes wait for each other. That is told of all nodes.
pub(super) fn order(graph: &GraphProto) -> Result<Vec<usize>, ReadError> {
    let producers = producers(graph)?;
    let missing = |place: Place, what, name: &str| {
        place.error(Problem::Missing { what, name: name.to_owned(), found: Vec::new() })
    };
    let mut readers: Vec<Vec<usize>> = vec![Vec::new(); graph.node.len()];
    let mut sources: Vec<Vec<usize>> = vec![Vec::new(); graph.node.len()];
    for (i, node) in graph.node.iter().enumerate() {
        for name in node.input.iter().filter(|name| !name.is_empty()) {
            match producers.get(name.as_str()) {
                Some(Producer::Node(source)) => {
                    readers.get_mut(*source).into_iter().for_each(|readers| readers.push(i));
                    sources.get_mut(i).into_iter().for_each(|sources| sources.push(*source));
                }
                Some(Producer::File) => {}
                None => return Err(missing(place_of(graph, i), "its input", name)),
            }
        }
    }
    let mut needed = vec![false; graph.node.len()];
    let mut open = Vec::new();
    for output in &graph.output {
        match producers.get(output.name()) {
            Some(Producer::Node(source)) => open.push(*source),
            Some(Producer::File) => {}
            None => return Err(missing(Place::File, "the output", output.name())),
        }
    }
    while let Some(i) = open.pop() {
        if needed.get_mut(i).is_some_and(|needed| !std::mem::replace(needed, true)) {
            open.extend(sources.get(i).into_iter().flatten());
        }
    }
    let sorted = sorted(graph, &readers, &sources)?;
    Ok(sorted.into_iter().filter(|&i| needed.get(i) == Some(&true)).collect())
}

/// Kahn's algorithm (1962), taking what is ready in the order of the file.
fn sorted(
    graph: &GraphProto,
    readers: &[Vec<usize>],
    sources: &[Vec<usize>],
) -> Result<Vec<usize>, ReadError> {
    let mut waiting: Vec<usize> = sources.iter().map(Vec::len).collect();
    let mut ready: VecDeque<usize> = (0..waiting.len()).filter(|&i| waiting.get(i) == Some(&0)).collect();
    let mut sorted = Vec::with_capacity(waiting.len());
    while let Some(i) = ready.pop_front() {
        sorted.push(i);
        for &reader in readers.get(i).into_iter().flatten() {
            if let Some(left) = waiting.get_mut(reader) {
                *left -= 1;
                if *left == 0 {
                    ready.push_back(reader);
                }
            }
        }
    }
    match waiting.iter().position(|&left| left > 0) {
        Some(stuck) => Err(place_of(graph, stuck).error(Problem::Circle)),
        None => {
            // A file whose nodes are in order already keeps that order.
            if in_file_order(sources) { Ok((0..sources.len()).collect()) } else { Ok(sorted) }
        }
    }
}

fn in_file_order(sources: &[Vec<usize>]) -> bool {
    sources.iter().enumerate().all(|(i, sources)| sources.iter().all(|&source| source < i))
}

enum Producer {
    Node(usize),
    /// An input or an initializer.
    File,
}

fn producers(graph: &GraphProto) -> Result<BTreeMap<&str, Producer>, ReadError> {
    let mut producers = BTreeMap::new();
    let twice = |place: Place, name: &str| Err(place.error(Problem::Duplicate(name.to_owned())));
    for initializer in &graph.initializer {
        let name = initializer.name();
        if producers.insert(name, Producer::File).is_some() {
            return twice(Place::Tensor(name.to_owned()), name);
        }
    }
    for sparse in &graph.sparse_initializer {
        let name = sparse.values.as_ref().map(|values| values.name()).unwrap_or_default();
        if producers.insert(name, Producer::File).is_some() {
            return twice(Place::Tensor(name.to_owned()), name);
        }
    }
    let mut inputs = BTreeSet::new();
    for input in &graph.input {
        let name = input.name();
        if !inputs.insert(name) {
            return twice(Place::Value(name.to_owned()), name);
        }
        // Before IR version 4 every initializer is an input as well.
        producers.entry(name).or_insert(Producer::File);
    }
    for (i, node) in graph.node.iter().enumerate() {
        for name in node.output.iter().filter(|name| !name.is_empty()) {
            if producers.insert(name, Producer::Node(i)).is_some() {
                return twice(place_of(graph, i), name);
            }
        }
    }
    Ok(producers)
}

/// Where node `i` of `graph` is: its name, or that of its first output, or its number.
pub(super) fn place_of(graph: &GraphProto, i: usize) -> Place {
    Place::Node(name_of(graph, i))
}

/// The name of node `i` of `graph`: its own, or that of its first output, or its number.
pub(super) fn name_of(graph: &GraphProto, i: usize) -> String {
    let node = graph.node.get(i);
    let own = node.map(|node| node.name()).filter(|name| !name.is_empty());
    let output =
        || node.and_then(|node| node.output.iter().find(|name| !name.is_empty())).map(String::as_str);
    own.or_else(output).map_or_else(|| format!("#{i}"), str::to_owned)
}
