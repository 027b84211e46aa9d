//! ResNet-8 (12.5 M multiply-accumulates) on 32 images, batch normalization folded: preparing, the first and further runs.
//!
//! `cargo bench -p fewbit-gpu --bench resnet`. Natively `VK_DRIVER_FILES` chooses a driver. With `--layers` it times
//! each convolution's shape on its own, forwards and its gradients along x and along w; with `--training` a step of
//! learning of the whole network: forward, backward and Adam.

#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a benchmark prints, and stops where it cannot go on"
)]

use std::time::Instant;

use fewbit_gpu::{Gpu, Options};
use fewbit_graph::loss::squared_error;
use fewbit_graph::op::{Binary, Conv, ConvInputGrad, ConvWeightGrad, Gemm, Reduce, Reducer, Reshape, Unary};
use fewbit_graph::optimize::{Learned, Optimizer};
use fewbit_graph::{Bindings, Dim, Graph, Op, Source, Tensor, WireId, gradients};
use fewbit_runtime::{Backend as _, Cancel, Control, Keep, NeverPause, Plan};
use pollster::block_on;

const BATCH: usize = 32;
const RUNS: usize = 7;

fn main() {
    let gpu = block_on(Gpu::open(Options::default())).expect("an adapter");
    println!("{}", gpu.info().device);
    let asked = |what: &str| std::env::args().any(|argument| argument == what);
    if asked("--layers") {
        for (inputs, outputs, size, kernel, stride, groups) in [
            (3, 16, 32, 3, 1, 1),
            (16, 16, 32, 3, 1, 1),
            (16, 32, 32, 3, 2, 1),
            (32, 32, 16, 3, 1, 1),
            (64, 64, 8, 3, 1, 1),
            (64, 64, 8, 1, 1, 1),
            (32, 32, 16, 3, 1, 32),
        ] {
            for pass in [Pass::Forward, Pass::AlongX, Pass::AlongW] {
                let mut net = Net::new(inputs, size);
                net.layer(outputs, kernel, stride, groups, pass);
                let groups = if groups == 1 { String::new() } else { format!(", {groups} groups") };
                let shape = format!("{inputs}→{outputs} {kernel}×{kernel}/{stride} on {size}×{size}{groups}");
                time(&gpu, &format!("{pass:?} {shape}"), net);
            }
        }
    } else if asked("--training") {
        train(&gpu);
    } else {
        time(&gpu, "ResNet-8", resnet());
    }
}

fn time(gpu: &Gpu, name: &str, mut net: Net) {
    net.graph.outputs = vec![net.at];
    let (macs, input) = (net.macs, net.graph.inputs[0]);
    let start = Instant::now();
    let mut plan =
        block_on(gpu.prepare(&net.graph, &Bindings::new(), Keep::Outputs)).expect("it can be prepared");
    let prepared = start.elapsed();
    let images = Tensor::f32(plan.facts().shape(input), net.values(plan.facts().of(input).len(), 1.0))
        .expect("as many values as the shape has");
    plan.set(input, &images).expect("it fits");
    let start = Instant::now();
    run(plan.as_mut(), net.at);
    let first = start.elapsed();
    let mut times: Vec<f64> = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            run(plan.as_mut(), net.at);
            start.elapsed().as_secs_f64()
        })
        .collect();
    times.sort_by(f64::total_cmp);
    let median = times[RUNS / 2];
    println!(
        "{name}: prepared in {:.0} ms, first run {:.0} ms, then median {:.1} ms, best {:.1} ms: {:.2} GFLOP/s; {:.1} MiB",
        prepared.as_secs_f64() * 1e3,
        first.as_secs_f64() * 1e3,
        median * 1e3,
        times[0] * 1e3,
        2.0 * macs as f64 / median / 1e9,
        plan.bytes() as f64 / f64::from(1 << 20),
    );
}

/// What is timed of a convolution.
#[derive(Clone, Copy, Debug)]
enum Pass {
    Forward,
    AlongX,
    AlongW,
}

/// Steps of learning of ResNet-8, each waited for in the way that training does: now and then.
fn train(gpu: &Gpu) {
    let mut net = resnet();
    let wrt: Vec<WireId> = net
        .graph
        .wires()
        .filter(|(_, wire)| matches!(wire.source, Source::Parameter(_)))
        .map(|(id, _)| id)
        .collect();
    let target = net.graph.parameter("target", Tensor::zeros([BATCH, 10]));
    let bindings = Bindings::new();
    let loss = squared_error(&mut net.graph, &bindings, net.at, target, 1).expect("shapes fit");
    net.graph.outputs.push(loss);
    let slopes = gradients(&mut net.graph, &bindings, loss, &wrt).expect("all of it has a slope");
    let learned: Vec<Learned> = wrt
        .iter()
        .zip(slopes)
        .map(|(&parameter, gradient)| Learned { parameter, gradient, within: None })
        .collect();
    let group = Optimizer::ADAM.attach(&mut net.graph, &bindings, "adam", &learned).expect("shapes fit");
    let start = Instant::now();
    let mut plan = block_on(gpu.prepare(&net.graph, &bindings, Keep::Outputs)).expect("it can be prepared");
    let prepared = start.elapsed();
    let input = net.graph.inputs[0];
    let images = Tensor::f32(plan.facts().shape(input), net.values(plan.facts().of(input).len(), 1.0))
        .expect("as many values as the shape has");
    plan.set(input, &images).expect("it fits");
    let control = Control { cancel: &Cancel::default(), pace: &NeverPause };
    let mut steps = |first: u32, count: u32| {
        let start = Instant::now();
        for i in first..first + count {
            plan.set(group.rates, &group.rates(i, 1e-3)).expect("it fits");
            let sampled: &[WireId] = if i + 1 == first + count { &[loss] } else { &[] };
            block_on(plan.step(sampled, &control)).expect("it steps");
        }
        start.elapsed().as_secs_f64() / f64::from(count)
    };
    let first = steps(0, 1);
    let each = steps(1, 10);
    println!(
        "ResNet-8, a step of Adam: prepared in {:.0} ms, first {:.0} ms, then {:.1} ms: {:.2} GFLOP/s of three passes",
        prepared.as_secs_f64() * 1e3,
        first * 1e3,
        each * 1e3,
        6.0 * net.macs as f64 / each / 1e9,
    );
}

fn run(plan: &mut dyn Plan, output: WireId) {
    let control = Control { cancel: &Cancel::default(), pace: &NeverPause };
    block_on(plan.run(&[], &control)).expect("it runs");
    block_on(plan.read(&[output])).expect("it can be read");
}

/// MLPerf Tiny's ResNet-8 for CIFAR-10.
fn resnet() -> Net {
    let mut net = Net::new(3, 32);
    net.conv(16, 3, 1, true);
    for (channels, stride) in [(16, 1), (32, 2), (64, 2)] {
        let entry = (net.at, net.channels, net.size);
        net.conv(channels, 3, stride, true);
        net.conv(channels, 3, 1, false);
        let main = net.at;
        (net.at, net.channels, net.size) = entry;
        if stride > 1 {
            net.conv(channels, 1, stride, false);
        }
        let shortcut = net.at;
        (net.channels, net.size) = (channels, entry.2 / stride);
        let sum = net.graph.node("add", Op::Binary(Binary::Add), &[main, shortcut]);
        net.at = net.graph.node("relu", Op::Unary(Unary::Relu), &[sum]);
    }
    let mean = Reduce { kind: Reducer::Mean, axes: vec![2, 3], keep_dims: true };
    net.at = net.graph.node("pool", Op::Reduce(mean), &[net.at]);
    net.at = net.graph.node("flatten", Op::Reshape(Reshape::Flatten { axis: 1 }), &[net.at]);
    let (w, b) = (net.parameter(&[10, 64]), net.parameter(&[10]));
    let gemm = Gemm { alpha: 1.0, beta: 1.0, trans_a: false, trans_b: true };
    net.at = net.graph.node("head", Op::Gemm(gemm), &[net.at, w, b]);
    net.macs += BATCH * 640;
    net
}

/// A network under construction.
struct Net {
    graph: Graph,
    at: WireId,
    channels: usize,
    size: usize,
    macs: usize,
    seed: u32,
}

impl Net {
    fn new(channels: usize, size: usize) -> Self {
        let mut graph = Graph::new();
        let at = graph.input("x", [BATCH, channels, size, size].map(Dim::Known).to_vec());
        Self { graph, at, channels, size, macs: 0, seed: 1 }
    }

    fn conv(&mut self, outputs: usize, kernel: usize, stride: usize, relu: bool) {
        let w = self.parameter(&[outputs, self.channels, kernel, kernel]);
        let b = self.parameter(&[outputs]);
        let op = Conv {
            groups: 1,
            strides: vec![stride; 2],
            dilations: vec![1; 2],
            pads_begin: vec![kernel / 2; 2],
            pads_end: vec![kernel / 2; 2],
        };
        self.at = self.graph.node("conv", Op::Conv(op), &[self.at, w, b]);
        if relu {
            self.at = self.graph.node("relu", Op::Unary(Unary::Relu), &[self.at]);
        }
        self.size /= stride;
        self.macs += BATCH * outputs * self.size * self.size * self.channels * kernel * kernel;
        self.channels = outputs;
    }

    /// A convolution alone, or one of its gradients; the input is x, or else the gradient of y.
    fn layer(&mut self, outputs: usize, kernel: usize, stride: usize, groups: usize, pass: Pass) {
        let conv = Conv {
            groups,
            strides: vec![stride; 2],
            dilations: vec![1; 2],
            pads_begin: vec![kernel / 2; 2],
            pads_end: vec![kernel / 2; 2],
        };
        let (size, to) = (self.size, self.size / stride);
        let x = [BATCH, self.channels, size, size];
        let w = [outputs, self.channels / groups, kernel, kernel];
        self.macs = BATCH * to * to * w.iter().product::<usize>();
        if !matches!(pass, Pass::Forward) {
            self.graph = Graph::new();
            self.at = self.graph.input("g", [BATCH, outputs, to, to].map(Dim::Known).to_vec());
        }
        let (op, other) = match pass {
            Pass::Forward => (Op::Conv(conv), self.parameter(&w)),
            Pass::AlongX => {
                let grad = ConvInputGrad { conv, spatial: vec![size; 2] };
                (Op::ConvInputGrad(grad), self.parameter(&w))
            }
            Pass::AlongW => {
                let grad = ConvWeightGrad { conv, kernel: vec![kernel; 2] };
                (Op::ConvWeightGrad(grad), self.parameter(&x))
            }
        };
        self.at = self.graph.node("layer", op, &[self.at, other]);
    }

    fn parameter(&mut self, shape: &[usize]) -> WireId {
        let values = self.values(shape.iter().product(), 0.1);
        self.graph.parameter("w", Tensor::f32(shape, values).expect("as many values as the shape has"))
    }

    /// Numbers in (−`scale`, `scale`), the same each time.
    fn values(&mut self, len: usize, scale: f32) -> Vec<f32> {
        (0..len)
            .map(|_| {
                self.seed = self.seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                scale * ((self.seed >> 8) as f32 / (1u32 << 23) as f32 - 1.0)
            })
            .collect()
    }
}
