//! What a model's identity depends on, and the dump.

use std::collections::BTreeSet;

use fewbit_graph::op::{Gemm, Op, Unary};
use fewbit_graph::tensor::Dim;
use fewbit_graph::{Graph, Model, Source, Tensor, WireId, infer};

use crate::samples::{add, batch, relu, small_net};

fn model(graph: Graph) -> Model {
    Model { graph, metadata: Default::default() }
}

/// A copy built wire by wire, with a chance to change names, values and operators.
fn rebuilt(
    graph: &Graph,
    name: impl Fn(&str) -> String,
    value: impl Fn(&str, &Tensor) -> Tensor,
    op: impl Fn(&str, &Op) -> Op,
) -> Model {
    let mut copy = Graph::new();
    let mut wires: Vec<WireId> = Vec::new();
    for (_, wire) in graph.wires() {
        wires.push(match &wire.source {
            Source::Input(shape) => copy.input(name(&wire.name), shape.clone()),
            Source::Parameter(tensor) => copy.parameter(name(&wire.name), value(&wire.name, tensor)),
            Source::Node(id) => {
                let node = graph.node_of(*id);
                let inputs: Vec<WireId> = node.inputs.iter().map(|input| wires[input.0 as usize]).collect();
                copy.node_with_output(name(&node.name), name(&wire.name), op(&node.name, &node.op), &inputs)
            }
        });
    }
    copy.outputs = graph.outputs.iter().map(|wire| wires[wire.0 as usize]).collect();
    model(copy)
}

fn same_value(_: &str, value: &Tensor) -> Tensor {
    value.clone()
}

fn same_op(_: &str, op: &Op) -> Op {
    op.clone()
}

#[test]
fn the_identity_is_written_in_links_and_must_not_change() {
    assert_eq!(
        small_net().id().to_string(),
        "d76a92f6103940f63ab71f9b0a88beda4986e641b2bdbe98b67cf3664efac013"
    );
}

#[test]
fn names_and_metadata_do_not_count() {
    let mut original = small_net();
    let renamed = rebuilt(&original.graph, |name| format!("renamed {name}"), same_value, same_op);
    assert_ne!(renamed.graph, original.graph);
    assert_eq!(renamed.id(), original.id());
    original.metadata.insert("producer".to_owned(), "somebody".to_owned());
    assert_eq!(renamed.id(), original.id());
}

#[test]
fn dead_nodes_and_the_order_of_independent_nodes_do_not_count() {
    let build = |swapped: bool, dead: bool| {
        let mut graph = Graph::new();
        let x = graph.input("x", vec![Dim::Known(3)]);
        let ops = [("a", relu()), ("b", Op::Unary(Unary::Neg))];
        let mut wires: Vec<WireId> = if swapped {
            let b = graph.node(ops[1].0, ops[1].1.clone(), &[x]);
            vec![graph.node(ops[0].0, ops[0].1.clone(), &[x]), b]
        } else {
            ops.iter().map(|(name, op)| graph.node(*name, op.clone(), &[x])).collect()
        };
        if dead {
            graph.node("dead", relu(), &wires[1..]);
        }
        wires.push(graph.node("sum", add(), &wires));
        graph.outputs = wires[2..].to_vec();
        model(graph).id()
    };
    let ids = [build(false, false), build(true, false), build(false, true), build(true, true)];
    assert_eq!(BTreeSet::from(ids).len(), 1);
}

#[test]
fn every_value_counts() {
    let original = small_net();
    let mut ids = BTreeSet::from([original.id()]);
    let mut changes = 1;
    for (_, wire) in original.graph.wires() {
        let Source::Parameter(tensor) = &wire.source else { continue };
        for i in 0..tensor.len() {
            let changed = |name: &str, value: &Tensor| {
                let mut values = value.as_f32().unwrap().to_vec();
                if name == wire.name {
                    values[i] = f32::from_bits(values[i].to_bits() ^ 1);
                }
                Tensor::f32(value.shape(), values).unwrap()
            };
            ids.insert(rebuilt(&original.graph, str::to_owned, changed, same_op).id());
            changes += 1;
        }
    }
    assert_eq!(ids.len(), changes);
}

#[test]
fn operators_attributes_shapes_and_connections_count() {
    let graph = small_net().graph;
    let with_op = |place: &'static str, new: Op| {
        let op = move |name: &str, op: &Op| if name == place { new.clone() } else { op.clone() };
        rebuilt(&graph, str::to_owned, same_value, op).id()
    };
    let reshaped = |name: &str, value: &Tensor| match name {
        "conv1.weight" => value.reshaped([4, 1, 9, 1]).unwrap(),
        _ => value.clone(),
    };
    let mut ids = vec![
        small_net().id(),
        with_op("relu1", Op::Unary(Unary::Abs)),
        with_op("relu1", Op::Unary(Unary::Clip { min: 0.0, max: 6.0 })),
        with_op("relu1", Op::Unary(Unary::Clip { min: f32::NEG_INFINITY, max: 6.0 })),
        with_op("relu1", Op::Unary(Unary::Clip { min: f32::INFINITY, max: 6.0 })),
        with_op("bn1", Op::BatchNorm { epsilon: 1e-3 }),
        with_op("fc1", Op::Gemm(Gemm { alpha: 1.0, beta: 1.0, trans_a: false, trans_b: false })),
        with_op("fc1", Op::Gemm(Gemm { alpha: 1.0, beta: 1.0, trans_a: true, trans_b: true })),
        rebuilt(&graph, str::to_owned, reshaped, same_op).id(),
    ];
    let mut more = small_net().graph;
    more.outputs.push(more.find("relu1").unwrap());
    ids.push(model(more.clone()).id());
    more.outputs.reverse();
    ids.push(model(more).id());
    let different: BTreeSet<_> = ids.iter().collect();
    assert_eq!(different.len(), ids.len());
}

#[test]
fn the_order_of_operands_and_the_kind_of_input_count() {
    let binary = |dims: [Dim; 2], swapped: bool| {
        let mut graph = Graph::new();
        let wires = dims.map(|dim| graph.input("x", vec![dim]));
        let inputs = if swapped { [wires[1], wires[0]] } else { wires };
        let sum = graph.node("sum", add(), &inputs);
        graph.outputs.push(sum);
        model(graph).id()
    };
    let symbol = |name: &str| Dim::Symbol(name.to_owned());
    let ids = [
        binary([Dim::Known(3), Dim::Known(3)], false),
        binary([Dim::Known(3), Dim::Known(3)], true),
        binary([Dim::Known(3), Dim::Known(4)], false),
        binary([symbol("N"), symbol("N")], false),
        binary([symbol("N"), symbol("M")], false),
    ];
    assert_eq!(BTreeSet::from(ids).len(), ids.len());
    assert_eq!(binary([symbol("batch"), symbol("batch")], false), ids[3], "the symbol's name does not count");
}

#[test]
fn a_dump_reads_like_a_program() {
    let graph = small_net().graph;
    let facts = infer(&graph, &batch(2)).unwrap();
    assert_eq!(
        graph.dump(&facts).to_string(),
        "\
input x: f32[N×1×8×8]
parameter conv1.weight: f32[4×1×3×3]
parameter bn1.weight: f32[4]
parameter bn1.bias: f32[4]
parameter bn1.running_mean: f32[4]
parameter bn1.running_var: f32[4]
parameter fc1.weight: f32[10×36]
parameter fc1.bias: f32[10]
/conv1/Conv = Conv(x, conv1.weight) groups=1 strides=[1, 1] dilations=[1, 1] pads_begin=[0, 0] pads_end=[0, 0]: f32[2×4×6×6]
bn1 = BatchNorm(/conv1/Conv, bn1.weight, bn1.bias, bn1.running_mean, bn1.running_var) epsilon=1e-5: f32[2×4×6×6]
relu1 = Relu(bn1): f32[2×4×6×6]
pool1 = MaxPool(relu1) kernel=[2, 2] strides=[2, 2] dilations=[1, 1] pads_begin=[0, 0] pads_end=[0, 0] ceil_mode=false: f32[2×4×3×3]
flatten = Reshape(pool1) flatten=1: f32[2×36]
logits = Gemm(flatten, fc1.weight, fc1.bias) alpha=1.0 beta=1.0 trans_a=false trans_b=true: f32[2×10] @ fc1
output logits
"
    );
}
