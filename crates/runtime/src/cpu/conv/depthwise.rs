//! Convolution of a single channel: too few outputs share a window for a product to pay.

use crate::cpu::conv::window::Windows;
use crate::cpu::simd::{Simd, SimdBase};

/// One output channel of one image: the sum over the taps of `weights` times the inputs, plus `bias`.
#[inline(always)]
pub(super) fn plane<S: Simd>(
    simd: S,
    windows: &Windows,
    source: &[f32],
    weights: &[f32],
    bias: f32,
    y: &mut [f32],
) {
    let lanes = S::f32s::LEN;
    for (i, row) in y.chunks_exact_mut(windows.columns()).enumerate() {
        let from = i * windows.row_step();
        let mut pairs = row.chunks_exact_mut(2 * lanes);
        let mut place = from;
        for pair in &mut pairs {
            let [first, second] = sums::<S, 2>(simd, windows.taps(), source, weights, bias, place);
            first.store_slice(&mut pair[..lanes]);
            second.store_slice(&mut pair[lanes..]);
            place += 2 * lanes;
        }
        for part in pairs.into_remainder().chunks_mut(lanes) {
            let [sum] = sums::<S, 1>(simd, windows.taps(), source, weights, bias, place);
            let values = sum.as_slice();
            part.copy_from_slice(&values[..part.len()]);
            place += lanes;
        }
    }
}

/// The sums of `VECTORS` vectors of neighbouring windows.
#[inline(always)]
fn sums<S: Simd, const VECTORS: usize>(
    simd: S,
    taps: &[usize],
    source: &[f32],
    weights: &[f32],
    bias: f32,
    from: usize,
) -> [S::f32s; VECTORS] {
    let lanes = S::f32s::LEN;
    let mut sums = [S::f32s::splat(simd, 0.0); VECTORS];
    for (&tap, &weight) in taps.iter().zip(weights) {
        let weight = S::f32s::splat(simd, weight);
        for (i, sum) in sums.iter_mut().enumerate() {
            *sum = *sum + weight * load(simd, source, from + tap + i * lanes);
        }
    }
    let bias = S::f32s::splat(simd, bias);
    sums.map(|sum| sum + bias)
}

/// One vector; zeros where the source ends.
#[inline(always)]
fn load<S: Simd>(simd: S, source: &[f32], from: usize) -> S::f32s {
    if let Some(values) = source.get(from..from + S::f32s::LEN) {
        return S::f32s::from_slice(simd, values);
    }
    let mut padded = [0.0; 16];
    let values = source.get(from..).unwrap_or_default();
    padded[..values.len()].copy_from_slice(values);
    S::f32s::from_slice(simd, &padded[..S::f32s::LEN])
}
