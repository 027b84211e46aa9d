//! Steps of learning: what is assigned, when, and what a training run comes to on both engines.

use std::cell::Cell;

use fewbit_graph::loss::cross_entropy;
use fewbit_graph::op::{
    Binary, Conv, ConvInputGrad, ConvWeightGrad, Gemm, Pool, PoolKind, Reduce, Reducer, Reshape, Unary,
};
use fewbit_graph::optimize::{Group, Learned, Optimizer};
use fewbit_graph::{Bindings, Dim, Graph, Op, Tensor, WireId, gradients};
use fewbit_runtime::{Backend, Cancel, Control, Cpu, Keep, NeverPause, Plan, RunError};
use fewbit_tests::gradient::differentiate;
use fewbit_tests::problems::{self, Generator};
use fewbit_tests::{Rng, Tolerance, gpu};
use pollster::block_on;

use crate::common::{CancelAt, compare_with_cpu, random};

const BOTH: [Keep; 2] = [Keep::All, Keep::Outputs];

fn prepare(backend: &dyn Backend, graph: &Graph, keep: Keep) -> Box<dyn Plan> {
    block_on(backend.prepare(graph, &Bindings::new(), keep)).expect("it can be prepared")
}

fn step(plan: &mut dyn Plan, sampled: &[WireId]) -> Result<Vec<Tensor>, RunError> {
    block_on(plan.step(sampled, &Control { cancel: &Cancel::default(), pace: &NeverPause }))
}

fn read(plan: &mut dyn Plan, wires: &[WireId]) -> Vec<Tensor> {
    block_on(plan.read(wires)).expect("it can be read")
}

/// p becomes q + 1, q becomes 2·p; the output is p + q.
struct Crossed {
    graph: Graph,
    p: WireId,
    q: WireId,
    sum: WireId,
}

fn crossed() -> Crossed {
    let mut graph = Graph::new();
    let p = graph.parameter("p", Tensor::vector([1.0, 2.0, 3.0]));
    let q = graph.parameter("q", Tensor::vector([10.0, 20.0, 30.0]));
    let (one, two) =
        (graph.parameter("one", Tensor::scalar(1.0)), graph.parameter("two", Tensor::scalar(2.0)));
    let next_p = graph.node("next p", Op::Binary(Binary::Add), &[q, one]);
    let next_q = graph.node("next q", Op::Binary(Binary::Mul), &[p, two]);
    let sum = graph.node("sum", Op::Binary(Binary::Add), &[p, q]);
    graph.outputs.push(sum);
    graph.assign(p, next_p);
    graph.assign(q, next_q);
    Crossed { graph, p, q, sum }
}

#[test]
fn a_step_assigns_all_values_at_once_and_samples_what_was_before() {
    let Some(gpu) = gpu() else { return };
    let Crossed { graph, p, q, sum } = crossed();
    for keep in BOTH {
        let mut plan = prepare(&gpu, &graph, keep);
        let sampled = step(plan.as_mut(), &[sum, p]).expect("it steps");
        assert_eq!(sampled, [Tensor::vector([11.0, 22.0, 33.0]), Tensor::vector([1.0, 2.0, 3.0])]);
        let now = [Tensor::vector([11.0, 21.0, 31.0]), Tensor::vector([2.0, 4.0, 6.0])];
        assert_eq!(read(plan.as_mut(), &[p, q]), now);
        assert_eq!(step(plan.as_mut(), &[]).expect("it steps"), []);
        let now = [Tensor::vector([3.0, 5.0, 7.0]), Tensor::vector([22.0, 42.0, 62.0])];
        assert_eq!(read(plan.as_mut(), &[p, q]), now);
        // A run assigns nothing.
        crate::common::run(plan.as_mut()).expect("it runs");
        assert_eq!(read(plan.as_mut(), &[sum, p]), [Tensor::vector([25.0, 47.0, 69.0]), now[0].clone()]);
    }
}

#[test]
fn a_learned_parameter_can_be_set_again() {
    let Some(gpu) = gpu() else { return };
    let Crossed { graph, p, sum, .. } = crossed();
    for keep in BOTH {
        let mut plan = prepare(&gpu, &graph, keep);
        step(plan.as_mut(), &[]).expect("it steps");
        // The value that the host knows is not the one that the device has.
        plan.set(p, &Tensor::vector([1.0, 2.0, 3.0])).expect("it fits");
        assert_eq!(read(plan.as_mut(), &[p]), [Tensor::vector([1.0, 2.0, 3.0])]);
        crate::common::run(plan.as_mut()).expect("it runs");
        assert_eq!(read(plan.as_mut(), &[sum]), [Tensor::vector([3.0, 6.0, 9.0])]);
    }
}

#[test]
fn a_step_that_samples_what_is_not_kept_assigns_nothing() {
    let Some(gpu) = gpu() else { return };
    let Crossed { mut graph, p, q, .. } = crossed();
    let inner = graph.node("inner", Op::Binary(Binary::Sub), &[p, q]);
    let outer = graph.node("outer", Op::Unary(Unary::Abs), &[inner]);
    graph.outputs.push(outer);
    let mut plan = prepare(&gpu, &graph, Keep::Outputs);
    assert_eq!(step(plan.as_mut(), &[inner]), Err(RunError::NotKept("inner".to_owned())));
    assert_eq!(read(plan.as_mut(), &[p]), [Tensor::vector([1.0, 2.0, 3.0])]);
}

#[test]
fn a_parameter_in_another_shape_is_not_assigned() {
    let Some(gpu) = gpu() else { return };
    let mut graph = Graph::new();
    let p = graph.parameter("p", Tensor::vector([1.0, 2.0]));
    let q = graph.parameter("q", Tensor::zeros([1, 2]));
    let flat = graph.node("flat", Op::Reshape(Reshape::To(vec![2])), &[q]);
    graph.assign(p, flat);
    let refused = block_on(gpu.prepare(&graph, &Bindings::new(), Keep::All)).err();
    assert!(matches!(refused, Some(RunError::Unsupported { .. })), "{refused:?}");
}

#[test]
fn a_step_that_is_cancelled_half_way_assigns_nothing() {
    let Some(gpu) = gpu() else { return };
    if !gpu.info().software {
        return; // Elsewhere all of it is one submission.
    }
    // Both gradients of a convolution of 150 million operations, each assigned.
    let conv = Conv {
        groups: 1,
        strides: vec![1; 2],
        dilations: vec![1; 2],
        pads_begin: vec![1; 2],
        pads_end: vec![1; 2],
    };
    let mut graph = Graph::new();
    let x = graph.parameter("x", random(&[2, 32, 64, 64], 1));
    let w = graph.parameter("w", random(&[32, 32, 3, 3], 2));
    let g = graph.parameter("g", random(&[2, 32, 64, 64], 3));
    let along_w = ConvWeightGrad { conv: conv.clone(), kernel: vec![3; 2] };
    let along_x = ConvInputGrad { conv, spatial: vec![64; 2] };
    let next_w = graph.node("next w", Op::ConvWeightGrad(along_w), &[g, x]);
    let next_x = graph.node("next x", Op::ConvInputGrad(along_x), &[g, w]);
    graph.assign(w, next_w);
    graph.assign(x, next_x);
    let mut plan = prepare(&gpu, &graph, Keep::Outputs);
    let cancel = Cancel::default();
    let pace = CancelAt { cancel: &cancel, left: Cell::new(3) };
    let control = Control { cancel: &cancel, pace: &pace };
    assert_eq!(block_on(plan.step(&[], &control)), Err(RunError::Cancelled));
    assert_eq!(read(plan.as_mut(), &[w, x]), [random(&[32, 32, 3, 3], 2), random(&[2, 32, 64, 64], 1)]);
    step(plan.as_mut(), &[]).expect("it steps");
    assert_ne!(read(plan.as_mut(), &[w]), [random(&[32, 32, 3, 3], 2)]);
}

#[test]
fn a_lost_device_is_told_within_a_few_steps() {
    let Some(gpu) = gpu() else { return };
    let Crossed { graph, p, .. } = crossed();
    let mut plan = prepare(&gpu, &graph, Keep::All);
    step(plan.as_mut(), &[]).expect("it steps");
    gpu.destroy();
    // A step that reads nothing does not wait for its own end.
    let told = (0..5).find_map(|_| step(plan.as_mut(), &[]).err());
    assert!(matches!(told, Some(RunError::Lost(_))), "{told:?}");
    assert!(matches!(block_on(plan.read(&[p])), Err(RunError::Lost(_))));
}

/// A small quantized network that learns its weights and its weights' scales: convolution, maximum, depthwise
/// convolution with strides of 2, mean, dense layer, cross entropy.
struct Training {
    graph: Graph,
    x: WireId,
    labels: WireId,
    loss: WireId,
    learned: Vec<WireId>,
    group: Group,
}

fn training() -> Training {
    let mut graph = Graph::new();
    let conv = |groups: usize, stride: usize| {
        Op::Conv(Conv {
            groups,
            strides: vec![stride; 2],
            dilations: vec![1; 2],
            pads_begin: vec![1; 2],
            pads_end: vec![1; 2],
        })
    };
    let x = graph.input("x", [8, 3, 12, 12].map(Dim::Known).to_vec());
    let labels = graph.input("labels", [8, 4].map(Dim::Known).to_vec());
    let mut learned = Vec::new();
    let mut weight = |graph: &mut Graph, shape: &[usize], seed: u64| {
        let values = random(shape, seed);
        let fan = shape.iter().skip(1).product::<usize>() as f32;
        let values: Vec<f32> = values.as_f32().expect("floats").iter().map(|x| x / fan.sqrt()).collect();
        let w = graph.parameter(format!("w{seed}"), Tensor::f32(shape, values).expect("its shape"));
        let scale = graph.parameter(format!("scale{seed}"), Tensor::full([shape[0]], 0.07));
        let zero_point = graph.parameter("zero_point", Tensor::vector([0.0]));
        let bounds = graph.parameter("bounds", Tensor::vector([-7.0, 7.0]));
        learned.extend([w, scale]);
        graph.node(format!("quantized{seed}"), Op::fake_quantize(0), &[w, scale, zero_point, bounds])
    };
    let w = weight(&mut graph, &[8, 3, 3, 3], 1);
    let y = graph.node("conv", conv(1, 1), &[x, w]);
    let y = graph.node("silu", Op::Unary(Unary::Silu), &[y]);
    let pool = Pool {
        kind: PoolKind::Max,
        kernel: vec![2; 2],
        strides: vec![2; 2],
        dilations: vec![1; 2],
        pads_begin: vec![0; 2],
        pads_end: vec![0; 2],
        ceil_mode: false,
    };
    let y = graph.node("pool", Op::Pool(pool), &[y]);
    let w = weight(&mut graph, &[8, 1, 3, 3], 2);
    let y = graph.node("depthwise", conv(8, 2), &[y, w]);
    let y = graph.node("tanh", Op::Unary(Unary::Tanh), &[y]);
    let w = weight(&mut graph, &[16, 8, 3, 3], 3);
    let y = graph.node("strided", conv(1, 2), &[y, w]);
    let mean = Reduce { kind: Reducer::Mean, axes: vec![2, 3], keep_dims: false };
    let y = graph.node("mean", Op::Reduce(mean), &[y]);
    let w = weight(&mut graph, &[4, 16], 4);
    let gemm = Gemm { alpha: 1.0, beta: 1.0, trans_a: false, trans_b: true };
    let y = graph.node("dense", Op::Gemm(gemm), &[y, w]);
    let loss = cross_entropy(&mut graph, &Bindings::new(), y, labels).expect("shapes fit");
    graph.outputs.push(loss);
    let slopes = gradients(&mut graph, &Bindings::new(), loss, &learned).expect("all of it has a slope");
    let pairs: Vec<Learned> = learned
        .iter()
        .zip(slopes)
        .map(|(&parameter, gradient)| Learned { parameter, gradient, within: None })
        .collect();
    let group = Optimizer::ADAM.attach(&mut graph, &Bindings::new(), "adam", &pairs).expect("shapes fit");
    Training { graph, x, labels, loss, learned, group }
}

/// The losses of 20 steps, and what was learned.
fn train(backend: &dyn Backend, keep: Keep) -> (Vec<f32>, Vec<Tensor>) {
    let Training { graph, x, labels, loss, learned, group } = training();
    let mut plan = prepare(backend, &graph, keep);
    plan.set(x, &random(&[8, 3, 12, 12], 9)).expect("it fits");
    let mut rng = Rng::new(10);
    let rows = (0..8).flat_map(|_| {
        let class = rng.between(0, 3);
        (0..4).map(move |i| if i == class { 1.0 } else { 0.0 })
    });
    plan.set(labels, &Tensor::f32([8, 4], rows.collect::<Vec<f32>>()).expect("8 rows")).expect("it fits");
    let losses = (0..20)
        .map(|i| {
            plan.set(group.rates, &group.rates(i, 0.003)).expect("it fits");
            let sampled = step(plan.as_mut(), &[loss]).expect("it steps");
            sampled[0].as_f32().expect("floats")[0]
        })
        .collect();
    (losses, read(plan.as_mut(), &learned))
}

/// Sums differ in their last bits, and Adam divides by their magnitude: what is learned agrees within 1 % of the way that
/// twenty steps of 0.003 can go, and losses within 0.1 %.
#[test]
fn twenty_steps_of_adam_come_to_what_they_do_on_the_cpu() {
    let Some(gpu) = gpu() else { return };
    let (cpu_losses, cpu_learned) = train(&Cpu::new(), Keep::Outputs);
    assert!(cpu_losses[19] < 0.9 * cpu_losses[0], "it learns: {cpu_losses:?}");
    for keep in BOTH {
        let (losses, learned) = train(&gpu, keep);
        for (cpu, gpu) in cpu_losses.iter().zip(&losses) {
            assert!((cpu - gpu).abs() <= 1e-3 * cpu, "{cpu_losses:?}\n{losses:?}");
        }
        for (cpu, gpu) in cpu_learned.iter().zip(&learned) {
            let pairs = cpu.as_f32().expect("floats").iter().zip(gpu.as_f32().expect("floats"));
            let worst = pairs.map(|(cpu, gpu)| (cpu - gpu).abs()).fold(0.0, f32::max);
            assert!(worst <= 0.01 * 20.0 * 0.003, "{worst}");
        }
    }
}

#[test]
fn training_twice_gives_the_same_bits() {
    let Some(gpu) = gpu() else { return };
    let (first, second) = (train(&gpu, Keep::Outputs), train(&gpu, Keep::Outputs));
    assert_eq!(first.0, second.0);
    for (first, second) in first.1.iter().zip(&second.1) {
        assert_eq!(first.to_bytes(), second.to_bytes());
    }
}

/// Gradients of whole graphs: values with several readers, buffers that live until the way back.
#[test]
fn gradients_of_networks_are_those_of_the_naive_evaluator() {
    let Some(gpu) = gpu() else { return };
    let graphs: [(&str, Generator); 5] = [
        ("network", problems::network),
        ("softmax", problems::softmax),
        ("gemm", problems::gemm),
        ("conv", problems::conv),
        ("pool", problems::pool),
    ];
    for (name, problem) in graphs {
        for seed in 0..6 {
            let problem = differentiate(problem(seed), seed).expecting(Tolerance::Relative(2e-4));
            for keep in BOTH {
                let found = block_on(problem.solve(&gpu, keep)).expect("it runs");
                problem.check(&found).unwrap_or_else(|fault| unreachable!("{name}, {keep:?}: {fault}"));
            }
        }
    }
}

/// Sums over many places are cut into chunks; tiles end within weights.
#[test]
fn gradients_of_large_convolutions_agree_with_the_cpu() {
    let Some(gpu) = gpu() else { return };
    for (groups, channels, outputs, size, stride, kernel) in [
        (1, 3, 20, 40, 1, 3),
        (1, 17, 70, 14, 2, 3),
        (2, 10, 24, 13, 1, 5),
        (24, 24, 24, 30, 2, 3),
        (16, 16, 32, 21, 1, 3),
        (1, 40, 9, 12, 5, 1),
    ] {
        let pad = kernel / 2;
        let conv = Conv {
            groups,
            strides: vec![stride, 1],
            dilations: vec![1, 2],
            pads_begin: vec![pad; 2],
            pads_end: vec![pad, 2 * pad],
        };
        let x = random(&[5, channels, size, size + 2 * kernel], 1);
        let w = random(&[outputs, channels / groups, kernel, kernel], 2);
        let mut graph = Graph::new();
        let wires = [&x, &w].map(|value| graph.parameter("p", value.clone()));
        let y = graph.node("y", Op::Conv(conv.clone()), &wires);
        let shape = fewbit_graph::infer(&graph, &Bindings::new()).expect("it fits").shape(y).to_vec();
        let g = graph.parameter("g", random(&shape, 3));
        let along_x = ConvInputGrad { conv: conv.clone(), spatial: x.shape()[2..].to_vec() };
        let along_w = ConvWeightGrad { conv, kernel: vec![kernel; 2] };
        let dx = graph.node("dx", Op::ConvInputGrad(along_x), &[g, wires[1]]);
        let dw = graph.node("dw", Op::ConvWeightGrad(along_w), &[g, wires[0]]);
        graph.outputs = vec![dx, dw];
        // Along w up to ten thousand products of about 2 are summed.
        compare_with_cpu(&gpu, &graph, Tolerance::Relative(5e-4), &format!("{groups} {channels} {outputs}"));
    }
}
