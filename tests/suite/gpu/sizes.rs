//! Shapes that reach the limits: of tiles, of parts, of dispatches, of slices, of bindings.

use fewbit_graph::op::{Cell, Conv, Direction, Gemm, Recurrent, Reduce, Reducer, Unary};
use fewbit_graph::{Graph, Op, Tensor};
use fewbit_runtime::{Backend as _, Cancel, Control, Keep, NeverPause, RunError};
use fewbit_tests::{Tolerance, gpu};
use pollster::block_on;

use crate::common::{compare_with_cpu, outputs, random};

fn graph_of(op: Op, inputs: &[Tensor]) -> Graph {
    let mut graph = Graph::new();
    let wires: Vec<_> = inputs.iter().map(|tensor| graph.parameter("p", tensor.clone())).collect();
    let y = graph.node("y", op, &wires);
    graph.outputs.push(y);
    graph
}

#[test]
fn products_are_right_at_the_edges_of_tiles() {
    let Some(gpu) = gpu() else { return };
    for (i, &(m, k, n)) in
        [(1, 300, 1), (8, 1, 128), (9, 17, 129), (65, 33, 7), (127, 64, 33), (513, 5, 10), (3, 40, 600)]
            .iter()
            .enumerate()
    {
        for (trans_a, trans_b) in [(false, false), (true, false), (false, true), (true, true)] {
            let a = random(&if trans_a { [k, m] } else { [m, k] }, i as u64);
            let b = random(&if trans_b { [n, k] } else { [k, n] }, 100 + i as u64);
            let op = Op::Gemm(Gemm { alpha: 0.5, beta: 2.0, trans_a, trans_b });
            let graph = graph_of(op, &[a, b, random(&[n], 7)]);
            compare_with_cpu(&gpu, &graph, Tolerance::Relative(5e-5), &format!("{m}×{k}×{n}"));
        }
    }
}

#[test]
fn convolutions_with_many_groups_or_channels_are_right() {
    let Some(gpu) = gpu() else { return };
    for (groups, channels, outputs, size) in
        [(1, 3, 70, 9), (2, 10, 24, 13), (5, 20, 10, 7), (64, 64, 64, 17), (4, 8, 16, 1)]
    {
        let op = Op::Conv(Conv {
            groups,
            strides: vec![1, 2],
            dilations: vec![2, 1],
            pads_begin: vec![2, 1],
            pads_end: vec![2, 0],
        });
        let inputs = [
            random(&[3, channels, size, size + 2], 1),
            random(&[outputs, channels / groups, 3, 3], 2),
            random(&[outputs], 3),
        ];
        compare_with_cpu(&gpu, &graph_of(op, &inputs), Tolerance::Relative(5e-5), "convolution");
    }
}

/// 270 million floating-point operations: more than a software adapter takes in one submission.
#[test]
fn a_long_convolution_is_sliced_and_right() {
    let Some(gpu) = gpu() else { return };
    let op = Op::Conv(Conv {
        groups: 1,
        strides: vec![1; 2],
        dilations: vec![1; 2],
        pads_begin: vec![1; 2],
        pads_end: vec![1; 2],
    });
    let inputs = [random(&[4, 32, 61, 61], 1), random(&[32, 32, 3, 3], 2)];
    compare_with_cpu(&gpu, &graph_of(op, &inputs), Tolerance::Relative(1e-4), "convolution");
}

/// 78,126 workgroups of 64: more than one axis of a dispatch holds.
#[test]
fn five_million_elements_are_one_step() {
    let Some(gpu) = gpu() else { return };
    let x = random(&[5, 1_000_003], 4);
    compare_with_cpu(&gpu, &graph_of(Op::Unary(Unary::Relu), &[x]), Tolerance::Exact, "ReLU");
}

#[test]
fn a_recurrent_layer_that_is_cut_in_time_is_right() {
    let Some(gpu) = gpu() else { return };
    let (steps, batch, hidden) = (110, 1, 256);
    // So small that differences die away from step to step; a state that is lost at the cut does not.
    let small = |shape: &[usize]| {
        let values: Vec<f32> = random(shape, 7).as_f32().expect("floats").iter().map(|x| x / 64.0).collect();
        Tensor::f32(shape, values).expect("as many values as the shape has")
    };
    for cell in [Cell::Lstm, Cell::Gru { linear_before_reset: false }] {
        let rows = cell.gates() * hidden;
        let op = Recurrent { cell, direction: Direction::Bidirectional, with_cell: cell == Cell::Lstm };
        let inputs = [random(&[steps, batch, 2 * rows], 6), small(&[2, rows, hidden]), small(&[2, rows])];
        let graph = graph_of(Op::Recurrent(op), &inputs);
        compare_with_cpu(&gpu, &graph, Tolerance::Relative(2e-6), op.name());
    }
}

#[test]
fn the_first_of_many_elements_are_found() {
    let Some(gpu) = gpu() else { return };
    let x = random(&[2, 10_000, 3], 8);
    for (largest, indices) in [(true, false), (false, true)] {
        let op = Op::TopK { axis: 1, k: 20, largest, indices };
        compare_with_cpu(&gpu, &graph_of(op, std::slice::from_ref(&x)), Tolerance::Exact, "TopK");
    }
}

#[test]
fn long_reductions_are_near_the_sums_in_f64() {
    let Some(gpu) = gpu() else { return };
    let x = random(&[3, 400_001], 5);
    for kind in [Reducer::Max, Reducer::Min, Reducer::Mean, Reducer::Sum] {
        for axes in [vec![1], vec![0], vec![0, 1]] {
            let op = Op::Reduce(Reduce { kind, axes, keep_dims: false });
            let tolerance = match kind {
                Reducer::Max | Reducer::Min => Tolerance::Exact,
                Reducer::Mean | Reducer::Sum | Reducer::Prod => Tolerance::Relative(1e-4),
            };
            let what = format!("{op:?}");
            compare_with_cpu(&gpu, &graph_of(op, std::slice::from_ref(&x)), tolerance, &what);
        }
    }
}

#[test]
fn observers_of_long_tensors_agree_with_the_cpu() {
    let Some(gpu) = gpu() else { return };
    let (x, y) = (random(&[2, 3, 50_000], 6), random(&[2, 3, 50_000], 7));
    let near = Tolerance::Relative(2e-5);
    compare_with_cpu(&gpu, &graph_of(Op::Moments { axis: None }, std::slice::from_ref(&x)), near, "moments");
    compare_with_cpu(
        &gpu,
        &graph_of(Op::Moments { axis: Some(1) }, std::slice::from_ref(&x)),
        near,
        "moments",
    );
    compare_with_cpu(&gpu, &graph_of(Op::Compare { axis: 1 }, &[x.clone(), y]), near, "compare");
    for (bins, range) in
        [(2048, [-2.0, 2.0]), (5000, [-1.0, 1.7]), (1, [0.0, 1.0]), (9, [0.25, 0.25]), (77, [0.1, 0.7])]
    {
        let graph = graph_of(Op::Histogram { bins }, &[x.clone(), Tensor::vector(range)]);
        compare_with_cpu(&gpu, &graph, Tolerance::Exact, &format!("{bins} bins over {range:?}"));
    }
}

#[test]
fn values_that_are_no_numbers_are_counted_and_not_lost() {
    let Some(gpu) = gpu() else { return };
    let mut values = vec![0.5f32; 3000];
    (values[5], values[100], values[2999]) = (f32::NAN, f32::INFINITY, f32::NEG_INFINITY);
    let x = Tensor::f32([1, 3000], values).expect("a row");
    let found = |op: Op, more: &[Tensor]| {
        let graph = graph_of(op, &[std::slice::from_ref(&x), more].concat());
        let [value] = outputs(&gpu, &graph, Keep::Outputs).expect("it runs").try_into().expect("one");
        value.as_f32().expect("floats").to_vec()
    };
    let counts = found(Op::Histogram { bins: 2 }, &[Tensor::vector([0.0, 1.0])]);
    assert_eq!(counts, [0.0, 2997.0, 0.0, 0.0, 3.0]);
    let moments = found(Op::Moments { axis: Some(0) }, &[]);
    assert!(moments[..4].iter().all(|x| x.is_nan()) && moments[4] == 3000.0, "{moments:?}");
    let max = found(Op::Reduce(Reduce { kind: Reducer::Max, axes: vec![1], keep_dims: false }), &[]);
    assert!(max[0].is_nan());
    let relu = found(Op::Unary(Unary::Relu), &[]);
    assert!(relu[5].is_nan() && relu[100] == f32::INFINITY && relu[2999] == 0.0);
}

#[test]
fn a_value_beyond_the_largest_binding_is_refused_by_name_and_size() {
    let Some(gpu) = gpu() else { return };
    let mut graph = Graph::new();
    let x = graph.input("x", vec![fewbit_graph::Dim::Known(1 << 13), fewbit_graph::Dim::Known(1)]);
    let row = graph.parameter("row", Tensor::zeros([1, (1 << 12) + 1]));
    let y = graph.node("outer", Op::MatMul, &[x, row]);
    graph.outputs.push(y);
    let refused = block_on(gpu.prepare(&graph, &Default::default(), Keep::All)).err();
    let Some(RunError::Unsupported { node, why, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(node, "outer");
    assert!(why.contains("128 MiB"), "{why}");
}

/// A ResNet's residual block, its values in turn held and thrown away: what liveness must get right.
#[test]
fn shared_buffers_do_not_change_a_result() {
    let Some(gpu) = gpu() else { return };
    for seed in 0..5 {
        for problem in
            [fewbit_tests::problems::network(seed), fewbit_tests::problems::quantized_network(seed)]
        {
            let kept = block_on(problem.solve(&gpu, Keep::All)).expect("it runs");
            let mut plan =
                block_on(gpu.prepare(&problem.graph, &problem.bindings, Keep::Outputs)).expect("it fits");
            let shared = block_on(problem.run(plan.as_mut())).expect("it runs");
            let again = block_on(async {
                plan.run(&[], &Control { cancel: &Cancel::default(), pace: &NeverPause }).await?;
                plan.read(&problem.graph.outputs).await
            })
            .expect("it runs again");
            assert_eq!(shared, again, "{}", problem.name);
            for (kept, shared) in kept.iter().zip(&shared) {
                let pairs = kept.as_f32().expect("floats").iter().zip(shared.as_f32().expect("floats"));
                for (kept, shared) in pairs {
                    assert!((kept - shared).abs() <= 1e-3 * kept.abs().max(1.0), "{}", problem.name);
                }
            }
        }
    }
}
