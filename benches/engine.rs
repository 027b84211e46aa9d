//! How fast the CPU engine is: `cargo bench -p fewbit-tests --bench engine`.
//!
//! Prints the best of many runs: the gallery's models in milliseconds, convolutions and matrix products in billions of
//! floating-point operations a second (two for each multiply-add), elementwise operators in nanoseconds an element.

#![expect(clippy::print_stdout, reason = "a table is what this program is for")]
#![expect(clippy::expect_used, reason = "without its models there is nothing to measure")]

use std::time::{Duration, Instant};

use fewbit_graph::op::{
    Bernoulli, Binary, Conv, ConvInputGrad, ConvWeightGrad, Estimator, Gemm, Pool, PoolGrad, PoolKind,
    QuantizerInput, Unary, Update,
};
use fewbit_graph::passes::{self, DropIdentity, FoldBatchNorm, FoldConstants};
use fewbit_graph::{Bindings, Dim, Graph, Op, Source, Tensor, WireId};
use fewbit_runtime::{Backend, Cancel, Control, Cpu, Keep, NeverPause, Plan};
use pollster::block_on;

const MODELS: [(&str, &[u8]); 3] = [
    ("fashion-lenet", include_bytes!("../assets/models/fashion-lenet.onnx")),
    ("fashion-resnet", include_bytes!("../assets/models/fashion-resnet.onnx")),
    ("fashion-mobilenet", include_bytes!("../assets/models/fashion-mobilenet.onnx")),
];

fn main() {
    let engine = Cpu::new();
    println!("{}\n", engine.info().device);
    for (name, bytes) in MODELS {
        let (model, _) = fewbit_formats::onnx::read(bytes, &Default::default()).expect("a gallery model");
        let constants = FoldConstants { evaluator: &engine };
        let (graph, _) =
            passes::run(&model.graph, &[&constants, &FoldBatchNorm, &DropIdentity]).expect("passes");
        for batch in [1, 32, 512] {
            let seconds = best(&engine, &graph, batch);
            println!("{name:>20} ×{batch:<4} {:9.3} ms", seconds * 1e3);
        }
    }
    println!();
    for [channels, size, outputs, kernel, stride, groups] in [
        [1, 28, 16, 3, 1, 1],
        [1, 28, 8, 5, 1, 1],
        [16, 28, 16, 3, 1, 1],
        [16, 28, 32, 3, 2, 1],
        [32, 14, 32, 3, 1, 1],
        [64, 7, 64, 3, 1, 1],
        [64, 14, 64, 1, 1, 1],
        [32, 28, 32, 3, 1, 32],
        [64, 14, 64, 3, 2, 64],
    ] {
        let conv = Conv {
            groups,
            strides: vec![stride; 2],
            dilations: vec![1; 2],
            pads_begin: vec![kernel / 2; 2],
            pads_end: vec![kernel / 2; 2],
        };
        let windows = (size - 1) / stride + 1;
        let (x, w) = ([32, channels, size, size], [outputs, channels / groups, kernel, kernel]);
        let g = [32, outputs, windows, windows];
        let input = ConvInputGrad { conv: conv.clone(), spatial: vec![size; 2] };
        let weight = ConvWeightGrad { conv: conv.clone(), kernel: vec![kernel; 2] };
        let speeds = [
            operator(Op::Conv(conv), &x, &[&w]),
            operator(Op::ConvInputGrad(input), &g, &[&w]),
            operator(Op::ConvWeightGrad(weight), &g, &[&x]),
        ]
        .map(|graph| {
            let terms = w.iter().product::<usize>() * windows * windows * 32;
            2e-9 * terms as f64 / best(&engine, &graph, 1)
        });
        let [forward, along_x, along_w] = speeds;
        println!(
            "conv {channels:>3}×{size}² → {outputs:>3}, {kernel}×{kernel}/{stride}, {groups:>2} groups \
             {forward:7.1} GFLOP/s, along x {along_x:7.1}, along w {along_w:7.1}"
        );
    }
    for [m, k, n] in [[512, 400, 120], [1, 400, 120], [128, 512, 512]] {
        let gemm = Gemm { alpha: 1.0, beta: 1.0, trans_a: false, trans_b: true };
        let graph = operator(Op::Gemm(gemm), &[m, k], &[&[n, k]]);
        let speed = 2e-9 * (m * k * n) as f64 / best(&engine, &graph, 1);
        println!("gemm {m}×{k}×{n} {speed:7.1} GFLOP/s");
    }
    println!();
    let max = Pool {
        kind: PoolKind::Max,
        kernel: vec![2; 2],
        strides: vec![2; 2],
        dilations: vec![1; 2],
        pads_begin: vec![0; 2],
        pads_end: vec![0; 2],
        ceil_mode: false,
    };
    let mean = Pool { kind: PoolKind::Mean { count_include_pad: false }, ..max.clone() };
    let (shape, halved) = ([64, 16, 28, 28], [64, 16, 14, 14]);
    let quantizer =
        Op::FakeQuantizeGrad { axis: 0, estimator: Estimator::default(), wrt: QuantizerInput::Value };
    let dropout = Bernoulli { seed: 1, stream: 0, probability: 0.5 };
    for (op, more) in [
        (Op::Unary(Unary::Relu), vec![]),
        (Op::Unary(Unary::HardSwish), vec![]),
        (Op::Unary(Unary::Sigmoid), vec![]),
        (Op::Binary(Binary::Add), vec![&shape[..]]),
        (Op::fake_quantize(0), vec![&[1][..], &[1], &[2]]),
        (Op::UnaryGrad(Unary::Relu), vec![&shape]),
        (Op::UnaryGrad(Unary::Sigmoid), vec![&shape]),
        (quantizer, vec![&shape, &[1], &[1], &[2]]),
        (Op::SoftRound { axis: 0 }, vec![&shape, &[1], &[1], &[2]]),
        (Op::Update(Update::Momentum { momentum: 0.9 }), vec![&shape]),
        (Op::Update(Update::Adam { epsilon: 1e-8 }), vec![&shape, &shape, &[4]]),
        (Op::Bernoulli(dropout), vec![&[1]]),
        (Op::Gather { axis: 0 }, vec![&[64]]),
        (Op::Pool(max.clone()), vec![]),
        (Op::Compare { axis: 1 }, vec![&shape]),
        (Op::Moments { axis: Some(1) }, vec![]),
    ] {
        let seconds = best(&engine, &operator(op.clone(), &shape, &more), 1);
        println!(
            "{:>20} {:7.2} ns an element",
            op.name(),
            seconds * 1e9 / shape.iter().product::<usize>() as f64
        );
    }
    for (name, grad) in [("MaxPoolGrad", max), ("AveragePoolGrad", mean)] {
        let grad = PoolGrad { pool: grad };
        let seconds = best(&engine, &operator(Op::PoolGrad(grad), &halved, &[&shape]), 1);
        let len = shape.iter().product::<usize>();
        println!("{name:>20} {:7.2} ns an element", seconds * 1e9 / len as f64);
    }
}

/// A graph of one operator.
fn operator(op: Op, x: &[usize], parameters: &[&[usize]]) -> Graph {
    let mut graph = Graph::new();
    let x = graph.input("x", x.iter().map(|&n| Dim::Known(n)).collect());
    let more = parameters.iter().map(|&shape| graph.parameter("p", values(shape)));
    let inputs: Vec<WireId> = std::iter::once(x).chain(more.collect::<Vec<_>>()).collect();
    let y = graph.node("y", op, &inputs);
    graph.outputs.push(y);
    graph
}

/// Values between 0 and 1.
fn values(shape: &[usize]) -> Tensor {
    let values: Vec<f32> =
        (0..shape.iter().product()).map(|i: usize| ((i * 7919 + 1) % 255) as f32 / 255.0).collect();
    Tensor::f32(shape, values).expect("as many values as the shape has")
}

/// Seconds of the fastest run in half a second, and in no fewer than five runs.
fn best(engine: &Cpu, graph: &Graph, batch: usize) -> f64 {
    let mut plan = prepare(engine, graph, batch);
    let (start, mut best, mut runs) = (Instant::now(), Duration::MAX, 0);
    while start.elapsed() < Duration::from_millis(500) || runs < 5 {
        let run = Instant::now();
        block_on(plan.run(&[], &Control { cancel: &Cancel::default(), pace: &NeverPause })).expect("a run");
        best = best.min(run.elapsed());
        runs += 1;
    }
    best.as_secs_f64()
}

fn prepare(engine: &Cpu, graph: &Graph, batch: usize) -> Box<dyn Plan> {
    let mut bindings = Bindings::new();
    for (_, wire) in graph.wires() {
        if let Source::Input(dims) = &wire.source {
            let symbols =
                dims.iter().filter_map(|dim| if let Dim::Symbol(name) = dim { Some(name) } else { None });
            bindings.extend(symbols.map(|name| (name.clone(), batch)));
        }
    }
    let mut plan = block_on(engine.prepare(graph, &bindings, Keep::Outputs)).expect("a plan");
    for &wire in &graph.inputs {
        let value = values(plan.facts().shape(wire));
        plan.set(wire, &value).expect("a feed");
    }
    plan
}
