//! Reductions over axes.

use fewbit_graph::op::{Binary, Reduce, Reducer, Unary};
use fewbit_graph::{Op, Tensor, WireId};

use crate::onnx::call::{Built, Call, Fault, axes_in, unsupported};

pub(super) fn max(call: &mut Call<'_, '_>) -> Built {
    reduce(call, Reducer::Max, 18)
}

pub(super) fn min(call: &mut Call<'_, '_>) -> Built {
    reduce(call, Reducer::Min, 18)
}

/// The mean of integers is truncated.
pub(super) fn mean(call: &mut Call<'_, '_>) -> Built {
    if !call.element(0).is_integer() {
        return reduce(call, Reducer::Mean, 18);
    }
    let Some((x, axes)) = operands(call, 18)? else { return call.pass(0) };
    let mean = result(call, "mean", Reducer::Mean, x, axes)?;
    let whole = call.truncate("whole", mean);
    call.done(whole)
}

pub(super) fn sum(call: &mut Call<'_, '_>) -> Built {
    reduce(call, Reducer::Sum, 13)
}

pub(super) fn prod(call: &mut Call<'_, '_>) -> Built {
    reduce(call, Reducer::Prod, 18)
}

pub(super) fn l1(call: &mut Call<'_, '_>) -> Built {
    let Some((x, axes)) = operands(call, 18)? else { return after(call, &[Unary::Abs]) };
    let size = call.unary("abs", Unary::Abs, x);
    finish(call, Reducer::Sum, size, axes)
}

pub(super) fn l2(call: &mut Call<'_, '_>) -> Built {
    let Some((x, axes)) = operands(call, 18)? else { return after(call, &[Unary::Abs]) };
    let square = call.binary("square", Binary::Mul, x, x);
    let sum = result(call, "sum", Reducer::Sum, square, axes)?;
    call.finish(Op::Unary(Unary::Sqrt), &[sum])
}

pub(super) fn sum_square(call: &mut Call<'_, '_>) -> Built {
    let over = operands(call, 18)?;
    let x = over.as_ref().map_or_else(|| call.wire(0), |(x, _)| Ok(*x))?;
    let square = call.binary("square", Binary::Mul, x, x);
    match over {
        Some((_, axes)) => finish(call, Reducer::Sum, square, axes),
        None => call.done(square),
    }
}

pub(super) fn log_sum(call: &mut Call<'_, '_>) -> Built {
    let Some((x, axes)) = operands(call, 18)? else { return after(call, &[Unary::Log]) };
    let sum = result(call, "sum", Reducer::Sum, x, axes)?;
    call.finish(Op::Unary(Unary::Log), &[sum])
}

/// m + ln Σ exp(x − m) with the largest element m, so that nothing overflows.
pub(super) fn log_sum_exp(call: &mut Call<'_, '_>) -> Built {
    let Some((x, axes)) = operands(call, 18)? else { return after(call, &[Unary::Exp, Unary::Log]) };
    let largest = call.reduce("largest", x, Reducer::Max, axes.clone());
    let least = Unary::Clip { min: f32::MIN, max: f32::MAX };
    let finite = call.unary("finite", least, largest);
    let below = call.binary("below", Binary::Sub, x, finite);
    let exp = call.unary("exp", Unary::Exp, below);
    let sum = result(call, "sum", Reducer::Sum, exp, axes.clone())?;
    let log = call.unary("log", Unary::Log, sum);
    let base = result(call, "base", Reducer::Max, finite, axes)?;
    call.finish(Op::Binary(Binary::Add), &[log, base])
}

pub(super) fn global_average_pool(call: &mut Call<'_, '_>) -> Built {
    global(call, Reducer::Mean)
}

pub(super) fn global_max_pool(call: &mut Call<'_, '_>) -> Built {
    global(call, Reducer::Max)
}

/// These functions of the input, one after the other.
fn after(call: &mut Call<'_, '_>, functions: &[Unary]) -> Built {
    let mut x = call.wire(0)?;
    for function in functions {
        x = call.unary(function.name(), *function, x);
    }
    call.done(x)
}

/// The input, and the axes that an attribute lists until operator set `until`, and an input from then on; `None` if it is
/// over no axis. No list is all axes.
pub(super) fn operands(call: &mut Call<'_, '_>, until: i64) -> Result<Option<(WireId, Vec<usize>)>, Fault> {
    let axes = call.listed("axes", 1, until)?.unwrap_or_default();
    if axes.is_empty() && call.attributes.flag("noop_with_empty_axes")?.unwrap_or(false) {
        return Ok(None);
    }
    let rank = call.rank(0)?;
    let axes = if axes.is_empty() { (0..rank).collect() } else { axes_in(&axes, rank)? };
    // Nothing is not computed with, but where it is known it has a sum.
    if let Some(empty) = call.constant(0).filter(|x| x.is_empty()).map(Tensor::shape) {
        let rest =
            empty.iter().enumerate().map(|(axis, &n)| if axes.contains(&axis) { 1 } else { n }).collect();
        return Ok(Some((nothing(call, rest)?, axes)));
    }
    Ok(Some((call.wire(0)?, axes)))
}

/// A tensor of this shape, with length 1 where nothing is reduced, from which the formulas make what nothing reduces to.
fn nothing(call: &mut Call<'_, '_>, shape: Vec<usize>) -> Result<WireId, Fault> {
    let value = match call.node.op_type() {
        "ReduceProd" => 1.0,
        "ReduceMax" => f32::NEG_INFINITY,
        "ReduceMin" => f32::INFINITY,
        "ReduceMean" => f32::NAN,
        "ReduceLogSumExp" => f32::NEG_INFINITY,
        _ => 0.0,
    };
    if shape.contains(&0) {
        return unsupported("what it gives is empty");
    }
    call.importer.fill(shape.iter().fold(1u64, |product, &n| product.saturating_mul(n as u64)))?;
    Ok(call.given("nothing", Tensor::full(shape, value)))
}

fn of(call: &Call<'_, '_>, kind: Reducer, axes: Vec<usize>) -> Result<Op, Fault> {
    let keep_dims = call.attributes.flag("keepdims")?.unwrap_or(true);
    Ok(Op::Reduce(Reduce { kind, axes, keep_dims }))
}

fn result(
    call: &mut Call<'_, '_>,
    what: &str,
    kind: Reducer,
    x: WireId,
    axes: Vec<usize>,
) -> Result<WireId, Fault> {
    let op = of(call, kind, axes)?;
    Ok(call.step(what, op, &[x]))
}

fn finish(call: &mut Call<'_, '_>, kind: Reducer, x: WireId, axes: Vec<usize>) -> Built {
    let op = of(call, kind, axes)?;
    call.finish(op, &[x])
}

fn reduce(call: &mut Call<'_, '_>, kind: Reducer, until: i64) -> Built {
    match operands(call, until)? {
        Some((x, axes)) => finish(call, kind, x, axes),
        None => call.pass(0),
    }
}

/// Over all spatial axes, which stay with length 1.
fn global(call: &mut Call<'_, '_>, kind: Reducer) -> Built {
    let axes = (2..call.rank(0)?).collect();
    let x = call.wire(0)?;
    call.finish(Op::Reduce(Reduce { kind, axes, keep_dims: true }), &[x])
}
