//! The same values in another shape or order, and several tensors as one.

use fewbit_graph::Op;
use fewbit_graph::op::Reshape;

use crate::error::Problem;
use crate::onnx::call::{Call, Fault, axes_in, axis_in, unsupported};
use crate::onnx::probe;

type Built = Result<(), Fault>;

/// No node at all: the output is another name of the input.
pub(super) fn identity(call: &mut Call<'_, '_>) -> Built {
    call.pass(0)
}

pub(super) fn dropout(call: &mut Call<'_, '_>) -> Built {
    if call.integers(2)?.is_some_and(|modes| modes.iter().flatten().any(|mode| *mode != 0)) {
        return unsupported("it is in training mode: export the model in evaluation mode");
    }
    call.pass(0)
}

pub(super) fn concat(call: &mut Call<'_, '_>) -> Built {
    let axis = call.attributes.int("axis")?.ok_or_else(|| Problem::Missing {
        what: "its attribute",
        name: "axis".to_owned(),
        found: Vec::new(),
    })?;
    let axis = call.axis(0, axis)?;
    let inputs = call.wires()?;
    if inputs.len() == 1 {
        return call.pass(0);
    }
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
            None => return unsupported("more than one length of its target depends on the model's input"),
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

pub(super) fn squeeze_attributes(call: &mut Call<'_, '_>) -> Built {
    let axes = call.attributes.ints("axes")?.map(<[i64]>::to_vec);
    squeeze(call, axes)
}

pub(super) fn squeeze_inputs(call: &mut Call<'_, '_>) -> Built {
    let axes = call.fixed_integers(1)?;
    squeeze(call, axes)
}

/// Without a list, all axes of length 1, which must not depend on the model's input.
fn squeeze(call: &mut Call<'_, '_>, axes: Option<Vec<i64>>) -> Built {
    let axes = match axes {
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

pub(super) fn unsqueeze_attributes(call: &mut Call<'_, '_>) -> Built {
    let axes = call.attributes.ints("axes")?.map(<[i64]>::to_vec);
    unsqueeze(call, axes)
}

pub(super) fn unsqueeze_inputs(call: &mut Call<'_, '_>) -> Built {
    let axes = call.fixed_integers(1)?;
    unsqueeze(call, axes)
}

fn unsqueeze(call: &mut Call<'_, '_>, axes: Option<Vec<i64>>) -> Built {
    let axes = axes.ok_or_else(|| Problem::Missing {
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
