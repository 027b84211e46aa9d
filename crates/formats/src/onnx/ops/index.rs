//! Comparisons and choices: of two values by a condition, of elements by their size or their index.

use fewbit_graph::op::{Binary, ScatterReduction, Slice, Unary};
use fewbit_graph::{Op, Tensor, WireId};

use crate::error::Problem;
use crate::onnx::call::{Built, Call, Fault, unsupported};
use crate::onnx::ops::slice::everything;

/// The sign is that of the divisor, or with `fmod` that of the dividend.
pub(super) fn modulo(call: &mut Call<'_, '_>) -> Built {
    let fmod = call.attributes.flag("fmod")?.unwrap_or(false);
    let (a, b) = (call.wire(0)?, call.wire(1)?);
    call.finish(Op::Binary(if fmod { Binary::Fmod } else { Binary::Mod }), &[a, b])
}

pub(super) fn is_inf(call: &mut Call<'_, '_>) -> Built {
    let positive = call.attributes.flag("detect_positive")?.unwrap_or(true);
    let negative = call.attributes.flag("detect_negative")?.unwrap_or(true);
    let x = call.wire(0)?;
    call.finish(Op::Unary(Unary::IsInf { positive, negative }), &[x])
}

pub(super) fn choose(call: &mut Call<'_, '_>) -> Built {
    let inputs = [call.wire(0)?, call.wire(1)?, call.wire(2)?];
    call.finish(Op::Where, &inputs)
}

/// x where it is above α, and else 0.
pub(super) fn thresholded_relu(call: &mut Call<'_, '_>) -> Built {
    let alpha = call.attributes.float("alpha")?.unwrap_or(1.0);
    let x = call.wire(0)?;
    let alpha = call.number("alpha", alpha);
    let above = call.binary("above", Binary::Less, alpha, x);
    let zero = call.number("zero", 0.0);
    call.finish(Op::Where, &[above, x, zero])
}

/// x + bias below −λ, x − bias above λ, and 0 between them.
pub(super) fn shrink(call: &mut Call<'_, '_>) -> Built {
    let lambda = call.attributes.float("lambd")?.unwrap_or(0.5);
    let bias = call.attributes.float("bias")?.unwrap_or(0.0);
    let x = call.wire(0)?;
    let (upper, lower) = (call.number("upper", lambda), call.number("lower", -lambda));
    let above = call.binary("above", Binary::Less, upper, x);
    let below = call.binary("below", Binary::Less, x, lower);
    let less = call.with_number("less", Binary::Sub, x, bias);
    let more = call.with_number("more", Binary::Add, x, bias);
    let zero = call.number("zero", 0.0);
    let rest = call.step("rest", Op::Where, &[below, more, zero]);
    call.finish(Op::Where, &[above, less, rest])
}

pub(super) fn arg_max(call: &mut Call<'_, '_>) -> Built {
    arg_reduce(call, true)
}

pub(super) fn arg_min(call: &mut Call<'_, '_>) -> Built {
    arg_reduce(call, false)
}

fn arg_reduce(call: &mut Call<'_, '_>, max: bool) -> Built {
    let axis = call.axis(0, call.attributes.int("axis")?.unwrap_or(0))?;
    let keep_dims = call.attributes.flag("keepdims")?.unwrap_or(true);
    let last = call.attributes.flag("select_last_index")?.unwrap_or(false);
    let x = call.wire(0)?;
    call.finish(Op::ArgReduce { max, axis, keep_dims, last }, &[x])
}

/// 1 at the first of the largest elements along an axis, and else 0.
pub(super) fn hardmax(call: &mut Call<'_, '_>) -> Built {
    let axis = call.axis(0, call.attributes.int("axis")?.unwrap_or(-1))?;
    let (length, rank) = (call.fixed_length(0, axis)?, call.rank(0)?);
    let x = call.wire(0)?;
    let place = call.step("place", Op::ArgReduce { max: true, axis, keep_dims: true, last: false }, &[x]);
    let places = count(call, "places", length, rank - axis)?;
    call.finish(Op::Binary(Binary::Equal), &[place, places])
}

/// 0, 1, … along the first of `rank` axes.
fn count(call: &mut Call<'_, '_>, what: &str, length: usize, rank: usize) -> Result<WireId, Fault> {
    call.importer.fill(length as u64)?;
    let mut shape = vec![1; rank.max(1)];
    shape.first_mut().into_iter().for_each(|first| *first = length);
    let numbers = Tensor::f32(shape, (0..length).map(|i| i as f32).collect::<Vec<_>>());
    Ok(call.given(what, numbers.map_err(|why| Problem::Syntax(why.to_string()))?))
}

/// On where an index is that of the place along a new axis, and else off. Negative indices count from the end.
pub(super) fn one_hot(call: &mut Call<'_, '_>) -> Built {
    let depth = call.scalar(1)?.map(|depth| depth as i64).and_then(|depth| usize::try_from(depth).ok());
    let Some(depth) = depth.filter(|depth| *depth > 0) else {
        return unsupported("its depth is not positive");
    };
    let rank = call.rank(0)?;
    let axis = crate::onnx::call::axis_in(call.attributes.int("axis")?.unwrap_or(-1), rank + 1)?;
    let indices = call.wire(0)?;
    let unsqueeze = Op::Reshape(fewbit_graph::op::Reshape::Unsqueeze { axes: vec![axis] });
    let indices = call.step("indices", unsqueeze, &[indices]);
    let zero = call.number("zero", 0.0);
    let below = call.binary("below", Binary::Less, indices, zero);
    let lifted = call.with_number("lifted", Binary::Add, indices, depth as f32);
    let indices = call.step("from_front", Op::Where, &[below, lifted, indices]);
    let places = count(call, "places", depth, rank + 1 - axis)?;
    let hot = call.binary("hot", Binary::Equal, indices, places);
    let values = call.wire(2)?;
    let mut value = |what: &str, i: i64| {
        let part = Slice { starts: vec![i], ends: vec![i + 1], steps: vec![1] };
        let part = call.step(&format!("{what}.part"), Op::Slice(part), &[values]);
        call.reshape(what, part, &[])
    };
    let (off, on) = (value("off", 0), value("on", 1));
    call.finish(Op::Where, &[hot, on, off])
}

/// How many are taken is an attribute until operator set 10, and an input from then on.
pub(super) fn top_k(call: &mut Call<'_, '_>) -> Built {
    let k = match call.opset {
        ..10 => Some(call.required_int("k")?),
        _ => call.fixed_integers(1)?.and_then(|list| list.first().copied()),
    };
    let k = k.and_then(|k| usize::try_from(k).ok()).unwrap_or(0);
    let axis = call.axis(0, call.attributes.int("axis")?.unwrap_or(-1))?;
    let largest = call.attributes.flag("largest")?.unwrap_or(true);
    let x = call.wire(0)?;
    for (i, indices) in [(0, false), (1, true)] {
        let output = call.output(i);
        if !output.is_empty() && call.importer.is_used(output) {
            let name = if indices { format!("{}/indices", call.name) } else { call.name.clone() };
            call.finish_output(i, &name, Op::TopK { axis, k, largest, indices }, &[x]);
        }
    }
    Ok(())
}

pub(super) fn cum_sum(call: &mut Call<'_, '_>) -> Built {
    let axis = call.fixed_integers(1)?.and_then(|list| list.first().copied()).unwrap_or(0);
    let axis = call.axis(0, axis)?;
    let exclusive = call.attributes.flag("exclusive")?.unwrap_or(false);
    let reverse = call.attributes.flag("reverse")?.unwrap_or(false);
    let x = call.wire(0)?;
    call.finish(Op::CumSum { axis, exclusive, reverse }, &[x])
}

pub(super) fn gather_elements(call: &mut Call<'_, '_>) -> Built {
    let axis = call.axis(0, call.attributes.int("axis")?.unwrap_or(0))?;
    let inputs = [call.wire(0)?, call.wire(1)?];
    call.finish(Op::GatherElements { axis }, &inputs)
}

pub(super) fn gather_nd(call: &mut Call<'_, '_>) -> Built {
    let batch_dims = usize::try_from(call.attributes.int("batch_dims")?.unwrap_or(0)).unwrap_or(usize::MAX);
    let inputs = [call.wire(0)?, call.wire(1)?];
    call.finish(Op::GatherNd { batch_dims }, &inputs)
}

pub(super) fn scatter_elements(call: &mut Call<'_, '_>) -> Built {
    let axis = call.axis(0, call.attributes.int("axis")?.unwrap_or(0))?;
    let reduction = reduction(call)?;
    let inputs = [call.wire(0)?, call.wire(1)?, call.wire(2)?];
    call.finish(Op::ScatterElements { axis, reduction }, &inputs)
}

pub(super) fn scatter_nd(call: &mut Call<'_, '_>) -> Built {
    let reduction = reduction(call)?;
    let inputs = [call.wire(0)?, call.wire(1)?, call.wire(2)?];
    call.finish(Op::ScatterNd { reduction }, &inputs)
}

fn reduction(call: &Call<'_, '_>) -> Result<ScatterReduction, Fault> {
    Ok(match call.attributes.text("reduction")?.unwrap_or("none") {
        "none" => ScatterReduction::Replace,
        "add" => ScatterReduction::Add,
        "mul" => ScatterReduction::Mul,
        "max" => ScatterReduction::Max,
        "min" => ScatterReduction::Min,
        other => return unsupported(format!("its reduction is {other}")),
    })
}

/// A part of an axis of `x`, which has `rank` axes.
pub(super) fn part(
    call: &mut Call<'_, '_>,
    what: &str,
    x: WireId,
    rank: usize,
    axis: usize,
    range: (i64, i64),
) -> WireId {
    let mut slice = everything(rank);
    super::slice::cut(&mut slice, axis, range.0, range.1, 1);
    call.step(what, Op::Slice(slice), &[x])
}
