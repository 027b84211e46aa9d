//! Elements by number, and broadcasting.

use fewbit_graph::Op;

use crate::array::{Array, indices};
use crate::naive::index_on;
use crate::problem::{Builder, Problem};
use crate::tolerance::Tolerance;

/// Along any axis, with numbers of no, one or two axes; a few negative, a few beyond the axis.
pub fn gather(seed: u64) -> Problem {
    let mut b = Builder::new("gather", seed, Tolerance::Exact);
    let shape = b.shape(1, 4);
    let axis = b.rng.between(0, shape.len() - 1);
    let (x_wire, x) = b.input("x", &shape);
    let (places, numbers) = numbers(&mut b, shape[axis]);
    let (numbers_wire, numbers) = b.input_of("numbers", &places, numbers);
    let y = Array::from_fn(&[&shape[..axis], &places, &shape[axis + 1..]].concat(), |index| {
        let (before, rest) = index.split_at(axis);
        let (place, after) = rest.split_at(places.len());
        x.at(&[before, &[index_on(shape[axis], numbers.at(place))], after].concat())
    });
    let wire = b.node("y", Op::Gather { axis }, &[x_wire, numbers_wire]);
    b.expect(wire, y);
    b.build()
}

/// Along any axis; most elements are taken several times, or never.
pub fn gather_grad(seed: u64) -> Problem {
    let mut b = Builder::new("gather_grad", seed, Tolerance::Relative(2e-6));
    let shape = b.shape(1, 4);
    let axis = b.rng.between(0, shape.len() - 1);
    let length = shape[axis];
    let (places, numbers) = numbers(&mut b, length);
    let (g_wire, g) = b.input("g", &[&shape[..axis], &places, &shape[axis + 1..]].concat());
    let (numbers_wire, numbers) = b.input_of("numbers", &places, numbers);
    let y = Array::from_fn(&shape, |index| {
        let taken =
            indices(&places).into_iter().filter(|place| index_on(length, numbers.at(place)) == index[axis]);
        taken.map(|place| g.at(&[&index[..axis], &place, &index[axis + 1..]].concat())).sum()
    });
    let wire = b.node("y", Op::GatherGrad { axis, length }, &[g_wire, numbers_wire]);
    b.expect(wire, y);
    b.build()
}

fn numbers(b: &mut Builder, length: usize) -> (Vec<usize>, Vec<f32>) {
    let places = b.shape(0, 2);
    let number = |b: &mut Builder| match b.rng.between(0, 11) {
        0 => -1.0 - b.rng.between(0, length + 1) as f32,
        1 => (length + b.rng.between(0, 3)) as f32,
        _ => b.rng.between(0, length - 1) as f32,
    };
    let numbers = (0..places.iter().product()).map(|_| number(b)).collect();
    (places, numbers)
}

/// To more axes, and to longer ones.
pub fn expand(seed: u64) -> Problem {
    let mut b = Builder::new("expand", seed, Tolerance::Exact);
    let shape = b.shape(0, 4);
    let mut own: Vec<usize> = shape.iter().map(|&n| if b.rng.one_in(2) { 1 } else { n }).collect();
    own.drain(..b.rng.between(0, own.len()));
    let (x_wire, x) = b.input("x", &own);
    let y = Array::from_fn(&shape, |index| x.broadcast(index));
    let wire = b.node("y", Op::Expand { shape }, &[x_wire]);
    b.expect(wire, y);
    b.build()
}
