//! Functions of two or more tensors, element by element, with NumPy's broadcasting.

use fewbit_graph::op::Binary;
use fewbit_graph::{DType, Op, Tensor};

use crate::error::Problem;
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

/// The exponent may be of integers, from operator set 12 on.
pub(super) fn pow(call: &mut Call<'_, '_>) -> Built {
    let integers = call.constant(1).filter(|exponent| exponent.dtype() == DType::I64).cloned();
    let Some(integers) = integers else { return binary(call, Binary::Pow) };
    let floats = integers.as_i64().map(|values| values.iter().map(|&n| n as f32).collect::<Vec<_>>());
    let exponent = floats.and_then(|floats| Tensor::f32(integers.shape(), floats));
    let exponent = exponent.map_err(|why| Problem::Syntax(why.to_string()))?;
    let x = call.wire(0)?;
    let exponent = call.given("exponent", exponent);
    call.finish(Op::Binary(Binary::Pow), &[x, exponent])
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
