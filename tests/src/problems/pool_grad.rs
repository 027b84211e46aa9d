//! The gradient of pooling.

use fewbit_graph::Op;
use fewbit_graph::infer::output_shape;
use fewbit_graph::op::{Pool, PoolGrad, PoolKind};

use crate::array::{Array, indices};
use crate::problem::{Builder, Problem};
use crate::problems::pool;
use crate::tolerance::Tolerance;

/// Two-dimensional. Elements are often equal, so that it matters which maximum is the first.
pub fn pool_grad(seed: u64) -> Problem {
    windowed(Builder::new("pool_grad", seed, Tolerance::Relative(2e-6)), 2)
}

/// One-dimensional.
pub fn pool_grad_1d(seed: u64) -> Problem {
    windowed(Builder::new("pool_grad_1d", seed, Tolerance::Relative(2e-6)), 1)
}

fn windowed(mut b: Builder, axes: usize) -> Problem {
    let (op, shape) = pool::window(&mut b, axes);
    let steps = b.rng.pick(&[4, 1 << 20]);
    let values = (0..shape.iter().product()).map(|_| b.rng.between(0, steps) as f32 / steps as f32).collect();
    let y_shape = output_shape(&Op::Pool(op.clone()), &[&shape]).expect("a window that fits");
    let (g_wire, g) = b.input("g", &y_shape);
    let (x_wire, x) = b.input_of("x", &shape, values);
    let y = oracle(&op, &g, &x);
    let wire = b.node("y", Op::PoolGrad(PoolGrad { pool: op }), &[g_wire, x_wire]);
    b.expect(wire, y);
    b.build()
}

/// Each window gives its gradient to its first maximum, or a part of it to each element that it saw.
fn oracle(op: &Pool, g: &Array, x: &Array) -> Array {
    let axes = op.kernel.len();
    let mut y = x.map(|_| 0.0);
    for index in indices(&g.shape) {
        let places: Vec<Vec<i64>> = indices(&op.kernel)
            .iter()
            .map(|tap| {
                let place = |a: usize| {
                    (index[2 + a] * op.strides[a] + tap[a] * op.dilations[a]) as i64 - op.pads_begin[a] as i64
                };
                (0..axes).map(place).collect()
            })
            .collect();
        let below =
            |place: &[i64], more: &[usize]| (0..axes).all(|a| place[a] < (x.shape[2 + a] + more[a]) as i64);
        let inside: Vec<Vec<usize>> = places
            .iter()
            .filter(|place| place.iter().all(|&i| i >= 0) && below(place, &[0, 0]))
            .map(|place| index[..2].iter().copied().chain(place.iter().map(|&i| i as usize)).collect())
            .collect();
        let add = |y: &mut Array, at: &[usize], value: f64| {
            let place = at.iter().zip(&x.shape).fold(0, |place, (&i, &n)| place * n + i);
            y.values[place] += value;
        };
        let count = match op.kind {
            PoolKind::Max => {
                let largest = inside.iter().map(|at| x.at(at)).fold(f64::NEG_INFINITY, f64::max);
                let first = inside.iter().find(|at| x.at(at) == largest).expect("a window sees something");
                add(&mut y, first, g.at(&index));
                continue;
            }
            PoolKind::Mean { count_include_pad: true } => {
                places.iter().filter(|place| below(place, &op.pads_end)).count()
            }
            PoolKind::Mean { count_include_pad: false } => inside.len(),
        };
        inside.iter().for_each(|at| add(&mut y, at, g.at(&index) / count as f64));
    }
    y
}
