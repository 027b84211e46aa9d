//! What a step of training sees: samples in random order, shifted at random.

use fewbit_graph::Tensor;
use fewbit_numeric::Philox;
use fewbit_numeric::philox::uniform;

use crate::error::QuantError;
use crate::methods::Calibration;

/// The streams of [`Philox`] that training draws from.
const ORDER: u64 = 0x7261_0000_0000;
const SHIFTS: u64 = 0x7262_0000_0000;

/// Draws batches: every sample once before any comes again, in an order that the seed alone decides.
pub(super) struct Sampler {
    philox: Philox,
    samples: usize,
    batch: usize,
    /// Pixels up to which an image is shifted, each way.
    shift: i64,
    /// The order of the current round through the samples, and which round it is.
    order: Vec<usize>,
    round: Option<u64>,
}

/// One batch.
pub(super) struct Batch {
    /// The samples, shifted.
    pub(super) samples: Tensor,
    /// Their places among all samples.
    pub(super) places: Vec<usize>,
}

impl Sampler {
    /// Batches of `batch` of `samples` samples.
    pub(super) fn new(seed: u64, samples: usize, batch: usize, shift: usize) -> Self {
        Self {
            philox: Philox::new(seed),
            samples,
            batch,
            shift: shift as i64,
            order: Vec::new(),
            round: None,
        }
    }

    /// The batch of step `step`, from 0. It depends on nothing but the seed and the step.
    pub(super) fn batch(&mut self, calibration: &Calibration, step: usize) -> Result<Batch, QuantError> {
        let first = (step * self.batch) as u64;
        let places: Vec<usize> = (first..first + self.batch as u64).map(|place| self.place(place)).collect();
        let values = calibration.samples.as_f32()?;
        let shape = calibration.samples.shape();
        let len: usize = shape.iter().skip(1).product();
        let mut batch = Vec::with_capacity(self.batch * len);
        let mut words = self.philox.words(SHIFTS + step as u64);
        for &place in &places {
            let sample = values.get(place * len..(place + 1) * len).unwrap_or_default();
            let mut draw = || self.offset(words.next().unwrap_or(0));
            match shape {
                &[_, _, height, width] if self.shift > 0 => {
                    shift_into(&mut batch, sample, [height, width], [draw(), draw()]);
                }
                _ => batch.extend_from_slice(sample),
            }
        }
        let shape: Vec<usize> = std::iter::once(self.batch).chain(shape.iter().skip(1).copied()).collect();
        Ok(Batch { samples: Tensor::f32(shape, batch)?, places })
    }

    /// The sample at a place of the endless sequence.
    fn place(&mut self, place: u64) -> usize {
        let samples = self.samples.max(1) as u64;
        let round = place / samples;
        if self.round != Some(round) {
            self.order = (0..self.samples).collect();
            self.philox.shuffle(ORDER + round, &mut self.order);
            self.round = Some(round);
        }
        self.order.get((place % samples) as usize).copied().unwrap_or(0)
    }

    fn offset(&self, word: u32) -> i64 {
        let places = 2 * self.shift + 1;
        (f64::from(uniform(word)) * places as f64) as i64 - self.shift
    }
}

/// Appends an image moved by `by` (down, right); what comes in at an edge repeats the edge.
fn shift_into(batch: &mut Vec<f32>, image: &[f32], [height, width]: [usize; 2], by: [i64; 2]) {
    let clamped = |at: usize, by: i64, len: usize| (at as i64 - by).clamp(0, len as i64 - 1) as usize;
    for plane in image.chunks_exact((height * width).max(1)) {
        for y in 0..height {
            let row = &plane[clamped(y, by[0], height) * width..][..width];
            batch.extend((0..width).map(|x| row[clamped(x, by[1], width)]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calibration() -> Calibration {
        let samples = Tensor::f32([5, 1, 2, 2], (0..20).map(|x| x as f32).collect::<Vec<_>>()).unwrap();
        Calibration { samples, labels: None }
    }

    #[test]
    fn every_sample_comes_once_before_any_comes_again() {
        let mut sampler = Sampler::new(3, 5, 5, 0);
        for step in 0..3 {
            let mut places = sampler.batch(&calibration(), step).unwrap().places;
            places.sort_unstable();
            assert_eq!(places, [0, 1, 2, 3, 4]);
        }
    }

    #[test]
    fn a_batch_depends_on_the_seed_and_the_step_alone() {
        let of = |sampler: &mut Sampler, step| sampler.batch(&calibration(), step).unwrap();
        let mut straight = Sampler::new(9, 5, 2, 1);
        let walked: Vec<_> = (0..4).map(|step| of(&mut straight, step).samples).collect();
        assert_eq!(of(&mut Sampler::new(9, 5, 2, 1), 3).samples, walked[3]);
        assert_ne!(of(&mut Sampler::new(8, 5, 2, 1), 3).samples, walked[3]);
    }

    #[test]
    fn shifting_repeats_the_edge() {
        let mut moved = Vec::new();
        shift_into(&mut moved, &[1.0, 2.0, 3.0, 4.0], [2, 2], [1, 0]);
        assert_eq!(moved, [1.0, 2.0, 1.0, 2.0]);
        moved.clear();
        shift_into(&mut moved, &[1.0, 2.0, 3.0, 4.0], [2, 2], [0, -1]);
        assert_eq!(moved, [2.0, 2.0, 4.0, 4.0]);
    }
}
