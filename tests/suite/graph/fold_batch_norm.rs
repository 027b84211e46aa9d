//! BatchNorm folding against the naive evaluator, and the cases in which it must not fold.

use fewbit_graph::model::layers;
use fewbit_graph::op::{Conv, Gemm, Op, Reshape};
use fewbit_graph::passes::{self, FoldBatchNorm, Pass};
use fewbit_graph::tensor::Dim;
use fewbit_graph::{Graph, Tensor, WireId};
use fewbit_tests::{Array, Rng};

use crate::samples::{batch_norm, conv2d, gemm, node_names, random, relu, small_net};
use fewbit_tests::naive;

/// A weight of which `fan_in` values meet in one output, so that activations neither grow nor vanish.
fn weight(rng: &mut Rng, shape: &[usize], fan_in: usize) -> Tensor {
    let values = random(rng, shape);
    let scale = 1.0 / (fan_in as f32).sqrt();
    let scaled: Vec<f32> = values.as_f32().unwrap().iter().map(|value| value * scale).collect();
    Tensor::f32(shape, scaled).unwrap()
}

fn known(shape: &[usize]) -> Vec<Dim> {
    shape.iter().copied().map(Dim::Known).collect()
}

/// Convolutions with BatchNorm, Relu and now and then a bias or groups; then a Gemm of either layout with BatchNorm.
fn random_network(rng: &mut Rng) -> (Graph, Vec<usize>) {
    let mut graph = Graph::new();
    let shape = vec![rng.between(1, 2), 2 * rng.between(1, 2), 6, 5];
    let mut wire = graph.input("x", known(&shape));
    let mut channels = shape[1];
    for i in 0..rng.between(1, 2) {
        let groups = rng.pick(&[1, 2]);
        let outputs = groups * rng.between(1, 3);
        let pad = rng.between(0, 1);
        let conv = Conv { groups, pads_begin: vec![pad; 2], strides: vec![rng.between(1, 2), 1], ..conv2d() };
        let per_group = channels / groups;
        let kernel = weight(rng, &[outputs, per_group, 2, 2], 4 * per_group);
        let mut inputs = vec![wire, graph.parameter(format!("conv{i}.weight"), kernel)];
        if rng.one_in(2) {
            inputs.push(graph.parameter(format!("conv{i}.bias"), random(rng, &[outputs])));
        }
        wire = graph.node(format!("conv{i}"), Op::Conv(conv), &inputs);
        wire = batch_norm(&mut graph, rng, &format!("bn{i}"), wire, outputs);
        wire = graph.node(format!("relu{i}"), relu(), &[wire]);
        // An even number, so that the next may split into two groups.
        channels = outputs;
        if channels % 2 == 1 {
            break;
        }
    }
    wire = graph.node("flatten", Op::Reshape(Reshape::Flatten { axis: 1 }), &[wire]);
    let bindings = Default::default();
    let features = fewbit_graph::infer(&graph, &bindings).unwrap().shape(wire)[1];
    let outputs = rng.between(1, 4);
    let fc = Gemm {
        alpha: rng.float(0.5, 2.0),
        beta: rng.float(-2.0, 2.0),
        trans_a: false,
        trans_b: rng.one_in(2),
    };
    let weight_shape = if fc.trans_b { [outputs, features] } else { [features, outputs] };
    let mut inputs = vec![wire, graph.parameter("fc.weight", weight(rng, &weight_shape, features))];
    let bias_shapes: [&[usize]; 4] = [&[outputs], &[1, outputs], &[1], &[]];
    if !rng.one_in(5) {
        let shape = rng.pick(&bias_shapes);
        inputs.push(graph.parameter("fc.bias", random(rng, shape)));
    }
    wire = graph.node("fc", Op::Gemm(fc), &inputs);
    wire = batch_norm(&mut graph, rng, "bn", wire, outputs);
    graph.outputs.push(wire);
    (graph, shape)
}

#[test]
fn folding_keeps_the_outputs() {
    for seed in 0..500 {
        let mut rng = Rng::new(seed);
        let (graph, shape) = random_network(&mut rng);
        let (folded, explanations) = passes::run(&graph, &[&FoldBatchNorm]).unwrap();
        assert!(folded.nodes().all(|(_, node)| !matches!(node.op, Op::BatchNorm { .. })));
        assert_eq!(explanations.len(), layers(&graph).len());
        assert_eq!(folded.check(), Ok(()));

        let x = Array::of(&random(&mut rng, &shape));
        let run = |graph: &Graph| naive::run(graph, &[(graph.inputs[0], x.clone())]).remove(0);
        let (before, after) = (run(&graph), run(&folded));
        assert_eq!(before.shape, after.shape);
        let scale = before.values.iter().fold(1.0, |scale: f64, y| scale.max(y.abs()));
        for (before, after) in std::iter::zip(&before.values, &after.values) {
            assert!((before - after).abs() <= 1e-6 * scale, "seed {seed}: {before} became {after}");
        }
    }
}

#[test]
fn the_folded_layer_keeps_its_name_and_the_value_keeps_its_own() {
    let graph = small_net().graph;
    let names = |graph: &Graph| layers(graph).into_iter().map(|layer| layer.name).collect::<Vec<_>>();
    let (folded, explanations) = passes::run(&graph, &[&FoldBatchNorm]).unwrap();
    assert_eq!(explanations, ["folded BatchNorm bn1 into conv1"]);
    assert_eq!(names(&folded), names(&graph));
    assert_eq!(
        folded.to_string(),
        "\
input x: f32[N×1×8×8]
parameter fc1.weight: f32[10×36]
parameter fc1.bias: f32[10]
parameter conv1.weight: f32[4×1×3×3]
parameter conv1.bias: f32[4]
bn1 = Conv(x, conv1.weight, conv1.bias) groups=1 strides=[1, 1] dilations=[1, 1] pads_begin=[0, 0] pads_end=[0, 0] @ /conv1/Conv
relu1 = Relu(bn1)
pool1 = MaxPool(relu1) kernel=[2, 2] strides=[2, 2] dilations=[1, 1] pads_begin=[0, 0] pads_end=[0, 0] ceil_mode=false
flatten = Reshape(pool1) flatten=1
logits = Gemm(flatten, fc1.weight, fc1.bias) alpha=1.0 beta=1.0 trans_a=false trans_b=true @ fc1
output logits
"
    );
}

#[test]
fn one_weight_and_bias_by_hand() {
    let mut graph = Graph::new();
    let x = graph.input("x", known(&[1, 1, 1, 1]));
    let weight = graph.parameter("conv.weight", Tensor::f32([2, 1, 1, 1], [3.0, -1.0]).unwrap());
    let bias = graph.parameter("conv.bias", Tensor::vector([0.5, 1.0]));
    let conv = graph.node("conv", Op::Conv(conv2d()), &[x, weight, bias]);
    // √(σ² + ε) is 2 and 4.
    let [scale, offset, mean, variance] = [[4.0, 2.0], [1.0, -1.0], [0.25, 3.0], [3.75, 15.75]]
        .map(|v| graph.parameter("p", Tensor::vector(v)));
    let norm = graph.node("bn", Op::BatchNorm { epsilon: 0.25 }, &[conv, scale, offset, mean, variance]);
    graph.outputs.push(norm);
    let (folded, _) = passes::run(&graph, &[&FoldBatchNorm]).unwrap();
    let value = |name: &str| folded.value(folded.find(name).unwrap()).unwrap().as_f32().unwrap().to_vec();
    assert_eq!(value("conv.weight"), [6.0, -0.5]);
    assert_eq!(value("conv.bias"), [1.5, -2.0]);
}

/// conv → bn with a chance to spoil it; what comes out must not fold.
fn spoiled(spoil: impl FnOnce(&mut Graph, WireId, WireId)) -> Graph {
    let mut rng = Rng::new(3);
    let mut graph = Graph::new();
    let x = graph.input("x", known(&[1, 2, 3, 3]));
    let weight = graph.parameter("conv.weight", random(&mut rng, &[2, 2, 1, 1]));
    let conv = graph.node("conv", Op::Conv(conv2d()), &[x, weight]);
    let norm = batch_norm(&mut graph, &mut rng, "bn", conv, 2);
    graph.outputs.push(norm);
    assert!(FoldBatchNorm.propose(&graph).is_some());
    spoil(&mut graph, conv, norm);
    graph
}

#[test]
fn a_convolution_that_someone_else_reads_stays() {
    let read = spoiled(|graph, conv, _| {
        let other = graph.node("other", relu(), &[conv]);
        graph.outputs.push(other);
    });
    assert!(FoldBatchNorm.propose(&read).is_none());
    let output = spoiled(|graph, conv, _| graph.outputs.push(conv));
    assert!(FoldBatchNorm.propose(&output).is_none());
}

#[test]
fn what_is_not_a_parameter_or_not_finite_stays() {
    let mut rng = Rng::new(3);
    for (variance, weight) in [(-1.0, 1.0), (f32::NAN, 1.0), (0.0, f32::MAX)] {
        let mut graph = Graph::new();
        let x = graph.input("x", known(&[1, 1, 3, 3]));
        let weight = graph.parameter("w", Tensor::f32([1, 1, 1, 1], [weight]).unwrap());
        let conv = graph.node("conv", Op::Conv(conv2d()), &[x, weight]);
        let one = graph.parameter("one", Tensor::vector([1.0]));
        let variance = graph.parameter("variance", Tensor::vector([variance]));
        let norm = graph.node("bn", Op::BatchNorm { epsilon: 1e-5 }, &[conv, one, one, one, variance]);
        graph.outputs.push(norm);
        assert!(FoldBatchNorm.propose(&graph).is_none());
    }

    let mut graph = Graph::new();
    let x = graph.input("x", known(&[1, 2, 3, 3]));
    let weight = graph.input("weight", known(&[2, 2, 1, 1]));
    let conv = graph.node("conv", Op::Conv(conv2d()), &[x, weight]);
    let norm = batch_norm(&mut graph, &mut rng, "bn", conv, 2);
    graph.outputs.push(norm);
    assert!(FoldBatchNorm.propose(&graph).is_none());
}

#[test]
fn a_bias_that_differs_between_rows_stays() {
    let mut rng = Rng::new(3);
    let mut graph = Graph::new();
    let x = graph.input("x", known(&[2, 3]));
    let weight = graph.parameter("fc.weight", random(&mut rng, &[2, 3]));
    let bias = graph.parameter("fc.bias", random(&mut rng, &[2, 1]));
    let fc = graph.node("fc", Op::Gemm(gemm()), &[x, weight, bias]);
    let norm = batch_norm(&mut graph, &mut rng, "bn", fc, 2);
    graph.outputs.push(norm);
    assert!(FoldBatchNorm.propose(&graph).is_none());
}

#[test]
fn a_weight_that_two_layers_share_folds_into_each_for_itself() {
    let mut rng = Rng::new(3);
    let mut graph = Graph::new();
    let x = graph.input("x", known(&[1, 2, 3, 3]));
    let weight = graph.parameter("shared.weight", random(&mut rng, &[2, 2, 1, 1]));
    for name in ["a", "b"] {
        let conv = graph.node(name, Op::Conv(conv2d()), &[x, weight]);
        let norm = batch_norm(&mut graph, &mut rng, &format!("bn_{name}"), conv, 2);
        graph.outputs.push(norm);
    }
    let (folded, _) = passes::run(&graph, &[&FoldBatchNorm]).unwrap();
    assert_eq!(node_names(&folded), ["a", "b"]);
    let x = Array::of(&random(&mut rng, &[1, 2, 3, 3]));
    let run = |graph: &Graph| naive::run(graph, &[(graph.inputs[0], x.clone())]);
    for (before, after) in std::iter::zip(run(&graph), run(&folded)) {
        for (before, after) in std::iter::zip(before.values, after.values) {
            assert!((before - after).abs() <= 1e-6 * before.abs().max(1.0));
        }
    }
}
