//! The weights of a layer, or of one of its channels, for looking at.

use std::borrow::Cow;

use fewbit_numeric::{Affine, BlockLayout, Granularity, Histogram, Quantized, Range};

use super::{Split, clip_lines, count, levels};
use crate::error::QuantError;
use crate::layer::{QuantizedLayer, channel_stats};
use crate::prepare::Prepared;
use crate::report::{ChannelRange, ChannelWeights, Errors, TensorView};

/// Weights in float and as they became.
pub(super) struct Weights<'a> {
    shape: Vec<usize>,
    /// By output channel.
    channels: BlockLayout,
    float: Cow<'a, [f32]>,
    quantized: Cow<'a, [f32]>,
    codes: Option<Cow<'a, Quantized>>,
}

impl<'a> Weights<'a> {
    pub(super) fn of(
        prepared: &'a Prepared,
        index: usize,
        layer: &'a QuantizedLayer,
    ) -> Result<Self, QuantError> {
        let axis = prepared.layer(index)?.channel_axis;
        let float = prepared.weights(index)?;
        let shape = float.shape().to_vec();
        Ok(Self {
            channels: BlockLayout::new(&shape, axis, Granularity::Channel),
            shape: shape.iter().enumerate().filter(|&(i, _)| i != axis).map(|(_, &n)| n).collect(),
            float: Cow::Borrowed(float.as_f32()?),
            quantized: Cow::Borrowed(layer.weights.as_f32()?),
            codes: layer.codes.as_ref().map(Cow::Borrowed),
        })
    }

    /// The weights of one channel alone.
    pub(super) fn channel(&self, channel: usize) -> Result<Weights<'static>, QuantError> {
        let count = self.channels.channels();
        if channel >= count {
            return Err(QuantError::Channel { index: channel, count });
        }
        let indices: Vec<usize> = self.channels.indices(channel).collect();
        let pick = |values: &[f32]| indices.iter().map(|&i| values[i]).collect();
        let alone = [1, indices.len()];
        let codes = self.codes.as_ref().map(|all| {
            let granularity = all.layout.granularity();
            let groups = all.layout.groups();
            let grids = match granularity {
                Granularity::Tensor => all.grids.clone(),
                _ => all.grids[channel * groups..(channel + 1) * groups].to_vec(),
            };
            let codes = indices.iter().map(|&i| all.codes[i]).collect();
            Quantized { format: all.format, layout: BlockLayout::new(&alone, 0, granularity), grids, codes }
        });
        Ok(Weights {
            shape: self.shape.clone(),
            channels: BlockLayout::new(&alone, 0, Granularity::Channel),
            float: Cow::Owned(pick(&self.float)),
            quantized: Cow::Owned(pick(&self.quantized)),
            codes: codes.map(Cow::Owned),
        })
    }

    pub(super) fn tensor_view(&self, bins: usize) -> Result<TensorView, QuantError> {
        let range = Range::of(self.float.iter().copied());
        let bins_range = range.union(Range::of(self.quantized.iter().copied()));
        let mut float_bins = Histogram::new(bins_range.min, bins_range.max, bins)?;
        let mut quantized_bins = float_bins.clone();
        float_bins.add(&self.float);
        quantized_bins.add(&self.quantized);
        let grid = self.grid();
        let mut levels = grid.map_or_else(Vec::new, levels);
        let mut split = Split::default();
        if let Some(codes) = &self.codes {
            for (block, run) in codes.layout.runs() {
                let clip = codes.grids[block].clip_range();
                for i in run {
                    split.add(self.float[i], self.quantized[i], clip);
                }
            }
            if let Some(grid) = grid {
                for &code in &codes.codes {
                    count(&mut levels, grid, code as f32, 1);
                }
            }
        }
        let n = self.float.len() as u64;
        Ok(TensorView {
            n,
            range,
            bins_range,
            float_bins: float_bins.counts,
            quantized_bins: quantized_bins.counts,
            outside: [float_bins.below, float_bins.above],
            levels,
            grid,
            clip: self.codes.as_ref().and_then(|codes| clip_lines(&codes.grids)),
            clipped: split.clipped,
            rounding_mse: split.rounding / n.max(1) as f64,
            clipping_mse: split.clipping / n.max(1) as f64,
            errors: Errors::of_channels(&channel_stats(self.channels, &self.float, &self.quantized)),
        })
    }

    pub(super) fn channel_ranges(&self) -> Vec<ChannelRange> {
        let nothing = Range { min: f32::INFINITY, max: f32::NEG_INFINITY };
        let mut ranges = vec![(nothing, nothing); self.channels.channels()];
        for (channel, run) in self.channels.runs() {
            let (float, levels) = &mut ranges[channel];
            *float = float.union(Range::of(self.float[run.clone()].iter().copied()));
            *levels = levels.union(Range::of(self.quantized[run].iter().copied()));
        }
        let stats = channel_stats(self.channels, &self.float, &self.quantized);
        let errors = stats.iter().map(|channel| Errors::of_channels(std::slice::from_ref(channel)));
        ranges
            .into_iter()
            .zip(errors)
            .map(|((float, levels), errors)| ChannelRange { float, levels, sqnr_db: errors.sqnr_db })
            .collect()
    }

    /// The single weights, of a view that was narrowed to `channel`.
    pub(super) fn single(self, channel: usize) -> ChannelWeights {
        let group_len = match self.codes.as_ref().map(|codes| codes.layout.granularity()) {
            Some(Granularity::Group(size)) => (size as usize).min(self.float.len()),
            _ => self.float.len(),
        };
        let (codes, grids) = match self.codes {
            Some(codes) => {
                let codes = codes.into_owned();
                (codes.codes, codes.grids)
            }
            None => (Vec::new(), Vec::new()),
        };
        ChannelWeights {
            channel: channel as u32,
            shape: self.shape,
            values: self.float.into_owned(),
            codes,
            grids,
            group_len,
        }
    }

    /// The grid that all values share, if they do.
    fn grid(&self) -> Option<Affine> {
        match self.codes.as_ref()?.grids.as_slice() {
            &[grid] => Some(grid),
            _ => None,
        }
    }
}
