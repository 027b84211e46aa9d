//! Small graphs with the operators that choose elements: off the corners, where their slopes are one.

use fewbit_graph::op::{Binary, Op, Reduce, Reducer, ScatterReduction};
use fewbit_tests::problem::{Builder, Problem};

use crate::cases::problem;

/// The smaller of two, chosen by comparing them, and something else.
pub(crate) fn choice(seed: u64) -> Problem {
    problem("choice", seed, |b| {
        let shape = b.shape(2, 3);
        let (x, _) = b.input("x", &shape);
        let (w, _) = b.parameter("w", &shape[1..]);
        let smaller = b.node("smaller", Op::Binary(Binary::Less), &[x, w]);
        b.node("y", Op::Where, &[smaller, w, x])
    })
}

pub(crate) fn top_k(seed: u64) -> Problem {
    problem("top_k", seed, |b| {
        let shape = b.shape(1, 3);
        let axis = b.rng.between(0, shape.len() - 1);
        let k = b.rng.between(1, shape[axis]);
        let (x, _) = b.input("x", &shape);
        b.node("y", Op::TopK { axis, k, largest: seed.is_multiple_of(2), indices: false }, &[x])
    })
}

/// Products with no zero, with one, and with two.
pub(crate) fn product(seed: u64) -> Problem {
    problem("product", seed, |b| {
        let values = (0..12).map(|i| if i % 5 < seed % 3 { 0.0 } else { b.rng.float(0.5, 1.5) }).collect();
        let (x, _) = b.input_of("x", &[3, 4], values);
        let axes = if b.rng.one_in(2) { vec![1] } else { vec![0, 1] };
        let keep_dims = b.rng.one_in(2);
        b.node("y", Op::Reduce(Reduce { kind: Reducer::Prod, axes, keep_dims }), &[x])
    })
}

/// Remainders far from where they jump.
pub(crate) fn remainder(seed: u64) -> Problem {
    problem("remainder", seed, |b| {
        let quotients = (0..12).map(|_| b.rng.between(0, 6) as f32 - 3.0 + b.rng.float(0.3, 0.7));
        let values = quotients.map(|quotient| 2.0 * quotient).collect();
        let (x, _) = b.input_of("x", &[4, 3], values);
        let (w, _) = b.parameter_of("w", &[3], vec![2.0, -2.0, 2.0]);
        let op = if seed.is_multiple_of(2) { Binary::Mod } else { Binary::Fmod };
        b.node("y", Op::Binary(op), &[x, w])
    })
}

fn indices(b: &mut Builder, lengths: &[usize], places: &[usize]) -> fewbit_graph::WireId {
    let count: usize = places.iter().product();
    let number = |i: usize, b: &mut Builder| {
        let length = lengths[i % lengths.len()];
        b.rng.between(0, 2 * length - 1) as f32 - length as f32
    };
    let values = (0..count).map(|i| number(i, b)).collect();
    b.parameter_of("indices", places, values).0
}

/// x of three axes, indices of single elements, and the axis.
fn elements(b: &mut Builder) -> (fewbit_graph::WireId, fewbit_graph::WireId, [usize; 3], usize) {
    let axis = b.rng.between(0, 2);
    let mut places = [2, 3, 4];
    places[axis] = 5;
    let (x, _) = b.input("x", &[3, 3, 4]);
    let indices = indices(b, &[[3, 3, 4][axis]], &places);
    (x, indices, places, axis)
}

pub(crate) fn gather_elements(seed: u64) -> Problem {
    problem("gather_elements", seed, |b| {
        let (x, indices, _, axis) = elements(b);
        b.node("y", Op::GatherElements { axis }, &[x, indices])
    })
}

fn reduction(seed: u64) -> ScatterReduction {
    if seed.is_multiple_of(2) { ScatterReduction::Replace } else { ScatterReduction::Add }
}

pub(crate) fn scatter_elements(seed: u64) -> Problem {
    problem("scatter_elements", seed, |b| {
        let (x, indices, places, axis) = elements(b);
        let (updates, _) = b.input("updates", &places);
        b.node("y", Op::ScatterElements { axis, reduction: reduction(seed) }, &[x, indices, updates])
    })
}

pub(crate) fn gather_nd(seed: u64) -> Problem {
    problem("gather_nd", seed, |b| {
        let batch_dims = b.rng.between(0, 2);
        let shape = [2, 3, 4, 2];
        let listed = b.rng.between(1, 4 - batch_dims);
        let (x, _) = b.input("x", &shape);
        let places = [&shape[..batch_dims], &[5, listed]].concat();
        let indices = indices(b, &shape[batch_dims..batch_dims + listed], &places);
        b.node("y", Op::GatherNd { batch_dims }, &[x, indices])
    })
}

pub(crate) fn scatter_nd(seed: u64) -> Problem {
    problem("scatter_nd", seed, |b| {
        let (shape, listed) = ([3, 2, 4], b.rng.between(1, 3));
        let (x, _) = b.input("x", &shape);
        let indices = indices(b, &shape[..listed], &[6, listed]);
        let (updates, _) = b.input("updates", &[&[6], &shape[listed..]].concat());
        b.node("y", Op::ScatterNd { reduction: reduction(seed) }, &[x, indices, updates])
    })
}
