//! The names of layers.

use fewbit_graph::model::layers;
use fewbit_graph::op::{Conv, Gemm, Op};
use fewbit_graph::tensor::Dim;
use fewbit_graph::{Graph, Layer, Tensor};

use crate::samples::{add, conv2d, gemm, small_net};

/// The layers of a chain of 1×1 convolutions, each with this node name and this weight name.
fn names(convolutions: &[(&str, &str)]) -> Vec<String> {
    let mut graph = Graph::new();
    let mut wire = graph.input("x", vec![Dim::Known(1); 4]);
    for (node, weight) in convolutions {
        let weight = graph.parameter(*weight, Tensor::zeros([1, 1, 1, 1]));
        wire = graph.node(*node, Op::Conv(conv2d()), &[wire, weight]);
    }
    layers(&graph).into_iter().map(|layer| layer.name).collect()
}

#[test]
fn layers_are_named_after_their_weights() {
    assert_eq!(
        names(&[
            ("/a/Conv", "stage1.conv1.weight"),
            ("Conv_3", "features.0.weight"),
            ("c", "net_conv0_weight")
        ]),
        ["stage1.conv1", "features.0", "net_conv0"]
    );
}

#[test]
fn layers_whose_weights_have_no_name_are_named_after_their_nodes() {
    assert_eq!(
        names(&[
            ("/stage1/conv1/Conv", "onnx::Conv_123"),
            ("/features/features.0/Conv", "onnx::Conv_124"),
            ("Conv_7", "onnx::Conv_125"),
            ("/Conv", "126"),
            ("", "127"),
            ("block/Conv", ".weight"),
        ]),
        ["stage1.conv1", "features.features.0", "Conv_7", "Conv", "Conv.2", "block"]
    );
}

#[test]
fn layers_of_one_name_are_numbered() {
    assert_eq!(
        names(&[("/head/Conv", "w1"), ("/head/Conv", "w2"), ("x", "head.weight"), ("x", "head.2.weight")]),
        ["head", "head.2", "head.3", "head.2.2"]
    );
}

#[test]
fn channels_lie_where_the_operator_has_them() {
    let mut graph = Graph::new();
    let x = graph.input("x", vec![Dim::Known(2); 2]);
    let weight = graph.parameter("w", Tensor::zeros([2, 2]));
    let both = [x, weight];
    graph.node("matmul", Op::MatMul, &both);
    graph.node("rows", Op::Gemm(gemm()), &both);
    graph.node("columns", Op::Gemm(Gemm { trans_b: false, ..gemm() }), &both);
    graph.node("conv", Op::Conv(Conv { groups: 1, ..conv2d() }), &both);
    graph.node("of an activation", Op::MatMul, &[weight, x]);
    graph.node("sum", add(), &both);
    let axes: Vec<(String, usize)> =
        layers(&graph).into_iter().map(|layer: Layer| (layer.name, layer.channel_axis)).collect();
    let expected = [("matmul", 1), ("rows", 0), ("columns", 1), ("conv", 0)];
    assert_eq!(axes, expected.map(|(name, axis)| (name.to_owned(), axis)));
}

#[test]
fn the_small_net_has_two_layers() {
    let names: Vec<String> = small_net().layers().into_iter().map(|layer| layer.name).collect();
    assert_eq!(names, ["conv1", "fc1"]);
}
