//! Weights become codes: round to nearest.

use fewbit_numeric::{Affine, BlockLayout, Granularity, Quantized, Range};

use crate::error::QuantError;
use crate::range;
use crate::recipe::{Choice, Quantizer};
use crate::report::Applied;

/// Quantizes the weights of a layer as `asked`; none if they stay in float.
///
/// `values` fill `shape` row-major; output channels lie on `channel_axis`. What could not be done as asked says so:
///
/// * weights that are not finite have no range: they stay in float;
/// * a group larger than a channel is a channel.
///
/// # Errors
/// [`QuantError::Weights`] if `values` do not fill `shape`; `layer` is its name there.
pub fn quantize(
    layer: &str,
    values: &[f32],
    shape: &[usize],
    channel_axis: usize,
    asked: Choice,
) -> Result<(Option<Quantized>, Applied), QuantError> {
    let expected = shape.iter().product();
    if values.len() != expected {
        return Err(QuantError::Weights { layer: layer.to_owned(), expected, found: values.len() });
    }
    let Choice::Quantize(asked_quantizer) = asked else {
        return Ok((None, Applied { asked, done: Choice::Float, reason: None }));
    };
    let broken = values.iter().filter(|x| !x.is_finite()).count();
    if broken > 0 {
        let reason = format!("{broken} of {} weights are not finite", values.len());
        return Ok((None, Applied { asked, done: Choice::Float, reason: Some(reason) }));
    }
    let (quantizer, reason) =
        fitting(asked_quantizer, BlockLayout::new(shape, channel_axis, Granularity::Channel));
    let layout = BlockLayout::new(shape, channel_axis, quantizer.granularity);
    let quantized = Quantized::nearest(quantizer.format, layout, grids(values, layout, quantizer), values);
    Ok((Some(quantized), Applied { asked, done: Choice::Quantize(quantizer), reason }))
}

/// The grid of each block of `values`.
pub fn grids(values: &[f32], layout: BlockLayout, quantizer: Quantizer) -> Vec<Affine> {
    if layout.granularity() == Granularity::Tensor {
        return vec![grid(values, quantizer)];
    }
    let mut blocks = vec![Vec::new(); layout.block_count()];
    for (block, run) in layout.runs() {
        blocks[block].extend_from_slice(&values[run]);
    }
    blocks.iter().map(|block| grid(block, quantizer)).collect()
}

/// The grid of one block.
pub(crate) fn grid(block: &[f32], quantizer: Quantizer) -> Affine {
    cover(range::of_values(quantizer.range, quantizer.format, block), quantizer)
}

/// The grid that covers `range` after the quantizer's shrink.
///
/// The binary format has no level for 0: a block of nothing but zeros becomes the smallest normal magnitudes.
pub fn cover(range: Range, quantizer: Quantizer) -> Affine {
    let range = range.scaled(quantizer.shrink);
    let grid = Affine::covering(quantizer.format, range);
    if quantizer.format.is_binary() && range.max_abs() < f32::MIN_POSITIVE {
        return Affine { scale: 2.0 * f32::MIN_POSITIVE, ..grid };
    }
    grid
}

/// The quantizer that can be applied, and why it is another than the one asked for.
fn fitting(asked: Quantizer, channels: BlockLayout) -> (Quantizer, Option<String>) {
    match asked.granularity {
        Granularity::Group(size) if size as usize > channels.channel_len() => {
            let len = channels.channel_len();
            let reason = format!(
                "a group of {size} is larger than the {len} weights of a channel: one scale for each channel"
            );
            (Quantizer { granularity: Granularity::Channel, ..asked }, Some(reason))
        }
        _ => (asked, None),
    }
}
