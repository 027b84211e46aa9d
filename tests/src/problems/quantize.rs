//! The quantizer.

use fewbit_graph::Op;

use crate::array::Array;
use crate::problem::{Builder, Problem};
use crate::tolerance::Tolerance;

/// Per tensor or along any axis; a scale is now and then 0 ("kept in float"), a zero point may have a fraction.
/// Every fourth value lies on a tie between two codes or beyond the last one.
pub fn fake_quantize(seed: u64) -> Problem {
    let mut b = Builder::new("fake_quantize", seed, Tolerance::Exact);
    let shape = b.shape(1, 4);
    let per_channel = b.rng.one_in(2);
    let axis = if per_channel { b.rng.between(0, shape.len() - 1) } else { 0 };
    let count = if per_channel { shape[axis] } else { 1 };
    let (low, high) = b.rng.pick(&[(-127.0f32, 127.0), (-8.0, 7.0), (0.0, 255.0), (0.0, 1.0), (-4.0, 3.0)]);
    let scales: Vec<f32> =
        (0..count).map(|_| if b.rng.one_in(6) { 0.0 } else { b.rng.float(0.01, 0.5) }).collect();
    let zeros: Vec<f32> = (0..count)
        .map(|_| {
            let zero = b.rng.between(0, 7) as f32 * 0.5;
            if b.rng.one_in(3) { zero } else { zero.round_ties_even() }
        })
        .collect();
    let inner: usize = if per_channel { shape[axis + 1..].iter().product() } else { 1 };
    let values = (0..shape.iter().product())
        .map(|i: usize| {
            let scale = if per_channel { scales[i / inner % count] } else { scales[0] };
            match b.rng.between(0, 7) {
                0 => scale * (b.rng.between(0, 16) as f32 - 8.5),
                1 => b.rng.float(-300.0, 300.0),
                _ => b.rng.float(-2.0, 2.0),
            }
        })
        .collect();
    let (x_wire, x) = b.input_of("x", &shape, values);
    let (scale_wire, scale) = b.parameter_of("scale", &[count], scales);
    let (zero_wire, zero) = b.parameter_of("zero_point", &[count], zeros);
    let (bounds_wire, _) = b.parameter_of("bounds", &[2], vec![low, high]);
    let y = Array::from_fn(&shape, |index| {
        let channel = [if per_channel { index[axis] } else { 0 }];
        oracle(x.at(index), scale.at(&channel), zero.at(&channel), [low.into(), high.into()])
    });
    let wire = b.node("y", Op::fake_quantize(axis), &[x_wire, scale_wire, zero_wire, bounds_wire]);
    b.expect(wire, y);
    b.build()
}

/// s·(clamp(⌊x/s + frac z⌉ + ⌊z⌋, n, p) − z), each operation rounded to f32 as the definition has it; x where s = 0.
pub(crate) fn oracle(x: f64, scale: f64, zero: f64, bounds: [f64; 2]) -> f64 {
    if scale == 0.0 {
        return x;
    }
    let f32_of = |value: f64| f64::from(value as f32);
    let shifted = f32_of(f32_of(x / scale) + (zero - zero.floor()));
    let code = (shifted.round_ties_even() + zero.floor()).max(bounds[0]).min(bounds[1]);
    f32_of(scale * (code - zero))
}
