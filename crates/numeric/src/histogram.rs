//! Counts of values in bins of equal width, none of them dropped.

use serde::{Deserialize, Serialize};

use crate::affine::Range;

/// A histogram over [low, high] with bins of equal width.
///
/// With n bins and k = n/(high − low), the bin of a value x in [low, high] is
///
/// > min(⌊(x − low)·k⌋, n − 1)
///
/// in f32, each of the four operations rounded to nearest: k once, then a difference and a product for each value, in
/// an order that no compiler may contract, so a GPU that is given k finds the same bins. Bins are half-open, the last
/// is closed. A value less than a rounding away from an [edge](Self::edge) may lie on its other side.
/// Where k is not finite (low = high, or nearly) every value within is in bin 0.
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

/// The largest number of bins: up to it f32 can tell them apart.
pub const MAX_BINS: usize = 1 << 24;

/// Why there is no such histogram.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum HistogramError {
    /// The number of bins is 0 or above [`MAX_BINS`].
    #[error("a histogram of {0} bins: it takes 1 to {MAX_BINS}")]
    Bins(usize),
    /// The ends are the wrong way round, or they or their distance are not finite in f32.
    #[error(
        "a histogram from {low} to {high}: both ends and their distance must be finite, the low end first"
    )]
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
        if !(low <= high && (high - low).is_finite()) {
            return Err(HistogramError::Ends { low, high });
        }
        Ok(Self { low, high, counts: vec![0; bins], below: 0, above: 0, not_finite: 0 })
    }

    /// Counts `values`.
    pub fn add(&mut self, values: &[f32]) {
        let bins_per_unit = self.bins_per_unit();
        for &x in values {
            if !x.is_finite() {
                self.not_finite += 1;
            } else if x < self.low {
                self.below += 1;
            } else if x > self.high {
                self.above += 1;
            } else {
                let bin = self.bin_within(x, bins_per_unit);
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
        (self.low <= x && x <= self.high).then(|| self.bin_within(x, self.bins_per_unit()))
    }

    /// k = n/(high − low), or 0 where that is not finite: what a GPU kernel takes beside `low` and `high`.
    pub fn bins_per_unit(&self) -> f32 {
        let k = self.counts.len() as f32 / (self.high - self.low);
        if k.is_finite() { k } else { 0.0 }
    }

    /// Edge `i`, for i from 0 (`low`) to the number of bins n (`high`): ((n − i)·low + i·high)/n, rounded once to f32.
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

    #[inline]
    fn bin_within(&self, x: f32, bins_per_unit: f32) -> usize {
        (((x - self.low) * bins_per_unit) as usize).min(self.counts.len() - 1)
    }

    fn bounds(&self) -> (Range, usize) {
        (Range { min: self.low, max: self.high }, self.counts.len())
    }
}
