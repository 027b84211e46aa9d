//! Pooling.

use fewbit_graph::Op;
use fewbit_graph::op::{Pool, PoolKind};

use crate::array::{Array, indices};
use crate::problem::{Builder, Problem};
use crate::tolerance::Tolerance;

/// Two-dimensional.
pub fn pool(seed: u64) -> Problem {
    windowed(Builder::new("pool", seed, Tolerance::Relative(2e-6)), 2)
}

/// One-dimensional.
pub fn pool_1d(seed: u64) -> Problem {
    windowed(Builder::new("pool_1d", seed, Tolerance::Relative(2e-6)), 1)
}

fn windowed(mut b: Builder, axes: usize) -> Problem {
    let (op, shape) = window(&mut b, axes);
    if op.kind == PoolKind::Max {
        b.tolerate(Tolerance::Exact);
    }
    let (x_wire, x) = b.input("x", &shape);
    let y = oracle(&op, &x);
    let wire = b.node("y", Op::Pool(op), &[x_wire]);
    b.expect(wire, y);
    b.build()
}

/// Draws a pooling of any kind, and the shape of its x.
pub(super) fn window(b: &mut Builder, axes: usize) -> (Pool, Vec<usize>) {
    let kind = match b.rng.between(0, 3) {
        0 => PoolKind::Mean { count_include_pad: true },
        1 => PoolKind::Mean { count_include_pad: false },
        _ => PoolKind::Max,
    };
    let kernel: Vec<usize> = (0..axes).map(|_| b.rng.between(1, 3)).collect();
    let strides: Vec<usize> = (0..axes).map(|_| b.rng.between(1, 3)).collect();
    // Undilated and padded by less than the kernel: every window sees an element.
    let dilations: Vec<usize> = (0..axes).map(|_| b.rng.pick(&[1, 1, 1, 2])).collect();
    let padding = |b: &mut Builder, a: usize| match dilations[a] {
        1 => b.rng.between(0, kernel[a] - 1),
        _ => 0,
    };
    let pads_begin: Vec<usize> = (0..axes).map(|a| padding(b, a)).collect();
    let pads_end: Vec<usize> = (0..axes).map(|a| padding(b, a)).collect();
    let shape: Vec<usize> = [b.batch(), b.rng.between(1, 4)]
        .into_iter()
        .chain((0..axes).map(|a| dilations[a] * (kernel[a] - 1) + 1 + b.rng.between(0, 6)))
        .collect();
    let ceil_mode = b.rng.one_in(2);
    (Pool { kind, kernel, strides, dilations, pads_begin, pads_end, ceil_mode }, shape)
}

/// The maximum or the mean of the window at each place. Padding at the end that only the last, partly covered
/// window reaches is beyond the padded input and never counts.
pub(crate) fn oracle(op: &Pool, x: &Array) -> Array {
    let axes = op.kernel.len();
    let length = |a: usize| {
        let (size, begin) = (x.shape[2 + a], op.pads_begin[a]);
        let room = size + begin + op.pads_end[a] - (op.dilations[a] * (op.kernel[a] - 1) + 1);
        let whole = room / op.strides[a] + 1;
        let partial =
            op.ceil_mode && !room.is_multiple_of(op.strides[a]) && whole * op.strides[a] < size + begin;
        whole + usize::from(partial)
    };
    let shape = [x.shape[..2].to_vec(), (0..axes).map(length).collect()].concat();
    let taps = indices(&op.kernel);
    Array::from_fn(&shape, |index| {
        let place = |tap: &[usize], a: usize| {
            (index[2 + a] * op.strides[a] + tap[a] * op.dilations[a]) as i64 - op.pads_begin[a] as i64
        };
        let inside =
            |tap: &Vec<usize>| (0..axes).all(|a| (0..x.shape[2 + a] as i64).contains(&place(tap, a)));
        let padded =
            |tap: &&Vec<usize>| (0..axes).all(|a| place(tap, a) < (x.shape[2 + a] + op.pads_end[a]) as i64);
        let seen = taps.iter().filter(|tap| inside(tap)).map(|tap| {
            let spatial = (0..axes).map(|a| place(tap, a) as usize);
            x.at(&[index[0], index[1]].into_iter().chain(spatial).collect::<Vec<_>>())
        });
        match op.kind {
            PoolKind::Max => seen.fold(f64::NEG_INFINITY, f64::max),
            PoolKind::Mean { count_include_pad: true } => {
                seen.sum::<f64>() / taps.iter().filter(padded).count() as f64
            }
            PoolKind::Mean { count_include_pad: false } => {
                let seen: Vec<f64> = seen.collect();
                seen.iter().sum::<f64>() / seen.len() as f64
            }
        }
    })
}
