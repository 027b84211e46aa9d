//! Observers: sums over the elements of each channel, taken in f64, and histograms.
//!
//! A stretch of a channel's elements is summed in four lanes, element i in lane i mod 4; the lanes are added up at the
//! end of the stretch, and stretches one after the other.

use fewbit_numeric::Histogram;
use fewbit_numeric::histogram::HistogramError;

use crate::cpu::broadcast::{Broadcast, Run};
use crate::cpu::simd::{Level, Select as _, Simd, SimdBase as _, dispatch, f32x4, f64x4};

const LANES: usize = 4;

/// Σa², Σe², Σa, Σe, Σa·e, max|e|, max|a| and the count of each channel, with e = b − a.
pub(crate) fn compare(
    level: Level,
    channels: &Broadcast,
    [a, b]: [&[f32]; 2],
    sums: &mut Vec<f64>,
    y: &mut [f32],
) {
    sums.clear();
    sums.resize(y.len(), 0.0);
    dispatch!(level, simd => {
        for Run { at, len, from, stride } in channels.runs(0, a.len()) {
            let (a, b) = (&a[at..at + len], &b[at..at + len]);
            if stride == 0 {
                add_pairs(simd, a, b, &mut sums[from * 8..][..8]);
            } else {
                let sums = sums[from * 8..].chunks_exact_mut(8);
                for ((a, b), sums) in a.chunks_exact(1).zip(b.chunks_exact(1)).zip(sums) {
                    add_pairs(simd, a, b, sums);
                }
            }
        }
    });
    y.iter_mut().zip(sums).for_each(|(y, &mut sum)| *y = sum as f32);
}

/// Adds the pairs of one stretch. Vectors are touched in plain loops: a closure would be compiled without them.
#[inline(always)]
fn add_pairs<S: Simd>(simd: S, a: &[f32], b: &[f32], sums: &mut [f64]) {
    let mut lanes = [f64x4::splat(simd, 0.0); 5];
    let mut largest = [f32x4::splat(simd, 0.0); 2];
    let (whole_a, rest_a) = a.as_chunks::<LANES>();
    let (whole_b, rest_b) = b.as_chunks::<LANES>();
    // A pair of zeros adds nothing.
    let (last_a, last_b) = ([filled(rest_a, 0.0)], [filled(rest_b, 0.0)]);
    for (a, b) in whole_a.iter().chain(&last_a).zip(whole_b.iter().chain(&last_b)) {
        let wide_a = f64x4::from_slice(simd, &a.map(f64::from));
        let e = f64x4::from_slice(simd, &b.map(f64::from)) - wide_a;
        let terms = [wide_a * wide_a, e * e, wide_a, e, wide_a * e];
        for (lane, term) in lanes.iter_mut().zip(terms) {
            *lane += term;
        }
        // The f32 nearest to the largest |e| is the largest of the f32 nearest to each.
        let a = f32x4::from_slice(simd, a);
        let e = f32x4::from_slice(simd, b) - a;
        for (max, x) in largest.iter_mut().zip([e.abs(), a.abs()]) {
            *max = x.simd_gt(*max).select(x, *max);
        }
    }
    for (sum, lanes) in sums.iter_mut().zip(lanes) {
        *sum += total(lanes);
    }
    for (i, largest) in largest.into_iter().enumerate() {
        let old = sums[5 + i];
        // Comparisons pass over NaN, squares do not.
        let has_nan = [sums[1], sums[0]][i].is_nan();
        let max =
            largest.as_slice().iter().fold(old, |max, &x| if f64::from(x) > max { x.into() } else { max });
        sums[5 + i] = if has_nan { f64::NAN } else { max };
    }
    sums[7] += a.len() as f64;
}

/// Min, max, Σx, Σx² and the count of each channel. NaN makes the first four NaN.
pub(crate) fn moments(level: Level, channels: &Broadcast, x: &[f32], sums: &mut Vec<f64>, y: &mut [f32]) {
    sums.clear();
    sums.extend([f64::INFINITY, f64::NEG_INFINITY, 0.0, 0.0, 0.0].iter().cycle().take(y.len()));
    dispatch!(level, simd => {
        for Run { at, len, from, stride } in channels.runs(0, x.len()) {
            let x = &x[at..at + len];
            if stride == 0 {
                add_values(simd, x, &mut sums[from * 5..][..5]);
            } else {
                let sums = sums[from * 5..].chunks_exact_mut(5);
                x.chunks_exact(1).zip(sums).for_each(|(x, sums)| add_values(simd, x, sums));
            }
        }
    });
    y.iter_mut().zip(sums).for_each(|(y, &mut sum)| *y = sum as f32);
}

/// Adds the values of one stretch.
#[inline(always)]
fn add_values<S: Simd>(simd: S, values: &[f32], sums: &mut [f64]) {
    let Some(&first) = values.first() else { return };
    let mut lanes = [f64x4::splat(simd, 0.0); 2];
    let (mut min, mut max) = (f32x4::splat(simd, first), f32x4::splat(simd, first));
    let (whole, rest) = values.as_chunks::<LANES>();
    for x in whole.iter().chain(&[filled(rest, 0.0)]) {
        let wide = f64x4::from_slice(simd, &x.map(f64::from));
        lanes[0] += wide;
        lanes[1] += wide * wide;
    }
    for x in whole.iter().chain(&[filled(rest, first)]) {
        let x = f32x4::from_slice(simd, x);
        min = x.simd_lt(min).select(x, min);
        max = x.simd_gt(max).select(x, max);
    }
    for (sum, lanes) in sums[2..4].iter_mut().zip(lanes) {
        *sum += total(lanes);
    }
    let min = min.as_slice().iter().fold(sums[0], |min, &x| if f64::from(x) < min { x.into() } else { min });
    let max = max.as_slice().iter().fold(sums[1], |max, &x| if f64::from(x) > max { x.into() } else { max });
    // Comparisons pass over NaN, squares do not.
    let has_nan = sums[3].is_nan();
    (sums[0], sums[1]) = if has_nan { (f64::NAN, f64::NAN) } else { (min, max) };
    sums[4] += values.len() as f64;
}

/// The last few values, and `more` in the lanes that they leave free.
#[inline(always)]
fn filled(rest: &[f32], more: f32) -> [f32; LANES] {
    std::array::from_fn(|i| rest.get(i).copied().unwrap_or(more))
}

#[inline(always)]
fn total<S: Simd>(lanes: f64x4<S>) -> f64 {
    let lanes = lanes.as_slice();
    (lanes[0] + lanes[1]) + (lanes[2] + lanes[3])
}

/// The counts of [`Histogram`] over `range`: the bins, below, above, not finite.
///
/// # Errors
/// [`HistogramError`] for a range that is none.
pub(crate) fn histogram(x: &[f32], range: &[f32], y: &mut [f32]) -> Result<(), HistogramError> {
    let (bins, outside) = y.split_at_mut(y.len() - 3);
    let mut histogram = Histogram::new(range[0], range[1], bins.len())?;
    histogram.add(x);
    bins.iter_mut().zip(&histogram.counts).for_each(|(bin, &count)| *bin = count as f32);
    let Histogram { below, above, not_finite, .. } = histogram;
    outside.iter_mut().zip([below, above, not_finite]).for_each(|(y, count)| *y = count as f32);
    Ok(())
}
