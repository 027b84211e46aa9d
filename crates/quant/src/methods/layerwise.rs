//! What methods that go from layer to layer share.

use fewbit_graph::Tensor;
use fewbit_numeric::Quantized;

use crate::error::QuantError;
use crate::methods::{Advance, Calibration, Fact, Finding, Frame};
use crate::network::Network;

/// The first `count` calibration samples; all if there are fewer.
pub(crate) fn samples(calibration: &Calibration, count: usize) -> Tensor {
    calibration.samples.rows(0, count)
}

/// The advance after layer `index`, the last of which is the end.
pub(crate) fn after(network: &Network, index: usize, facts: Vec<Fact>, frames: Vec<Frame>) -> Advance {
    let layer = index as u32;
    Advance {
        done: layer + 1,
        total: network.layers().len() as u32,
        place: network.prepared().layers.get(index).map_or_else(String::new, |layer| layer.name.clone()),
        findings: facts.into_iter().map(|what| Finding { layer, what }).collect(),
        frames,
    }
}

/// Why something was left as it was.
pub(crate) fn not_applied(reason: impl Into<String>) -> Fact {
    Fact::NotApplied { reason: reason.into() }
}

/// The reason why a layer's bias cannot be moved, if it cannot.
pub(crate) fn no_bias(network: &Network, index: usize) -> Result<Option<String>, QuantError> {
    let prepared = network.prepared();
    if prepared.has_channel_bias(index)? {
        return Ok(None);
    }
    let op = prepared.graph.node_of(prepared.layer(index)?.node).op.name();
    Ok(Some(match prepared.bias(index)? {
        Some(bias) => format!("its bias {} is not one number for each output channel", bias.fact()),
        None => format!("a {op} has no bias; export the layer as a Gemm with one"),
    }))
}

/// The bias of a layer as it is now.
pub(crate) fn bias(network: &Network, index: usize) -> Result<Option<&Tensor>, QuantError> {
    Ok(network.layer(index)?.bias.as_ref().or(network.prepared().bias(index)?))
}

/// Adds `shift`, one number for each output channel, to a layer's bias.
///
/// # Errors
/// [`QuantError::Layer`]; [`QuantError::Weights`] if the layer has no such bias.
pub(crate) fn move_bias(network: &mut Network, index: usize, shift: &[f64]) -> Result<Fact, QuantError> {
    let Some(old) = bias(network, index)? else {
        let layer = network.prepared().layer(index)?.name.clone();
        return Err(QuantError::Weights { layer, expected: 0, found: shift.len() });
    };
    let moved: Vec<f32> =
        old.as_f32()?.iter().zip(shift).map(|(&bias, shift)| (f64::from(bias) + shift) as f32).collect();
    let moved = Tensor::f32(old.shape(), moved)?;
    network.set_bias(index, moved)?;
    let max = shift.iter().fold(0.0, |max: f64, shift| max.max(shift.abs()));
    let squares: f64 = shift.iter().map(|shift| shift * shift).sum();
    Ok(Fact::Bias { max, rms: (squares / shift.len().max(1) as f64).sqrt() })
}

/// Multiplies the scales of each channel by its gain.
pub(crate) fn scale_codes(codes: &mut Quantized, gains: &[f64]) {
    let groups = codes.layout.groups().max(1);
    for (grids, gain) in codes.grids.chunks_mut(groups).zip(gains) {
        for grid in grids {
            grid.scale = ((f64::from(grid.scale) * gain) as f32).clamp(f32::MIN_POSITIVE, f32::MAX);
        }
    }
}
