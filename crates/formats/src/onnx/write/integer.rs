//! Layers in integers: QLinearConv and QLinearMatMul where the values that they give are quantized next, else ConvInteger and
//! MatMulInteger, whose sums are scaled in float.
//!
//! What stands between a layer and the quantizer of its output, and does to codes what it does to values (MaxPool, Reshape,
//! Transpose; Relu and Clip where the grid ends there anyway), runs on codes.

use std::collections::BTreeMap;

use fewbit_graph::op::{Gemm, Pool, PoolKind, Unary};
use fewbit_graph::{Node, NodeId, Op, WireId};
use fewbit_numeric::{Affine, Granularity, Quantized};

use super::codes::Integer;
use super::message::int;
use super::quantizer::{Grids, bias_codes};
use super::writer::Writer;
use super::{Export, ops};
use crate::error::WriteError;
use crate::onnx::proto::data_type;

/// A value that is there as codes, and their grid: names of tensors.
#[derive(Clone, Debug)]
pub(super) struct Codes {
    pub(super) codes: String,
    pub(super) scale: String,
    pub(super) zero_point: String,
    /// The grid's scale.
    pub(super) step: f32,
}

/// The grid that every reader of a wire brings its values to.
pub(super) type Wanted = BTreeMap<WireId, (Affine, Integer)>;

/// The wires whose readers see nothing but their codes.
pub(super) fn wanted(export: &Export<'_>) -> Wanted {
    let graph = export.graph;
    let mut readers: BTreeMap<WireId, Vec<NodeId>> = BTreeMap::new();
    for (id, node) in graph.nodes() {
        for &input in &node.inputs {
            readers.entry(input).or_default().push(id);
        }
    }
    let mut wanted = Wanted::new();
    for (_, node) in graph.nodes().rev() {
        let wire = node.output;
        let by = |&id: &NodeId| by_reader(export, graph.node_of(id), &wanted);
        let grids: Option<Vec<_>> =
            readers.get(&wire).map(|ids| ids.iter().map(by).collect()).unwrap_or_default();
        let Some((&first, others)) = grids.as_deref().and_then(<[_]>::split_first) else { continue };
        if others.iter().all(|other| *other == first) && !graph.outputs.contains(&wire) {
            wanted.insert(wire, first);
        }
    }
    wanted
}

/// The grid that `node` brings its input to.
fn by_reader(export: &Export<'_>, node: &Node, wanted: &Wanted) -> Option<(Affine, Integer)> {
    if matches!(node.op, Op::FakeQuantize { .. }) {
        return eight_bits(&Grids::of(export, node)?);
    }
    let &(grid, integer) = wanted.get(&node.output)?;
    // Clipping at a value that the grid does not reach beyond changes no code.
    let starts_at = |value: f32| grid.code(value) <= grid.min_code;
    let ends_at = |value: f32| grid.code(value) >= grid.max_code;
    let keeps = match &node.op {
        Op::Unary(Unary::Relu) => starts_at(0.0),
        Op::Unary(Unary::Clip { min, max }) => starts_at(*min) && ends_at(*max),
        Op::Pool(Pool { kind: PoolKind::Max, .. }) | Op::Reshape(_) | Op::Transpose { .. } => true,
        _ => false,
    };
    keeps.then_some((grid, integer))
}

/// The grid of a quantizer of all values in 8 bits, of which its type has no more.
fn eight_bits(grids: &Grids) -> Option<(Affine, Integer)> {
    let integer = grids.integer.filter(|integer| integer.bits == 8 && !grids.clips)?;
    match grids.grids.as_slice() {
        [grid] => Some((*grid, integer)),
        _ => None,
    }
}

/// Writes `node` in integers; false if it is to be written in float.
pub(super) fn write(writer: &mut Writer<'_>, node: &Node) -> Result<bool, WriteError> {
    let graph = writer.export.graph;
    let Some(&x) = node.inputs.first() else { return Ok(false) };
    match &node.op {
        Op::Conv(_) | Op::MatMul | Op::Gemm(_) => {
            let done = layer(writer, node, x)?;
            if !done && node.inputs.get(1).is_some_and(|weight| writer.export.codes.contains_key(weight)) {
                let why = "this layer is not written in integers, for which its input needs 8 bits and a grid for all of it, and \
                           its weight a signed symmetric format of at most 8 bits, per tensor or per channel";
                writer.note(&node.name, why);
            }
            return Ok(done);
        }
        _ => {}
    }
    let Some(codes) = writer.held.get(&x).cloned() else { return Ok(false) };
    let output = graph.wire(node.output).name.clone();
    let now = match &node.op {
        // The layers that read this take the codes; whoever else does, what they stand for.
        Op::FakeQuantize { .. } => {
            let Codes { codes: name, scale, zero_point, .. } = &codes;
            let of = format!("{}.dequantize", node.name);
            writer.node("DequantizeLinear", &of, &[name, scale, zero_point], &output, Vec::new());
            writer.codes.insert(node.output, codes);
            return Ok(true);
        }
        Op::Unary(_) => codes,
        _ => {
            let name = writer.fresh(&format!("{output}.codes"));
            ops::layout(writer, node, &codes.codes, &name);
            Codes { codes: name, ..codes }
        }
    };
    writer.held.insert(node.output, now);
    Ok(true)
}

/// A layer's weight as int8 codes.
struct Weight {
    codes: String,
    /// The scale for each output channel, or one.
    scales: Vec<f32>,
}

fn layer(writer: &mut Writer<'_>, node: &Node, x: WireId) -> Result<bool, WriteError> {
    let export = writer.export;
    let (Some(x), Some(&weight)) = (writer.codes.get(&x).cloned(), node.inputs.get(1)) else {
        return Ok(false);
    };
    let Some(quantized) = export.codes.get(&weight).filter(|quantized| fits(quantized)) else {
        return Ok(false);
    };
    let Some(value) = export.graph.value(weight) else { return Ok(false) };
    let is_plain = |gemm: &Gemm| gemm.alpha == 1.0 && gemm.beta == 1.0 && !gemm.trans_a;
    let turned = match &node.op {
        Op::Gemm(gemm) if !is_plain(gemm) => return Ok(false),
        Op::Gemm(gemm) => gemm.trans_b,
        _ => false,
    };
    let conv = match &node.op {
        Op::Conv(conv) => Some(ops::conv_attributes(conv)),
        _ => None,
    };
    let scales: Vec<f32> = quantized.grids.iter().map(|grid| grid.scale).collect();
    let steps: Vec<f32> = scales.iter().map(|scale| scale * x.step).collect();
    let channel_axis = if conv.is_some() || turned { Some(0) } else { value.shape().len().checked_sub(1) };
    let channels = channel_axis.and_then(|axis| value.shape().get(axis)).copied().unwrap_or(1);
    let bias = match node.inputs.get(2) {
        None => None,
        Some(&wire) => {
            let values = export.graph.value(wire).and_then(|bias| bias.as_f32().ok());
            let values = values.filter(|values| scales.len() == 1 || values.len() == scales.len());
            let Some(codes) = values.and_then(|values| bias_codes(values, &steps)) else { return Ok(false) };
            Some((wire, codes))
        }
    };
    let output = export.graph.wire(node.output).name.clone();
    let name = export.graph.wire(weight).name.clone();
    let (shape, codes) = stored(value.shape(), &quantized.codes, turned);
    let codes = writer.initializer(&format!("{name}.codes"), data_type::INT8, &shape, codes);
    let weight = Weight { codes, scales };
    let out = writer.wanted.get(&node.output).copied();
    if let Some((grid, integer)) = out.filter(|_| conv.is_some() || bias.is_none()) {
        let wires = scale_and_zero(writer, &name, &weight.scales);
        let ys = writer.scalar(&format!("{output}.scale"), grid.scale);
        let yz = integer.bytes(std::iter::once(grid.zero_point as i32));
        let yz = writer.initializer(&format!("{output}.zero_point"), integer.data_type(), &[], yz);
        let mut inputs =
            vec![&*x.codes, &x.scale, &x.zero_point, &weight.codes, &wires[0], &wires[1], &ys, &yz];
        let bias = bias.map(|(wire, codes)| int32(writer, wire, &[codes.len()], &codes));
        inputs.extend(bias.as_deref());
        let codes = writer.fresh(&format!("{output}.codes"));
        let (op_type, attributes) = match conv {
            Some(attributes) => ("QLinearConv", attributes),
            None => ("QLinearMatMul", Vec::new()),
        };
        writer.node(op_type, &node.name, &inputs, &codes, attributes);
        writer.held.insert(node.output, Codes { codes, scale: ys, zero_point: yz, step: grid.scale });
        return Ok(true);
    }
    // Sums in int32, one bias for each channel, and the scales of both in float.
    let lifted = match value.shape() {
        [_, _, spatial @ ..] if conv.is_some() => [&[channels][..], &vec![1; spatial.len()]].concat(),
        _ => vec![channels],
    };
    let (op_type, attributes) = match conv {
        Some(attributes) => ("ConvInteger", attributes),
        None => ("MatMulInteger", Vec::new()),
    };
    let mut sums = writer.fresh(&format!("{output}.sums"));
    writer.node(op_type, &node.name, &[&x.codes, &weight.codes, &x.zero_point], &sums, attributes);
    if let Some((wire, codes)) = bias {
        let shape = if codes.len() == channels { lifted.clone() } else { vec![codes.len()] };
        let bias = int32(writer, wire, &shape, &codes);
        sums = writer.step("Add", &output, &[&sums, &bias]);
    }
    let floats = writer.fresh(&format!("{output}.float"));
    writer.node("Cast", &floats, &[&sums], &floats, vec![int("to", i64::from(data_type::FLOAT))]);
    let shape = if steps.len() == 1 { Vec::new() } else { lifted };
    let bytes = steps.iter().flat_map(|step| step.to_le_bytes()).collect();
    let steps = writer.initializer(&format!("{output}.step"), data_type::FLOAT, &shape, bytes);
    writer.node("Mul", &format!("{}.scaled", node.name), &[&floats, &steps], &output, Vec::new());
    Ok(true)
}

/// Whether these codes are int8 ones that stand for their multiples of a scale, one for the tensor or for each channel.
fn fits(quantized: &Quantized) -> bool {
    let format = quantized.format;
    let is_block = matches!(quantized.layout.granularity(), Granularity::Group(_));
    let symmetric = quantized.grids.iter().all(|grid| grid.zero_point == 0.0);
    format.signed() && format.bits() <= 8 && !format.is_binary() && !is_block && symmetric
}

/// The shape and the bytes of codes, those of a matrix with its axes exchanged if that is asked for.
fn stored(shape: &[usize], codes: &[i32], turned: bool) -> (Vec<usize>, Vec<u8>) {
    match (shape, turned) {
        (&[rows, columns], true) => {
            let at =
                |column: usize| codes.iter().skip(column).step_by(columns.max(1)).map(|&code| code as u8);
            (vec![columns, rows], (0..columns).flat_map(at).collect())
        }
        _ => (shape.to_vec(), codes.iter().map(|&code| code as u8).collect()),
    }
}

/// The scales of a weight and its zero points, which are 0.
fn scale_and_zero(writer: &mut Writer<'_>, name: &str, scales: &[f32]) -> [String; 2] {
    let shape = if scales.len() == 1 { Vec::new() } else { vec![scales.len()] };
    let bytes = scales.iter().flat_map(|scale| scale.to_le_bytes()).collect();
    let scale = writer.initializer(&format!("{name}.scale"), data_type::FLOAT, &shape, bytes);
    let zeros = vec![0; scales.len()];
    [scale, writer.initializer(&format!("{name}.zero_point"), data_type::INT8, &shape, zeros)]
}

fn int32(writer: &mut Writer<'_>, bias: WireId, shape: &[usize], codes: &[i32]) -> String {
    let name = writer.export.graph.wire(bias).name.clone();
    let bytes = codes.iter().flat_map(|code| code.to_le_bytes()).collect();
    writer.initializer(&format!("{name}.codes"), data_type::INT32, shape, bytes)
}
