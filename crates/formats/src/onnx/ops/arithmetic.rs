//! Functions of two or more tensors, element by element, with NumPy's broadcasting.

use fewbit_graph::Op;
use fewbit_graph::op::Binary;

use crate::onnx::call::{Call, Fault};

type Built = Result<(), Fault>;

fn binary(call: &mut Call<'_, '_>, function: Binary) -> Built {
    let (a, b) = (call.wire(0)?, call.wire(1)?);
    call.finish(Op::Binary(function), &[a, b])
}

pub(super) fn add(call: &mut Call<'_, '_>) -> Built {
    binary(call, Binary::Add)
}

pub(super) fn sub(call: &mut Call<'_, '_>) -> Built {
    binary(call, Binary::Sub)
}

pub(super) fn mul(call: &mut Call<'_, '_>) -> Built {
    binary(call, Binary::Mul)
}

pub(super) fn div(call: &mut Call<'_, '_>) -> Built {
    binary(call, Binary::Div)
}

pub(super) fn pow(call: &mut Call<'_, '_>) -> Built {
    binary(call, Binary::Pow)
}

/// The function of any number of tensors, from left to right.
fn chain(call: &mut Call<'_, '_>, function: Binary) -> Built {
    let wires = call.wires()?;
    let Some((&last, before)) = wires.split_last() else { return call.pass(0) };
    let Some((&first, middle)) = before.split_first() else { return call.pass(0) };
    let folded = (middle.iter().zip(1..))
        .fold(first, |sum, (&next, i)| call.step(&format!("part{i}"), Op::Binary(function), &[sum, next]));
    call.finish(Op::Binary(function), &[folded, last])
}

pub(super) fn sum(call: &mut Call<'_, '_>) -> Built {
    chain(call, Binary::Add)
}

pub(super) fn max(call: &mut Call<'_, '_>) -> Built {
    chain(call, Binary::Max)
}

pub(super) fn min(call: &mut Call<'_, '_>) -> Built {
    chain(call, Binary::Min)
}

/// The sum from left to right, divided by the number of tensors.
pub(super) fn mean(call: &mut Call<'_, '_>) -> Built {
    let wires = call.wires()?;
    let Some((&first, rest)) = wires.split_first().filter(|(_, rest)| !rest.is_empty()) else {
        return call.pass(0);
    };
    let sum = (rest.iter().zip(1..))
        .fold(first, |sum, (&next, i)| call.step(&format!("part{i}"), Op::Binary(Binary::Add), &[sum, next]));
    let count = call.number("count", wires.len() as f32);
    call.finish(Op::Binary(Binary::Div), &[sum, count])
}
