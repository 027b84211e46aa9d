//! Padding.

use fewbit_graph::Op;
use fewbit_graph::op::{Pad, PadMode};

use crate::error::Problem;
use crate::onnx::call::{Call, Fault, axis_in, unsupported};

/// Paddings beyond this are absurd.
const MAX_PAD: u64 = 1 << 20;

pub(super) fn pad_attributes(call: &mut Call<'_, '_>) -> Result<(), Fault> {
    let value = call.attributes.float("value")?.unwrap_or(0.0);
    let pads = call.attributes.ints("pads")?.map(<[i64]>::to_vec);
    let axes = pads.iter().flat_map(|pads| 0..pads.len() / 2).map(|axis| axis as i64).collect();
    pad(call, pads, axes, value)
}

pub(super) fn pad_inputs(call: &mut Call<'_, '_>) -> Result<(), Fault> {
    let value = call.scalar(2)?.unwrap_or(0.0);
    let pads = call.fixed_integers(1)?;
    let axes = match call.fixed_integers(3)? {
        Some(axes) => axes,
        None => (0..call.rank(0)?).map(|axis| axis as i64).collect(),
    };
    pad(call, pads, axes, value)
}

fn pad(call: &mut Call<'_, '_>, pads: Option<Vec<i64>>, axes: Vec<i64>, value: f32) -> Result<(), Fault> {
    let pads = pads.ok_or_else(|| Problem::Missing {
        what: "its list",
        name: "pads".to_owned(),
        found: Vec::new(),
    })?;
    let mode = match call.attributes.text("mode")?.unwrap_or("constant") {
        "constant" => PadMode::Constant(value),
        "reflect" => PadMode::Reflect,
        "edge" => PadMode::Edge,
        other => return unsupported(format!("its mode is {other}; constant, reflect and edge are computed")),
    };
    let (rank, known) = match call.rank(0) {
        Ok(rank) => (rank, true),
        Err(_) => (axes.len(), false),
    };
    if let Some(absurd) = pads.iter().find(|n| n.unsigned_abs() > MAX_PAD) {
        return Err(Problem::Field {
            what: "one of its pads".to_owned(),
            found: absurd.to_string(),
            needed: format!("a number up to {MAX_PAD}"),
        }
        .into());
    }
    if pads.len() != 2 * axes.len() || (known && axes.len() > rank) {
        return Err(Problem::Field {
            what: "the list of pads".to_owned(),
            found: format!("of {} numbers", pads.len()),
            needed: format!("of two for each of {} axes", axes.len().min(rank)),
        }
        .into());
    }
    let (mut begin, mut end) = (vec![0; rank], vec![0; rank]);
    let (front, back) = pads.split_at_checked(axes.len()).unwrap_or_default();
    for ((&axis, &before), &after) in axes.iter().zip(front).zip(back) {
        let axis = axis_in(axis, rank)?;
        begin.get_mut(axis).into_iter().for_each(|pad| *pad = before);
        end.get_mut(axis).into_iter().for_each(|pad| *pad = after);
    }
    let x = call.wire(0)?;
    call.finish(Op::Pad(Pad { mode, begin, end }), &[x])
}
