//! FakeQuantize: QuantizeLinear and DequantizeLinear, or the same in float.

use fewbit_graph::{Node, Tensor};
use fewbit_numeric::Affine;

use super::codes::Integer;
use super::integer::Codes;
use super::message::int;
use super::writer::Writer;
use super::{Export, OLDEST};
use crate::error::WriteError;
use crate::onnx::proto::data_type;

/// The grids of a quantizer whose scales, zero points and bounds are in the graph.
pub(super) struct Grids {
    pub(super) grids: Vec<Affine>,
    pub(super) integer: Option<Integer>,
    /// Whether the type has codes beyond the bounds.
    pub(super) clips: bool,
}

impl Grids {
    /// Those of `node`, a FakeQuantize; none if they are computed, or not positive.
    pub(super) fn of(export: &Export<'_>, node: &Node) -> Option<Self> {
        let [_, scale, zero_point, bounds] = node.inputs.as_slice() else { return None };
        let values = |wire| export.graph.value(wire)?.as_f32().ok();
        let (scales, zeros) = (values(*scale)?, values(*zero_point)?);
        let &[min_code, max_code] = values(*bounds)? else { return None };
        let grid = |(&scale, &zero_point)| Affine { scale, zero_point, min_code, max_code };
        let mut grids: Vec<Affine> = scales.iter().zip(zeros).map(grid).collect();
        let first = *grids.first()?;
        if grids.iter().any(|grid| !(grid.scale > 0.0 && grid.scale.is_finite())) {
            return None;
        }
        if grids.iter().all(|grid| *grid == first) {
            grids.truncate(1);
        }
        let integer = integer(&grids, min_code, max_code);
        let clips = integer.is_some_and(|integer| integer.range() != (min_code, max_code));
        Some(Self { grids, integer: integer.filter(|integer| !clips || integer.bits == 8), clips })
    }
}

/// The type that has all codes and zero points: the one whose codes are exactly these, else one that has more.
fn integer(grids: &[Affine], min_code: f32, max_code: f32) -> Option<Integer> {
    let signed = min_code < 0.0;
    let types = [4, 8, 16].map(|bits| Integer::of(bits, signed));
    let exact = types.iter().find(|integer| integer.range() == (min_code, max_code));
    // Clip knows 8 bits, but not 4.
    let wider = types.iter().skip(1).find(|integer| integer.holds(min_code) && integer.holds(max_code));
    let fits = |integer: &&Integer| grids.iter().all(|grid| integer.holds(grid.zero_point));
    exact.or(wider).filter(fits).copied()
}

/// The operator set that a quantizer needs.
pub(super) fn since(export: &Export<'_>, node: &Node) -> i64 {
    Grids::of(export, node).and_then(|grids| grids.integer).map_or(OLDEST, Integer::since)
}

/// Writes a quantizer of the value `input`.
pub(super) fn write(
    writer: &mut Writer<'_>,
    node: &Node,
    axis: usize,
    input: &str,
    output: &str,
) -> Result<(), WriteError> {
    let refuse = |why: &str| WriteError::NotInOnnx {
        node: node.name.clone(),
        operator: node.op.name().to_owned(),
        why: why.to_owned(),
    };
    let grids = Grids::of(writer.export, node)
        .ok_or_else(|| refuse("its scales, zero points and bounds have to be numbers of the graph"))?;
    match grids.integer {
        Some(integer) => {
            linear(writer, node, axis, &grids, integer, [input, output]);
            Ok(())
        }
        None if grids.grids.len() == 1 => {
            writer.note(output, "ONNX has no such grid: it is written as float arithmetic");
            in_float(writer, output, &grids, [input, output]);
            Ok(())
        }
        None => Err(refuse(
            "ONNX has no such grid for each channel; quantize the tensor as a whole, or in 8 bits",
        )),
    }
}

/// Codes, clipped to the bounds where the type has more of them, and back.
fn linear(
    writer: &mut Writer<'_>,
    node: &Node,
    axis: usize,
    grids: &Grids,
    integer: Integer,
    [input, output]: [&str; 2],
) {
    let Grids { grids, clips, .. } = grids;
    let (shape, attributes) = match grids.len() {
        1 => (Vec::new(), Vec::new()),
        n => (vec![n], vec![int("axis", axis as i64)]),
    };
    let scales = grids.iter().flat_map(|grid| grid.scale.to_le_bytes()).collect();
    let scale = writer.initializer(&format!("{output}.scale"), data_type::FLOAT, &shape, scales);
    let zeros = integer.bytes(grids.iter().map(|grid| grid.zero_point as i32));
    let element = integer.data_type();
    let zero = writer.initializer(&format!("{output}.zero_point"), element, &shape, zeros);
    let mut codes = writer.fresh(&format!("{output}.codes"));
    let name = &node.name;
    writer.node(
        "QuantizeLinear",
        &format!("{name}.quantize"),
        &[input, &scale, &zero],
        &codes,
        attributes.clone(),
    );
    if let (true, Some(grid)) = (clips, grids.first()) {
        let mut bound = |what: &str, code: f32| {
            let bytes = integer.bytes(std::iter::once(code as i32));
            writer.initializer(&format!("{output}.{what}"), element, &[], bytes)
        };
        let (min, max) = (bound("min", grid.min_code), bound("max", grid.max_code));
        codes = writer.step("Clip", &codes, &[&codes, &min, &max]);
    }
    writer.node(
        "DequantizeLinear",
        &format!("{name}.dequantize"),
        &[&codes, &scale, &zero],
        output,
        attributes,
    );
    if let (8, [grid]) = (integer.bits, grids.as_slice()) {
        let codes = Codes { codes, scale, zero_point: zero, step: grid.scale };
        writer.codes.insert(node.output, codes);
    }
}

/// x̂ = s·(clamp(⌊x/s + frac z⌉ + ⌊z⌋, n, p) − z) for one grid, with a node for each operation.
fn in_float(writer: &mut Writer<'_>, name: &str, grids: &Grids, [input, output]: [&str; 2]) {
    let Some(grid) = grids.grids.first() else { return };
    let whole = grid.zero_point.floor();
    let values = [grid.scale, grid.zero_point - whole, whole, grid.min_code, grid.max_code, grid.zero_point];
    let names = ["scale", "fraction", "whole", "min", "max", "zero_point"];
    let mut values =
        names.into_iter().zip(values).map(|(what, value)| writer.scalar(&format!("{name}.{what}"), value));
    let [scale, fraction, whole, min, max, zero] = std::array::from_fn(|_| values.next().unwrap_or_default());
    drop(values);
    let steps = writer.step("Div", name, &[input, &scale]);
    let shifted = writer.step("Add", name, &[&steps, &fraction]);
    let rounded = writer.step("Round", name, &[&shifted]);
    let codes = writer.step("Add", name, &[&rounded, &whole]);
    let clipped = writer.step("Clip", name, &[&codes, &min, &max]);
    let centred = writer.step("Sub", name, &[&clipped, &zero]);
    writer.node("Mul", name, &[&centred, &scale], output, Vec::new());
}

/// A bias as int32 codes in units of the product of the scales of its layer's input and weight, and back. None if it cannot be: the
/// layer is not of 8 bits, a weight has a zero point or groups, or a code would overflow.
pub(super) fn bias(writer: &mut Writer<'_>, node: &Node) -> Option<String> {
    let export = writer.export;
    let &[input, weight, bias] = node.inputs.as_slice() else { return None };
    let producer = export.graph.node_of(export.graph.producer(input)?);
    if !matches!(producer.op, fewbit_graph::Op::FakeQuantize { .. }) {
        return None;
    }
    let grids = Grids::of(export, producer)?;
    let [grid] = grids.grids.as_slice() else { return None };
    let quantized = export.codes.get(&weight)?;
    let eight = grids.integer.is_some_and(|integer| integer.bits == 8) && quantized.format.bits() == 8;
    let values: &Tensor = export.graph.value(bias)?;
    let per_channel = quantized.grids.len() == values.len() && quantized.layout.groups() == 1;
    let symmetric = quantized.grids.iter().all(|grid| grid.zero_point == 0.0);
    if !eight || !symmetric || !(per_channel || quantized.grids.len() == 1) {
        return None;
    }
    let scales: Vec<f32> = quantized.grids.iter().map(|weight| weight.scale * grid.scale).collect();
    let codes = bias_codes(values.as_f32().ok()?, &scales)?;
    let name = export.graph.wire(bias).name.clone();
    let shape = if scales.len() == 1 { Vec::new() } else { vec![scales.len()] };
    let attributes = if scales.len() == 1 { Vec::new() } else { vec![int("axis", 0)] };
    let bytes = codes.iter().flat_map(|code| code.to_le_bytes()).collect();
    let codes = writer.initializer(&format!("{name}.codes"), data_type::INT32, values.shape(), bytes);
    let bytes = scales.iter().flat_map(|scale| scale.to_le_bytes()).collect();
    let scale = writer.initializer(&format!("{name}.scale"), data_type::FLOAT, &shape, bytes);
    let zeros = vec![0; 4 * scales.len()];
    let zero = writer.initializer(&format!("{name}.zero_point"), data_type::INT32, &shape, zeros);
    let output = writer.fresh(&format!("{name}.units"));
    writer.node(
        "DequantizeLinear",
        &format!("{name}.dequantize"),
        &[&codes, &scale, &zero],
        &output,
        attributes,
    );
    Some(output)
}

/// A bias in units of `scales`, one for each value or one for all; none if a code would overflow.
pub(super) fn bias_codes(values: &[f32], scales: &[f32]) -> Option<Vec<i32>> {
    let scale = |i: usize| scales.get(i).or(scales.first()).copied().unwrap_or(1.0);
    let codes = values.iter().enumerate().map(|(i, value)| (value / scale(i)).round_ties_even());
    // 2³¹ and more, and what is no number.
    codes.map(|code| (code.abs() < 2_147_483_648.0).then_some(code as i32)).collect()
}
