//! What a plan does between runs: knobs, cancels, faults.

use std::cell::Cell;

use fewbit_gpu::Gpu;
use fewbit_graph::op::{Binary, Conv, Reduce, Reducer, Unary};
use fewbit_graph::{Bindings, Dim, Graph, Op, Tensor, WireId};
use fewbit_runtime::{Backend as _, Cancel, Control, Keep, NeverPause, Plan, RunError};
use fewbit_tests::gpu;
use pollster::block_on;

use crate::common::{CancelAt, outputs, random, run};

/// A chain of two convolutions whose weights are quantized, and a mean: x → conv → relu → conv → mean.
struct Chain {
    graph: Graph,
    x: WireId,
    scales: [WireId; 2],
    first: WireId,
    y: WireId,
}

fn chain(channels: usize, size: usize) -> Chain {
    let mut graph = Graph::new();
    let x = graph.input("x", [2, channels, size, size].map(Dim::Known).to_vec());
    let mut at = x;
    let mut first = x;
    let scales = [0, 1].map(|i| {
        let w = graph.parameter("w", random(&[channels, channels, 3, 3], 10 + i));
        let scale = graph.parameter("scale", Tensor::vector([0.1]));
        let zero_point = graph.parameter("zero_point", Tensor::vector([0.0]));
        let bounds = graph.parameter("bounds", Tensor::vector([-7.0, 7.0]));
        let w = graph.node("quantized", Op::fake_quantize(0), &[w, scale, zero_point, bounds]);
        let conv = Conv {
            groups: 1,
            strides: vec![1; 2],
            dilations: vec![1; 2],
            pads_begin: vec![1; 2],
            pads_end: vec![1; 2],
        };
        at = graph.node(format!("conv{i}"), Op::Conv(conv), &[at, w]);
        if i == 0 {
            at = graph.node("relu", Op::Unary(Unary::Relu), &[at]);
            first = at;
        }
        scale
    });
    let y = graph.node(
        "mean",
        Op::Reduce(Reduce { kind: Reducer::Mean, axes: vec![2, 3], keep_dims: false }),
        &[at],
    );
    graph.outputs.push(y);
    Chain { graph, x, scales, first, y }
}

fn prepare(gpu: &Gpu, graph: &Graph, keep: Keep) -> Box<dyn Plan> {
    block_on(gpu.prepare(graph, &Bindings::new(), keep)).expect("it can be prepared")
}

fn read(plan: &mut dyn Plan, wire: WireId) -> Result<Tensor, RunError> {
    block_on(plan.read(&[wire])).map(|mut values| values.remove(0))
}

#[test]
fn a_knob_runs_only_what_depends_on_it_and_gives_the_bits_of_a_full_run() {
    let Some(gpu) = gpu() else { return };
    let Chain { graph, x, scales, first, y } = chain(4, 9);
    let images = random(&[2, 4, 9, 9], 1);
    let mut plan = prepare(&gpu, &graph, Keep::All);
    plan.set(x, &images).expect("it fits");
    let report = run(plan.as_mut()).expect("it runs");
    assert_eq!((report.ran, report.needed), (6, 6));
    assert_eq!(run(plan.as_mut()).expect("it runs").ran, 0, "nothing has changed");

    plan.set(scales[1], &Tensor::vector([0.3])).expect("it fits");
    assert_eq!(read(plan.as_mut(), y), Err(RunError::NotKept("mean".to_owned())), "it is out of date");
    let report = run(plan.as_mut()).expect("it runs");
    assert_eq!((report.ran, report.needed), (3, 6), "the second quantizer, its convolution, the mean");
    plan.set(scales[1], &Tensor::vector([0.3])).expect("it fits");
    assert_eq!(run(plan.as_mut()).expect("it runs").ran, 0, "the same bits change nothing");

    let mut fresh = prepare(&gpu, &graph, Keep::All);
    fresh.set(x, &images).expect("it fits");
    fresh.set(scales[1], &Tensor::vector([0.3])).expect("it fits");
    run(fresh.as_mut()).expect("it runs");
    for wire in [first, y] {
        let (old, new) = (read(plan.as_mut(), wire), read(fresh.as_mut(), wire));
        assert_eq!(old.expect("kept").to_bytes(), new.expect("kept").to_bytes());
    }
}

#[test]
fn a_part_of_the_graph_runs_alone() {
    let Some(gpu) = gpu() else { return };
    let Chain { graph, x, first, y, .. } = chain(4, 9);
    let mut plan = prepare(&gpu, &graph, Keep::All);
    plan.set(x, &random(&[2, 4, 9, 9], 1)).expect("it fits");
    let control = Control { cancel: &Cancel::default(), pace: &NeverPause };
    let report = block_on(plan.run(&[first], &control)).expect("it runs");
    assert_eq!((report.ran, report.needed), (3, 3));
    assert!(read(plan.as_mut(), first).is_ok());
    assert_eq!(read(plan.as_mut(), y), Err(RunError::NotKept("mean".to_owned())));
    assert_eq!(run(plan.as_mut()).expect("it runs").ran, 3);
}

#[test]
fn inner_values_are_not_kept_unless_asked_for() {
    let Some(gpu) = gpu() else { return };
    let Chain { graph, x, first, y, .. } = chain(4, 9);
    let mut plan = prepare(&gpu, &graph, Keep::Outputs);
    assert_eq!(run(plan.as_mut()), Err(RunError::MissingInput("x".to_owned())));
    plan.set(x, &random(&[2, 4, 9, 9], 1)).expect("it fits");
    run(plan.as_mut()).expect("it runs");
    assert!(read(plan.as_mut(), y).is_ok());
    assert_eq!(read(plan.as_mut(), first), Err(RunError::NotKept("relu".to_owned())));
    let control = Control { cancel: &Cancel::default(), pace: &NeverPause };
    assert_eq!(block_on(plan.run(&[first], &control)), Err(RunError::NotKept("relu".to_owned())));
    assert!(plan.bytes() > 0);
}

#[test]
fn feeds_of_the_wrong_shape_and_for_the_wrong_wire_are_refused() {
    let Some(gpu) = gpu() else { return };
    let Chain { graph, x, y, .. } = chain(4, 9);
    let mut plan = prepare(&gpu, &graph, Keep::All);
    assert!(matches!(plan.set(x, &Tensor::vector([1.0])), Err(RunError::Feed { .. })));
    assert!(matches!(plan.set(y, &Tensor::zeros([2, 4])), Err(RunError::Feed { .. })));
}

#[test]
fn a_run_that_is_cancelled_half_way_ends_right_the_next_time() {
    let Some(gpu) = gpu() else { return };
    if !gpu.info().software {
        return; // Elsewhere all of it is one submission.
    }
    // Two convolutions of about 150 million operations: several submissions.
    let Chain { graph, x, y, .. } = chain(32, 64);
    let images = random(&[2, 32, 64, 64], 1);
    for keep in [Keep::All, Keep::Outputs] {
        let mut plan = prepare(&gpu, &graph, keep);
        plan.set(x, &images).expect("it fits");
        let cancel = Cancel::default();
        let pace = CancelAt { cancel: &cancel, left: Cell::new(3) };
        let control = Control { cancel: &cancel, pace: &pace };
        assert_eq!(block_on(plan.run(&[], &control)), Err(RunError::Cancelled));
        assert!(matches!(read(plan.as_mut(), y), Err(RunError::NotKept(_))));
        run(plan.as_mut()).expect("it runs");
        let mut fresh = prepare(&gpu, &graph, keep);
        fresh.set(x, &images).expect("it fits");
        run(fresh.as_mut()).expect("it runs");
        assert_eq!(
            read(plan.as_mut(), y).expect("kept").to_bytes(),
            read(fresh.as_mut(), y).expect("kept").to_bytes()
        );
    }
}

#[test]
fn a_lost_device_is_told_from_a_fault() {
    let Some(gpu) = gpu() else { return };
    let Chain { graph, x, y, .. } = chain(4, 9);
    let mut plan = prepare(&gpu, &graph, Keep::All);
    plan.set(x, &random(&[2, 4, 9, 9], 1)).expect("it fits");
    run(plan.as_mut()).expect("it runs");
    gpu.destroy();
    assert!(matches!(read(plan.as_mut(), y), Err(RunError::Lost(_))), "{:?}", read(plan.as_mut(), y));
    assert!(matches!(run(plan.as_mut()), Err(RunError::Lost(_))));
    assert!(matches!(
        block_on(gpu.prepare(&graph, &Bindings::new(), Keep::All)).err(),
        Some(RunError::Lost(_))
    ));
}

#[test]
fn a_range_that_is_none_is_refused_or_answered_with_nan() {
    let Some(gpu) = gpu() else { return };
    let mut graph = Graph::new();
    let x = graph.parameter("x", random(&[100], 1));
    let range = graph.parameter("range", Tensor::vector([1.0, -1.0]));
    let y = graph.node("counts", Op::Histogram { bins: 4 }, &[x, range]);
    graph.outputs.push(y);
    assert!(matches!(outputs(&gpu, &graph, Keep::All), Err(RunError::Unsupported { .. })));

    let mut graph = Graph::new();
    let x = graph.parameter("x", random(&[100], 1));
    let range = graph.parameter("range", Tensor::vector([1.0, -1.0]));
    let zero = graph.parameter("zero", Tensor::scalar(0.0));
    let computed = graph.node("computed", Op::Binary(Binary::Add), &[range, zero]);
    let y = graph.node("counts", Op::Histogram { bins: 4 }, &[x, computed]);
    graph.outputs.push(y);
    let counts = outputs(&gpu, &graph, Keep::All).expect("it runs");
    assert!(counts[0].as_f32().expect("floats").iter().all(|count| count.is_nan()));
}

#[test]
fn a_quantizer_that_waits_for_its_scale_is_fused_and_right() {
    let Some(gpu) = gpu() else { return };
    let mut graph = Graph::new();
    let x = graph.parameter("x", random(&[1, 3, 6, 6], 1));
    let w = graph.parameter("w", random(&[4, 3, 1, 1], 2));
    let conv = Conv {
        groups: 1,
        strides: vec![1; 2],
        dilations: vec![1; 2],
        pads_begin: vec![0; 2],
        pads_end: vec![0; 2],
    };
    let y = graph.node("conv", Op::Conv(conv), &[x, w]);
    // The scale is computed after the convolution.
    let scale = graph.parameter("scale", Tensor::vector([0.1, 0.2, 0.3, 0.4]));
    let scale = graph.node("scale", Op::Unary(Unary::Abs), &[scale]);
    let zero_point = graph.parameter("zero_point", Tensor::vector([0.0]));
    let bounds = graph.parameter("bounds", Tensor::vector([-7.0, 7.0]));
    let y = graph.node("y", Op::fake_quantize(1), &[y, scale, zero_point, bounds]);
    graph.outputs.push(y);
    let kept = outputs(&gpu, &graph, Keep::All).expect("it runs");
    let fused = outputs(&gpu, &graph, Keep::Outputs).expect("it runs");
    assert_eq!(kept[0].to_bytes(), fused[0].to_bytes());
}
