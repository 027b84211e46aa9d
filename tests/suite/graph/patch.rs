//! The laws of patches.

use fewbit_graph::op::{Binary, Op, Unary};
use fewbit_graph::tensor::Dim;
use fewbit_graph::{Graph, GraphError, NodeId, Patch, Tensor, WireId};
use fewbit_tests::{Array, Rng};
use proptest::prelude::*;

use crate::samples::{add, node_names, relu, small_net, wire_names};
use fewbit_tests::naive;

fn neg() -> Op {
    Op::Unary(Unary::Neg)
}

/// x → a → b → c, all Relu; c is the output.
fn chain() -> (Graph, [WireId; 4]) {
    let mut graph = Graph::new();
    let x = graph.input("x", vec![Dim::Known(3)]);
    let a = graph.node("a", relu(), &[x]);
    let b = graph.node("b", relu(), &[a]);
    let c = graph.node("c", relu(), &[b]);
    graph.outputs.push(c);
    (graph, [x, a, b, c])
}

#[test]
fn an_empty_patch_gives_the_same_graph() {
    let graph = small_net().graph;
    let patched = Patch::new(&graph, "nothing").apply(&graph).unwrap();
    assert_eq!(patched.graph, graph);
    assert!(graph.wires().all(|(id, _)| patched.wire(id) == Some(id)));
}

#[test]
fn what_no_output_needs_is_left_out() {
    let (mut graph, [x, a, ..]) = chain();
    let unread = graph.input("unread", vec![Dim::Known(1)]);
    let parameter = graph.parameter("p", Tensor::scalar(1.0));
    let dead = graph.node("dead", add(), &[a, parameter]);
    let patched = graph.pruned().unwrap();
    assert_eq!(node_names(&patched.graph), ["a", "b", "c"]);
    assert_eq!(wire_names(&patched.graph), ["x", "a", "b", "c", "unread"]);
    assert_eq!(patched.wire(dead), None);
    assert_eq!(patched.wire(parameter), None);
    assert_eq!(patched.graph.inputs, [x, patched.wire(unread).unwrap()], "inputs stay, read or not");
}

#[test]
fn a_new_node_may_take_the_wire_that_it_replaces() {
    let (graph, [_, a, b, _]) = chain();
    let mut patch = Patch::new(&graph, "negated a");
    let negated = patch.node("a.negated", neg(), &[a]);
    patch.replace(a, negated);
    let patched = patch.apply(&graph).unwrap();
    assert_eq!(
        patched.graph.to_string(),
        "input x: f32[3]\na = Relu(x)\na.negated = Neg(a)\nb = Relu(a.negated)\nc = Relu(b)\noutput c\n"
    );
    let new = patched.wire(negated).unwrap();
    assert_eq!(patched.graph.wire(new).name, "a.negated");
    assert_eq!(patched.graph.wire(patched.wire(b).unwrap()).name, "b");
}

#[test]
fn outputs_are_replaced_and_added_too() {
    let (graph, [_, a, _, c]) = chain();
    let mut patch = Patch::new(&graph, "negated c");
    let negated = patch.node("c.negated", neg(), &[c]);
    patch.replace(c, negated);
    patch.output(a);
    let graph = patch.apply(&graph).unwrap().graph;
    let outputs: Vec<&str> = graph.outputs.iter().map(|&wire| graph.wire(wire).name.as_str()).collect();
    assert_eq!(outputs, ["c.negated", "a"]);
}

#[test]
fn a_wire_that_is_replaced_for_good_is_found_at_its_replacement_and_gives_its_name_away() {
    let (graph, [x, a, b, _]) = chain();
    let mut patch = Patch::new(&graph, "merged a and b");
    let merged = patch.node_with_output("ab", "b", relu(), &[x]);
    patch.replace(b, merged);
    let patched = patch.apply(&graph).unwrap();
    assert_eq!(node_names(&patched.graph), ["ab", "c"]);
    assert_eq!(wire_names(&patched.graph), ["x", "c", "b"]);
    assert_eq!(patched.wire(a), None);
    assert_eq!(patched.wire(b), patched.wire(merged));
    assert_eq!(patched.graph.find("b"), patched.wire(merged));
}

#[test]
fn one_input_of_one_node_can_be_changed() {
    let mut graph = Graph::new();
    let x = graph.input("x", vec![Dim::Known(3)]);
    let sum = graph.node("sum", add(), &[x, x]);
    let product = graph.node("product", Op::Binary(Binary::Mul), &[x, sum]);
    graph.outputs.push(product);
    let mut patch = Patch::new(&graph, "mixed");
    let negated = patch.node("negated", neg(), &[x]);
    let two = patch.parameter("two", Tensor::scalar(2.0));
    patch.replace(x, negated);
    patch.replace_input(NodeId(0), 1, two);
    let graph = patch.apply(&graph).unwrap().graph;
    assert_eq!(
        graph.to_string(),
        "input x: f32[3]\nparameter two: f32[]\nnegated = Neg(x)\nsum = Add(negated, two)\n\
         product = Mul(negated, sum)\noutput product\n"
    );
}

#[test]
fn replacements_do_not_chain() {
    let mut graph = Graph::new();
    let x = graph.input("x", vec![Dim::Known(3)]);
    let y = graph.input("y", vec![Dim::Known(3)]);
    let z = graph.node("z", Op::Binary(Binary::Sub), &[x, y]);
    graph.outputs.push(z);
    let mut patch = Patch::new(&graph, "swapped x and y");
    patch.replace(x, y);
    patch.replace(y, x);
    let graph = patch.apply(&graph).unwrap().graph;
    assert_eq!(graph.node_of(NodeId(0)).inputs, [y, x]);
}

#[test]
fn a_name_that_is_taken_gets_a_number() {
    let (graph, [_, a, _, c]) = chain();
    let mut patch = Patch::new(&graph, "");
    let same = patch.node("a", relu(), &[a]);
    patch.replace(c, same);
    patch.output(same);
    let graph = patch.apply(&graph).unwrap().graph;
    assert_eq!(wire_names(&graph), ["x", "a", "a.2"]);
    assert_eq!(node_names(&graph), ["a", "a"]);
}

#[test]
fn impossible_patches_are_errors() {
    let (graph, [_, a, b, c]) = chain();
    let circle = {
        let mut patch = Patch::new(&graph, "");
        patch.replace(a, c);
        patch.apply(&graph)
    };
    assert_eq!(circle.unwrap_err(), GraphError::Circle("b".to_owned()));

    let mut patch = Patch::new(&graph, "far");
    patch.replace(b, WireId(99));
    let user = "the patch \"far\"".to_owned();
    assert_eq!(patch.apply(&graph).unwrap_err(), GraphError::NoSuchWire { user, wire: 99, count: 4 });

    for (node, input) in [(NodeId(3), 0), (NodeId(0), 1)] {
        let mut patch = Patch::new(&graph, "far");
        patch.replace_input(node, input, a);
        let explanation = "far".to_owned();
        let error = GraphError::NoSuchInput { explanation, node: node.0, input };
        assert_eq!(patch.apply(&graph).unwrap_err(), error);
    }

    let patch = Patch::new(&small_net().graph, "other");
    assert!(matches!(patch.apply(&graph), Err(GraphError::OtherGraph { found: 4, .. })));
}

#[test]
fn check_finds_what_is_not_well_formed() {
    let (good, [x, a, ..]) = chain();
    assert_eq!(good.check(), Ok(()));
    assert_eq!(small_net().graph.check(), Ok(()));

    let mut graph = good.clone();
    graph.outputs.push(WireId(7));
    let user = "an output".to_owned();
    assert_eq!(graph.check(), Err(GraphError::NoSuchWire { user, wire: 7, count: 4 }));

    for inputs in [vec![], vec![x, x], vec![x, a]] {
        let mut graph = good.clone();
        graph.inputs = inputs;
        assert!(matches!(graph.check(), Err(GraphError::Inputs(_))), "{:?}", graph.inputs);
    }

    let mut graph = good.clone();
    graph.node("early", relu(), &[WireId(4)]);
    let (node, wire) = ("early".to_owned(), "early".to_owned());
    assert_eq!(graph.check(), Err(GraphError::Order { node, wire }));
    graph.node("lost", relu(), &[WireId(9)]);
    assert!(graph.pruned().is_err());
}

/// A graph of Relu, Neg, Tanh, Add and Sub nodes on vectors of three, each reading any wires before it.
fn random_graph(rng: &mut Rng, count: usize) -> Graph {
    let mut graph = Graph::new();
    let mut wires = vec![graph.input("x", vec![Dim::Known(3)]), graph.input("y", vec![Dim::Known(3)])];
    wires.push(graph.parameter("p", Tensor::vector(rng.floats(3))));
    for i in 0..count {
        let ops = [relu(), neg(), Op::Unary(Unary::Tanh), add(), Op::Binary(Binary::Sub)];
        let op = ops[rng.between(0, ops.len() - 1)].clone();
        let inputs: Vec<WireId> =
            (0..if matches!(op, Op::Binary(_)) { 2 } else { 1 }).map(|_| rng.pick(&wires)).collect();
        wires.push(graph.node(format!("n{i}"), op, &inputs));
    }
    graph.outputs = vec![rng.pick(&wires), *wires.last().unwrap()];
    graph
}

proptest! {
    #[test]
    fn a_patch_that_changes_nothing_in_effect_keeps_the_outputs(seed: u64, count in 1usize..12) {
        let mut rng = Rng::new(seed);
        let graph = random_graph(&mut rng, count);
        let before: Vec<WireId> = graph.wires().map(|(id, _)| id).collect();
        let mut patch = Patch::new(&graph, "negated twice");
        for _ in 0..rng.between(1, 3) {
            let wire = rng.pick(&before);
            let once = patch.node("once", neg(), &[wire]);
            let twice = patch.node("twice", neg(), &[once]);
            patch.replace(wire, twice);
        }
        let patched = patch.apply(&graph).unwrap();
        prop_assert_eq!(patched.graph.check(), Ok(()));

        let inputs: Vec<(WireId, Array)> =
            graph.inputs.iter().map(|&wire| (wire, Array::of(&Tensor::vector(rng.floats(3))))).collect();
        let moved: Vec<(WireId, Array)> =
            inputs.iter().map(|(wire, value)| (patched.wire(*wire).unwrap(), value.clone())).collect();
        prop_assert_eq!(naive::run(&graph, &inputs), naive::run(&patched.graph, &moved));

        for (id, wire) in graph.wires() {
            if let Some(new) = patched.wire(id) {
                prop_assert_eq!(&patched.graph.wire(new).name, &wire.name);
            }
        }
    }
}

#[test]
fn thousands_of_wires_of_one_name_are_no_burden() {
    let mut graph = Graph::new();
    let mut wire = graph.input("x", vec![Dim::Known(1)]);
    for _ in 0..20_000 {
        wire = graph.node("x", relu(), &[wire]);
    }
    graph.outputs.push(wire);
    assert_eq!(graph.find("x.20001"), Some(wire));
    assert_eq!(graph.pruned().unwrap().graph, graph);
}
