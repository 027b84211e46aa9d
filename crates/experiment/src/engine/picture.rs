//! Samples as small pictures.

use fewbit_graph::Tensor;

use crate::protocol::Picture;

/// Sample `index` of `samples` [N, C, H, W] with 1 or 3 channels; none for other shapes.
///
/// Values from 0 to 1 are shown as they are; others are stretched from the sample's smallest to its largest.
pub(super) fn of(samples: &Tensor, index: u32) -> Option<Picture> {
    let &[_, channels @ (1 | 3), height, width] = samples.shape() else { return None };
    let plane = height * width;
    let first = index as usize * channels * plane;
    let values = samples.as_f32().ok()?.get(first..first + channels * plane)?;
    let (low, high) = values.iter().fold((0.0f32, 1.0f32), |(low, high), &x| (low.min(x), high.max(x)));
    let pixel = |x: f32| (255.0 * (x - low) / (high - low)).round() as u8;
    let pixels = (0..plane)
        .flat_map(|at| (0..channels).map(move |channel| pixel(values[channel * plane + at])))
        .collect();
    Some(Picture {
        index,
        channels: channels as u8,
        height: u16::try_from(height).ok()?,
        width: u16::try_from(width).ok()?,
        pixels,
    })
}
