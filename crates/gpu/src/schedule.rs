//! The tasks of a graph as steps, and whether the device can hold what they need.

use std::ops::Range;

use fewbit_graph::{Facts, Graph, Node};
use fewbit_runtime::{Keep, RunError};

use crate::device::Device;
use crate::fuse::{Task, tasks};
use crate::kernels;
use crate::memory::Memory;
use crate::program::scratch_bytes;
use crate::step::{Recording, Site};

/// A task and its commands.
pub(crate) struct Scheduled {
    pub(crate) task: Task,
    /// Its steps, by their numbers in the recording.
    pub(crate) commands: Range<usize>,
}

/// The tasks of a graph and their steps.
pub(crate) fn record(
    device: &Device,
    graph: &Graph,
    facts: &Facts,
    keep: Keep,
) -> Result<(Vec<Scheduled>, Recording), RunError> {
    let mut recording = Recording::default();
    let mut scheduled = Vec::new();
    for task in tasks(graph, keep) {
        let Some(node) = task.nodes.first().map(|&id| graph.node_of(id)) else { continue };
        let first = recording.steps.len();
        recording.next_node();
        let site = Site { inputs: &node.inputs, output: task.output, facts, epilogue: &task.epilogue };
        kernels::lower(&node.op, &site, &mut recording).map_err(|why| unsupported(node, why))?;
        let scratch = scratch_bytes(recording.largest);
        if scratch > most_bytes(device) {
            return Err(unsupported(node, beyond(device, "a rearranged copy", scratch)));
        }
        let commands = first..recording.steps.len();
        scheduled.push(Scheduled { task, commands });
    }
    Ok((scheduled, recording))
}

/// Whether every value can be bound at once.
pub(crate) fn check_sizes(
    device: &Device,
    graph: &Graph,
    facts: &Facts,
    memory: &Memory,
) -> Result<(), RunError> {
    for (_, node) in graph.nodes() {
        for &wire in node.inputs.iter().chain([&node.output]) {
            let fact = facts.of(wire);
            let bytes = fact.len() as u64 * 4;
            if memory.of(wire).is_some() && bytes > most_bytes(device) {
                let what = format!("`{}`, {fact},", graph.wire(wire).name);
                return Err(unsupported(node, beyond(device, &what, bytes)));
            }
        }
    }
    Ok(())
}

/// The most bytes that a kernel can be given at once.
fn most_bytes(device: &Device) -> u64 {
    device.limits.max_storage_buffer_binding_size.min(device.limits.max_buffer_size)
}

fn beyond(device: &Device, what: &str, bytes: u64) -> String {
    let mib = |bytes: u64| bytes >> 20;
    format!(
        "{what} takes {} MiB, and the adapter binds at most {} MiB at once",
        mib(bytes),
        mib(most_bytes(device))
    )
}

pub(crate) fn unsupported(node: &Node, why: String) -> RunError {
    RunError::Unsupported { node: node.name.clone(), op: node.op.name().to_owned(), why }
}
