//! Which layers pass channels to which.

use fewbit_graph::op::{Op, Reducer, Unary};
use fewbit_graph::{Graph, NodeId, WireId};

use crate::error::QuantError;
use crate::prepare::Prepared;

/// The way from a layer's output to the only layer that reads it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Link {
    /// The layer that reads it.
    pub(super) to: usize,
    /// ReLU6 nodes on the way, which a ReLU must replace.
    pub(super) relu6: Vec<NodeId>,
    /// Whether there is nothing but one ReLU on the way.
    pub(super) only_relu: bool,
}

/// For each layer the link to the next, or why its channels cannot be scaled. ReLU6 is no obstacle if `relu6`.
pub(super) fn links(prepared: &Prepared, relu6: bool) -> Result<Vec<Result<Link, String>>, QuantError> {
    prepared.face()?;
    let uses = prepared.graph.uses();
    Ok((0..prepared.layers.len()).map(|index| link(prepared, &uses, index, relu6)).collect())
}

fn link(prepared: &Prepared, uses: &[usize], index: usize, relu6: bool) -> Result<Link, String> {
    let graph = &prepared.graph;
    let layer = &prepared.layers[index];
    let node = graph.node_of(layer.node);
    let shape = prepared.weights(index).map_err(|e| e.to_string())?.shape();
    let channels = shape.get(layer.channel_axis).copied().unwrap_or(0);
    if matches!(node.op, Op::MatMul) || (node.inputs.len() > 2 && !has_own_bias(prepared, index)) {
        return Err("it has no bias of its own that could be scaled with its weights".to_owned());
    }
    let (mut wire, mut replaced, mut steps, mut reshaped) = (node.output, Vec::new(), 0, false);
    loop {
        if uses.get(wire.0 as usize) != Some(&1) || graph.outputs.contains(&wire) {
            return Err(format!("its channels are read in several places: {}", readers(graph, wire)));
        }
        let Some(reader) = graph.consumers(wire).next() else {
            return Err("nothing reads its output".to_owned());
        };
        let next = graph.node_of(reader);
        if let Some(to) = prepared.layers.iter().position(|layer| layer.node == reader) {
            if next.inputs.first() != Some(&wire) {
                return Err(format!("{} reads it as a parameter", next.name));
            }
            check_channels(prepared, to, channels, reshaped)?;
            let only_relu =
                steps == 1 && matches!(relu_of(graph, node.output), Some(Unary::Relu | Unary::Clip { .. }));
            return Ok(Link { to, relu6: replaced, only_relu });
        }
        match &next.op {
            Op::Unary(Unary::Relu | Unary::LeakyRelu { .. }) | Op::Pool(_) => {}
            Op::Unary(Unary::Clip { min: 0.0, max }) if *max > 0.0 && relu6 => replaced.push(reader),
            Op::Unary(Unary::Clip { min: 0.0, .. }) => {
                return Err(format!("{} bounds its channels; equalize(relu6=1) makes it a Relu", next.name));
            }
            Op::Reduce(reduce)
                if reduce.axes.iter().all(|&axis| axis >= 2)
                    && matches!(reduce.kind, Reducer::Mean | Reducer::Sum | Reducer::Max | Reducer::Min) =>
            {
                reshaped |= !reduce.keep_dims;
            }
            Op::Reshape(_) => reshaped = true,
            op => return Err(format!("its output goes through {} `{}`", op.name(), next.name)),
        }
        steps += 1;
        wire = next.output;
    }
}

/// Refuses a layer whose input does not have the `channels` in order, each as often as the others.
fn check_channels(prepared: &Prepared, to: usize, channels: usize, reshaped: bool) -> Result<(), String> {
    let name = &prepared.layers[to].name;
    let wires = prepared.face().map_err(|e| e.to_string())?.layers.get(to).copied();
    let wires = wires.ok_or_else(|| format!("nothing is known of the input of {name}"))?;
    let is_conv = matches!(prepared.graph.node_of(prepared.layers[to].node).op, Op::Conv(_));
    let fits = wires.input_axis == 1 && channels > 0 && wires.input_channels.is_multiple_of(channels);
    match (fits, wires.input_channels / channels.max(1)) {
        (true, 1) if is_conv && !reshaped => Ok(()),
        (true, _) if !is_conv => Ok(()),
        _ => Err(format!("{name} reads it in another shape")),
    }
}

fn has_own_bias(prepared: &Prepared, index: usize) -> bool {
    prepared.has_channel_bias(index).unwrap_or(false)
}

fn relu_of(graph: &Graph, wire: WireId) -> Option<Unary> {
    match &graph.node_of(graph.consumers(wire).next()?).op {
        Op::Unary(unary) => Some(*unary),
        _ => None,
    }
}

fn readers(graph: &Graph, wire: WireId) -> String {
    let names = graph.consumers(wire).map(|node| graph.node_of(node).name.clone());
    let output = graph.outputs.contains(&wire).then(|| "the model's output".to_owned());
    names.chain(output).collect::<Vec<_>>().join(", ")
}

/// Whether each channel of a layer has a filter of its own.
pub(super) fn is_depthwise(prepared: &Prepared, index: usize) -> bool {
    prepared.facts.layers.get(index).is_some_and(|facts| facts.depthwise)
}

/// Chains of layers whose channels are scaled together: a layer, depthwise layers if there are any, and a last layer.
pub(super) fn chains(prepared: &Prepared, links: &[Result<Link, String>]) -> Vec<Vec<usize>> {
    let next = |index: usize| links.get(index).and_then(|link| link.as_ref().ok()).map(|link| link.to);
    let passed_on = |index: usize| {
        is_depthwise(prepared, index) && (0..links.len()).any(|before| next(before) == Some(index))
    };
    let starts = (0..links.len()).filter(|&index| next(index).is_some() && !passed_on(index));
    starts
        .map(|start| {
            let mut chain = vec![start];
            while let Some(to) = chain.last().and_then(|&last| next(last)) {
                chain.push(to);
                if !is_depthwise(prepared, to) {
                    break;
                }
            }
            chain
        })
        .collect()
}
