//! What a model takes in memory, told from its graph before anything runs.

use fewbit_graph::{Facts, Graph, Source, WireId};

/// The most bytes of values that are needed at once while `graph` runs in the order of its nodes, of the shapes that `facts` tell:
/// its inputs, what nodes have made and others still read, and its outputs. Parameters are not among them.
pub(crate) fn live_bytes(graph: &Graph, facts: &Facts) -> u64 {
    let bytes = |wire: WireId| 4 * facts.shape(wire).iter().map(|&n| n as u64).product::<u64>();
    let mut uses = graph.uses();
    let mut live: u64 = graph.inputs.iter().map(|&wire| bytes(wire)).sum();
    let mut most = live;
    for (_, node) in graph.nodes() {
        live += bytes(node.output);
        most = most.max(live);
        for &wire in &node.inputs {
            let left = &mut uses[wire.0 as usize];
            *left -= 1;
            if *left == 0 && !matches!(graph.wire(wire).source, Source::Parameter(_)) {
                live -= bytes(wire);
            }
        }
    }
    most
}

#[cfg(test)]
mod tests {
    use fewbit_graph::op::{Binary, Unary};
    use fewbit_graph::{Bindings, Dim, Op, infer};

    use super::*;

    #[test]
    fn a_value_counts_until_its_last_reader_has_run() {
        let mut graph = Graph::new();
        let x = graph.input("x", vec![Dim::Known(1), Dim::Known(10)]);
        let a = graph.node("a", Op::Unary(Unary::Relu), &[x]);
        let b = graph.node("b", Op::Unary(Unary::Relu), &[a]);
        let c = graph.node("c", Op::Unary(Unary::Relu), &[b]);
        let sum = graph.node("sum", Op::Binary(Binary::Add), &[a, c]);
        graph.outputs = vec![sum];
        let facts = infer(&graph, &Bindings::new()).unwrap();
        // While c is made, a and b are there; x is not.
        assert_eq!(live_bytes(&graph, &facts), 3 * 40);
    }
}
