//! The quantized model as safetensors.

use std::collections::BTreeMap;

use fewbit_formats::safetensors::{self, Dtype, Entry};
use fewbit_numeric::{Affine, pack};
use fewbit_quant::Recipe;

use super::{as_applied, run};
use crate::engine::Bench;
use crate::failure::{Code, Failure};

/// The quantized model as safetensors.
///
/// A quantized weight `name` becomes `name.codes` (uint8: codes packed without gaps, low bits first, in the order of
/// `name`'s values), `name.scales` (f32) and, in an asymmetric format, `name.zero_points` (f32), one for each block;
/// the metadata say its format, granularity and shape. A weight in float keeps its name, and so does a bias. The quantized
/// input of a layer has `layer.input.scales` and `layer.input.zero_points`, one for the tensor or one for each channel, and
/// its format in the metadata. BatchNorms are folded.
pub(in crate::engine) fn weights(bench: &Bench, recipe: &Recipe) -> Result<Vec<u8>, Failure> {
    let failed = |error: &dyn ToString| Failure::new(Code::Engine, error.to_string());
    let graph = &bench.prepared.graph;
    let mut tensors: Vec<(String, Dtype, Vec<usize>, Vec<u8>)> = Vec::new();
    let mut metadata = BTreeMap::new();
    let recipe = serde_json::to_string(&as_applied(bench, recipe)).map_err(|error| failed(&error))?;
    metadata.insert("fewbit.recipe".to_owned(), recipe);
    if let Some(run) = run(bench) {
        metadata.insert("fewbit.run".to_owned(), run.to_owned());
    }
    metadata.insert("fewbit.model".to_owned(), bench.prepared.facts.id.clone());
    for (i, (layer, quantized)) in bench.prepared.layers.iter().zip(bench.layers()).enumerate() {
        let name = &graph.wire(layer.weight).name;
        let own = bench.prepared.bias(i).map_err(|error| failed(&error))?;
        let third = graph.node_of(layer.node).inputs.get(2).filter(|_| own.is_some());
        if let (Some(&wire), Some(bias)) = (third, quantized.bias.as_ref().or(own)) {
            let name = graph.wire(wire).name.clone();
            tensors.push((name, Dtype::F32, bias.shape().to_vec(), bias.to_bytes()));
        }
        if let Some(grids) = &quantized.input {
            let values =
                |of: fn(&Affine) -> f32| grids.iter().flat_map(|grid| of(grid).to_le_bytes()).collect();
            let mut input = |what: &str, values: Vec<u8>| {
                tensors.push((format!("{}.input.{what}", layer.name), Dtype::F32, vec![grids.len()], values));
            };
            input("scales", values(|grid| grid.scale));
            input("zero_points", values(|grid| grid.zero_point));
            metadata.insert(format!("fewbit.{}.input", layer.name), quantized.input_applied.done.to_string());
        }
        let Some(codes) = &quantized.codes else {
            let shape = quantized.weights.shape().to_vec();
            tensors.push((name.clone(), Dtype::F32, shape, quantized.weights.to_bytes()));
            continue;
        };
        let packed = pack::pack(codes.format, &codes.codes).map_err(|error| failed(&error).at(name))?;
        let scales: Vec<u8> = codes.grids.iter().flat_map(|grid| grid.scale.to_le_bytes()).collect();
        tensors.push((format!("{name}.codes"), Dtype::U8, vec![packed.len()], packed));
        tensors.push((format!("{name}.scales"), Dtype::F32, vec![codes.grids.len()], scales));
        if codes.format.has_zero_point() || codes.format.is_binary() {
            let zeros = codes.grids.iter().flat_map(|grid| grid.zero_point.to_le_bytes()).collect();
            tensors.push((format!("{name}.zero_points"), Dtype::F32, vec![codes.grids.len()], zeros));
        }
        let shape = quantized.weights.shape();
        let what = format!("{}@{} {shape:?}", codes.format, codes.layout.granularity());
        metadata.insert(format!("fewbit.{name}"), what);
    }
    let entries: Vec<Entry<'_>> = tensors
        .iter()
        .map(|(name, dtype, shape, bytes)| Entry { name, dtype: *dtype, shape, bytes })
        .collect();
    safetensors::write(&entries, &metadata).map_err(|error| failed(&error))
}
