//! Counts of values by sign and magnitude: what activations are remembered by.

use fewbit_numeric::{Histogram, Range};
use serde::{Deserialize, Serialize};

/// Two histograms with the same bins over [0, T]: of −x for the values below 0, and of x for all others.
///
/// So zero always lies in the first bin of the second, whatever T is; one cut through the middle of [−T, T] would
/// leave that to rounding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Magnitudes {
    /// Of the magnitudes of negative values.
    pub negative: Histogram,
    /// Of zeros and positive values.
    pub positive: Histogram,
}

impl Magnitudes {
    /// No values yet. `largest` is T, finite and not negative; `bins` is the number of bins for each sign, at least 1.
    pub fn new(largest: f32, bins: usize) -> Self {
        let empty = Histogram {
            low: 0.0,
            high: largest.max(0.0),
            counts: vec![0; bins.max(1)],
            below: 0,
            above: 0,
            not_finite: 0,
        };
        Self { negative: empty.clone(), positive: empty }
    }

    /// The counts of `values`, with their own largest magnitude for T.
    pub fn of(values: &[f32], bins: usize) -> Self {
        let mut magnitudes = Self::new(Range::of(values.iter().copied()).max_abs(), bins);
        magnitudes.add(values);
        magnitudes
    }

    /// Counts `values`.
    pub fn add(&mut self, values: &[f32]) {
        if values.iter().all(|&x| x >= 0.0) {
            self.positive.add(values);
            return;
        }
        let (mut negative, positive): (Vec<f32>, Vec<f32>) = values.iter().partition(|&&x| x < 0.0);
        negative.iter_mut().for_each(|x| *x = -*x);
        self.negative.add(&negative);
        self.positive.add(&positive);
    }

    /// The number of values counted that are finite.
    pub fn total(&self) -> u64 {
        self.negative.total() + self.positive.total() - self.negative.not_finite - self.positive.not_finite
    }

    /// The histogram of |x| over [0, T].
    pub fn absolute(&self) -> Histogram {
        let mut sum = self.positive.clone();
        for (count, more) in sum.counts.iter_mut().zip(&self.negative.counts) {
            *count += more;
        }
        sum
    }

    /// The histogram over [−T, T], with `bins` bins or as few times more as fit: neighbours are added up.
    pub fn signed(&self, bins: usize) -> Histogram {
        let fine: Vec<u64> =
            self.negative.counts.iter().rev().chain(&self.positive.counts).copied().collect();
        let width = if bins > 0 && fine.len().is_multiple_of(bins) { fine.len() / bins } else { 1 };
        let counts = fine.chunks(width).map(|chunk| chunk.iter().sum()).collect();
        let high = self.positive.high;
        Histogram { low: -high, high, counts, below: 0, above: 0, not_finite: 0 }
    }

    /// Each bin that holds something: its centre and how many values it holds, from the most negative upwards.
    pub fn points(&self) -> Vec<(f32, u64)> {
        let centre = |bin: usize| {
            let (left, right) = (self.positive.edge(bin), self.positive.edge(bin + 1));
            left + (right - left) / 2.0
        };
        let negative = self.negative.counts.iter().enumerate().rev().map(|(bin, &n)| (-centre(bin), n));
        let positive = self.positive.counts.iter().enumerate().map(|(bin, &n)| (centre(bin), n));
        negative.chain(positive).filter(|&(_, n)| n > 0).collect()
    }
}
