//! Counts of values in bins of equal width, none of them dropped.

use serde::{Deserialize, Serialize};

use crate::affine::Range;

/// A histogram over [low, high] with bins of equal width.
///
/// With n bins, edge i is ((n − i)·low + i·high)/n, computed in f64 and rounded to f32: exact at both ends, never
/// decreasing. Bin i holds the values edge i ≤ x < edge i+1; the last bin holds `high` as well.
/// Said otherwise, the bin of x is the number of inner edges that are not above x.
///
/// Only comparisons with the edges decide, so any device finds the same bins when it is given
/// [`edges`](Self::edges), however it rounds the guess that it starts from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// The smallest value that has a bin; finite.
    pub low: f32,
    /// The largest value that has a bin; finite, not less than `low`.
    pub high: f32,
    /// How many values each bin holds; 1 to [`MAX_BINS`] bins.
    pub counts: Vec<u64>,
    /// How many finite values are less than `low`.
    pub below: u64,
    /// How many finite values are greater than `high`.
    pub above: u64,
    /// How many values are NaN or infinite.
    pub not_finite: u64,
}

/// The largest number of bins: up to it the edges at both ends are exact.
pub const MAX_BINS: usize = 1 << 24;

/// Why there is no such histogram.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum HistogramError {
    /// The number of bins is 0 or above [`MAX_BINS`].
    #[error("a histogram of {0} bins: it takes 1 to {MAX_BINS}")]
    Bins(usize),
    /// The ends are not finite or the wrong way round.
    #[error("a histogram from {low} to {high}: both ends must be finite, the low one first")]
    Ends {
        /// The low end that was asked for.
        low: f32,
        /// The high end that was asked for.
        high: f32,
    },
    /// Two histograms that do not have the same bins cannot be added.
    #[error("{} bins over [{}, {}] cannot be merged with {} bins over [{}, {}]",
        left.1, left.0.min, left.0.max, right.1, right.0.min, right.0.max)]
    Bounds {
        /// The ends and the number of bins of the one.
        left: (Range, usize),
        /// The ends and the number of bins of the other.
        right: (Range, usize),
    },
}

impl Histogram {
    /// An empty histogram of `bins` bins over [`low`, `high`].
    ///
    /// # Errors
    /// [`HistogramError::Bins`] and [`HistogramError::Ends`].
    pub fn new(low: f32, high: f32, bins: usize) -> Result<Self, HistogramError> {
        if !(1..=MAX_BINS).contains(&bins) {
            return Err(HistogramError::Bins(bins));
        }
        if !(low.is_finite() && high.is_finite() && low <= high) {
            return Err(HistogramError::Ends { low, high });
        }
        Ok(Self { low, high, counts: vec![0; bins], below: 0, above: 0, not_finite: 0 })
    }

    /// Counts `values`.
    pub fn add(&mut self, values: &[f32]) {
        let edges = self.edges();
        let Some(last) = self.counts.len().checked_sub(1) else { return };
        let bins_per_unit = (last + 1) as f32 / (self.high - self.low);
        for &x in values {
            if !x.is_finite() {
                self.not_finite += 1;
            } else if x < self.low {
                self.below += 1;
            } else if x > self.high {
                self.above += 1;
            } else {
                let guess = (((x - self.low) * bins_per_unit) as usize).min(last);
                let holds = edges[guess] <= x && (x < edges[guess + 1] || guess == last);
                let bin = if holds { guess } else { edges[1..=last].partition_point(|&edge| edge <= x) };
                self.counts[bin] += 1;
            }
        }
    }

    /// Adds the counts of a histogram with the same bins.
    ///
    /// # Errors
    /// [`HistogramError::Bounds`] if its bins are others.
    pub fn merge(&mut self, other: &Self) -> Result<(), HistogramError> {
        let (left, right) = (self.bounds(), other.bounds());
        if left != right {
            return Err(HistogramError::Bounds { left, right });
        }
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.below += other.below;
        self.above += other.above;
        self.not_finite += other.not_finite;
        Ok(())
    }

    /// The bin of `x`; none if `x` is outside [low, high] or NaN.
    pub fn bin_of(&self, x: f32) -> Option<usize> {
        let inside = self.low <= x && x <= self.high;
        let last = self.counts.len().checked_sub(1).filter(|_| inside)?;
        let (mut first, mut end) = (0, last);
        while first < end {
            let middle = first.midpoint(end);
            if self.edge(middle + 1) <= x { first = middle + 1 } else { end = middle }
        }
        Some(first)
    }

    /// Edge `i`, for i from 0 (`low`) to the number of bins (`high`).
    pub fn edge(&self, i: usize) -> f32 {
        let (bins, i) = (self.counts.len() as f64, i as f64);
        (((bins - i) * f64::from(self.low) + i * f64::from(self.high)) / bins) as f32
    }

    /// All edges: one more than there are bins.
    pub fn edges(&self) -> Vec<f32> {
        (0..=self.counts.len()).map(|i| self.edge(i)).collect()
    }

    /// How many values were counted, those outside and those not finite included.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum::<u64>() + self.below + self.above + self.not_finite
    }

    fn bounds(&self) -> (Range, usize) {
        (Range { min: self.low, max: self.high }, self.counts.len())
    }
}
