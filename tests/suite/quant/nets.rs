//! Small networks, and how to prepare and run them.

use std::collections::BTreeMap;

use fewbit_graph::op::{Conv, Gemm, Op, Reduce, Reducer, Reshape, Unary};
use fewbit_graph::{Dim, Graph, Model, Tensor, WireId};
use fewbit_quant::{Choice, LayerChoice, Observations, Prepared, QuantizedLayer};
use fewbit_runtime::cpu::Cpu;
use fewbit_runtime::{Cancel, Control, NeverPause};
use fewbit_tests::Rng;

pub(crate) fn tensor(shape: &[usize], values: Vec<f32>) -> Tensor {
    Tensor::f32(shape, values).unwrap()
}

pub(crate) fn random(rng: &mut Rng, shape: &[usize]) -> Tensor {
    tensor(shape, rng.floats(shape.iter().product()))
}

pub(crate) fn batch_of(shape: &[usize]) -> Vec<Dim> {
    let symbol = std::iter::once(Dim::Symbol("N".into()));
    symbol.chain(shape.iter().map(|&n| Dim::Known(n))).collect()
}

pub(crate) fn gemm() -> Op {
    Op::Gemm(Gemm { alpha: 1.0, beta: 1.0, trans_a: false, trans_b: true })
}

pub(crate) fn conv(stride: usize, pad: usize, groups: usize) -> Op {
    Op::Conv(Conv {
        groups,
        strides: vec![stride; 2],
        dilations: vec![1; 2],
        pads_begin: vec![pad; 2],
        pads_end: vec![pad; 2],
    })
}

fn relu(graph: &mut Graph, name: &str, x: WireId) -> WireId {
    graph.node(name, Op::Unary(Unary::Relu), &[x])
}

/// x [N, 3] → fc1 [4] → ReLU → fc2 [2]; without biases if `biases` is false.
pub(crate) fn perceptron(seed: u64, biases: bool) -> Model {
    let mut rng = Rng::new(seed);
    let mut graph = Graph::new();
    let x = graph.input("x", batch_of(&[3]));
    let mut layer = |graph: &mut Graph, name: &str, from: WireId, rows: usize, columns: usize| {
        let mut inputs = vec![from];
        inputs.push(graph.parameter(format!("{name}.weight"), random(&mut rng, &[rows, columns])));
        if biases {
            inputs.push(graph.parameter(format!("{name}.bias"), random(&mut rng, &[rows])));
        }
        graph.node(name, gemm(), &inputs)
    };
    let hidden = layer(&mut graph, "fc1", x, 4, 3);
    let hidden = relu(&mut graph, "relu", hidden);
    let logits = layer(&mut graph, "fc2", hidden, 2, 4);
    graph.outputs.push(logits);
    Model { graph, metadata: BTreeMap::new() }
}

/// A residual network with a BatchNorm: x [N, 2, 6, 6] → conv1 (BatchNorm, ReLU) → conv2 + shortcut → mean → fc [5].
pub(crate) fn residual(seed: u64) -> Model {
    let mut rng = Rng::new(seed);
    let mut graph = Graph::new();
    let x = graph.input("x", batch_of(&[2, 6, 6]));
    let w1 = graph.parameter("conv1.weight", random(&mut rng, &[4, 2, 3, 3]));
    let y = graph.node("conv1", conv(1, 1, 1), &[x, w1]);
    let mut norm = vec![y];
    for name in ["weight", "bias", "mean"] {
        norm.push(graph.parameter(format!("bn1.{name}"), random(&mut rng, &[4])));
    }
    let variance = (0..4).map(|_| rng.float(0.5, 2.0)).collect();
    norm.push(graph.parameter("bn1.variance", tensor(&[4], variance)));
    let y = graph.node("bn1", Op::BatchNorm { epsilon: 1e-5 }, &norm);
    let y = relu(&mut graph, "relu1", y);
    let w2 = graph.parameter("conv2.weight", random(&mut rng, &[4, 4, 3, 3]));
    let b2 = graph.parameter("conv2.bias", random(&mut rng, &[4]));
    let deep = graph.node("conv2", conv(2, 1, 1), &[y, w2, b2]);
    let w3 = graph.parameter("shortcut.weight", random(&mut rng, &[4, 4, 1, 1]));
    let short = graph.node("shortcut", conv(2, 0, 1), &[y, w3]);
    let sum = graph.node("add", Op::Binary(fewbit_graph::op::Binary::Add), &[deep, short]);
    let sum = relu(&mut graph, "relu2", sum);
    let mean = Op::Reduce(Reduce { kind: Reducer::Mean, axes: vec![2, 3], keep_dims: true });
    let mean = graph.node("mean", mean, &[sum]);
    let flat = graph.node("flatten", Op::Reshape(Reshape::Flatten { axis: 1 }), &[mean]);
    let w4 = graph.parameter("fc.weight", random(&mut rng, &[5, 4]));
    let b4 = graph.parameter("fc.bias", random(&mut rng, &[5]));
    let logits = graph.node("fc", gemm(), &[flat, w4, b4]);
    graph.outputs.push(logits);
    Model { graph, metadata: BTreeMap::new() }
}

pub(crate) fn prepare(model: &Model) -> Prepared {
    Prepared::new("net", model, BTreeMap::new(), Vec::new(), &Cpu::new()).unwrap()
}

/// Nobody stops it.
pub(crate) fn with_control<T>(body: impl FnOnce(&Control<'_>) -> T) -> T {
    body(&Control { cancel: &Cancel::default(), pace: &NeverPause })
}

pub(crate) fn observe(prepared: &Prepared, samples: &Tensor) -> Observations {
    with_control(|control| {
        pollster::block_on(async {
            let mut quiet = |_, _| ();
            let cpu = Cpu::new();
            let mut seen =
                Observations::ranges(&cpu, prepared, samples, 0, control, &mut quiet).await.unwrap();
            seen.distributions(&cpu, prepared, samples, control, &mut quiet).await.unwrap();
            seen
        })
    })
}

pub(crate) fn choice(text: &str) -> Choice {
    text.parse().unwrap()
}

/// All layers with these weights and activations.
pub(crate) fn quantize(
    prepared: &Prepared,
    seen: &Observations,
    weights: &str,
    activations: &str,
) -> Vec<QuantizedLayer> {
    let wanted = LayerChoice { weights: choice(weights), activations: choice(activations) };
    (0..prepared.layers.len())
        .map(|i| QuantizedLayer::new(prepared, i, wanted, seen.layer(i)).unwrap())
        .collect()
}
