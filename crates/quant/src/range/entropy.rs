//! Entropy: the range whose quantized histogram tells most about the true one, by Kullback–Leibler divergence.
//!
//! Two readings of one talk (S. Migacz, "8-bit inference with TensorRT", GTC 2017), which find different ranges:
//! [`tensorrt`] as NVIDIA's own tools do it, and [`onnx_runtime`] as ONNX Runtime's `EntropyCalibrater` does.

use fewbit_numeric::{Format, Histogram, Range};

use super::Magnitudes;

/// Bins over the magnitudes for [`tensorrt`].
pub const TENSORRT_BINS: usize = 2048;
/// The narrowest range that [`tensorrt`] tries, in bins.
const TENSORRT_FIRST: usize = 128;
/// ONNX Runtime's default number of bins over [−T, T].
///
/// With it and [`ORT_QUANTIZED_BINS`] there is exactly one range to choose from, and the result is min-max.
/// That is what ONNX Runtime does unless told otherwise, so it is what compatible means.
pub const ORT_BINS: usize = 128;
/// ONNX Runtime's default number of quantized bins.
pub const ORT_QUANTIZED_BINS: usize = 128;
/// What ONNX Runtime puts in place of an empty bin before it takes logarithms.
const ORT_EPSILON: f64 = 1e-4;

/// The range of [`tensorrt`] for a grid of `format`: 2ᵇ levels if all values and the format are without sign, else 2ᵇ⁻¹.
pub fn tensorrt_range(magnitudes: &Magnitudes, seen: Range, format: Format) -> Range {
    let one_sided = seen.min >= 0.0 && !format.signed();
    let levels = 1usize << (format.bits() - u8::from(!one_sided));
    let end = tensorrt(&magnitudes.absolute(), levels);
    Range { min: (-end).max(seen.min), max: end.min(seen.max) }
}

/// The largest magnitude to keep, by the histogram of |x| over [0, T]: an edge of it.
///
/// The count of bin 0 is taken to be that of bin 1, so that zeros do not decide. For every i from 128 bins on, P is
/// the first i bins with all that lies beyond added to the last, and Q is those bins without it, cut into `levels`
/// equal segments, each averaged over its bins that are not empty. The i with the least KL(P ‖ Q) wins, the
/// last of equals.
pub fn tensorrt(absolute: &Histogram, levels: usize) -> f32 {
    let mut counts = absolute.counts.clone();
    if let [zero, first, ..] = counts.as_mut_slice() {
        *zero = *first;
    }
    let bins = counts.len();
    let filled: Vec<Bin> = counts.into_iter().enumerate().filter_map(Bin::of).collect();
    let (mut best, mut least) = (bins, f64::INFINITY);
    for kept in TENSORRT_FIRST..=bins {
        let divergence = tensorrt_divergence(&filled, kept, levels);
        if divergence <= least {
            (best, least) = (kept, divergence);
        }
    }
    absolute.edge(best)
}

/// A bin that is not empty.
#[derive(Clone, Copy)]
struct Bin {
    place: usize,
    count: f64,
    ln_count: f64,
}

impl Bin {
    fn of((place, count): (usize, u64)) -> Option<Self> {
        (count > 0).then(|| Self { place, count: count as f64, ln_count: libm::log(count as f64) })
    }
}

/// KL(P ‖ Q) with the first `kept` bins, as ΣP·(ln p − ln q)/ΣP − ln ΣP + ln ΣQ of counts p and q.
fn tensorrt_divergence(filled: &[Bin], kept: usize, levels: usize) -> f64 {
    let (within, beyond) = filled.split_at(filled.partition_point(|bin| bin.place < kept));
    let outside: f64 = beyond.iter().map(|bin| bin.count).sum();
    let inside: f64 = within.iter().map(|bin| bin.count).sum();
    let mut sum = 0.0;
    let mut rest = within;
    while let Some(first) = rest.first() {
        // The first place of the next segment.
        let end = ((first.place * levels / kept + 1) * kept).div_ceil(levels);
        let (members, later) = rest.split_at(rest.partition_point(|bin| bin.place < end));
        rest = later;
        let total: f64 = members.iter().map(|bin| bin.count).sum();
        let ln_q = libm::log(total / members.len() as f64);
        for bin in members {
            sum += if bin.place + 1 == kept && outside > 0.0 {
                let p = bin.count + outside;
                p * (libm::log(p) - ln_q)
            } else {
                bin.count * (bin.ln_count - ln_q)
            };
        }
    }
    match within.last() {
        // Outliers would be added to a bin that is empty itself: Q has nothing there.
        last if outside > 0.0 && last.is_none_or(|bin| bin.place + 1 < kept) => f64::INFINITY,
        _ if inside == 0.0 => 0.0,
        _ => sum / (inside + outside) - libm::log(inside + outside) + libm::log(inside),
    }
}

/// The range by signed counts over [−T, T], as ONNX Runtime finds it: two edges, moved inwards to the values seen.
///
/// For every i from half of `quantized_bins` on, the 2i + 1 bins around the middle (2i where there are no more) are kept. P is
/// their counts with what lies outside added to the two ends. For Q, the counts are summed in `quantized_bins`
/// groups of ⌊length/quantized bins⌋ bins, what is left over going to the last group; every bin of a group becomes the
/// group's sum over its number of non-empty bins of P, *cut to a whole number*, and left-over bins become 0. Both are
/// smoothed: empty bins become 10⁻⁴, taken from the others in equal parts. The i with the least KL(P ‖ Q) wins, the
/// first of equals. Sums are in f64 here and in f32 there, so of ranges that are equally good up to that another may win.
pub fn onnx_runtime(signed: &Histogram, seen: Range, quantized_bins: usize) -> Range {
    let counts = &signed.counts;
    let (middle, half) = (counts.len() / 2, quantized_bins / 2);
    let (mut best, mut least) = (middle, f64::INFINITY);
    for i in half..=middle {
        let (start, end) = (middle - i, (middle + i + 1).min(counts.len()));
        let below = counts[..start].iter().sum();
        let above = counts[end..].iter().sum();
        let divergence = ort_divergence(&counts[start..end], below, above, quantized_bins);
        if divergence < least || i == half {
            (best, least) = (i, divergence);
        }
    }
    let (start, end) = (middle - best, (middle + best + 1).min(counts.len()));
    Range { min: signed.edge(start).max(seen.min), max: signed.edge(end).min(seen.max) }
}

fn ort_divergence(kept: &[u64], below: u64, above: u64, quantized_bins: usize) -> f64 {
    let mut p = kept.to_vec();
    if let Some(first) = p.first_mut() {
        *first += below;
    }
    if let Some(last) = p.last_mut() {
        *last += above;
    }
    let width = kept.len() / quantized_bins.max(1);
    let mut q = vec![0; kept.len()];
    for group in 0..quantized_bins {
        let (start, end) = (group * width, (group + 1) * width);
        let filled = p[start..end].iter().filter(|&&n| n > 0).count() as u64;
        let last = if group + 1 == quantized_bins { kept.len() } else { end };
        let sum: u64 = kept[start..last].iter().sum();
        q[start..end].fill(sum.checked_div(filled).unwrap_or(0));
    }
    match (smoothed(&p), smoothed(&q)) {
        (Some(p), Some(q)) => divergence(&p, &q),
        _ => f64::INFINITY,
    }
}

/// Counts with ε in the empty places and as much less, in equal parts, in the others; none if all are empty.
fn smoothed(counts: &[u64]) -> Option<Vec<f64>> {
    let empty = counts.iter().filter(|&&n| n == 0).count();
    let filled = counts.len() - empty;
    if filled == 0 {
        return None;
    }
    let less = ORT_EPSILON * empty as f64 / filled as f64;
    Some(counts.iter().map(|&n| if n == 0 { ORT_EPSILON } else { n as f64 - less }).collect())
}

/// KL of two lists of positive numbers, each brought to sum 1.
fn divergence(p: &[f64], q: &[f64]) -> f64 {
    let (p_total, q_total): (f64, f64) = (p.iter().sum(), q.iter().sum());
    p.iter().zip(q).map(|(&p, &q)| p / p_total * libm::log(p / p_total / (q / q_total))).sum()
}
