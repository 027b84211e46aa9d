//! Graphs and operators that several of these tests use.

use fewbit_graph::op::{Binary, Conv, Gemm, Op, Pool, PoolKind, Reshape, Unary};
use fewbit_graph::tensor::Dim;
use fewbit_graph::{Bindings, Graph, Model, Tensor, WireId};
use fewbit_tests::Rng;

pub(crate) fn relu() -> Op {
    Op::Unary(Unary::Relu)
}

pub(crate) fn add() -> Op {
    Op::Binary(Binary::Add)
}

/// A two-dimensional convolution with everything else at its default.
pub(crate) fn conv2d() -> Conv {
    Conv {
        groups: 1,
        strides: vec![1, 1],
        dilations: vec![1, 1],
        pads_begin: vec![0, 0],
        pads_end: vec![0, 0],
    }
}

pub(crate) fn max_pool2d(kernel: usize, stride: usize) -> Pool {
    Pool {
        kind: PoolKind::Max,
        kernel: vec![kernel; 2],
        strides: vec![stride; 2],
        dilations: vec![1, 1],
        pads_begin: vec![0, 0],
        pads_end: vec![0, 0],
        ceil_mode: false,
    }
}

pub(crate) fn gemm() -> Gemm {
    Gemm { alpha: 1.0, beta: 1.0, trans_a: false, trans_b: true }
}

pub(crate) fn random(rng: &mut Rng, shape: &[usize]) -> Tensor {
    Tensor::f32(shape, rng.floats(shape.iter().product())).unwrap()
}

pub(crate) fn batch(n: usize) -> Bindings {
    Bindings::from([("N".to_owned(), n)])
}

/// The four parameters of a BatchNorm, with variances in [0.1, 2.1).
pub(crate) fn batch_norm(graph: &mut Graph, rng: &mut Rng, name: &str, x: WireId, channels: usize) -> WireId {
    let mut inputs = vec![x];
    for part in ["weight", "bias", "running_mean"] {
        inputs.push(graph.parameter(format!("{name}.{part}"), random(rng, &[channels])));
    }
    let variance: Vec<f32> = (0..channels).map(|_| rng.float(0.1, 2.1)).collect();
    inputs.push(graph.parameter(format!("{name}.running_var"), Tensor::vector(variance)));
    graph.node(name, Op::BatchNorm { epsilon: 1e-5 }, &inputs)
}

/// A small network like those of the gallery: conv1, bn1, relu1, pool1, flatten, fc1 on 1×8×8 images.
pub(crate) fn small_net() -> Model {
    let mut rng = Rng::new(1);
    let mut graph = Graph::new();
    let x = graph.input("x", vec![Dim::Symbol("N".to_owned()), Dim::Known(1), Dim::Known(8), Dim::Known(8)]);
    let weight = graph.parameter("conv1.weight", random(&mut rng, &[4, 1, 3, 3]));
    let conv = graph.node("/conv1/Conv", Op::Conv(conv2d()), &[x, weight]);
    let norm = batch_norm(&mut graph, &mut rng, "bn1", conv, 4);
    let relu1 = graph.node("relu1", relu(), &[norm]);
    let pool = graph.node("pool1", Op::Pool(max_pool2d(2, 2)), &[relu1]);
    let flat = graph.node("flatten", Op::Reshape(Reshape::Flatten { axis: 1 }), &[pool]);
    let weight = graph.parameter("fc1.weight", random(&mut rng, &[10, 36]));
    let bias = graph.parameter("fc1.bias", random(&mut rng, &[10]));
    let logits = graph.node_with_output("fc1", "logits", Op::Gemm(gemm()), &[flat, weight, bias]);
    graph.outputs.push(logits);
    Model { graph, metadata: Default::default() }
}

/// The names of the nodes, in order.
pub(crate) fn node_names(graph: &Graph) -> Vec<&str> {
    graph.nodes().map(|(_, node)| node.name.as_str()).collect()
}

/// The names of the wires, in order.
pub(crate) fn wire_names(graph: &Graph) -> Vec<&str> {
    graph.wires().map(|(_, wire)| wire.name.as_str()).collect()
}
