//! One layer as a recipe wants it: its codes, the grids of its input, and what that costs.

use fewbit_graph::Tensor;
use fewbit_numeric::quantized::Quantized;
use fewbit_numeric::{Affine, BlockLayout, ErrorStats, Granularity};

use crate::error::QuantError;
use crate::observation::Observation;
use crate::prepare::Prepared;
use crate::recipe::{Choice, LayerChoice};
use crate::report::{Applied, Errors, LayerReport};
use crate::{activations, weights};

/// A layer, quantized or kept in float.
#[derive(Clone, Debug, PartialEq)]
pub struct QuantizedLayer {
    /// The weights as codes; none if kept in float.
    pub codes: Option<Quantized>,
    /// The weights that the graph sees: what the codes stand for, or the float ones.
    pub weights: Tensor,
    /// The bias that the graph sees; none for the float one.
    pub bias: Option<Tensor>,
    /// The grids of the input, one for the tensor or one for each channel; none if kept in float.
    pub input: Option<Vec<Affine>>,
    /// What was asked of the weights, and what came of it.
    pub weights_applied: Applied,
    /// What was asked of the input, and what came of it.
    pub input_applied: Applied,
    /// Quantized weights against float; none if kept in float.
    pub weight_errors: Option<Errors>,
}

impl QuantizedLayer {
    /// Layer `index` as `choice` wants it. Nothing is observed of a model that needs no quantized inputs:
    /// `observation` may be missing then.
    ///
    /// # Errors
    /// [`QuantError::NotObserved`] if the input is to be quantized and was not observed,
    /// [`QuantError::NoHistogram`] if it was not observed well enough, [`QuantError::Layer`] without such a layer.
    pub fn new(
        prepared: &Prepared,
        index: usize,
        choice: LayerChoice,
        observation: Option<&Observation>,
    ) -> Result<Self, QuantError> {
        let layer = prepared.layer(index)?;
        let float = prepared.weights(index)?;
        let values = float.as_f32()?;
        let (codes, weights_applied) =
            weights::quantize(&layer.name, values, float.shape(), layer.channel_axis, choice.weights)?;
        let (input, input_applied) = match (choice.activations, observation) {
            (asked @ Choice::Float, _) => (None, Applied { asked, done: Choice::Float, reason: None }),
            (asked, Some(observation)) => activations::quantize(&layer.name, observation, asked)?,
            (_, None) => return Err(QuantError::NotObserved { layer: layer.name.clone() }),
        };
        let (weights, weight_errors) = match &codes {
            None => (float.clone(), None),
            Some(codes) => {
                let quantized = codes.dequantize();
                let channels = BlockLayout::new(float.shape(), layer.channel_axis, Granularity::Channel);
                let errors = Errors::of_channels(&channel_stats(channels, values, &quantized));
                (Tensor::f32(float.shape(), quantized)?, Some(errors))
            }
        };
        Ok(Self { codes, weights, bias: None, input, weights_applied, input_applied, weight_errors })
    }

    /// The same with its input in float, for `reason`, whatever `choice` asks of it.
    ///
    /// # Errors
    /// [`QuantError::Layer`] without such a layer.
    pub fn with_float_input(
        prepared: &Prepared,
        index: usize,
        choice: LayerChoice,
        reason: &str,
    ) -> Result<Self, QuantError> {
        let asked = choice.activations;
        let choice = LayerChoice { activations: Choice::Float, ..choice };
        let mut layer = Self::new(prepared, index, choice, None)?;
        let reason = (asked != Choice::Float).then(|| reason.to_owned());
        layer.input_applied = Applied { asked, done: Choice::Float, reason };
        Ok(layer)
    }

    /// What storing the weights takes, in bits, with scales and zero points.
    pub fn weight_bits(&self) -> u64 {
        match &self.codes {
            Some(codes) => codes.storage_bits() as u64,
            None => 32 * self.weights.len() as u64,
        }
    }

    /// The report, without the errors that only running the model tells. `parameters` are all of the layer's, with
    /// the bias.
    pub fn report(&self, parameters: u64) -> LayerReport {
        let others = parameters.saturating_sub(self.weights.len() as u64);
        LayerReport {
            weights: self.weights_applied.clone(),
            activations: self.input_applied.clone(),
            bits: self.weight_bits() + 32 * others,
            weight: self.weight_errors,
            local: None,
            cumulative: None,
        }
    }
}

/// The sums for each channel of `layout`, which is laid by channel.
pub(crate) fn channel_stats(layout: BlockLayout, float: &[f32], quantized: &[f32]) -> Vec<ErrorStats> {
    let mut channels = vec![ErrorStats::default(); layout.block_count()];
    for (channel, run) in layout.runs() {
        channels[channel].merge(&ErrorStats::between(&float[run.clone()], &quantized[run]));
    }
    channels
}
