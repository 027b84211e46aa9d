//! Copies of a graph inside another.

use fewbit_graph::op::{Binary, Op, Unary};
use fewbit_graph::{Dim, Graph, Source};
use fewbit_tests::{Array, Rng};

use crate::samples::{node_names, random, small_net, wire_names};
use fewbit_tests::naive;

#[test]
fn a_spliced_copy_is_the_graph_with_prefixed_names() {
    let graph = small_net().graph;
    let mut copy = Graph::new();
    let wires = copy.splice(&graph, "b/", &mut |_, _| None);
    copy.outputs = graph.outputs.iter().map(|wire| wires[wire.0 as usize]).collect();
    assert_eq!(copy.check(), Ok(()));
    assert_eq!(copy.to_string().replace("b/", ""), graph.to_string());
    assert!(wire_names(&copy).iter().chain(&node_names(&copy)).all(|name| name.starts_with("b/")));
}

#[test]
fn a_twin_shares_what_is_substituted() {
    let mut rng = Rng::new(4);
    let mut graph = Graph::new();
    let x = graph.input("x", vec![Dim::Known(3), Dim::Known(4)]);
    let weight = graph.parameter("weight", random(&mut rng, &[3, 4]));
    let sum = graph.node("sum", Op::Binary(Binary::Add), &[x, weight]);
    let y = graph.node("y", Op::Unary(Unary::Tanh), &[sum]);
    graph.outputs.push(y);

    let mut twin = graph.clone();
    let negated = twin.node("negated", Op::Unary(Unary::Neg), &[sum]);
    let wires = twin.splice(&graph, "twin/", &mut |wire, found| match &found.source {
        Source::Input(_) | Source::Parameter(_) => Some(wire),
        Source::Node(_) => (wire == sum).then_some(negated),
    });
    assert_eq!(wires[x.0 as usize], x);
    assert_eq!(wires[sum.0 as usize], negated);
    let other = wires[y.0 as usize];
    let total = twin.node("total", Op::Binary(Binary::Add), &[y, other]);
    twin.outputs = vec![total];

    assert_eq!(twin.check(), Ok(()));
    assert_eq!(node_names(&twin), ["sum", "y", "negated", "twin/y", "total"]);
    assert_eq!(wire_names(&twin), ["x", "weight", "sum", "y", "negated", "twin/y", "total"]);
    // tanh is odd, so both halves cancel.
    let value = Array::of(&random(&mut rng, &[3, 4]));
    assert_eq!(naive::run(&twin, &[(x, value)])[0].values, [0.0; 12]);
}

#[test]
fn what_only_substituted_wires_needed_can_be_pruned() {
    let graph = small_net().graph;
    let pool = graph.find("pool1").unwrap();
    let mut twin = graph.clone();
    let wires = twin.splice(&graph, "twin/", &mut |wire, _| (wire == pool).then_some(pool));
    let logits = graph.outputs[0];
    twin.outputs = vec![logits, wires[logits.0 as usize]];
    let pruned = twin.pruned().unwrap().graph;
    let copies: Vec<&str> =
        node_names(&pruned).into_iter().filter(|name| name.starts_with("twin/")).collect();
    assert_eq!(copies, ["twin/flatten", "twin/fc1"]);
}
