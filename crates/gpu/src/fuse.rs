//! Which nodes run as one task: an activation and a quantizer go into the store of the node before them.

use fewbit_graph::{Graph, NodeId, Op, WireId};
use fewbit_runtime::Keep;

use crate::kernels::epilogue::{self, Epilogue, Quantizer};

/// Nodes that run together.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    /// A node and those fused into its store, in order.
    pub(crate) nodes: Vec<NodeId>,
    /// What they do to the first node's result.
    pub(crate) epilogue: Epilogue,
    /// The last node's output.
    pub(crate) output: WireId,
}

/// The tasks of a graph, in an order in which they can run.
///
/// A node is fused into the one before it if nobody else reads the wire between them, so only with [`Keep::Outputs`].
pub(crate) fn tasks(graph: &Graph, keep: Keep) -> Vec<Task> {
    let uses = graph.uses();
    let mut fused = vec![false; graph.nodes().len()];
    let mut tasks = Vec::new();
    for (id, node) in graph.nodes() {
        if fused[id.0 as usize] {
            continue;
        }
        let mut task = Task { nodes: vec![id], epilogue: Epilogue::default(), output: node.output };
        // These two are nothing but an epilogue.
        if matches!(node.op, Op::Unary(_) | Op::FakeQuantize { .. }) {
            task.absorb(&node.op, &node.inputs);
        }
        while keep == Keep::Outputs && takes_epilogue(&node.op) && uses[task.output.0 as usize] == 1 {
            let Some(reader) = graph.consumers(task.output).next() else { break };
            let next = graph.node_of(reader);
            if next.inputs.first() != Some(&task.output) || !task.absorb(&next.op, &next.inputs) {
                break;
            }
            fused[reader.0 as usize] = true;
            task.nodes.push(reader);
            task.output = next.output;
        }
        tasks.push(task);
    }
    // A quantizer may wait for scales that are computed after the node that it is fused into.
    tasks.sort_by_key(|task| task.nodes.last().copied());
    tasks
}

impl Task {
    /// Adds a node to the epilogue, if it can follow what is there.
    fn absorb(&mut self, op: &Op, inputs: &[WireId]) -> bool {
        let Epilogue { activation, quantizer } = &mut self.epilogue;
        match (op, inputs) {
            (Op::Unary(unary), _)
                if epilogue::is_activation(*unary) && activation.is_none() && quantizer.is_none() =>
            {
                *activation = Some(*unary);
                true
            }
            (Op::FakeQuantize { axis, .. }, &[_, scale, zero_point, bounds]) if quantizer.is_none() => {
                *quantizer = Some(Quantizer { scale, zero_point, bounds, axis: *axis });
                true
            }
            _ => false,
        }
    }
}

/// Whether the kernels of an operator have `prelude/epilogue.wgsl`.
fn takes_epilogue(op: &Op) -> bool {
    let is_activation = |op: &Op| matches!(op, Op::Unary(unary) if epilogue::is_activation(*unary));
    is_activation(op)
        || matches!(
            op,
            Op::Conv(_) | Op::MatMul | Op::Gemm(_) | Op::Binary(_) | Op::Pool(_) | Op::FakeQuantize { .. }
        )
}
