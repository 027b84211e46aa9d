//! Reductions and softmax.

use fewbit_graph::Op;
use fewbit_graph::op::{Reduce, Reducer};

use crate::array::Array;
use crate::problem::{Builder, Problem};
use crate::tolerance::Tolerance;

/// Reductions over some axes, now and then none.
pub fn reduce(seed: u64) -> Problem {
    const KINDS: [Reducer; 4] = [Reducer::Max, Reducer::Min, Reducer::Mean, Reducer::Sum];
    let kind = KINDS[seed as usize % KINDS.len()];
    let tolerance = match kind {
        Reducer::Max | Reducer::Min => Tolerance::Exact,
        Reducer::Mean | Reducer::Sum | Reducer::Prod => Tolerance::Relative(1e-5),
    };
    let mut b = Builder::new("reduce", seed, tolerance);
    let shape = b.shape(1, 4);
    let mut axes: Vec<usize> = (0..shape.len()).filter(|_| b.rng.one_in(2)).collect();
    if axes.is_empty() && b.rng.one_in(2) {
        axes.push(shape.len() - 1);
    }
    let op = Reduce { kind, axes, keep_dims: b.rng.one_in(2) };
    let (x_wire, x) = b.input("x", &shape);
    let y = reduce_oracle(&op, &x);
    let wire = b.node("y", Op::Reduce(op), &[x_wire]);
    b.expect(wire, y);
    b.build()
}

/// Products over some axes, of numbers around 1; now and then one of them is 0.
pub fn product(seed: u64) -> Problem {
    let mut b = Builder::new("product", seed, Tolerance::Relative(2e-5));
    let shape = b.shape(1, 4);
    let axes: Vec<usize> = (0..shape.len()).filter(|_| b.rng.one_in(2)).collect();
    let values = (0..shape.iter().product())
        .map(|_| if b.rng.one_in(30) { 0.0 } else { b.rng.float(0.75, 1.3) * b.rng.pick(&[-1.0, 1.0]) })
        .collect();
    let op = Reduce { kind: Reducer::Prod, axes, keep_dims: b.rng.one_in(2) };
    let (x_wire, x) = b.input_of("x", &shape, values);
    let y = reduce_oracle(&op, &x);
    let wire = b.node("y", Op::Reduce(op), &[x_wire]);
    b.expect(wire, y);
    b.build()
}

/// Softmax along any axis.
pub fn softmax(seed: u64) -> Problem {
    let mut b = Builder::new("softmax", seed, Tolerance::Relative(2e-6));
    let (op, x_wire, y) = normalized(&mut b, |axis| Op::Softmax { axis }, |x, sum| x.exp() / sum);
    let wire = b.node("y", op, &[x_wire]);
    b.expect(wire, y);
    b.build()
}

/// Log-softmax along any axis.
pub fn log_softmax(seed: u64) -> Problem {
    let mut b = Builder::new("log_softmax", seed, Tolerance::Relative(2e-6));
    let (op, x_wire, y) = normalized(&mut b, |axis| Op::LogSoftmax { axis }, |x, sum| x - sum.ln());
    let wire = b.node("y", op, &[x_wire]);
    b.expect(wire, y);
    b.build()
}

fn normalized(
    b: &mut Builder,
    op: fn(usize) -> Op,
    of: fn(f64, f64) -> f64,
) -> (Op, fewbit_graph::WireId, Array) {
    let shape = b.shape(1, 4);
    let axis = b.rng.between(0, shape.len() - 1);
    let values = (0..shape.iter().product()).map(|_| b.rng.float(-9.0, 9.0)).collect();
    let (wire, x) = b.input_of("x", &shape, values);
    let y = Array::from_fn(&shape, |index| {
        let mut other = index.to_vec();
        let sum: f64 = (0..shape[axis]).map(|i| (other[axis] = i, x.at(&other).exp()).1).sum();
        of(x.at(index), sum)
    });
    (op(axis), wire, y)
}

pub(crate) fn reduce_oracle(op: &Reduce, x: &Array) -> Array {
    let kept = |a: &usize| !op.axes.contains(a);
    let length = |a: usize| if kept(&a) { x.shape[a] } else { 1 };
    let all: Vec<usize> = (0..x.shape.len()).map(length).collect();
    let window: Vec<usize> = (0..x.shape.len()).map(|a| if kept(&a) { 1 } else { x.shape[a] }).collect();
    let offsets = crate::array::indices(&window);
    let mut y = Array::from_fn(&all, |index| {
        let seen = offsets
            .iter()
            .map(|offset| x.at(&index.iter().zip(offset).map(|(a, b)| a + b).collect::<Vec<_>>()));
        match op.kind {
            Reducer::Max => seen.fold(f64::NEG_INFINITY, f64::max),
            Reducer::Min => seen.fold(f64::INFINITY, f64::min),
            Reducer::Sum => seen.sum(),
            Reducer::Prod => seen.product(),
            Reducer::Mean => seen.sum::<f64>() / offsets.len() as f64,
        }
    });
    if !op.keep_dims {
        y.shape = (0..x.shape.len()).filter(kept).map(|a| x.shape[a]).collect();
    }
    y
}
