//! Padding.

use fewbit_graph::op::{Binary, Pad, PadMode};
use fewbit_graph::{Op, Tensor};

use crate::error::Problem;
use crate::onnx::call::{Built, Call, axis_in, unsupported};

/// Paddings beyond this are absurd.
const MAX_PAD: u64 = 1 << 20;

/// Pads are an attribute until operator set 11, and an input from then on.
pub(super) fn pad(call: &mut Call<'_, '_>) -> Built {
    let pads = call.listed("pads", 1, 11)?.ok_or_else(|| Problem::Missing {
        what: "its list",
        name: "pads".to_owned(),
        found: Vec::new(),
    })?;
    let rank = call.rank(0)?;
    let axes = match call.listed("axes", 3, 11)? {
        Some(axes) => axes,
        None => (0..rank).map(|axis| axis as i64).collect(),
    };
    if let Some(absurd) = pads.iter().find(|n| n.unsigned_abs() > MAX_PAD) {
        return Err(Problem::Field {
            what: "one of its pads".to_owned(),
            found: absurd.to_string(),
            needed: format!("a number up to {MAX_PAD}"),
        }
        .into());
    }
    if pads.len() != 2 * axes.len() || axes.len() > rank {
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
    let mode = match call.attributes.text("mode")?.unwrap_or("constant") {
        "constant" => return constant(call, begin, end),
        "reflect" => PadMode::Reflect,
        "edge" => PadMode::Edge,
        "wrap" => return wrap(call, &begin, &end),
        other => {
            return unsupported(format!(
                "its mode is {other}; constant, reflect, edge and wrap are computed"
            ));
        }
    };
    let x = call.wire(0)?;
    call.finish(Op::Pad(Pad { mode, begin, end }), &[x])
}

/// A value that is only known when the model runs is multiplied with a mask that is 1 where there is padding.
fn constant(call: &mut Call<'_, '_>, begin: Vec<i64>, end: Vec<i64>) -> Built {
    let known = match call.opset {
        ..11 => Some(call.attributes.float("value")?.unwrap_or(0.0)),
        _ if call.input(2).is_none() => Some(0.0),
        _ if call.constant(2).is_some() => call.scalar(2)?,
        _ => None,
    };
    let x = call.wire(0)?;
    if let Some(value) = known {
        return call.finish(Op::Pad(Pad { mode: PadMode::Constant(value), begin, end }), &[x]);
    }
    let shape = call.fixed_shape(0)?;
    call.importer.fill(shape.iter().product::<usize>() as u64)?;
    let value = call.wire(2)?;
    let inside = call.given("inside", Tensor::zeros(shape));
    let pad =
        |value: f32| Op::Pad(Pad { mode: PadMode::Constant(value), begin: begin.clone(), end: end.clone() });
    let padded = call.step("padded", pad(0.0), &[x]);
    let mask = call.step("mask", pad(1.0), &[inside]);
    let filled = call.binary("filled", Binary::Mul, mask, value);
    call.finish(Op::Binary(Binary::Add), &[padded, filled])
}

/// The input repeats itself on both sides: elements are gathered.
fn wrap(call: &mut Call<'_, '_>, begin: &[i64], end: &[i64]) -> Built {
    let shape = call.fixed_shape(0)?;
    let mut x = call.wire(0)?;
    for (axis, ((&length, &before), &after)) in shape.iter().zip(begin).zip(end).enumerate() {
        if (before, after) == (0, 0) {
            continue;
        }
        // What is removed goes first; the rest repeats.
        let (first, last) = ((-before).max(0), length as i64 - (-after).max(0));
        let kept = last - first;
        if kept < 1 {
            return Err(Problem::Field {
                what: format!("its padding of axis {axis}"),
                found: format!("{before} and {after}"),
                needed: format!("one that leaves some of its {length} elements"),
            }
            .into());
        }
        let places = -before.max(0)..kept + after.max(0);
        call.importer.fill((before.max(0) + kept + after.max(0)).unsigned_abs())?;
        let indices: Vec<f32> = places.map(|i| (first + i.rem_euclid(kept)) as f32).collect();
        let indices = call.given(&format!("indices{axis}"), Tensor::vector(indices));
        x = call.step(&format!("wrapped{axis}"), Op::Gather { axis }, &[x, indices]);
    }
    call.done(x)
}
