//! Choices, order, running sums, and elements by their places.

use fewbit_graph::op::ScatterReduction;
use fewbit_graph::{Op, WireId};

use crate::array::Array;
use crate::naive;
use crate::problem::{Builder, Problem};
use crate::tolerance::Tolerance;

const REDUCTIONS: [ScatterReduction; 5] = [
    ScatterReduction::Replace,
    ScatterReduction::Add,
    ScatterReduction::Mul,
    ScatterReduction::Max,
    ScatterReduction::Min,
];

/// Adds the operator, and expects what the naive evaluator says.
fn expecting(mut b: Builder, op: Op, inputs: &[(WireId, Array)]) -> Problem {
    let y = naive::apply(&op, &inputs.iter().map(|(_, array)| array).collect::<Vec<_>>());
    let wires: Vec<WireId> = inputs.iter().map(|(wire, _)| *wire).collect();
    let wire = b.node("y", op, &wires);
    b.expect(wire, y);
    b.build()
}

/// Three shapes that broadcast to one; half of the conditions hold.
pub fn choice(seed: u64) -> Problem {
    let mut b = Builder::new("choice", seed, Tolerance::Exact);
    let full = b.shape(0, 4);
    let whole = b.rng.between(0, 5);
    let part = |b: &mut Builder, input: usize| {
        let mut shape: Vec<usize> = full.iter().map(|&n| if b.rng.one_in(3) { 1 } else { n }).collect();
        shape.drain(..b.rng.between(0, shape.len()));
        if whole == input || whole > 2 { full.clone() } else { shape }
    };
    let shapes = [part(&mut b, 0), part(&mut b, 1), part(&mut b, 2)];
    let conditions = (0..shapes[0].iter().product()).map(|_| b.rng.pick(&[0.0, -0.0, 1.0, -2.5])).collect();
    let condition = b.input_of("condition", &shapes[0], conditions);
    let (x, y) = (b.input("a", &shapes[1]), b.parameter("b", &shapes[2]));
    expecting(b, Op::Where, &[condition, x, y])
}

/// A tensor in which many elements are equal, and one of its axes.
fn with_ties(b: &mut Builder) -> ((WireId, Array), usize) {
    let mut shape = b.shape(1, 4);
    let axis = b.rng.between(0, shape.len() - 1);
    if b.rng.one_in(4) {
        shape = vec![2, 150, 3][..shape.len().min(3)].to_vec();
    }
    let axis = axis.min(shape.len() - 1);
    let values = (0..shape.iter().product()).map(|_| b.rng.between(0, 12) as f32 - 6.0).collect();
    (b.input_of("x", &shape, values), axis)
}

/// The place of the largest and of the smallest element, the first and the last of equal ones.
pub fn arg_reduce(seed: u64) -> Problem {
    let mut b = Builder::new("arg_reduce", seed, Tolerance::Exact);
    let (x, axis) = with_ties(&mut b);
    let [max, last] = [seed & 1, seed & 2].map(|bit| bit != 0);
    let keep_dims = b.rng.one_in(2);
    expecting(b, Op::ArgReduce { max, axis, keep_dims, last }, &[x])
}

/// The largest and the smallest elements, and where they are.
pub fn top_k(seed: u64) -> Problem {
    let mut b = Builder::new("top_k", seed, Tolerance::Exact);
    let (x, axis) = with_ties(&mut b);
    let [largest, indices] = [seed & 1, seed & 2].map(|bit| bit != 0);
    let k = b.rng.between(1, x.1.shape[axis]);
    expecting(b, Op::TopK { axis, k, largest, indices }, &[x])
}

/// Running sums, from both ends.
pub fn cum_sum(seed: u64) -> Problem {
    let mut b = Builder::new("cum_sum", seed, Tolerance::Relative(1e-5));
    let shape = b.shape(1, 4);
    let axis = b.rng.between(0, shape.len() - 1);
    let x = b.input("x", &shape);
    let [exclusive, reverse] = [seed & 1, seed & 2].map(|bit| bit != 0);
    expecting(b, Op::CumSum { axis, exclusive, reverse }, &[x])
}

/// Indices of an axis: some from its end, a few from beyond it.
fn numbers(b: &mut Builder, lengths: &[usize], places: &[usize]) -> (WireId, Array) {
    let count: usize = places.iter().product();
    let values = (0..count)
        .map(|i| {
            let length = lengths[i % lengths.len()];
            match b.rng.between(0, 15) {
                0 => -1.0 - (length + b.rng.between(0, 2)) as f32,
                1 => (length + b.rng.between(0, 2)) as f32,
                2..5 => -1.0 - b.rng.between(0, length - 1) as f32,
                _ => b.rng.between(0, length - 1) as f32,
            }
        })
        .collect();
    b.input_of("indices", places, values)
}

/// x, indices and an axis of elements that are taken or put one by one.
fn elements(b: &mut Builder) -> ((WireId, Array), (WireId, Array), usize) {
    let shape = b.shape(1, 4);
    let axis = b.rng.between(0, shape.len() - 1);
    let mut places: Vec<usize> = shape.iter().map(|&n| b.rng.between(1, n)).collect();
    places[axis] = b.rng.between(1, 7);
    let x = b.input("x", &shape);
    let indices = numbers(b, &shape[axis..=axis], &places);
    (x, indices, axis)
}

/// Single elements along an axis.
pub fn gather_elements(seed: u64) -> Problem {
    let mut b = Builder::new("gather_elements", seed, Tolerance::Exact);
    let (x, indices, axis) = elements(&mut b);
    expecting(b, Op::GatherElements { axis }, &[x, indices])
}

/// Single elements along an axis, many of them several times.
pub fn scatter_elements(seed: u64) -> Problem {
    let mut b = Builder::new("scatter_elements", seed, Tolerance::Relative(1e-5));
    let (x, indices, axis) = elements(&mut b);
    let updates = b.input("updates", &indices.1.shape);
    let reduction = REDUCTIONS[seed as usize % REDUCTIONS.len()];
    expecting(b, Op::ScatterElements { axis, reduction }, &[x, indices, updates])
}

/// Parts by the indices of one axis or of several, behind no, one or two axes of batches.
pub fn gather_nd(seed: u64) -> Problem {
    let mut b = Builder::new("gather_nd", seed, Tolerance::Exact);
    let shape = b.shape(1, 4);
    let listed = b.rng.between(1, shape.len());
    let batch_dims = b.rng.between(0, shape.len() - listed);
    let places = [&shape[..batch_dims], &b.shape(0, 2), &[listed]].concat();
    let x = b.input("x", &shape);
    let indices = numbers(&mut b, &shape[batch_dims..batch_dims + listed], &places);
    expecting(b, Op::GatherNd { batch_dims }, &[x, indices])
}

/// Parts by the indices of one axis or of several, many of them several times.
pub fn scatter_nd(seed: u64) -> Problem {
    let mut b = Builder::new("scatter_nd", seed, Tolerance::Relative(1e-5));
    let shape = b.shape(1, 4);
    let listed = b.rng.between(1, shape.len());
    let outer = b.shape(0, 2);
    let x = b.input("x", &shape);
    let indices = numbers(&mut b, &shape[..listed], &[outer.as_slice(), &[listed]].concat());
    let updates = b.input("updates", &[&outer, &shape[listed..]].concat());
    let reduction = REDUCTIONS[seed as usize % REDUCTIONS.len()];
    expecting(b, Op::ScatterNd { reduction }, &[x, indices, updates])
}
