//! What a graph costs: multiply-accumulates, parameters, bytes.

use std::ops::AddAssign;

use crate::graph::{Graph, Node, WireId};
use crate::infer::Facts;
use crate::op::Op;
use crate::tensor::{DType, Fact};

/// What running something once costs, for the shapes of some [`Facts`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Multiply-accumulates of Conv, Gemm, MatMul and recurrent layers. Padding counts as if it were there, biases do not count.
    pub macs: u64,
    /// Float values among the parameters that are read.
    pub parameters: u64,
    /// Bytes moved, if every input is read once from memory and every output written once: an estimate from below
    /// for engines that do not fuse nodes.
    pub bytes: u64,
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        self.macs = self.macs.saturating_add(other.macs);
        self.parameters = self.parameters.saturating_add(other.parameters);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

/// The cost of one node, with all parameters that it reads.
pub fn node_cost(graph: &Graph, facts: &Facts, node: &Node) -> Cost {
    let mut read: Vec<WireId> = node.inputs.clone();
    read.sort_unstable();
    read.dedup();
    let moved = read.iter().chain([&node.output]).map(|&wire| bytes(facts.of(wire)));
    Cost { macs: macs(facts, node), parameters: float_values(graph, &read), bytes: moved.sum() }
}

/// The cost of all nodes. A parameter that several nodes read is counted once.
pub fn total_cost(graph: &Graph, facts: &Facts) -> Cost {
    let mut total = Cost::default();
    for (_, node) in graph.nodes() {
        total += Cost { parameters: 0, ..node_cost(graph, facts, node) };
    }
    let mut read: Vec<WireId> = graph.nodes().flat_map(|(_, node)| node.inputs.iter().copied()).collect();
    read.sort_unstable();
    read.dedup();
    Cost { parameters: float_values(graph, &read), ..total }
}

fn float_values(graph: &Graph, wires: &[WireId]) -> u64 {
    let tensors = wires.iter().filter_map(|&wire| graph.value(wire));
    tensors.filter(|tensor| tensor.dtype() == DType::F32).map(|tensor| tensor.len() as u64).sum()
}

fn macs(facts: &Facts, node: &Node) -> u64 {
    let shape = |input: usize| node.inputs.get(input).map_or(&[][..], |&wire| facts.shape(wire));
    // How many products are summed for each element of the output.
    let terms = match &node.op {
        // w is [O, C/groups, *K].
        Op::Conv(_) => shape(1).iter().skip(1).fold(1, |terms: u64, &n| terms.saturating_mul(n as u64)),
        Op::MatMul => shape(0).last().map_or(0, |&k| k as u64),
        Op::Gemm(gemm) => shape(0).get(usize::from(!gemm.trans_a)).map_or(0, |&k| k as u64),
        // Each product of the forward pass again, for each of the two gradients.
        Op::ConvInputGrad(_) => {
            let per_output = shape(1).iter().skip(1).fold(1, |terms: u64, &n| terms.saturating_mul(n as u64));
            return per_output.saturating_mul(facts.of(node.inputs[0]).len() as u64);
        }
        // Each gate of each step takes a product with the hidden state.
        Op::Recurrent(_) => {
            let hidden = shape(1).last().map_or(0, |&n| n as u64);
            return hidden.saturating_mul(facts.of(node.inputs[0]).len() as u64);
        }
        Op::ConvWeightGrad(_) => {
            let kernel = facts.shape(node.output).iter().skip(1);
            let per_output = kernel.fold(1, |terms: u64, &n| terms.saturating_mul(n as u64));
            return per_output.saturating_mul(facts.of(node.inputs[0]).len() as u64);
        }
        _ => 0,
    };
    terms.saturating_mul(facts.of(node.output).len() as u64)
}

fn bytes(fact: &Fact) -> u64 {
    let size = match fact.dtype {
        DType::F32 => 4,
        DType::I64 => 8,
    };
    (fact.len() as u64).saturating_mul(size)
}
