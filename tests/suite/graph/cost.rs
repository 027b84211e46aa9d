//! Costs worked out by hand.

use fewbit_graph::cost::{Cost, node_cost, total_cost};
use fewbit_graph::op::{Conv, Gemm, Op};
use fewbit_graph::tensor::Dim;
use fewbit_graph::{Graph, Tensor, infer};

use crate::samples::{add, batch, conv2d, gemm, small_net};

fn known(shape: &[usize]) -> Vec<Dim> {
    shape.iter().copied().map(Dim::Known).collect()
}

#[test]
fn the_small_net() {
    let graph = small_net().graph;
    let facts = infer(&graph, &batch(5)).unwrap();
    let cost = |name: &str| {
        let wire = graph.find(name).unwrap();
        node_cost(&graph, &facts, graph.node_of(graph.producer(wire).unwrap()))
    };
    let image = 5 * 8 * 8;
    let map = 5 * 4 * 6 * 6;
    let conv = Cost { macs: map * 9, parameters: 36, bytes: 4 * (image + 36 + map) };
    assert_eq!(cost("/conv1/Conv"), conv);
    assert_eq!(cost("bn1"), Cost { macs: 0, parameters: 16, bytes: 4 * (2 * map + 16) });
    let logits = Cost { macs: 5 * 10 * 36, parameters: 370, bytes: 4 * (5 * 36 + 370 + 50) };
    assert_eq!(cost("logits"), logits);
    let total = total_cost(&graph, &facts);
    assert_eq!((total.macs, total.parameters), (map * 9 + 1800, 36 + 16 + 370));
}

#[test]
fn groups_divide_and_transposes_turn() {
    let mut graph = Graph::new();
    let x = graph.input("x", known(&[2, 8, 10, 10]));
    let depthwise = graph.parameter("w", Tensor::zeros([8, 1, 3, 3]));
    let conv = graph.node("conv", Op::Conv(Conv { groups: 8, ..conv2d() }), &[x, depthwise]);
    let a = graph.input("a", known(&[7, 5]));
    let b = graph.input("b", known(&[3, 7]));
    let product = graph.node("gemm", Op::Gemm(Gemm { trans_a: true, ..gemm() }), &[a, b]);
    let left = graph.input("left", known(&[4, 1, 2, 6]));
    let right = graph.input("right", known(&[3, 6, 5]));
    let many = graph.node("matmul", Op::MatMul, &[left, right]);
    graph.outputs = vec![conv, product, many];
    let facts = infer(&graph, &Default::default()).unwrap();
    let macs: Vec<u64> = graph.nodes().map(|(_, node)| node_cost(&graph, &facts, node).macs).collect();
    assert_eq!(macs, [2 * 8 * 8 * 8 * 9, 5 * 3 * 7, 4 * 3 * 2 * 5 * 6]);
}

#[test]
fn a_shared_parameter_counts_once_and_an_unread_one_not_at_all() {
    let mut graph = Graph::new();
    let x = graph.input("x", known(&[4]));
    let shared = graph.parameter("shared", Tensor::zeros([4]));
    graph.parameter("unread", Tensor::zeros([100]));
    let sum = graph.node("sum", add(), &[x, shared]);
    let twice = graph.node("twice", add(), &[sum, shared]);
    let square = graph.node("square", add(), &[twice, twice]);
    graph.outputs.push(square);
    let facts = infer(&graph, &Default::default()).unwrap();
    let total = total_cost(&graph, &facts);
    // The last node reads one wire, though twice.
    assert_eq!(total, Cost { macs: 0, parameters: 4, bytes: 4 * (12 + 12 + 8) });
}
