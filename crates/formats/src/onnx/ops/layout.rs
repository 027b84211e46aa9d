//! The same values in another shape or order, and several tensors as one.

use fewbit_graph::op::Reshape;
use fewbit_graph::{Op, Tensor};

use crate::error::Problem;
use crate::onnx::call::{Built, Call, Fault, axes_in, axis_in, dynamic, unsupported};
use crate::onnx::element::Element;
use crate::onnx::probe;

/// No node at all: the output is another name of the input.
pub(super) fn identity(call: &mut Call<'_, '_>) -> Built {
    call.pass(0)
}

/// The mask of what is kept is all ones.
pub(super) fn dropout(call: &mut Call<'_, '_>) -> Built {
    let training = call.opset >= 12
        && call.integers(2)?.is_some_and(|modes| modes.iter().flatten().any(|mode| *mode != 0));
    if training && call.scalar(1)? != Some(0.0) {
        return unsupported("it is in training mode: export the model in evaluation mode");
    }
    let mask = call.output(1);
    if !mask.is_empty() && call.importer.is_used(mask) {
        let shape = call.fixed_shape(0)?;
        call.importer.fill(shape.iter().product::<usize>() as u64)?;
        call.importer.declare(mask, Some(Element::Bool));
        let kept = call.given("kept", Tensor::full(shape, 1.0));
        call.give(1, kept);
    }
    let value = call.value(0)?;
    call.importer.bind(call.output(0), value);
    Ok(())
}

pub(super) fn concat(call: &mut Call<'_, '_>) -> Built {
    let axis = call.attributes.int("axis")?.ok_or_else(|| Problem::Missing {
        what: "its attribute",
        name: "axis".to_owned(),
        found: Vec::new(),
    })?;
    let axis = call.axis(0, axis)?;
    // What is empty adds nothing.
    let count = call.node.input.len();
    let is_empty = |call: &Call<'_, '_>, i| call.constant(i).is_some_and(Tensor::is_empty);
    let full: Vec<usize> = (0..count).filter(|&i| !is_empty(call, i)).collect();
    if let &[only] = full.as_slice() {
        return call.pass(only);
    }
    let inputs = full.into_iter().map(|i| call.wire(i)).collect::<Result<Vec<_>, _>>()?;
    call.finish(Op::Concat { axis }, &inputs)
}

/// The target may follow from the shape of the model's input; then it is written with 0 and −1.
pub(super) fn reshape(call: &mut Call<'_, '_>) -> Built {
    let targets = call.integers(1)?.ok_or_else(|| Problem::Missing {
        what: "its input",
        name: "shape".to_owned(),
        found: call.node.input.clone(),
    })?;
    if call.attributes.flag("allowzero")?.unwrap_or(false) && targets.iter().flatten().any(|n| *n == 0) {
        return unsupported("it makes a tensor without elements (allowzero)");
    }
    let x = call.wire(0)?;
    let [first, second] = &targets;
    let lengths = if first == second {
        first.clone()
    } else {
        match probe::express(&call.shape(0)?, &targets) {
            Some(lengths) => lengths,
            None => return dynamic("more than one length of its target depends on the model's input"),
        }
    };
    call.finish(Op::Reshape(Reshape::To(lengths)), &[x])
}

/// The axis may be one beyond the last: then everything is in the first group.
pub(super) fn flatten(call: &mut Call<'_, '_>) -> Built {
    let axis = call.attributes.int("axis")?.unwrap_or(1);
    let axis = match usize::try_from(axis) {
        Ok(axis) if call.rank(0).is_ok_and(|rank| axis == rank) => axis,
        _ => call.axis(0, axis)?,
    };
    let x = call.wire(0)?;
    call.finish(Op::Reshape(Reshape::Flatten { axis }), &[x])
}

/// Without a list, all axes of length 1, which must not depend on the model's input.
pub(super) fn squeeze(call: &mut Call<'_, '_>) -> Built {
    let axes = match call.listed("axes", 1, 13)? {
        Some(axes) => axes_in(&axes, call.rank(0)?)?,
        None => {
            let [shape, _] = call.shape(0)?;
            shape.iter().enumerate().filter(|(_, n)| **n == 1).map(|(axis, _)| axis).collect()
        }
    };
    if axes.is_empty() {
        return call.pass(0);
    }
    let x = call.wire(0)?;
    call.finish(Op::Reshape(Reshape::Squeeze { axes }), &[x])
}

pub(super) fn unsqueeze(call: &mut Call<'_, '_>) -> Built {
    let axes = call.listed("axes", 1, 13)?.ok_or_else(|| Problem::Missing {
        what: "its list",
        name: "axes".to_owned(),
        found: Vec::new(),
    })?;
    let axes = axes_in(&axes, call.rank(0)? + axes.len())?;
    let x = call.wire(0)?;
    call.finish(Op::Reshape(Reshape::Unsqueeze { axes }), &[x])
}

pub(super) fn transpose(call: &mut Call<'_, '_>) -> Built {
    let perm = match call.attributes.ints("perm")? {
        Some(perm) => {
            axes_in(perm, perm.len())?;
            perm.iter().map(|&axis| axis_in(axis, perm.len())).collect::<Result<Vec<_>, _>>()?
        }
        None => (0..call.rank(0)?).rev().collect(),
    };
    let x = call.wire(0)?;
    call.finish(Op::Transpose { perm }, &[x])
}

/// Broadcasting to a shape, and to what it and the input have in common.
pub(super) fn expand(call: &mut Call<'_, '_>) -> Built {
    let target = lengths(&call.fixed_integers(1)?.unwrap_or_default())?;
    let shape = call.fixed_shape(0)?;
    let shape = fewbit_graph::infer::broadcast_shapes(&shape, &target).ok_or_else(|| Problem::Field {
        what: "the shape to expand to".to_owned(),
        found: format!("{target:?}"),
        needed: format!("one to which {shape:?} can be broadcast"),
    })?;
    let x = call.wire(0)?;
    call.finish(Op::Expand { shape }, &[x])
}

/// A list of lengths of the file.
pub(super) fn lengths(list: &[i64]) -> Result<Vec<usize>, Problem> {
    list.iter().map(|&n| usize::try_from(n).map_err(|_| Problem::NegativeLength(n))).collect()
}

/// The same again and again along each axis: axes of length 1 are expanded, others gathered from.
pub(super) fn tile(call: &mut Call<'_, '_>) -> Built {
    let repeats = lengths(&call.fixed_integers(1)?.unwrap_or_default())?;
    let mut x = call.wire(0)?;
    for (axis, &count) in repeats.iter().enumerate() {
        let length = call.fixed_length(0, axis)?;
        let total = length.checked_mul(count).filter(|total| *total > 0).ok_or_else(|| Problem::Field {
            what: format!("the number of repetitions along axis {axis}"),
            found: count.to_string(),
            needed: "one that leaves elements, and can be counted".to_owned(),
        })?;
        if count > 1 {
            call.importer.fill(total as u64)?;
            let indices: Vec<f32> = (0..total).map(|i| (i % length) as f32).collect();
            let indices = call.given(&format!("indices{axis}"), Tensor::vector(indices));
            x = call.step(&format!("tiled{axis}"), Op::Gather { axis }, &[x, indices]);
        }
    }
    call.done(x)
}

/// Blocks of channels become blocks of pixels.
pub(super) fn depth_to_space(call: &mut Call<'_, '_>) -> Built {
    let b = call.required_int("blocksize")?;
    let (c, h, w) = image(call)?;
    let column_row = call.attributes.text("mode")? == Some("CRD");
    let channels = c.checked_div(b.saturating_mul(b)).unwrap_or(0);
    let (split, perm) = if column_row {
        ([0, channels, b, b, h, w], vec![0, 1, 4, 2, 5, 3])
    } else {
        ([0, b, b, channels, h, w], vec![0, 3, 4, 1, 5, 2])
    };
    let x = call.wire(0)?;
    let blocks = call.reshape("blocks", x, &split);
    let moved = call.transpose("moved", blocks, perm);
    let to = vec![0, channels, h.saturating_mul(b), w.saturating_mul(b)];
    call.finish(Op::Reshape(Reshape::To(to)), &[moved])
}

/// Blocks of pixels become blocks of channels.
pub(super) fn space_to_depth(call: &mut Call<'_, '_>) -> Built {
    let b = call.required_int("blocksize")?;
    let (c, h, w) = image(call)?;
    let part = |n: i64| n.checked_div(b).unwrap_or(0);
    let x = call.wire(0)?;
    let blocks = call.reshape("blocks", x, &[0, c, part(h), b, part(w), b]);
    let moved = call.transpose("moved", blocks, vec![0, 3, 5, 1, 2, 4]);
    let to = vec![0, c.saturating_mul(b).saturating_mul(b), part(h), part(w)];
    call.finish(Op::Reshape(Reshape::To(to)), &[moved])
}

/// The channels, height and width of an image.
fn image(call: &Call<'_, '_>) -> Result<(i64, i64, i64), Fault> {
    let shape = call.fixed_shape_but_first(0)?;
    match shape.as_slice() {
        &[_, c, h, w] => Ok((c, h, w)),
        _ => unsupported(format!("its input has {} axes, not the 4 of an image", shape.len())),
    }
}
