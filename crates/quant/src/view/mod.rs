//! One layer for looking at: histograms, levels, channels, single weights. Nothing here runs a model.

mod input;
mod weights;

use fewbit_numeric::{Affine, Range};

use crate::error::QuantError;
use crate::layer::QuantizedLayer;
use crate::observation::Observation;
use crate::prepare::Prepared;
use crate::report::{LayerView, Level};

/// The largest number of bins and of levels that are listed.
const MOST: usize = 4096;
const MOST_LEVELS: usize = 256;

/// Everything about layer `index`, its weights narrowed to `channel` if one is named.
///
/// Histograms have `bins` bins (those of the input at most as many), wide enough for every float and every quantized
/// value: none is left out. The input's view is there once its distribution was observed; its histogram counts
/// all values seen, in bins that are whole numbers of the observer's, while its errors are those of the kept sample.
///
/// A value is *clipped* if it lies beyond the outermost level by more than half a step, so that its error is more
/// than that of rounding.
///
/// # Errors
/// [`QuantError::Layer`] without such a layer, [`QuantError::Channel`] without such a channel,
/// [`QuantError::Histogram`] for weights further apart than f32 can say.
pub fn layer_view(
    prepared: &Prepared,
    index: usize,
    channel: Option<usize>,
    bins: usize,
    layer: &QuantizedLayer,
    observation: Option<&Observation>,
) -> Result<LayerView, QuantError> {
    let bins = bins.clamp(1, MOST);
    let whole = weights::Weights::of(prepared, index, layer)?;
    let narrowed = whole.channel(channel.unwrap_or(0))?;
    let weights = if channel.is_some() { narrowed.tensor_view(bins) } else { whole.tensor_view(bins) };
    Ok(LayerView {
        layer: index as u32,
        channel: channel.map(|channel| channel as u32),
        weights: weights?,
        channels: whole.channel_ranges(),
        channel_weights: narrowed.single(channel.unwrap_or(0)),
        input: observation.and_then(|seen| input::view(seen, layer.input.as_deref(), bins)),
    })
}

/// Where the noise comes from: Σe² of rounding and of clipping, and how many values are clipped below and above.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Split {
    rounding: f64,
    clipping: f64,
    clipped: [u64; 2],
}

impl Split {
    /// Adds a value that became `quantized` and may not leave `clip` without being clipped.
    fn add(&mut self, value: f32, quantized: f32, clip: Range) {
        let e = f64::from(quantized) - f64::from(value);
        if value < clip.min {
            self.clipping += e * e;
            self.clipped[0] += 1;
        } else if value > clip.max {
            self.clipping += e * e;
            self.clipped[1] += 1;
        } else {
            self.rounding += e * e;
        }
    }
}

/// The levels of `grid`, nothing counted yet; none if there are too many to list.
fn levels(grid: Affine) -> Vec<Level> {
    let (min, max) = (grid.min_code as i32, grid.max_code as i32);
    if (max - min) as usize >= MOST_LEVELS {
        return Vec::new();
    }
    (min..=max).map(|code| Level { code, value: grid.value(code as f32), count: 0 }).collect()
}

/// Counts a code.
fn count(levels: &mut [Level], grid: Affine, code: f32, times: u64) {
    if let Some(level) = levels.get_mut((code - grid.min_code) as usize) {
        level.count += times;
    }
}

/// The outermost clip lines of several grids.
fn clip_lines(grids: &[Affine]) -> Option<Range> {
    grids.iter().map(|grid| grid.clip_range()).reduce(Range::union)
}
