//! Learning roundings to look at.

use super::lesson::{Progress, Sampled};
use super::weight::Rounded;
use crate::methods::Frame;

/// Weights in a picture.
const MAP: usize = 4096;

/// The picture of a unit after `iteration`.
pub(super) fn frame(progress: &Progress, sampled: &Sampled, iteration: u32, of: u32) -> Frame {
    let difference = |(a, b): (&i32, &i32)| (a - b).clamp(-1, 1) as i8;
    let first = progress.weights.first();
    Frame::Rounding {
        layers: progress.weights.iter().map(|rounded| rounded.layer as u32).collect(),
        iteration,
        of,
        loss: sampled.loss,
        regularizer: sampled.regularizer,
        beta: sampled.beta,
        soft: progress.soft.clone(),
        flipped: progress.weights.iter().map(Rounded::flips).collect(),
        map: first.map_or_else(Vec::new, |first| {
            std::iter::zip(&first.codes.codes, &first.nearest).take(MAP).map(difference).collect()
        }),
    }
}
