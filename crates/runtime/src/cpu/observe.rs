//! Observers: sums over the elements of each channel, taken in f64, and histograms.
//!
//! A stretch of a channel's elements is summed in four lanes, element i in lane i mod 4; the lanes are added up at the
//! end of the stretch, and stretches one after the other.

use fewbit_numeric::Histogram;
use fewbit_numeric::histogram::HistogramError;

use crate::cpu::broadcast::{Broadcast, Run};
use crate::cpu::simd::{Level, dispatch};

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
    dispatch!(level, _simd => {
        for Run { at, len, from, stride } in channels.runs(0, a.len()) {
            let (a, b) = (&a[at..at + len], &b[at..at + len]);
            if stride == 0 {
                add_pairs(a, b, &mut sums[from * 8..][..8]);
            } else {
                let sums = sums[from * 8..].chunks_exact_mut(8);
                for ((a, b), sums) in a.chunks_exact(1).zip(b.chunks_exact(1)).zip(sums) {
                    add_pairs(a, b, sums);
                }
            }
        }
    });
    y.iter_mut().zip(sums).for_each(|(y, &mut sum)| *y = sum as f32);
}

#[inline(always)]
fn add_pairs(a: &[f32], b: &[f32], sums: &mut [f64]) {
    let mut lanes = [[0.0f64; LANES]; 7];
    let (whole_a, rest_a) = a.as_chunks::<LANES>();
    let (whole_b, rest_b) = b.as_chunks::<LANES>();
    for (a, b) in whole_a.iter().zip(whole_b) {
        add_lanes(a.map(f64::from), b.map(f64::from), &mut lanes);
    }
    // A pair of zeros adds nothing.
    let filled = |rest: &[f32]| std::array::from_fn(|i| rest.get(i).copied().map_or(0.0, f64::from));
    add_lanes(filled(rest_a), filled(rest_b), &mut lanes);
    for (sum, lanes) in sums.iter_mut().zip(&lanes[..5]) {
        *sum += (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
    }
    for (largest, lanes) in sums[5..7].iter_mut().zip(&lanes[5..]) {
        *largest = lanes.iter().fold(*largest, |largest, &x| max(largest, x));
    }
    sums[7] += a.len() as f64;
}

#[inline(always)]
fn add_lanes(a: [f64; LANES], b: [f64; LANES], lanes: &mut [[f64; LANES]; 7]) {
    for i in 0..LANES {
        let (a, e) = (a[i], b[i] - a[i]);
        lanes[0][i] += a * a;
        lanes[1][i] += e * e;
        lanes[2][i] += a;
        lanes[3][i] += e;
        lanes[4][i] += a * e;
        lanes[5][i] = max(lanes[5][i], e.abs());
        lanes[6][i] = max(lanes[6][i], a.abs());
    }
}

/// Min, max, Σx, Σx² and the count of each channel. NaN makes the first four NaN.
pub(crate) fn moments(level: Level, channels: &Broadcast, x: &[f32], sums: &mut Vec<f64>, y: &mut [f32]) {
    sums.clear();
    sums.extend([f64::INFINITY, f64::NEG_INFINITY, 0.0, 0.0, 0.0].iter().cycle().take(y.len()));
    dispatch!(level, _simd => {
        for Run { at, len, from, stride } in channels.runs(0, x.len()) {
            let x = &x[at..at + len];
            if stride == 0 {
                add_values(x, &mut sums[from * 5..][..5]);
            } else {
                let sums = sums[from * 5..].chunks_exact_mut(5);
                x.chunks_exact(1).zip(sums).for_each(|(x, sums)| add_values(x, sums));
            }
        }
    });
    y.iter_mut().zip(sums).for_each(|(y, &mut sum)| *y = sum as f32);
}

#[inline(always)]
fn add_values(values: &[f32], sums: &mut [f64]) {
    let mut lanes = [[f64::INFINITY; LANES], [f64::NEG_INFINITY; LANES], [0.0; LANES], [0.0; LANES]];
    let mut add = |i: usize, x: f32| {
        let x = f64::from(x);
        lanes[0][i] = min(lanes[0][i], x);
        lanes[1][i] = max(lanes[1][i], x);
        lanes[2][i] += x;
        lanes[3][i] += x * x;
    };
    let (whole, rest) = values.as_chunks::<LANES>();
    for x in whole {
        (0..LANES).for_each(|i| add(i, x[i]));
    }
    rest.iter().enumerate().for_each(|(i, &x)| add(i, x));
    sums[0] = lanes[0].iter().fold(sums[0], |least, &x| min(least, x));
    sums[1] = lanes[1].iter().fold(sums[1], |largest, &x| max(largest, x));
    for (sum, lanes) in sums[2..4].iter_mut().zip(&lanes[2..]) {
        *sum += (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
    }
    sums[4] += values.len() as f64;
}

#[inline(always)]
fn max(max: f64, x: f64) -> f64 {
    if x > max || x.is_nan() { x } else { max }
}

#[inline(always)]
fn min(min: f64, x: f64) -> f64 {
    if x < min || x.is_nan() { x } else { min }
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
