//! What was seen of one layer's input over the calibration samples.

use fewbit_numeric::{Philox, Range};
use serde::{Deserialize, Serialize};

use crate::range::Magnitudes;

/// How many values of a wire are kept as they are.
pub const SAMPLE_LEN: usize = 1 << 16;
/// Bins over the magnitudes of each sign.
pub const BINS: usize = 2048;

/// What was seen of one layer's input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// The number of channels; 1 where the input has no channel axis.
    pub channels: usize,
    /// Values of one channel of one sample that lie side by side.
    pub inner: usize,
    /// The number of values seen.
    pub n: u64,
    /// How many of them are NaN or infinite.
    pub not_finite: u64,
    /// The range of each channel in each batch, batch after batch: batches × channels.
    pub batch_ranges: Vec<Range>,
    /// How often which magnitudes occur; none until the second pass.
    pub magnitudes: Option<Magnitudes>,
    /// Some of the values of each channel, in order; all of them if the tensor has no more than [`SAMPLE_LEN`]. Empty
    /// until the second pass.
    pub sample: Vec<Vec<f32>>,
    /// The seed by which those values were chosen.
    pub seed: u64,
}

impl Observation {
    /// The smallest and the largest value seen.
    pub fn range(&self) -> Range {
        union(self.batch_ranges.iter().copied())
    }

    /// The smallest and the largest value of `channel`.
    pub fn channel_range(&self, channel: usize) -> Range {
        union(self.channel_batches(channel))
    }

    /// The range of `channel` in each batch.
    pub fn channel_batches(&self, channel: usize) -> impl Iterator<Item = Range> + '_ {
        self.batch_ranges.iter().copied().skip(channel).step_by(self.channels.max(1))
    }

    /// The range of the tensor in each batch.
    pub fn batches(&self) -> impl Iterator<Item = Range> + '_ {
        self.batch_ranges.chunks(self.channels.max(1)).map(|batch| union(batch.iter().copied()))
    }
}

/// The places of [`Observation::sample`] among `n` values: one place in each of [`SAMPLE_LEN`] equal stretches.
///
/// They depend on nothing but `n` and `seed`, so not on how the values come in batches.
pub fn positions(n: u64, seed: u64) -> impl Iterator<Item = u64> {
    let count = n.min(SAMPLE_LEN as u64);
    let place = move |i: u64| (u128::from(i) * u128::from(n) / u128::from(count.max(1))) as u64;
    Philox::new(seed).words(0).zip(0..count).map(move |(word, i)| {
        let (start, end) = (place(i), place(i + 1));
        start + ((u128::from(word) * u128::from(end - start)) >> 32) as u64
    })
}

fn union(ranges: impl IntoIterator<Item = Range>) -> Range {
    ranges.into_iter().reduce(Range::union).unwrap_or(Range { min: 0.0, max: 0.0 })
}
