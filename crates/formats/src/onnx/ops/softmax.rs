//! Softmax and its logarithm. Until operator set 13 they are of a tensor flattened to two axes.

use fewbit_graph::Op;
use fewbit_graph::op::Reshape;

use crate::onnx::call::{Built, Call, dynamic};
use crate::onnx::probe;

/// Softmax or LogSoftmax along an axis.
type Along = fn(usize) -> Op;

pub(super) fn softmax(call: &mut Call<'_, '_>) -> Built {
    along_axis(call, |axis| Op::Softmax { axis })
}

pub(super) fn log_softmax(call: &mut Call<'_, '_>) -> Built {
    along_axis(call, |axis| Op::LogSoftmax { axis })
}

pub(super) fn softmax_flat(call: &mut Call<'_, '_>) -> Built {
    flattened(call, |axis| Op::Softmax { axis })
}

pub(super) fn log_softmax_flat(call: &mut Call<'_, '_>) -> Built {
    flattened(call, |axis| Op::LogSoftmax { axis })
}

fn along_axis(call: &mut Call<'_, '_>, op: Along) -> Built {
    let axis = call.axis(0, call.attributes.int("axis")?.unwrap_or(-1))?;
    let x = call.wire(0)?;
    call.finish(op(axis), &[x])
}

/// Axes from `axis` on become one, along which the result sums to one, and then what they were.
fn flattened(call: &mut Call<'_, '_>, op: Along) -> Built {
    let shapes = call.shape(0)?;
    let axis = call.axis(0, call.attributes.int("axis")?.unwrap_or(1))?;
    let x = call.wire(0)?;
    if axis + 1 == call.rank(0)? {
        return call.finish(op(axis), &[x]);
    }
    let flat = call.step("flat", Op::Reshape(Reshape::Flatten { axis }), &[x]);
    let soft = call.step("soft", op(1), &[flat]);
    let targets = shapes.map(|shape| shape.into_iter().map(|n| n as i64).collect());
    let lengths = call.importer.shape_of_wire(soft).and_then(|inputs| probe::express(inputs, &targets));
    match lengths {
        Some(lengths) => call.finish(Op::Reshape(Reshape::To(lengths)), &[soft]),
        None => dynamic("several lengths of its input depend on the model's input"),
    }
}
