//! The end of a step of learning: parameters take the values that nodes computed for them.

use fewbit_graph::{Facts, Graph};
use fewbit_runtime::RunError;

use crate::memory::Memory;
use crate::schedule::unsupported;

/// A copy from one buffer of a plan to another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Copy {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) bytes: u64,
}

/// The copies of a graph's assignments.
///
/// A value is written to a buffer of its own and copied when all are there: 8 bytes an element, little beside the 16 to
/// 20 of the optimizer that computed it. Written straight to the parameter it would be seen by nodes that still want the
/// old one, and a step that is stopped would leave some parameters changed and others not.
pub(crate) fn assignments(graph: &Graph, facts: &Facts, memory: &Memory) -> Result<Vec<Copy>, RunError> {
    let mut copies = Vec::with_capacity(graph.assignments.len());
    for assignment in &graph.assignments {
        let node = graph.producer(assignment.value).map(|id| graph.node_of(id));
        // Copies are made one after another, so none may read what an earlier one writes.
        if let (Some(node), None) = (node, graph.producer(memory.root(assignment.value))) {
            let why = "a parameter in another shape cannot be assigned to a parameter";
            return Err(unsupported(node, why.to_owned()));
        }
        if let (Some(from), Some(to)) = (memory.of(assignment.value), memory.of(assignment.target)) {
            copies.push(Copy { from, to, bytes: facts.of(assignment.value).len() as u64 * 4 });
        }
    }
    Ok(copies)
}
