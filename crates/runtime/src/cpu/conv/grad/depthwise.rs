//! The gradient along the weights of a single channel: each tap's sum over the places of an image.
//!
//! A sum goes through the rows of the image in eight lanes, column i in lane i mod 8, whatever vectors there are; the
//! lanes are added up at the end.

use crate::cpu::conv::window::Windows;
use crate::cpu::simd::{Select as _, Simd, SimdBase as _, f32x8};

const LANES: usize = 8;

/// Adds to `y`, for each tap, the products of the gradients `g` of one output channel with the inputs at the tap.
///
/// `source` goes on for a few vectors behind the channel ([`SLACK`](crate::cpu::conv::window::SLACK)).
#[inline(always)]
pub(super) fn add<S: Simd>(simd: S, windows: &Windows, g: &[f32], source: &[f32], y: &mut [f32]) {
    let mut first = 0;
    while first < y.len() {
        let (taps, y) = (&windows.taps()[first..], &mut y[first..]);
        first += match y.len() {
            9.. => taps_of::<S, 9>(simd, windows, taps, g, source, y),
            3.. => taps_of::<S, 3>(simd, windows, taps, g, source, y),
            _ => taps_of::<S, 1>(simd, windows, taps, g, source, y),
        };
    }
}

/// The first `TAPS` taps; returns how many they are.
#[inline(always)]
fn taps_of<S: Simd, const TAPS: usize>(
    simd: S,
    windows: &Windows,
    taps: &[usize],
    g: &[f32],
    source: &[f32],
    y: &mut [f32],
) -> usize {
    // An array, so that the loops below are unrolled.
    let Some(taps) = taps.first_chunk::<TAPS>() else { return TAPS };
    let zero = f32x8::splat(simd, 0.0);
    let mut sums = [zero; TAPS];
    let (whole, rest) = (windows.columns() / LANES, windows.columns() % LANES);
    let mut used = [0.0; LANES];
    used[..rest].fill(1.0);
    let used = f32x8::from_slice(simd, &used).simd_gt(zero);
    for (i, row) in g.chunks_exact(windows.columns()).enumerate() {
        let source = &source[i * windows.row_step()..];
        let (row, last) = row.split_at(whole * LANES);
        for (i, g) in row.chunks_exact(LANES).enumerate() {
            let g = f32x8::from_slice(simd, g);
            for (sum, &tap) in sums.iter_mut().zip(taps) {
                *sum += g * f32x8::from_slice(simd, &source[tap + i * LANES..][..LANES]);
            }
        }
        if rest > 0 {
            let mut g = [0.0; LANES];
            g[..rest].copy_from_slice(last);
            let g = f32x8::from_slice(simd, &g);
            for (sum, &tap) in sums.iter_mut().zip(taps) {
                let x = f32x8::from_slice(simd, &source[tap + whole * LANES..][..LANES]);
                *sum += g * used.select(x, zero);
            }
        }
    }
    for (y, sum) in y.iter_mut().zip(sums) {
        let [a, b, c, d, e, f, g, h] = *sum;
        *y += ((a + b) + (c + d)) + ((e + f) + (g + h));
    }
    TAPS
}
