//! Percentile: the range that leaves a small share of the values outside.
//!
//! Of counted values this is the rule of ONNX Runtime's `PercentileCalibrater`: with the cumulative shares F of the
//! bins, an end is the *left* edge of the first bin where F reaches the wanted share, and no end lies outside the
//! values seen. With a zero point, (100 − p)/2 percent are cut at each end of the signed values; without one,
//! 100 − p percent of the magnitudes. Of single values the same rule with the values themselves for edges.

use fewbit_numeric::{Histogram, Range};

/// Bins over [−T, T], T the largest magnitude: ONNX Runtime's default.
pub const BINS: usize = 2048;

/// The range that holds `percent` percent of `values`, or of their magnitudes if the grid is `mirrored`.
pub fn of_values(values: &[f32], percent: f32, mirrored: bool) -> Range {
    let seen = Range::of(values.iter().copied());
    let mut sorted: Vec<f32> = match mirrored {
        true => values.iter().map(|x| x.abs()).collect(),
        false => values.to_vec(),
    };
    sorted.sort_unstable_by(f32::total_cmp);
    let n = sorted.len() as f64;
    // The smallest value v such that at least `share` of the values are not above v.
    let quantile = |share: f64| {
        let place = ((share * n).ceil() as usize).saturating_sub(1);
        sorted.get(place).or(sorted.last()).copied().unwrap_or(0.0)
    };
    if mirrored {
        let end = quantile(f64::from(percent) / 100.0);
        within(seen, -end, end)
    } else {
        let cut = cut_at_each_end(percent);
        within(seen, quantile(cut), quantile(1.0 - cut))
    }
}

/// The range by signed counts over [−T, T].
pub fn of_signed(counts: &Histogram, seen: Range, percent: f32) -> Range {
    let cut = cut_at_each_end(percent);
    within(seen, edge_where(counts, cut), edge_where(counts, 1.0 - cut))
}

/// The range by counts of magnitudes over [0, T].
pub fn of_absolute(counts: &Histogram, seen: Range, percent: f32) -> Range {
    let end = edge_where(counts, f64::from(percent) / 100.0);
    within(seen, -end, end)
}

fn cut_at_each_end(percent: f32) -> f64 {
    (100.0 - f64::from(percent)) / 200.0
}

/// The left edge of the first bin at which the cumulative share reaches `share`; the last edge if none does.
fn edge_where(counts: &Histogram, share: f64) -> f32 {
    let total = counts.counts.iter().sum::<u64>() as f64;
    let mut cumulative = 0.0;
    let bin = counts.counts.iter().position(|&count| {
        cumulative += count as f64 / total;
        cumulative >= share
    });
    counts.edge(bin.unwrap_or(counts.counts.len()))
}

fn within(seen: Range, min: f32, max: f32) -> Range {
    let (min, max) = (min.max(seen.min), max.min(seen.max));
    Range { min, max: max.max(min) }
}
