//! Removes nodes that give back what they get.

use crate::graph::{Graph, Node};
use crate::model::short_name;
use crate::op::Op;
use crate::passes::Pass;
use crate::patch::Patch;

/// Lets the readers of a node that changes nothing, whatever the shape, read its input: a Transpose that keeps the
/// order, a Pad by nothing, a Slice of everything, a Concat of one tensor, a Reduce over no axis. A node that gives an
/// output of the graph stays, because the output has its name.
#[derive(Clone, Copy, Debug, Default)]
pub struct DropIdentity;

impl Pass for DropIdentity {
    fn name(&self) -> &str {
        "drop identities"
    }

    fn propose(&self, graph: &Graph) -> Option<Patch> {
        graph.nodes().find_map(|(_, node)| {
            let &[input] = node.inputs.as_slice() else { return None };
            if !is_identity(node) || graph.outputs.contains(&node.output) {
                return None;
            }
            let explanation =
                format!("dropped {} {}, which changes nothing", node.op.name(), short_name(node));
            let mut patch = Patch::new(graph, explanation);
            patch.replace(node.output, input);
            Some(patch)
        })
    }
}

fn is_identity(node: &Node) -> bool {
    match &node.op {
        Op::Transpose { perm } => perm.iter().copied().eq(0..perm.len()),
        Op::Pad(pad) => pad.begin.iter().chain(&pad.end).all(|&n| n == 0),
        Op::Slice(slice) => {
            slice.starts.iter().all(|&start| start == 0)
                && slice.ends.iter().all(|&end| end == i64::MAX)
                && slice.steps.iter().all(|&step| step == 1)
        }
        Op::Concat { .. } => true,
        Op::Reduce(reduce) => reduce.axes.is_empty(),
        _ => false,
    }
}
