//! Computes beforehand what does not depend on an input.

use crate::graph::{Graph, Node};
use crate::model::short_name;
use crate::op::Op;
use crate::passes::Pass;
use crate::patch::Patch;
use crate::tensor::Tensor;

/// Someone who can run a single operator; this crate cannot.
pub trait Evaluate {
    /// The operator's output, or `None` if it cannot be computed.
    fn evaluate(&self, op: &Op, inputs: &[&Tensor]) -> Option<Tensor>;
}

/// Replaces a node whose inputs are all parameters by its value. Quantizers and observers stay: their parameters are
/// knobs, to be turned while the graph runs.
///
/// The value has the name of the node's output. Where the node only lays out one parameter anew (Transpose, Reshape),
/// it keeps the name of that parameter, by which people know the weight.
#[derive(Clone, Copy)]
pub struct FoldConstants<'a> {
    /// Who computes.
    pub evaluator: &'a dyn Evaluate,
}

impl Pass for FoldConstants<'_> {
    fn name(&self) -> &str {
        "fold constants"
    }

    fn propose(&self, graph: &Graph) -> Option<Patch> {
        graph.nodes().find_map(|(_, node)| {
            let value = self.value(graph, node)?;
            let explanation = format!("computed {} {} beforehand", node.op.name(), short_name(node));
            let mut patch = Patch::new(graph, explanation);
            let folded = patch.parameter(graph.wire(named_after(node)).name.clone(), value);
            patch.replace(node.output, folded);
            Some(patch)
        })
    }
}

impl FoldConstants<'_> {
    fn value(&self, graph: &Graph, node: &Node) -> Option<Tensor> {
        let is_knob = matches!(
            node.op,
            Op::FakeQuantize { .. }
                | Op::SoftRound { .. }
                | Op::Bernoulli(_)
                | Op::Update(_)
                | Op::Compare { .. }
                | Op::Moments { .. }
                | Op::Histogram { .. }
        );
        if is_knob || node.inputs.is_empty() || graph.outputs.contains(&node.output) {
            return None;
        }
        let inputs = node.inputs.iter().map(|&wire| graph.value(wire)).collect::<Option<Vec<_>>>()?;
        self.evaluator.evaluate(&node.op, &inputs)
    }
}

fn named_after(node: &Node) -> crate::WireId {
    match (&node.op, node.inputs.as_slice()) {
        (Op::Transpose { .. } | Op::Reshape(_), &[input]) => input,
        _ => node.output,
    }
}
