//! Graphs that no problem has, each of one output, made from a seed.

use fewbit_graph::op::{Binary, Estimator, Op, Pad, PadMode, Reduce, Reducer, Unary};
use fewbit_graph::{Graph, WireId};
use fewbit_tests::problem::Builder;
use fewbit_tests::{Array, Problem, Tolerance};

/// Makes the problem of a seed, without an answer.
pub(crate) fn problem(name: &str, seed: u64, build: impl FnOnce(&mut Builder) -> WireId) -> Problem {
    let mut b = Builder::new(name, seed, Tolerance::Exact);
    let output = build(&mut b);
    b.expect(output, Array { shape: Vec::new(), values: Vec::new() });
    b.build()
}

/// A wire that several nodes read, and one node twice.
pub(crate) fn shared(seed: u64) -> Problem {
    problem("shared", seed, |b| {
        let (x, _) = b.input("x", &[3, 4]);
        let square = b.node("square", Op::Binary(Binary::Mul), &[x, x]);
        let tanh = b.node("tanh", Op::Unary(Unary::Tanh), &[x]);
        let all = b.node("all", Op::Concat { axis: 1 }, &[x, square, x, tanh]);
        b.node("soft", Op::Softmax { axis: 1 }, &[all])
    })
}

/// Padding in every mode, with removal at either side.
pub(crate) fn pad_and_crop(seed: u64) -> Problem {
    problem("pad_and_crop", seed, |b| {
        let shape = [b.rng.between(4, 7), b.rng.between(4, 7)];
        let mode = [PadMode::Constant(0.5), PadMode::Reflect, PadMode::Edge][seed as usize % 3];
        let mut sides = || (0..2).map(|_| b.rng.between(0, 2) as i64 - 1).collect();
        let (begin, end) = (sides(), sides());
        let (x, _) = b.input("x", &shape);
        b.node("y", Op::Pad(Pad { mode, begin, end }), &[x])
    })
}

/// A matrix times many, and many that are broadcast on both sides.
pub(crate) fn matmul_broadcast(seed: u64) -> Problem {
    problem("matmul_broadcast", seed, |b| {
        let (left, right): (&[usize], &[usize]) =
            [(&[][..], &[3][..]), (&[2, 1], &[1, 3]), (&[1], &[2, 3])][seed as usize % 3];
        let (x, _) = b.input("a", &[left, &[2, 3]].concat());
        let (w, _) = b.parameter("b", &[right, &[3, 4]].concat());
        b.node("y", Op::MatMul, &[x, w])
    })
}

/// Broadcasting to a shape.
pub(crate) fn expand(seed: u64) -> Problem {
    problem("expand", seed, |b| {
        let shape = b.shape(1, 3);
        let own: Vec<usize> = shape.iter().map(|&n| if b.rng.one_in(2) { 1 } else { n }).collect();
        let new = b.rng.between(0, shape.len() - 1);
        let (x, _) = b.input("x", &own[new..]);
        let shape = shape[..new].iter().chain(&shape[new..]).copied().collect();
        b.node("y", Op::Expand { shape }, &[x])
    })
}

/// Elements along an axis, some of them several times, some from beyond its ends.
pub(crate) fn gather(seed: u64) -> Problem {
    problem("gather", seed, |b| {
        let shape = b.shape(1, 3);
        let axis = b.rng.between(0, shape.len() - 1);
        let places = b.shape(0, 2);
        let indices = (0..places.iter().product())
            .map(|_| b.rng.between(0, shape[axis] + 1) as f32 - 1.0)
            .collect::<Vec<f32>>();
        let (x, _) = b.input("x", &shape);
        let (indices, _) = b.parameter_of("indices", &places, indices);
        b.node("y", Op::Gather { axis }, &[x, indices])
    })
}

/// AdaRound's soft rounding, one scale or one for each channel.
pub(crate) fn soft_round(seed: u64) -> Problem {
    problem("soft_round", seed, |b| {
        let (shape, channels) = ([2, 3, 4], if seed.is_multiple_of(2) { 1 } else { 3 });
        let base = (0..24).map(|_| b.rng.between(0, 9) as f32 - 5.0).collect();
        let (base, _) = b.parameter_of("base", &shape, base);
        let (v, _) = b.input("v", &shape);
        let grid = grid(b, channels, [-4.0, 3.0]);
        b.node("y", Op::SoftRound { axis: 1 }, &[&[base, v], grid.as_slice()].concat())
    })
}

/// A quantizer with this estimator, one scale or one for each channel.
pub(crate) fn quantizer(seed: u64, estimator: Estimator) -> Problem {
    problem("quantizer", seed, |b| {
        let channels = if seed.is_multiple_of(2) { 1 } else { 3 };
        let (x, _) = b.input("x", &[2, 3, 4]);
        let grid = grid(b, channels, [-4.0, 3.0]);
        b.node("y", Op::FakeQuantize { axis: 1, estimator }, &[&[x], grid.as_slice()].concat())
    })
}

/// Scale, zero point and bounds.
fn grid(b: &mut Builder, channels: usize, bounds: [f32; 2]) -> [WireId; 3] {
    let scales = (0..channels).map(|_| b.rng.float(0.2, 0.6)).collect();
    let zeros = (0..channels).map(|_| b.rng.float(-1.0, 1.0)).collect();
    let (scale, _) = b.parameter_of("scale", &[channels], scales);
    let (zero, _) = b.parameter_of("zero_point", &[channels], zeros);
    let (bounds, _) = b.parameter_of("bounds", &[2], bounds.to_vec());
    [scale, zero, bounds]
}

/// Adds the sum of all elements, as a number.
pub(crate) fn total(graph: &mut Graph, wire: WireId, rank: usize) -> WireId {
    let sum = Reduce { kind: Reducer::Sum, axes: (0..rank).collect(), keep_dims: false };
    graph.node("total", Op::Reduce(sum), &[wire])
}
