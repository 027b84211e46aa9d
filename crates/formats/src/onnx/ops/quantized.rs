//! Operators on integer codes, computed in float: codes are whole numbers, and sums of their products are exact up to 2²⁴.
//!
//! x = (code − zero point)·scale, as ONNX's DequantizeLinear defines it; code = clamp(⌊x/scale⌉ + zero point), half to even.

use fewbit_graph::op::{self, Binary, Reducer, Unary};
use fewbit_graph::{Op, Tensor, WireId};

use crate::error::Problem;
use crate::onnx::call::{Built, Call, Fault, unsupported};
use crate::onnx::element::Element;
use crate::onnx::ops::{conv, matmul};

/// Where a grid's scale and zero point lie in the tensor that it is for.
enum Along {
    /// One for all, or aligned with the last axes as broadcasting has it.
    Last,
    /// One for each index of an axis.
    Axis(usize),
    /// One for each block of an axis, this long.
    Blocks(usize, usize),
}

impl Along {
    /// For input `i`, whose scale is input `scale`.
    fn of(call: &Call<'_, '_>, i: usize, scale: usize) -> Result<Self, Fault> {
        let (rank, scale_rank) = (call.rank(i)?, call.rank(scale)?);
        let axis = || call.axis(i, call.attributes.int("axis")?.unwrap_or(1));
        match usize::try_from(call.attributes.int("block_size")?.unwrap_or(0)).unwrap_or(0) {
            0 if scale_rank == 1 && rank > 0 && call.fixed_length(scale, 0).is_ok_and(|n| n > 1) => {
                Ok(Self::Axis(axis()?))
            }
            0 => Ok(Self::Last),
            block => Ok(Self::Blocks(axis()?, block)),
        }
    }

    /// `grid` in a shape that broadcasts to a tensor of `rank` axes.
    fn spread(
        &self,
        call: &mut Call<'_, '_>,
        what: &str,
        grid: WireId,
        rank: usize,
        length: usize,
    ) -> WireId {
        match self {
            Self::Last => grid,
            Self::Axis(axis) => {
                let lengths: Vec<i64> = (0..rank).map(|i| if i == *axis { -1 } else { 1 }).collect();
                call.reshape(what, grid, &lengths)
            }
            Self::Blocks(axis, block) => {
                let places: Vec<f32> = (0..length).map(|i| (i / block) as f32).collect();
                let places = call.given(&format!("{what}.places"), Tensor::vector(places));
                call.step(what, Op::Gather { axis: *axis }, &[grid, places])
            }
        }
    }
}

/// Scale and zero point of input `i`, which are inputs `scale` and `scale + 1`, to compute with.
fn grid(call: &mut Call<'_, '_>, i: usize, scale: usize) -> Result<(WireId, Option<WireId>), Fault> {
    let along = Along::of(call, i, scale)?;
    let rank = call.rank(i)?;
    let length = match along {
        Along::Blocks(axis, _) => {
            let length = call.fixed_length(i, axis)?;
            call.importer.fill(length as u64)?;
            length
        }
        _ => 0,
    };
    let (zero, given) = (call.optional_wire(scale + 1)?, call.wire(scale)?);
    let spread_scale = along.spread(call, &format!("scale{scale}"), given, rank, length);
    let zero = zero.map(|zero| along.spread(call, &format!("zero{scale}"), zero, rank, length));
    Ok((spread_scale, zero))
}

/// (x − zero)·scale.
fn dequantized(
    call: &mut Call<'_, '_>,
    what: &str,
    x: WireId,
    scale: WireId,
    zero: Option<WireId>,
) -> WireId {
    let x = zero.map_or(x, |zero| call.binary(&format!("{what}.shifted"), Binary::Sub, x, zero));
    call.binary(what, Binary::Mul, x, scale)
}

/// clamp(⌊x/scale⌉ + zero) with the bounds of `element`.
fn quantized(
    call: &mut Call<'_, '_>,
    x: WireId,
    scale: WireId,
    zero: Option<WireId>,
    element: Element,
) -> Result<WireId, Fault> {
    let Some((min, max)) = element.bounds().filter(|_| element != Element::Bool) else {
        return unsupported(format!("its codes are {}", element.name()));
    };
    let part = call.binary("part", Binary::Div, x, scale);
    let round = call.unary("round", Unary::Round, part);
    let code = zero.map_or(round, |zero| call.binary("code", Binary::Add, round, zero));
    Ok(call.unary("clamped", Unary::Clip { min: min as f32, max: max as f32 }, code))
}

/// Input `i` of a QLinear operator as what its codes stand for; its scale is input `i + 1`.
fn codes(call: &mut Call<'_, '_>, i: usize) -> Result<WireId, Fault> {
    let (scale, zero) = grid(call, i, i + 1)?;
    let x = call.wire(i)?;
    Ok(dequantized(call, &format!("x{i}"), x, scale, zero))
}

/// `y` as codes of the grid whose scale is input `scale`, as the first output.
fn requantize(call: &mut Call<'_, '_>, y: WireId, scale: usize) -> Built {
    let element = if call.input(scale + 1).is_some() { call.element(scale + 1) } else { Element::U8 };
    let (step, zero) = (call.wire(scale)?, call.optional_wire(scale + 1)?);
    let y = quantized(call, y, step, zero, element)?;
    call.importer.declare(call.output(0), Some(element));
    call.done(y)
}

pub(super) fn quantize_linear(call: &mut Call<'_, '_>) -> Built {
    if call.attributes.int("precision")?.unwrap_or(0) > 1 {
        return unsupported("it divides in another precision than float32");
    }
    let (scale, zero) = grid(call, 0, 1)?;
    let x = call.wire(0)?;
    let element = call.importer.element(call.output(0));
    let Some(element) = element else { return unsupported("its codes are none of ours") };
    let y = quantized(call, x, scale, zero, element)?;
    call.done(y)
}

pub(super) fn dequantize_linear(call: &mut Call<'_, '_>) -> Built {
    let y = codes(call, 0)?;
    call.done(y)
}

/// Codes, scale and zero point of uint8 from the range of x and 0.
pub(super) fn dynamic_quantize_linear(call: &mut Call<'_, '_>) -> Built {
    let x = call.wire(0)?;
    let (scale, zero) = dynamic_grid(call, x)?;
    let y = quantized(call, x, scale, Some(zero), Element::U8)?;
    call.give(1, scale);
    call.give(2, zero);
    call.give(0, y);
    Ok(())
}

fn dynamic_grid(call: &mut Call<'_, '_>, x: WireId) -> Result<(WireId, WireId), Fault> {
    let axes: Vec<usize> = (0..call.rank(0)?).collect();
    let reduce = |kind| Op::Reduce(op::Reduce { kind, axes: axes.clone(), keep_dims: false });
    let (largest, smallest) = (reduce(Reducer::Max), reduce(Reducer::Min));
    let largest = call.step("largest", largest, &[x]);
    let largest = call.with_number("upper", Binary::Max, largest, 0.0);
    let smallest = call.step("smallest", smallest, &[x]);
    let smallest = call.with_number("lower", Binary::Min, smallest, 0.0);
    let span = call.binary("span", Binary::Sub, largest, smallest);
    let scale = call.with_number("scale", Binary::Div, span, 255.0);
    let below = call.binary("below", Binary::Div, smallest, scale);
    let negative = call.unary("negative", Unary::Neg, below);
    let clamped = call.unary("zero.clamped", Unary::Clip { min: 0.0, max: 255.0 }, negative);
    Ok((scale, call.unary("zero", Unary::Round, clamped)))
}

/// Input `i` less its zero point, input `zero`, which may lie along the second-last axis (`rows`) of a matrix.
fn shifted(call: &mut Call<'_, '_>, i: usize, zero: usize, rows: bool) -> Result<WireId, Fault> {
    let x = call.wire(i)?;
    let Some(mut point) = call.optional_wire(zero)? else { return Ok(x) };
    if rows && call.rank(zero)? == 1 && call.rank(i)? > 1 {
        point = call.reshape(&format!("rows{i}"), point, &[-1, 1]);
    }
    Ok(call.binary(&format!("shifted{i}"), Binary::Sub, x, point))
}

pub(super) fn matmul_integer(call: &mut Call<'_, '_>) -> Built {
    let (a, b) = (shifted(call, 0, 2, true)?, shifted(call, 1, 3, false)?);
    let ranks = (call.rank(0)?, call.rank(1)?);
    let y = matmul::product(call, (a, ranks.0), (b, ranks.1));
    call.done(y)
}

pub(super) fn conv_integer(call: &mut Call<'_, '_>) -> Built {
    let conv = conv::attributes(call, 1)?;
    let x = shifted(call, 0, 2, false)?;
    let w = call.wire(1)?;
    let w = match call.optional_wire(3)? {
        None => w,
        Some(zero) => {
            let rank = call.rank(1)?;
            let zero = if call.rank(3)? == 1 { channels(call, "w.zero", zero, rank) } else { zero };
            call.binary("w.shifted", Binary::Sub, w, zero)
        }
    };
    call.finish(Op::Conv(conv), &[x, w])
}

/// A vector along axis 0 of `rank`.
fn channels(call: &mut Call<'_, '_>, what: &str, vector: WireId, rank: usize) -> WireId {
    let lengths: Vec<i64> = (0..rank).map(|axis| if axis == 0 { -1 } else { 1 }).collect();
    call.reshape(what, vector, &lengths)
}

/// Codes of a convolution of codes. The bias has the scale of both inputs' product.
pub(super) fn qlinear_conv(call: &mut Call<'_, '_>) -> Built {
    let conv = conv::attributes(call, 3)?;
    let x = codes(call, 0)?;
    let rank = call.rank(3)?;
    let (mut w_scale, mut w_zero) = (call.wire(4)?, call.wire(5)?);
    let x_scale = call.wire(1)?;
    let bias = match call.optional_wire(8)? {
        None => None,
        Some(bias) => {
            let scale = call.binary("bias.scale", Binary::Mul, x_scale, w_scale);
            Some(call.binary("bias", Binary::Mul, bias, scale))
        }
    };
    if call.rank(4)? == 1 {
        w_scale = channels(call, "w.scale", w_scale, rank);
    }
    if call.rank(5)? == 1 {
        w_zero = channels(call, "w.zero", w_zero, rank);
    }
    let w = call.wire(3)?;
    let w = dequantized(call, "w", w, w_scale, Some(w_zero));
    let inputs: Vec<WireId> = [x, w].into_iter().chain(bias).collect();
    let y = call.step("conv", Op::Conv(conv), &inputs);
    requantize(call, y, 6)
}

pub(super) fn qlinear_matmul(call: &mut Call<'_, '_>) -> Built {
    let ranks = (call.rank(0)?, call.rank(3)?);
    let mut sides = Vec::new();
    for (i, rank) in [(0, ranks.0), (3, ranks.1)] {
        let x = call.wire(i)?;
        let mut grid = [call.wire(i + 1)?, call.wire(i + 2)?];
        for (wire, input) in grid.iter_mut().zip([i + 1, i + 2]) {
            // Rows of a, columns of b.
            if i == 0 && rank > 1 && call.rank(input)? == 1 {
                *wire = call.reshape(&format!("rows{input}"), *wire, &[-1, 1]);
            }
        }
        let [scale, zero] = grid;
        sides.push(dequantized(call, &format!("x{i}"), x, scale, Some(zero)));
    }
    let (Some(&a), Some(&b)) = (sides.first(), sides.get(1)) else { return unsupported("it has two sides") };
    let y = matmul::product(call, (a, ranks.0), (b, ranks.1));
    requantize(call, y, 6)
}

/// com.microsoft: an operator on codes that is one on what they stand for.
pub(super) fn qlinear_add(call: &mut Call<'_, '_>) -> Built {
    qlinear_binary(call, Binary::Add)
}

pub(super) fn qlinear_mul(call: &mut Call<'_, '_>) -> Built {
    qlinear_binary(call, Binary::Mul)
}

fn qlinear_binary(call: &mut Call<'_, '_>, function: Binary) -> Built {
    let (a, b) = (codes(call, 0)?, codes(call, 3)?);
    let y = call.binary("y", function, a, b);
    requantize(call, y, 6)
}

pub(super) fn qlinear_sigmoid(call: &mut Call<'_, '_>) -> Built {
    let x = codes(call, 0)?;
    let y = call.unary("y", Unary::Sigmoid, x);
    requantize(call, y, 3)
}

pub(super) fn qlinear_leaky_relu(call: &mut Call<'_, '_>) -> Built {
    let alpha = call.attributes.float("alpha")?.unwrap_or(0.01);
    let x = codes(call, 0)?;
    let y = call.unary("y", Unary::LeakyRelu { alpha }, x);
    requantize(call, y, 3)
}

pub(super) fn qlinear_softmax(call: &mut Call<'_, '_>) -> Built {
    let axis = call.axis(0, call.attributes.int("axis")?.unwrap_or(-1))?;
    let x = codes(call, 0)?;
    let y = call.step("y", Op::Softmax { axis }, &[x]);
    requantize(call, y, 3)
}

pub(super) fn qlinear_global_average_pool(call: &mut Call<'_, '_>) -> Built {
    let rank = call.rank(0)?;
    let last = call.attributes.flag("channels_last")?.unwrap_or(false);
    let axes = if last { (1..rank.saturating_sub(1)).collect() } else { (2..rank).collect() };
    let x = codes(call, 0)?;
    let y = call.reduce("y", x, Reducer::Mean, axes);
    requantize(call, y, 3)
}

pub(super) fn qlinear_concat(call: &mut Call<'_, '_>) -> Built {
    let axis = call.axis(2, call.required_int("axis")?)?;
    let mut parts = Vec::new();
    for i in (2..call.node.input.len()).step_by(3) {
        parts.push(codes(call, i)?);
    }
    let y = call.step("y", Op::Concat { axis }, &parts);
    requantize(call, y, 0)
}

/// com.microsoft: Gemm on codes; the output is float where it has no scale.
pub(super) fn qgemm(call: &mut Call<'_, '_>) -> Built {
    let gemm = op::Gemm {
        alpha: call.attributes.float("alpha")?.unwrap_or(1.0),
        beta: 1.0,
        trans_a: call.attributes.flag("transA")?.unwrap_or(false),
        trans_b: call.attributes.flag("transB")?.unwrap_or(false),
    };
    let a = codes(call, 0)?;
    let b = call.wire(3)?;
    let mut grid = [call.wire(4)?, call.wire(5)?];
    let (a_scale, b_scale) = (call.wire(1)?, call.wire(4)?);
    for (wire, input) in grid.iter_mut().zip([4, 5]) {
        if gemm.trans_b && call.rank(input)? == 1 {
            *wire = call.reshape(&format!("rows{input}"), *wire, &[-1, 1]);
        }
    }
    let [scale, zero] = grid;
    let b = dequantized(call, "b", b, scale, Some(zero));
    let mut inputs = vec![a, b];
    if let Some(c) = call.optional_wire(6)? {
        let scale = call.binary("c.scale", Binary::Mul, a_scale, b_scale);
        let scale = call.with_number("c.scaled", Binary::Mul, scale, gemm.alpha);
        inputs.push(call.binary("c", Binary::Mul, c, scale));
    }
    let y = call.step("gemm", Op::Gemm(gemm), &inputs);
    if call.input(7).is_some() {
        return requantize(call, y, 7);
    }
    call.importer.declare(call.output(0), Some(Element::F32));
    call.done(y)
}

/// com.microsoft: a·b with integer codes, whose scales follow them, and a bias.
pub(super) fn matmul_integer_to_float(call: &mut Call<'_, '_>) -> Built {
    let (a, b) = (shifted(call, 0, 4, true)?, shifted(call, 1, 5, false)?);
    let ranks = (call.rank(0)?, call.rank(1)?);
    let product = matmul::product(call, (a, ranks.0), (b, ranks.1));
    let (a_scale, b_scale) = (call.wire(2)?, call.wire(3)?);
    let y = call.binary("y.a", Binary::Mul, product, a_scale);
    let y = call.binary("y.b", Binary::Mul, y, b_scale);
    biased(call, y, 6)
}

/// com.microsoft: x, quantized as it comes, times codes.
pub(super) fn dynamic_quantize_matmul(call: &mut Call<'_, '_>) -> Built {
    let x = call.wire(0)?;
    let (scale, zero) = dynamic_grid(call, x)?;
    let code = quantized(call, x, scale, Some(zero), Element::U8)?;
    let a = dequantized(call, "a", code, scale, Some(zero));
    let b = shifted(call, 1, 3, false)?;
    let ranks = (call.rank(0)?, call.rank(1)?);
    let b_scale = call.wire(2)?;
    let b = call.binary("b", Binary::Mul, b, b_scale);
    let y = matmul::product(call, (a, ranks.0), (b, ranks.1));
    biased(call, y, 4)
}

fn biased(call: &mut Call<'_, '_>, y: WireId, bias: usize) -> Built {
    let y = match call.optional_wire(bias)? {
        Some(bias) => call.binary("biased", Binary::Add, y, bias),
        None => y,
    };
    call.done(y)
}

/// com.microsoft: A·Bᵀ with B of 2, 4 or 8 bits in blocks along K, each with a scale and a zero point; B becomes floats here.
pub(super) fn matmul_nbits(call: &mut Call<'_, '_>) -> Built {
    let size =
        |name: &str| -> Result<usize, Fault> { Ok(usize::try_from(call.required_int(name)?).unwrap_or(0)) };
    let (k, n, block) = (size("K")?, size("N")?, size("block_size")?);
    let bits = call.attributes.int("bits")?.unwrap_or(4);
    let (Some(codes), Some(scales)) = (call.constant(1), call.constant(2)) else {
        return unsupported("its codes and scales are only known when it runs");
    };
    if !matches!(bits, 2 | 4 | 8) || block == 0 || call.input(4).is_some() {
        return unsupported("its codes are not of 2, 4 or 8 bits in blocks in the order of K");
    }
    let (Ok(codes), Ok(scales)) = (codes.as_i64(), scales.as_f32()) else {
        return unsupported("its codes or scales are of another type");
    };
    let zeros = call.constant(3);
    if call.input(3).is_some() && zeros.is_none() {
        return unsupported("its zero points are only known when it runs");
    }
    let per_byte = 8 / bits as usize;
    let (blocks, block_bytes) = (k.div_ceil(block), block.div_ceil(per_byte));
    let zero_bytes = blocks.div_ceil(per_byte);
    let part = |byte: i64, i: usize| (byte >> (bits as usize * (i % per_byte))) & ((1 << bits) - 1);
    let value = |row: usize, column: usize| -> Option<f32> {
        let (b, i) = (column / block, column % block);
        let code = part(*codes.get((row * blocks + b) * block_bytes + i / per_byte)?, i);
        let zero = match zeros {
            None => (1 << (bits - 1)) as f32,
            Some(zeros) => match (zeros.as_i64(), zeros.as_f32()) {
                (Ok(zeros), _) => part(*zeros.get(row * zero_bytes + b / per_byte)?, b) as f32,
                (_, Ok(zeros)) => *zeros.get(row * blocks + b)?,
                _ => return None,
            },
        };
        Some((code as f32 - zero) * scales.get(row * blocks + b)?)
    };
    let needed = n.checked_mul(blocks).and_then(|n| n.checked_mul(block_bytes));
    if needed != Some(codes.len()) || k == 0 {
        return Err(Problem::Field {
            what: "the number of its codes' bytes".to_owned(),
            found: codes.len().to_string(),
            needed: format!("{n}·{blocks}·{block_bytes}"),
        }
        .into());
    }
    let weight: Option<Vec<f32>> = (0..k)
        .flat_map(|column| (0..n).map(move |row| (row, column)))
        .map(|(row, column)| value(row, column))
        .collect();
    let Some(weight) = weight else { return unsupported("there are less scales or zero points than blocks") };
    let weight = Tensor::f32([k, n], weight).map_err(|why| Problem::Syntax(why.to_string()))?;
    let name = call.input(1).unwrap_or_default().to_owned();
    let weight = call.importer.parameter(&name, weight);
    let x = call.wire(0)?;
    let y = call.step("product", Op::MatMul, &[x, weight]);
    biased(call, y, 5)
}
