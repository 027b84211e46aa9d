//! Observers.

use fewbit_graph::Op;

use crate::array::{Array, indices};
use crate::problem::{Builder, Problem};
use crate::tolerance::Tolerance;

/// A tensor against a reference near it.
pub fn compare(seed: u64) -> Problem {
    let mut b = Builder::new("compare", seed, Tolerance::Relative(1e-5));
    let shape = b.shape(1, 4);
    let axis = b.rng.between(0, shape.len() - 1);
    let (a_wire, x) = b.input("a", &shape);
    let near = x.values.iter().map(|&x| x as f32 + b.rng.float(-0.1, 0.1)).collect();
    let (b_wire, y) = b.input_of("b", &shape, near);
    let rows = (0..shape[axis]).flat_map(|channel| {
        let places = indices(&shape).into_iter().filter(|index| index[axis] == channel);
        let pairs: Vec<(f64, f64)> =
            places.map(|index| (x.at(&index), y.at(&index) - x.at(&index))).collect();
        let sum = |f: fn(f64, f64) -> f64| pairs.iter().map(|&(a, e)| f(a, e)).sum::<f64>();
        let max = |f: fn(f64, f64) -> f64| pairs.iter().map(|&(a, e)| f(a, e)).fold(0.0, f64::max);
        [
            sum(|a, _| a * a),
            sum(|_, e| e * e),
            sum(|a, _| a),
            sum(|_, e| e),
            sum(|a, e| a * e),
            max(|_, e| e.abs()),
            max(|a, _| a.abs()),
            pairs.len() as f64,
        ]
    });
    let y = Array { shape: vec![shape[axis], 8], values: rows.collect() };
    let wire = b.node("y", Op::Compare { axis }, &[a_wire, b_wire]);
    b.expect(wire, y);
    b.build()
}

/// Ranges and moments of channels or of the whole.
pub fn moments(seed: u64) -> Problem {
    let mut b = Builder::new("moments", seed, Tolerance::Relative(1e-5));
    let shape = b.shape(1, 4);
    let axis = (!b.rng.one_in(3)).then(|| b.rng.between(0, shape.len() - 1));
    let (x_wire, x) = b.input("x", &shape);
    let channels = axis.map_or(1, |axis| shape[axis]);
    let rows = (0..channels).flat_map(|channel| {
        let mine = |index: &Vec<usize>| axis.is_none_or(|axis| index[axis] == channel);
        let seen: Vec<f64> = indices(&shape).iter().filter(|index| mine(index)).map(|i| x.at(i)).collect();
        [
            seen.iter().copied().fold(f64::INFINITY, f64::min),
            seen.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            seen.iter().sum(),
            seen.iter().map(|x| x * x).sum(),
            seen.len() as f64,
        ]
    });
    let y = Array { shape: vec![channels, 5], values: rows.collect() };
    let wire = b.node("y", Op::Moments { axis }, &[x_wire]);
    b.expect(wire, y);
    b.build()
}

/// Histograms over ranges that leave some values outside, with values that lie on edges.
///
/// Which bin holds x is defined in f32: min(⌊(x − low)·k⌋, n − 1) with k = n/(high − low), each operation rounded, and
/// k = 0 where that is not finite.
pub fn histogram(seed: u64) -> Problem {
    let mut b = Builder::new("histogram", seed, Tolerance::Exact);
    let shape = b.shape(1, 4);
    let bins = b.rng.pick(&[1, 2, 7, 16, 64, 100]);
    let (low, high) = b.rng.pick(&[(-1.5f32, 1.5f32), (-2.0, 2.0), (0.0, 1.0), (-0.3, 0.1), (0.7, 0.7)]);
    let edge = |i: usize| ((bins - i) as f64 * f64::from(low) + i as f64 * f64::from(high)) / bins as f64;
    let values: Vec<f32> = (0..shape.iter().product())
        .map(|_| if b.rng.one_in(4) { edge(b.rng.between(0, bins)) as f32 } else { b.rng.float(-2.0, 2.0) })
        .collect();
    let (x_wire, x) = b.input_of("x", &shape, values);
    let (range_wire, _) = b.parameter_of("range", &[2], vec![low, high]);
    let mut counts = vec![0.0; bins + 3];
    let k = bins as f32 / (high - low);
    let k = if k.is_finite() { k } else { 0.0 };
    for x in x.values.iter().map(|&x| x as f32) {
        let bin = match x {
            _ if x < low => bins,
            _ if x > high => bins + 1,
            _ => (((x - low) * k).floor() as usize).min(bins - 1),
        };
        counts[bin] += 1.0;
    }
    let wire = b.node("y", Op::Histogram { bins }, &[x_wire, range_wire]);
    b.expect(wire, Array { shape: vec![bins + 3], values: counts });
    b.build()
}
