//! A part of the float model in another graph, with other weights and inputs in front of its layers.

use std::collections::{BTreeMap, BTreeSet};

use fewbit_graph::{Graph, NodeId, Source, WireId};
use fewbit_runtime::RunError;

use crate::error::QuantError;
use crate::network::Network;
use crate::prepare::Prepared;
use crate::quantized::feed_values;

/// What a layer reads, as wires of the graph that it is copied to. What is none is as in the float model.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Dress {
    pub(crate) input: Option<WireId>,
    pub(crate) weight: Option<WireId>,
    pub(crate) bias: Option<WireId>,
}

/// Says what each layer reads: given the graph, the layer and the wire of its input, adds what is in front of the layer.
pub(crate) type Dresser<'a> = &'a mut dyn FnMut(&mut Graph, usize, WireId) -> Result<Dress, QuantError>;

/// Copies what `wanted`, wires of the prepared graph, need into `graph`, going back no further than the wires that are
/// `known` there. Gives for every wire of the prepared graph that was met the one in `graph`.
///
/// # Errors
/// [`RunError::MissingInput`] if an input of the model is met that is not known; those of `dress`.
pub(crate) fn copy(
    graph: &mut Graph,
    prepared: &Prepared,
    known: &BTreeMap<WireId, WireId>,
    wanted: &[WireId],
    dress: Dresser<'_>,
) -> Result<BTreeMap<WireId, WireId>, QuantError> {
    let model = &prepared.graph;
    let (nodes, open) = between(prepared, &|wire| known.contains_key(&wire), wanted);
    let is_missing =
        |wire: &&WireId| !known.contains_key(wire) && matches!(model.wire(**wire).source, Source::Input(_));
    if let Some(&wire) = open.iter().find(is_missing) {
        return Err(RunError::MissingInput(model.wire(wire).name.clone()).into());
    }
    let mut wires = known.clone();
    for id in nodes {
        let node = model.node_of(id);
        let mut inputs = Vec::with_capacity(node.inputs.len());
        let layer = prepared.layers.iter().position(|layer| layer.node == id);
        for (place, &wire) in node.inputs.iter().enumerate() {
            // The weight and the bias of a layer are its own, so they are copied with it and only if they are needed.
            let owned = layer.is_some() && place > 0 && model.value(wire).is_some();
            inputs.push(if owned { None } else { Some(copied(graph, prepared, &mut wires, wire)) });
        }
        if let (Some(layer), Some(Some(input))) = (layer, inputs.first().copied()) {
            let dressed = dress(graph, layer, input)?;
            let places = [dressed.input, dressed.weight, dressed.bias];
            inputs.iter_mut().zip(places).filter(|(_, new)| new.is_some()).for_each(|(old, new)| *old = new);
        }
        let inputs: Vec<WireId> = std::iter::zip(inputs, &node.inputs)
            .map(|(input, &wire)| input.unwrap_or_else(|| copied(graph, prepared, &mut wires, wire)))
            .collect();
        let name = &model.wire(node.output).name;
        let output = graph.node_with_output(&node.name, name, node.op.clone(), &inputs);
        wires.insert(node.output, output);
    }
    Ok(wires)
}

/// The wire in `graph` that holds a value of the prepared graph.
fn copied(
    graph: &mut Graph,
    prepared: &Prepared,
    wires: &mut BTreeMap<WireId, WireId>,
    wire: WireId,
) -> WireId {
    *wires.entry(wire).or_insert_with(|| {
        let source = prepared.graph.wire(wire);
        match &source.source {
            Source::Parameter(value) => graph.parameter(&source.name, value.clone()),
            // Nodes are copied before those that read them, and inputs are known.
            Source::Input(_) | Source::Node(_) => wire,
        }
    })
}

/// The nodes that `wanted` depend on, going back no further than `known` wires, in the order in which they run; and the
/// wires at which that ended: known ones, parameters and inputs.
pub(crate) fn between(
    prepared: &Prepared,
    known: &dyn Fn(WireId) -> bool,
    wanted: &[WireId],
) -> (BTreeSet<NodeId>, BTreeSet<WireId>) {
    let (mut nodes, mut ends) = (BTreeSet::new(), BTreeSet::new());
    let mut open = wanted.to_vec();
    while let Some(wire) = open.pop() {
        match prepared.graph.producer(wire) {
            Some(node) if !known(wire) => {
                if nodes.insert(node) {
                    open.extend(&prepared.graph.node_of(node).inputs);
                }
            }
            _ => {
                ends.insert(wire);
            }
        }
    }
    (nodes, ends)
}

/// Layers in float.
pub(crate) fn float(_: &mut Graph, _: usize, _: WireId) -> Result<Dress, QuantError> {
    Ok(Dress::default())
}

/// Layers as `network` has them now.
pub(crate) fn quantized(
    network: &Network,
) -> impl FnMut(&mut Graph, usize, WireId) -> Result<Dress, QuantError> + '_ {
    move |graph, index, input| {
        let (layer, name) = (network.layer(index)?, &network.prepared().layer(index)?.name);
        let grids = layer.input.as_deref();
        let input = match grids {
            None => None,
            Some(grids) => {
                let [scale, zero_point, bounds] = feed_values(Some(grids), grids.len());
                let axis = input_axis(network, index)?;
                let values = [("scale", scale), ("zero_point", zero_point), ("bounds", bounds)];
                let mut inputs = vec![input];
                for (what, value) in values {
                    inputs.push(graph.parameter(format!("{name}.input.{what}"), value));
                }
                let op = fewbit_graph::Op::fake_quantize(axis);
                Some(graph.node(format!("{name}.input.quantized"), op, &inputs))
            }
        };
        let weight = Some(graph.parameter(format!("{name}.weight"), layer.weights.clone()));
        let bias = layer.bias.as_ref().map(|bias| graph.parameter(format!("{name}.bias"), bias.clone()));
        Ok(Dress { input, weight, bias })
    }
}

/// The axis along which the scales of a layer's input lie; 0 for a single one.
pub(crate) fn input_axis(network: &Network, index: usize) -> Result<usize, QuantError> {
    let count = network.layers().len();
    let grids = network.layer(index)?.input.as_ref().map_or(0, Vec::len);
    let wires = network.prepared().face()?.layers.get(index).ok_or(QuantError::Layer { index, count })?;
    Ok(if grids > 1 { wires.input_axis } else { 0 })
}
