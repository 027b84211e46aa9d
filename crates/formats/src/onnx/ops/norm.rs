//! Normalizations. Those over axes of the input itself are written out: (x − mean)/√(variance + ε)·scale + bias.

use fewbit_graph::op::{Binary, Reducer, Unary};
use fewbit_graph::{Op, WireId};

use crate::error::Problem;
use crate::onnx::call::{Built, Call, Fault, axes_in, dynamic, unsupported};

/// As it is when a model is used.
pub(super) fn batch_normalization(call: &mut Call<'_, '_>) -> Built {
    if call.attributes.flag("training_mode")?.unwrap_or(false) {
        return unsupported("it is in training mode: export the model in evaluation mode");
    }
    if !call.attributes.flag("spatial")?.unwrap_or(true) {
        return unsupported("it normalizes every element on its own (spatial = 0)");
    }
    let epsilon = call.attributes.float("epsilon")?.unwrap_or(1e-5);
    let inputs = (0..5).map(|i| call.wire(i)).collect::<Result<Vec<_>, _>>()?;
    call.finish(Op::BatchNorm { epsilon }, &inputs)
}

/// What a normalization over axes has computed.
struct Normal {
    /// (x − mean)/√(variance + ε).
    y: WireId,
    mean: Option<WireId>,
    /// 1/√(variance + ε).
    inverse: WireId,
}

/// x over its root mean square (`centred`: its standard deviation, after the mean is taken away) along `axes`.
fn normalize(call: &mut Call<'_, '_>, x: WireId, axes: Vec<usize>, epsilon: f32, centred: bool) -> Normal {
    let mean = centred.then(|| call.reduce("mean", x, Reducer::Mean, axes.clone()));
    let x = mean.map_or(x, |mean| call.binary("centred", Binary::Sub, x, mean));
    let square = call.binary("square", Binary::Mul, x, x);
    let variance = call.reduce("variance", square, Reducer::Mean, axes);
    let raised = call.with_number("raised", Binary::Add, variance, epsilon);
    let root = call.unary("root", Unary::Sqrt, raised);
    let inverse = call.unary("inverse", Unary::Reciprocal, root);
    Normal { y: call.binary("normal", Binary::Mul, x, inverse), mean, inverse }
}

/// `y`·scale + bias with the inputs of these numbers, as far as they are given.
fn scaled(call: &mut Call<'_, '_>, y: WireId, scale: usize, bias: usize) -> Result<WireId, Fault> {
    let mut y = y;
    for (what, i, function) in [("scaled", scale, Binary::Mul), ("shifted", bias, Binary::Add)] {
        if let Some(wire) = call.optional_wire(i)? {
            y = call.binary(what, function, y, wire);
        }
    }
    Ok(y)
}

/// The same with a value for each channel, which is axis 1 of `rank`.
fn scaled_channels(call: &mut Call<'_, '_>, y: WireId, rank: usize) -> Result<WireId, Fault> {
    let mut shape = vec![-1];
    shape.resize(rank.saturating_sub(1).max(1), 1);
    let scale = call.wire(1)?;
    let scale = call.reshape("scale", scale, &shape);
    let bias = call.wire(2)?;
    let bias = call.reshape("bias", bias, &shape);
    let y = call.binary("scaled", Binary::Mul, y, scale);
    Ok(call.binary("shifted", Binary::Add, y, bias))
}

fn epsilon(call: &Call<'_, '_>, default: f32) -> Result<f32, Problem> {
    Ok(call.attributes.float("epsilon")?.unwrap_or(default))
}

pub(super) fn instance_normalization(call: &mut Call<'_, '_>) -> Built {
    let (epsilon, rank) = (epsilon(call, 1e-5)?, call.rank(0)?);
    let x = call.wire(0)?;
    let normal = normalize(call, x, (2..rank).collect(), epsilon, true);
    let y = scaled_channels(call, normal.y, rank)?;
    call.done(y)
}

/// Over the axes from `axis` on; mean and 1/deviation are outputs as well.
pub(super) fn layer_normalization(call: &mut Call<'_, '_>) -> Built {
    over_last(call, true)
}

pub(super) fn rms_normalization(call: &mut Call<'_, '_>) -> Built {
    over_last(call, false)
}

fn over_last(call: &mut Call<'_, '_>, centred: bool) -> Built {
    let axis = call.axis(0, call.attributes.int("axis")?.unwrap_or(-1))?;
    let (epsilon, rank) = (epsilon(call, 1e-5)?, call.rank(0)?);
    let x = call.wire(0)?;
    let normal = normalize(call, x, (axis..rank).collect(), epsilon, centred);
    let y = scaled(call, normal.y, 1, 2)?;
    give_statistics(call, &normal);
    call.give(0, y);
    Ok(())
}

fn give_statistics(call: &mut Call<'_, '_>, normal: &Normal) {
    match normal.mean {
        Some(mean) => {
            call.give(1, mean);
            call.give(2, normal.inverse);
        }
        None => call.give(1, normal.inverse),
    }
}

/// Over the channels of a group and all spatial axes. Until operator set 21 scale and bias belong to the groups.
pub(super) fn group_normalization(call: &mut Call<'_, '_>) -> Built {
    let groups = call.required_int("num_groups")?;
    let (epsilon, shape) = (epsilon(call, 1e-5)?, call.fixed_shape_but_first(0)?);
    let x = call.wire(0)?;
    let grouped = call.reshape("grouped", x, &[0, groups, -1]);
    let normal = normalize(call, grouped, vec![2], epsilon, true);
    let y = if call.opset < 21 { scaled_channels(call, normal.y, 3)? } else { normal.y };
    let y = call.reshape("whole", y, &shape);
    let y = if call.opset < 21 { y } else { scaled_channels(call, y, shape.len())? };
    call.done(y)
}

/// com.microsoft: x + skip (+ bias), normalized over the last axis; the sum is the fourth output.
pub(super) fn skip_layer_normalization(call: &mut Call<'_, '_>) -> Built {
    skip(call, true)
}

pub(super) fn skip_simplified_layer_normalization(call: &mut Call<'_, '_>) -> Built {
    skip(call, false)
}

/// com.microsoft: words, segments?, tables of words, positions and segments?, scale, bias, mask?, positions?: the sum of what
/// the tables have, normalized over the last axis; the sum is the third output.
pub(super) fn embed_layer_normalization(call: &mut Call<'_, '_>) -> Built {
    let mask = call.output(1);
    if !mask.is_empty() && call.importer.is_used(mask) {
        return unsupported("its mask is used");
    }
    let epsilon = epsilon(call, 1e-12)?;
    let gather =
        |call: &mut Call<'_, '_>, what: &str, table: usize, places: usize| -> Result<WireId, Fault> {
            let (table, places) = (call.wire(table)?, call.wire(places)?);
            Ok(call.step(what, Op::Gather { axis: 0 }, &[table, places]))
        };
    let words = gather(call, "words", 2, 0)?;
    let positions = match call.input(8) {
        Some(_) => gather(call, "positions", 3, 8)?,
        None => {
            let (table, length) = (call.wire(3)?, call.fixed_length(0, 1)? as i64);
            super::index::part(call, "positions", table, 2, 0, (0, length))
        }
    };
    let mut sum = call.binary("sum", Binary::Add, words, positions);
    if call.input(1).is_some() {
        let segments = gather(call, "segments", 4, 1)?;
        sum = call.binary("whole", Binary::Add, sum, segments);
    }
    let normal = normalize(call, sum, vec![2], epsilon, true);
    let y = scaled(call, normal.y, 5, 6)?;
    call.give(2, sum);
    call.give(0, y);
    Ok(())
}

fn skip(call: &mut Call<'_, '_>, centred: bool) -> Built {
    let (epsilon, rank) = (epsilon(call, 1e-12)?, call.rank(0)?);
    let (x, other) = (call.wire(0)?, call.wire(1)?);
    let mut sum = call.binary("sum", Binary::Add, x, other);
    let (beta, bias) = if centred { (3, 4) } else { (usize::MAX, 3) };
    if let Some(bias) = call.optional_wire(bias)? {
        sum = call.binary("biased", Binary::Add, sum, bias);
    }
    let normal = normalize(call, sum, vec![rank.saturating_sub(1)], epsilon, centred);
    let y = scaled(call, normal.y, 2, beta)?;
    call.give(3, sum);
    call.give(0, y);
    Ok(())
}

/// x/(bias + α/size·Σx²)^β over a window of channels (Krizhevsky et al. 2012).
pub(super) fn lrn(call: &mut Call<'_, '_>) -> Built {
    let size = usize::try_from(call.required_int("size")?).unwrap_or(0);
    let (alpha, beta) =
        (call.attributes.float("alpha")?.unwrap_or(1e-4), call.attributes.float("beta")?.unwrap_or(0.75));
    let raise = call.attributes.float("bias")?.unwrap_or(1.0);
    if !(1..=64).contains(&size) {
        return unsupported(format!("its window has {size} channels; 1 to 64 are computed"));
    }
    let rank = call.rank(0)?;
    let x = call.wire(0)?;
    let square = call.binary("square", Binary::Mul, x, x);
    let (mut begin, mut end) = (vec![0; rank], vec![0; rank]);
    let channels = call.fixed_length(0, 1)? as i64;
    let (before, after) = (((size - 1) / 2) as i64, (size / 2) as i64);
    begin.get_mut(1).into_iter().for_each(|pad| *pad = before);
    end.get_mut(1).into_iter().for_each(|pad| *pad = after);
    let pad = fewbit_graph::op::Pad { mode: fewbit_graph::op::PadMode::Constant(0.0), begin, end };
    let padded = call.step("padded", Op::Pad(pad), &[square]);
    let mut sum = None;
    for i in 0..size {
        let mut slice = super::slice::everything(rank);
        super::slice::cut(&mut slice, 1, i as i64, i as i64 + channels, 1);
        let part = call.step(&format!("part{i}"), Op::Slice(slice), &[padded]);
        sum = Some(sum.map_or(part, |sum| call.binary(&format!("sum{i}"), Binary::Add, sum, part)));
    }
    let scaled = call.with_number("scaled", Binary::Mul, sum.unwrap_or(square), alpha / size as f32);
    let raised = call.with_number("raised", Binary::Add, scaled, raise);
    let power = call.with_number("power", Binary::Pow, raised, beta);
    call.finish(Op::Binary(Binary::Div), &[x, power])
}

/// (x − mean)/deviation over some axes; ONNX's own formula has 10⁻⁹ beside the deviation.
pub(super) fn mean_variance_normalization(call: &mut Call<'_, '_>) -> Built {
    let axes = call.attributes.ints("axes")?.unwrap_or(&[0, 2, 3]);
    let axes = axes_in(axes, call.rank(0)?)?;
    let x = call.wire(0)?;
    let mean = call.reduce("mean", x, Reducer::Mean, axes.clone());
    let x = call.binary("centred", Binary::Sub, x, mean);
    let square = call.binary("square", Binary::Mul, x, x);
    let variance = call.reduce("variance", square, Reducer::Mean, axes);
    let deviation = call.unary("deviation", Unary::Sqrt, variance);
    let raised = call.with_number("raised", Binary::Add, deviation, 1e-9);
    call.finish(Op::Binary(Binary::Div), &[x, raised])
}

/// x over its 1- or 2-norm along an axis.
pub(super) fn lp_normalization(call: &mut Call<'_, '_>) -> Built {
    let axis = call.axis(0, call.attributes.int("axis")?.unwrap_or(-1))?;
    let x = call.wire(0)?;
    let norm = if call.attributes.int("p")?.unwrap_or(2) == 1 {
        let size = call.unary("abs", Unary::Abs, x);
        call.reduce("norm", size, Reducer::Sum, vec![axis])
    } else {
        let square = call.binary("square", Binary::Mul, x, x);
        let sum = call.reduce("sum", square, Reducer::Sum, vec![axis]);
        call.unary("norm", Unary::Sqrt, sum)
    };
    // Where all elements are 0, so is the result.
    let safe = call.with_number("safe", Binary::Max, norm, f32::MIN_POSITIVE);
    call.finish(Op::Binary(Binary::Div), &[x, safe])
}

impl Call<'_, '_> {
    /// The shape of input `i` as a target of Reshape, in which the first length may be free.
    pub(super) fn fixed_shape_but_first(&self, i: usize) -> Result<Vec<i64>, Fault> {
        let [shape, other] = self.shape(i)?;
        if shape.get(1..) != other.get(1..) {
            return dynamic(format!("the shape of its input {i} depends on the model's input"));
        }
        let free = shape.first() != other.first();
        Ok(shape.iter().enumerate().map(|(axis, &n)| if axis == 0 && free { 0 } else { n as i64 }).collect())
    }
}
