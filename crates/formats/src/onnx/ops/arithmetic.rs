//! Functions of two or more tensors, element by element, with NumPy's broadcasting.

use fewbit_graph::Op;
use fewbit_graph::op::{Binary, Unary};

use crate::onnx::call::{Built, Call};

/// The quotient of integers is truncated.
pub(super) fn div(call: &mut Call<'_, '_>) -> Built {
    let (a, b) = (call.wire(0)?, call.wire(1)?);
    if !call.element(0).is_integer() {
        return call.finish(Op::Binary(Binary::Div), &[a, b]);
    }
    let quotient = call.binary("quotient", Binary::Div, a, b);
    let whole = call.truncate("whole", quotient);
    call.done(whole)
}

/// A power of an integer is one.
pub(super) fn pow(call: &mut Call<'_, '_>) -> Built {
    let (a, b) = (call.wire(0)?, call.wire(1)?);
    if !call.element(0).is_integer() {
        return call.finish(Op::Binary(Binary::Pow), &[a, b]);
    }
    let power = call.binary("power", Binary::Pow, a, b);
    if call.element(1).is_integer() {
        return call.finish(Op::Unary(Unary::Round), &[power]);
    }
    let whole = call.truncate("whole", power);
    call.done(whole)
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
