//! A network on its way through a pipeline: the model, and each of its layers as the methods so far leave it.

use fewbit_graph::Tensor;
use fewbit_numeric::{Affine, BlockLayout, Granularity, Quantized};

use crate::error::QuantError;
use crate::layer::{QuantizedLayer, channel_stats};
use crate::observe::Observations;
use crate::prepare::Prepared;
use crate::recipe::LayerChoice;
use crate::report::Errors;

/// A model and its layers, each quantized or in float.
///
/// Methods change it through its functions alone, so that codes, values and errors always agree.
#[derive(Clone, Debug)]
pub struct Network {
    prepared: Prepared,
    choices: Vec<LayerChoice>,
    observations: Option<Observations>,
    layers: Vec<QuantizedLayer>,
    rewritten: bool,
}

impl Network {
    /// The network rounded to nearest: where every pipeline starts.
    ///
    /// # Errors
    /// Those of [`QuantizedLayer::new`] for the first layer that has one.
    pub fn nearest(
        prepared: Prepared,
        choices: Vec<LayerChoice>,
        observations: Option<Observations>,
    ) -> Result<Self, QuantError> {
        let mut network = Self::of(prepared, choices, observations, Vec::new());
        network.round_all()?;
        Ok(network)
    }

    /// The same where the `layers`, one for each choice, were made before.
    pub fn of(
        prepared: Prepared,
        choices: Vec<LayerChoice>,
        observations: Option<Observations>,
        layers: Vec<QuantizedLayer>,
    ) -> Self {
        Self { prepared, choices, observations, layers, rewritten: false }
    }

    fn round_all(&mut self) -> Result<(), QuantError> {
        let layer = |(i, choice): (usize, &LayerChoice)| {
            let observation = self.observations.as_ref().and_then(|seen| seen.layer(i));
            QuantizedLayer::new(&self.prepared, i, *choice, observation)
        };
        self.layers = self.choices.iter().enumerate().map(layer).collect::<Result<_, _>>()?;
        Ok(())
    }

    /// The model in float, as methods may have rewritten it.
    pub fn prepared(&self) -> &Prepared {
        &self.prepared
    }

    /// What each layer was asked to be.
    pub fn choices(&self) -> &[LayerChoice] {
        &self.choices
    }

    /// What was seen of the layers' inputs, if anything was.
    pub fn observations(&self) -> Option<&Observations> {
        self.observations.as_ref()
    }

    /// The layers.
    pub fn layers(&self) -> &[QuantizedLayer] {
        &self.layers
    }

    /// A layer.
    ///
    /// # Errors
    /// [`QuantError::Layer`] if there is none.
    pub fn layer(&self, index: usize) -> Result<&QuantizedLayer, QuantError> {
        self.layers.get(index).ok_or(QuantError::Layer { index, count: self.layers.len() })
    }

    fn layer_mut(&mut self, index: usize) -> Result<&mut QuantizedLayer, QuantError> {
        let count = self.layers.len();
        self.layers.get_mut(index).ok_or(QuantError::Layer { index, count })
    }

    /// Puts a rewritten float model in its place (equalized, or with biases), and rounds all layers to nearest again.
    /// `observations` are of the new model.
    ///
    /// # Errors
    /// Those of [`Self::nearest`].
    pub fn rewrite(
        &mut self,
        prepared: Prepared,
        observations: Option<Observations>,
    ) -> Result<(), QuantError> {
        self.prepared = prepared;
        self.observations = observations;
        self.rewritten = true;
        self.round_all()
    }

    /// Whether the float model is another one than the network began with.
    pub fn is_rewritten(&self) -> bool {
        self.rewritten
    }

    /// Gives each Conv and Gemm without a bias one of zeros, so that a method can move it. The layers stay as they are.
    /// Tells whether there was any.
    ///
    /// # Errors
    /// Those of [`Prepared::with_biases`].
    pub fn give_biases(&mut self) -> Result<bool, QuantError> {
        let rewritten = self.prepared.with_biases()?;
        let any = rewritten.is_some();
        if let Some(prepared) = rewritten {
            self.prepared = prepared;
            self.rewritten = true;
        }
        Ok(any)
    }

    /// Gives a layer's weights these codes and grids. The errors are told against the model's float weights.
    ///
    /// # Errors
    /// [`QuantError::Layer`]; [`QuantError::Weights`] if there are not as many codes as weights.
    pub fn set_codes(&mut self, index: usize, codes: Quantized) -> Result<(), QuantError> {
        let float = self.prepared.weights(index)?;
        let axis = self.prepared.layer(index)?.channel_axis;
        let (shape, values) = (float.shape().to_vec(), float.as_f32()?);
        let quantized = codes.dequantize();
        if quantized.len() != values.len() {
            return Err(QuantError::Weights {
                layer: self.prepared.layer(index)?.name.clone(),
                expected: values.len(),
                found: quantized.len(),
            });
        }
        let channels = BlockLayout::new(&shape, axis, Granularity::Channel);
        let errors = Errors::of_channels(&channel_stats(channels, values, &quantized));
        let weights = Tensor::f32(shape, quantized)?;
        let layer = self.layer_mut(index)?;
        layer.weights = weights;
        layer.weight_errors = Some(errors);
        layer.codes = Some(codes);
        Ok(())
    }

    /// Gives a layer that is kept in float other weights.
    ///
    /// # Errors
    /// [`QuantError::Layer`]; [`QuantError::Weights`] if they have another shape.
    pub fn set_weights(&mut self, index: usize, weights: Tensor) -> Result<(), QuantError> {
        let name = self.prepared.layer(index)?.name.clone();
        let layer = self.layer_mut(index)?;
        if layer.weights.fact() != weights.fact() {
            let (expected, found) = (layer.weights.len(), weights.len());
            return Err(QuantError::Weights { layer: name, expected, found });
        }
        layer.weights = weights;
        layer.codes = None;
        layer.weight_errors = None;
        Ok(())
    }

    /// Gives a layer's input other grids: one for the tensor, or one for each channel.
    ///
    /// # Errors
    /// [`QuantError::Layer`].
    pub fn set_input(&mut self, index: usize, grids: Vec<Affine>) -> Result<(), QuantError> {
        self.layer_mut(index)?.input = Some(grids);
        Ok(())
    }

    /// Gives a layer another bias.
    ///
    /// # Errors
    /// [`QuantError::Layer`]; [`QuantError::Weights`] if the layer has no bias of this shape.
    pub fn set_bias(&mut self, index: usize, bias: Tensor) -> Result<(), QuantError> {
        let float = self.prepared.bias(index)?.map(Tensor::fact);
        if float != Some(bias.fact()) {
            return Err(QuantError::Weights {
                layer: format!("{} (bias)", self.prepared.layer(index)?.name),
                expected: float.map_or(0, |fact| fact.len()),
                found: bias.len(),
            });
        }
        self.layer_mut(index)?.bias = Some(bias);
        Ok(())
    }
}
