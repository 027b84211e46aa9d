//! The quantized network: the model's graph with a quantizer in front of each layer, every number of it a feed.
//!
//! A layer's weight is fed with the values that its codes stand for, so the codes are the truth whichever method
//! made them. In front of its input stands a FakeQuantize of its own, whose scales, zero points and code bounds
//! are fed; a scale of 0 lets the input pass in float. There is one scale for each channel of the input, all the
//! same where one is meant for the tensor: the shape of a feed does not depend on the recipe, and no plan is made anew.

use fewbit_graph::{Graph, Op, Patch, Patched, Tensor, WireId};
use fewbit_numeric::Affine;
use fewbit_runtime::{Plan, RunError};

use crate::error::QuantError;
use crate::layer::QuantizedLayer;
use crate::prepare::Prepared;

/// Where a layer is fed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerFeeds {
    /// Its weight.
    pub weight: WireId,
    /// Its bias; none if it has none of its own.
    pub bias: Option<WireId>,
    /// The quantizer of its input.
    pub quantizer: QuantizerFeeds,
    /// What the layer reads: the output of its quantizer.
    pub input: WireId,
    /// Its own output, before any activation function.
    pub output: WireId,
}

/// Where a quantizer is fed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuantizerFeeds {
    /// The scales, one for each channel; 0 for float.
    pub scale: WireId,
    /// The zero points, one for each channel.
    pub zero_point: WireId,
    /// The smallest and the largest code.
    pub bounds: WireId,
    /// The axis of the channels.
    pub axis: usize,
    /// The number of channels.
    pub channels: usize,
}

/// The quantized network.
#[derive(Clone, Debug)]
pub struct QuantizedGraph {
    /// What it computes. It begins with float weights, and inputs in float.
    pub graph: Graph,
    /// The wire that samples are fed to.
    pub input: WireId,
    /// The output.
    pub output: WireId,
    /// Where each layer is fed.
    pub layers: Vec<LayerFeeds>,
}

impl QuantizedGraph {
    /// Puts quantizers in front of all layers.
    ///
    /// # Errors
    /// Those of [`Prepared::face`].
    pub fn new(prepared: &Prepared) -> Result<Self, QuantError> {
        let face = prepared.face()?;
        let graph = &prepared.graph;
        let mut patch = Patch::new(graph, "quantizers in front of the layers");
        let mut layers = Vec::new();
        for (layer, wires) in prepared.layers.iter().zip(&face.layers) {
            let named = |what: &str| format!("{}.input.{what}", layer.name);
            let [scale, zero_point, bounds] = feed_values(None, wires.input_channels);
            let quantizer = QuantizerFeeds {
                scale: patch.parameter(named("scale"), scale),
                zero_point: patch.parameter(named("zero_point"), zero_point),
                bounds: patch.parameter(named("bounds"), bounds),
                axis: wires.input_axis,
                channels: wires.input_channels,
            };
            let quantized = patch.node(named("quantized"), quantizer.op(), &quantizer.inputs(wires.input));
            patch.replace_input(layer.node, 0, quantized);
            let output = graph.node_of(layer.node).output;
            let bias = prepared.bias_wire(layer);
            layers.push(LayerFeeds { weight: layer.weight, bias, quantizer, input: quantized, output });
        }
        let patched = patch.apply(graph)?;
        Ok(Self {
            input: moved(&patched, face.input),
            output: moved(&patched, face.output),
            layers: layers.into_iter().map(|layer| layer.moved(|wire| moved(&patched, wire))).collect(),
            graph: patched.graph,
        })
    }
}

/// Where a wire is after the patch. In a prepared graph outputs need every layer, so each of ours is there.
fn moved(patched: &Patched, wire: WireId) -> WireId {
    patched.wire(wire).unwrap_or(WireId(0))
}

impl LayerFeeds {
    /// The same layer in a graph where its wires have other ids.
    pub(crate) fn moved(self, to: impl Fn(WireId) -> WireId) -> Self {
        Self {
            weight: to(self.weight),
            bias: self.bias.map(&to),
            quantizer: QuantizerFeeds {
                scale: to(self.quantizer.scale),
                zero_point: to(self.quantizer.zero_point),
                bounds: to(self.quantizer.bounds),
                ..self.quantizer
            },
            input: to(self.input),
            output: to(self.output),
        }
    }
}

impl QuantizerFeeds {
    /// The operator.
    pub(crate) fn op(self) -> Op {
        Op::fake_quantize(if self.channels > 1 { self.axis } else { 0 })
    }

    /// The operator's inputs, for a quantizer of `wire`.
    pub(crate) fn inputs(self, wire: WireId) -> [WireId; 4] {
        [wire, self.scale, self.zero_point, self.bounds]
    }

    /// Feeds the quantizer: `values` are those of [`feed_values`].
    pub(crate) fn feed(self, plan: &mut dyn Plan, values: &[Tensor; 3]) -> Result<(), RunError> {
        let [scale, zero_point, bounds] = values;
        plan.set(self.scale, scale)?;
        plan.set(self.zero_point, zero_point)?;
        plan.set(self.bounds, bounds)
    }
}

/// What a quantizer is fed for `grids`: none for float, one for the tensor, or one for each of `channels`.
pub(crate) fn feed_values(grids: Option<&[Affine]>, channels: usize) -> [Tensor; 3] {
    let of = |value: fn(&Affine) -> f32, float: f32| -> Tensor {
        let grid = |channel: usize| match grids {
            None => float,
            Some(grids) => grids.get(channel).or(grids.first()).map_or(float, value),
        };
        Tensor::vector((0..channels).map(grid).collect::<Vec<f32>>())
    };
    let bounds =
        grids.and_then(|grids| grids.first()).map_or([0.0, 0.0], |grid| [grid.min_code, grid.max_code]);
    [of(|grid| grid.scale, 0.0), of(|grid| grid.zero_point, 0.0), Tensor::vector(bounds.to_vec())]
}

/// What a layer is fed with now.
#[derive(Clone, Debug)]
pub(crate) struct LayerValues {
    pub(crate) weights: Tensor,
    pub(crate) bias: Option<Tensor>,
    pub(crate) quantizer: [Tensor; 3],
}

/// The values that a network of feeds has, to be laid on any of its plans.
#[derive(Clone, Debug)]
pub(crate) struct Knobs {
    layers: Vec<LayerFeeds>,
    values: Vec<LayerValues>,
    float: Vec<LayerValues>,
    names: Vec<String>,
}

impl Knobs {
    /// Float weights, inputs in float.
    pub(crate) fn new(prepared: &Prepared, layers: &[LayerFeeds]) -> Result<Self, QuantError> {
        let float = |(i, layer): (usize, &LayerFeeds)| {
            let quantizer = feed_values(None, layer.quantizer.channels);
            let bias = prepared.bias(i)?.cloned();
            Ok(LayerValues { weights: prepared.weights(i)?.clone(), bias, quantizer })
        };
        let float = layers.iter().enumerate().map(float).collect::<Result<Vec<_>, QuantError>>()?;
        Ok(Self { layers: layers.to_vec(), values: float.clone(), float, names: prepared.layer_names() })
    }

    /// Makes a layer what `quantized` is.
    pub(crate) fn set_layer(&mut self, index: usize, quantized: &QuantizedLayer) -> Result<(), QuantError> {
        self.set_weights(index, &quantized.weights)?;
        self.set_input(index, quantized.input.as_deref())?;
        self.set_bias(index, quantized.bias.as_ref())
    }

    /// Makes a layer what it is in float.
    pub(crate) fn set_float(&mut self, index: usize) -> Result<(), QuantError> {
        let count = self.values.len();
        match (self.values.get_mut(index), self.float.get(index)) {
            (Some(values), Some(float)) => {
                values.clone_from(float);
                Ok(())
            }
            _ => Err(QuantError::Layer { index, count }),
        }
    }

    /// Gives a layer another bias, or with none its float one.
    fn set_bias(&mut self, index: usize, bias: Option<&Tensor>) -> Result<(), QuantError> {
        let count = self.values.len();
        let (Some(layer), Some(float)) = (self.values.get_mut(index), self.float.get(index)) else {
            return Err(QuantError::Layer { index, count });
        };
        let bias = bias.or(float.bias.as_ref());
        if bias.map(Tensor::fact) != layer.bias.as_ref().map(Tensor::fact) {
            return Err(QuantError::Weights {
                layer: format!("{} (bias)", self.names.get(index).map_or("", String::as_str)),
                expected: layer.bias.as_ref().map_or(0, Tensor::len),
                found: bias.map_or(0, Tensor::len),
            });
        }
        layer.bias = bias.cloned();
        Ok(())
    }

    /// Gives a layer other weights.
    pub(crate) fn set_weights(&mut self, index: usize, weights: &Tensor) -> Result<(), QuantError> {
        let count = self.values.len();
        let layer = self.values.get_mut(index).ok_or(QuantError::Layer { index, count })?;
        if layer.weights.fact() != weights.fact() {
            return Err(QuantError::Weights {
                layer: self.names.get(index).cloned().unwrap_or_default(),
                expected: layer.weights.len(),
                found: weights.len(),
            });
        }
        layer.weights = weights.clone();
        Ok(())
    }

    /// Gives a layer's input other grids.
    pub(crate) fn set_input(&mut self, index: usize, grids: Option<&[Affine]>) -> Result<(), QuantError> {
        let count = self.values.len();
        let (Some(layer), Some(feeds)) = (self.values.get_mut(index), self.layers.get(index)) else {
            return Err(QuantError::Layer { index, count });
        };
        layer.quantizer = feed_values(grids, feeds.quantizer.channels);
        Ok(())
    }

    /// Lays the values on a plan; only what differs from what it has will run again.
    pub(crate) fn feed(&self, plan: &mut dyn Plan) -> Result<(), QuantError> {
        for (layer, values) in self.layers.iter().zip(&self.values) {
            plan.set(layer.weight, &values.weights)?;
            if let (Some(wire), Some(bias)) = (layer.bias, &values.bias) {
                plan.set(wire, bias)?;
            }
            layer.quantizer.feed(plan, &values.quantizer)?;
        }
        Ok(())
    }
}
