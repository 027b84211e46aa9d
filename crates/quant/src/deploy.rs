//! The quantized network as a graph of its own, with every number in it: what is written out.

use std::collections::BTreeMap;

use fewbit_graph::{Graph, Op, Patch, Tensor, WireId};
use fewbit_numeric::{Affine, Quantized};

use crate::error::QuantError;
use crate::layer::QuantizedLayer;
use crate::prepare::Prepared;

/// The quantized network.
#[derive(Clone, Debug)]
pub struct Deployed<'a> {
    /// What it computes: weights are what their codes stand for, and a FakeQuantize stands before each layer whose input is quantized.
    /// Layers that read one wire by the same grids share it.
    pub graph: Graph,
    /// The codes of the weights that have some, by the wires of the weights.
    pub codes: BTreeMap<WireId, &'a Quantized>,
}

impl<'a> Deployed<'a> {
    /// `prepared` with its `layers` as they are now, one for each of the model's.
    ///
    /// # Errors
    /// Those of [`Prepared::face`]; [`QuantError::Layer`] unless there is a layer for each of the model's.
    pub fn new(prepared: &Prepared, layers: &'a [QuantizedLayer]) -> Result<Self, QuantError> {
        let face = prepared.face()?;
        let (index, count) = (layers.len(), prepared.layers.len());
        if index != count {
            return Err(QuantError::Layer { index, count });
        }
        let graph = &prepared.graph;
        let mut patch = Patch::new(graph, "a quantized network");
        let mut quantizers: BTreeMap<(WireId, Vec<[u32; 4]>), WireId> = BTreeMap::new();
        let mut codes = Vec::new();
        for ((layer, quantized), wires) in prepared.layers.iter().zip(layers).zip(&face.layers) {
            let weight = patch.parameter(graph.wire(layer.weight).name.clone(), quantized.weights.clone());
            patch.replace_input(layer.node, 1, weight);
            codes.extend(quantized.codes.as_ref().map(|codes| (weight, codes)));
            if let (Some(wire), Some(bias)) = (prepared.bias_wire(layer), &quantized.bias) {
                let bias = patch.parameter(graph.wire(wire).name.clone(), bias.clone());
                patch.replace_input(layer.node, 2, bias);
            }
            let Some(grids) = &quantized.input else { continue };
            let key = (wires.input, grids.iter().map(bits).collect());
            let quantizer = *quantizers
                .entry(key)
                .or_insert_with(|| quantizer(&mut patch, &layer.name, wires.input, wires.input_axis, grids));
            patch.replace_input(layer.node, 0, quantizer);
        }
        let patched = patch.apply(graph)?;
        let codes =
            codes.into_iter().filter_map(|(wire, codes)| Some((patched.wire(wire)?, codes))).collect();
        Ok(Self { graph: patched.graph, codes })
    }
}

fn bits(grid: &Affine) -> [u32; 4] {
    [grid.scale, grid.zero_point, grid.min_code, grid.max_code].map(f32::to_bits)
}

/// Adds a quantizer of `input` with these grids, one for the tensor or one for each channel of `axis`.
fn quantizer(patch: &mut Patch, layer: &str, input: WireId, axis: usize, grids: &[Affine]) -> WireId {
    let values = |of: fn(&Affine) -> f32| Tensor::vector(grids.iter().map(of).collect::<Vec<f32>>());
    let bounds = grids.first().map_or([0.0; 2], |grid| [grid.min_code, grid.max_code]);
    let mut named = |what: &str, value| patch.parameter(format!("{layer}.input.{what}"), value);
    let inputs = [
        input,
        named("scale", values(|grid| grid.scale)),
        named("zero_point", values(|grid| grid.zero_point)),
        named("bounds", Tensor::vector(bounds.to_vec())),
    ];
    let axis = if grids.len() > 1 { axis } else { 0 };
    patch.node(format!("{layer}.input.quantized"), Op::fake_quantize(axis), &inputs)
}
