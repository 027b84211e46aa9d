//! Convolution where too few outputs share a window for a product to pay: depthwise ones, and heads of a channel or two.

use crate::cpu::conv::window::Windows;
use crate::cpu::simd::{Simd, SimdBase};

/// Rows of one output channel of one image: the sum over the taps of `weights` times the inputs, plus `bias`.
///
/// `source` begins with the first row's windows in the group's channels, and goes on for a few vectors behind them ([`SLACK`](super::window::SLACK)).
#[inline(always)]
pub(super) fn rows<S: Simd>(
    simd: S,
    windows: &Windows,
    source: &[f32],
    weights: &[f32],
    bias: f32,
    y: &mut [f32],
) {
    let lanes = S::f32s::LEN;
    for (i, row) in y.chunks_exact_mut(windows.columns()).enumerate() {
        let mut sums =
            Sums { simd, taps: windows.taps(), source: &source[i * windows.row_step()..], weights, bias };
        for part in row.chunks_mut(4 * lanes) {
            match part.len().div_ceil(lanes) {
                1 => sums.write::<1>(part),
                2 => sums.write::<2>(part),
                3 => sums.write::<3>(part),
                _ => sums.write::<4>(part),
            }
            sums.source = &sums.source[part.len()..];
        }
    }
}

struct Sums<'a, S> {
    simd: S,
    taps: &'a [usize],
    source: &'a [f32],
    weights: &'a [f32],
    bias: f32,
}

impl<S: Simd> Sums<'_, S> {
    /// The sums of the first windows, as many as `y` takes, in `VECTORS` vectors; the last one begins early enough to
    /// end where `y` does.
    #[inline(always)]
    fn write<const VECTORS: usize>(&self, y: &mut [f32]) {
        let lanes = S::f32s::LEN;
        let last = y.len().saturating_sub(lanes);
        let places: [usize; VECTORS] = std::array::from_fn(|i| last.min(i * lanes));
        let mut sums = [S::f32s::splat(self.simd, 0.0); VECTORS];
        for (&tap, &weight) in self.taps.iter().zip(self.weights) {
            let weight = S::f32s::splat(self.simd, weight);
            let source = &self.source[tap..tap + VECTORS * lanes];
            for (sum, &at) in sums.iter_mut().zip(&places) {
                *sum += weight * S::f32s::from_slice(self.simd, &source[at..at + lanes]);
            }
        }
        let bias = S::f32s::splat(self.simd, self.bias);
        for (sum, &at) in sums.into_iter().zip(&places) {
            let sum = sum + bias;
            match y.get_mut(at..at + lanes) {
                Some(part) => sum.store_slice(part),
                None => y.copy_from_slice(&sum.as_slice()[..y.len()]),
            }
        }
    }
}
