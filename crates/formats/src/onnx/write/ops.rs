//! Each operator as ONNX has it.

use fewbit_graph::op::{
    Conv, ConvInputGrad, Gemm, Opaque, Pad, PadMode, Pool, PoolKind, Reduce, Reducer, Reshape,
    ScatterReduction, Slice, Unary,
};
use fewbit_graph::{DType, Node, NodeId, Op, WireId};

use super::message::{flag, float, int, ints, text};
use super::writer::Writer;
use super::{Export, Layers, OLDEST, indexed, integer, quantizer};
use crate::error::WriteError;
use crate::onnx::proto::{AttributeProto, NodeProto, data_type};

/// The first operator set that has what `node` is written as.
pub(super) fn since(export: &Export<'_>, node: &Node) -> i64 {
    use ScatterReduction::{Max, Min};
    match &node.op {
        Op::FakeQuantize { .. } => quantizer::since(export, node),
        Op::Unary(Unary::Gelu) => 20,
        Op::ScatterElements { reduction: Max | Min, .. } | Op::ScatterNd { reduction: Max | Min } => 18,
        Op::Pool(Pool { kind: PoolKind::Mean { .. }, dilations, .. }) if dilations.iter().any(|&d| d > 1) => {
            19
        }
        _ => OLDEST,
    }
}

/// Writes node `id`.
pub(super) fn write(writer: &mut Writer<'_>, id: NodeId, node: &Node) -> Result<(), WriteError> {
    let export = writer.export;
    let output = export.graph.wire(node.output).name.clone();
    if let Op::Opaque(opaque) = &node.op {
        return as_it_was(writer, id, node, opaque);
    }
    if export.layers == Layers::Integer && integer::write(writer, node)? {
        return Ok(());
    }
    let inputs = inputs(writer, node)?;
    let names: Vec<&str> = inputs.iter().map(String::as_str).collect();
    let x = names.first().copied().unwrap_or_default();
    let mut plain = |op_type: &str, inputs: &[&str], attributes: Vec<AttributeProto>| {
        writer.node(op_type, &node.name, inputs, &output, attributes);
    };
    match &node.op {
        Op::Conv(conv) => plain("Conv", &names, conv_attributes(conv)),
        Op::ConvInputGrad(op) => plain("ConvTranspose", &names, transposed_attributes(export, node, op)),
        Op::MatMul => plain("MatMul", &names, Vec::new()),
        Op::Gemm(Gemm { alpha, beta, trans_a, trans_b }) => plain(
            "Gemm",
            &names,
            vec![
                float("alpha", *alpha),
                float("beta", *beta),
                flag("transA", *trans_a),
                flag("transB", *trans_b),
            ],
        ),
        Op::BatchNorm { epsilon } => plain("BatchNormalization", &names, vec![float("epsilon", *epsilon)]),
        Op::Unary(op) => unary(writer, node, *op, x, &output),
        Op::Binary(op) => indexed::binary(writer, *op, node, &names, &output),
        Op::Pool(pool) => plain(node.op.name(), &names, pool_attributes(pool)),
        Op::Reduce(op) => reduce(writer, node, op, x, &output),
        Op::Softmax { axis } => plain("Softmax", &names, vec![int("axis", *axis as i64)]),
        Op::LogSoftmax { axis } => plain("LogSoftmax", &names, vec![int("axis", *axis as i64)]),
        Op::Concat { axis } => plain("Concat", &names, vec![int("axis", *axis as i64)]),
        Op::Transpose { perm } => plain("Transpose", &names, vec![ints("perm", perm)]),
        Op::Gather { axis } => plain("Gather", &names, vec![int("axis", *axis as i64)]),
        Op::Pad(op) => pad(writer, node, op, x, &output),
        Op::Slice(op) => slice(writer, node, op, x, &output),
        Op::Reshape(op) => reshape(writer, node, op, x, &output),
        Op::Expand { shape } => {
            let lengths: Vec<i64> = shape.iter().map(|&n| n as i64).collect();
            let shape = writer.integers(&format!("{output}.shape"), &lengths);
            writer.node("Expand", &node.name, &[x, &shape], &output, Vec::new());
        }
        Op::FakeQuantize { axis, .. } => quantizer::write(writer, node, *axis, x, &output)?,
        _ if indexed::write(writer, node, &names, &output) => {}
        other => {
            return Err(WriteError::NotInOnnx {
                node: node.name.clone(),
                operator: other.name().to_owned(),
                why: "ONNX has no operator for it".to_owned(),
            });
        }
    }
    Ok(())
}

/// Writes an operator that only lays values out anew, or picks some, on `x` instead of its input.
pub(super) fn layout(writer: &mut Writer<'_>, node: &Node, x: &str, output: &str) {
    match &node.op {
        Op::Pool(pool) => writer.node(node.op.name(), &node.name, &[x], output, pool_attributes(pool)),
        Op::Transpose { perm } => {
            writer.node("Transpose", &node.name, &[x], output, vec![ints("perm", perm)])
        }
        Op::Reshape(op) => reshape(writer, node, op, x, output),
        _ => {}
    }
}

/// The names of a node's inputs as its operator takes them.
fn inputs(writer: &mut Writer<'_>, node: &Node) -> Result<Vec<String>, WriteError> {
    let takes_bias = match &node.op {
        Op::FakeQuantize { .. } => {
            return Ok(vec![writer.value(node.inputs.first().copied().unwrap_or(node.output))?]);
        }
        Op::Conv(_) => true,
        Op::Gemm(gemm) => gemm.beta == 1.0 && gemm.alpha == 1.0,
        _ => false,
    };
    let takes_indices = matches!(
        node.op,
        Op::Gather { .. }
            | Op::GatherElements { .. }
            | Op::GatherNd { .. }
            | Op::ScatterElements { .. }
            | Op::ScatterNd { .. }
    );
    let mut names = Vec::new();
    for (i, &wire) in node.inputs.iter().enumerate() {
        let bias = if i == 2 && takes_bias && writer.export.layers.integer_biases() {
            quantizer::bias(writer, node)
        } else {
            None
        };
        names.push(match bias {
            Some(bias) => bias,
            None if i == 1 && takes_indices => indices(writer, wire)?,
            None => writer.value(wire)?,
        });
    }
    Ok(names)
}

/// Whole numbers in float as int64.
fn indices(writer: &mut Writer<'_>, wire: WireId) -> Result<String, WriteError> {
    let graph = writer.export.graph;
    let name = writer.export.graph.wire(wire).name.clone();
    match graph.value(wire) {
        Some(value) if value.dtype() == DType::I64 => writer.value(wire),
        Some(value) => {
            let values = value.as_f32().unwrap_or_default();
            let bytes = values.iter().flat_map(|&value| (value as i64).to_le_bytes()).collect();
            Ok(writer.initializer(&format!("{name}.indices"), data_type::INT64, value.shape(), bytes))
        }
        None => {
            let value = writer.value(wire)?;
            let output = writer.fresh(&format!("{name}.indices"));
            let to = int("to", i64::from(data_type::INT64));
            writer.node("Cast", &output, &[&value], &output, vec![to]);
            Ok(output)
        }
    }
}

fn pads(begin: &[usize], end: &[usize]) -> AttributeProto {
    ints("pads", &[begin, end].concat())
}

pub(super) fn conv_attributes(conv: &Conv) -> Vec<AttributeProto> {
    vec![
        int("group", conv.groups as i64),
        ints("strides", &conv.strides),
        ints("dilations", &conv.dilations),
        pads(&conv.pads_begin, &conv.pads_end),
    ]
}

/// A convolution's gradient along its input is ONNX's ConvTranspose; what no window of the convolution covers is padded.
fn transposed_attributes(export: &Export<'_>, node: &Node, op: &ConvInputGrad) -> Vec<AttributeProto> {
    let weight = node.inputs.get(1).and_then(|wire| export.graph.value(*wire));
    let kernel = weight.and_then(|weight| weight.shape().get(2..)).unwrap_or_default();
    let conv = &op.conv;
    let padding = |(i, &k): (usize, &usize)| {
        let at = |values: &[usize]| values.get(i).copied().unwrap_or_default();
        let covered = at(&conv.dilations) * k.saturating_sub(1) + 1;
        let length = at(&op.spatial) + at(&conv.pads_begin) + at(&conv.pads_end);
        length.saturating_sub(covered) % at(&conv.strides).max(1)
    };
    let padding: Vec<usize> = kernel.iter().enumerate().map(padding).collect();
    let mut attributes = conv_attributes(conv);
    attributes.push(ints("output_padding", &padding));
    attributes
}

fn pool_attributes(pool: &Pool) -> Vec<AttributeProto> {
    let mut attributes = vec![
        ints("kernel_shape", &pool.kernel),
        ints("strides", &pool.strides),
        pads(&pool.pads_begin, &pool.pads_end),
        flag("ceil_mode", pool.ceil_mode),
    ];
    if let PoolKind::Mean { count_include_pad } = pool.kind {
        attributes.push(flag("count_include_pad", count_include_pad));
    }
    if pool.kind == PoolKind::Max || pool.dilations.iter().any(|&d| d > 1) {
        attributes.push(ints("dilations", &pool.dilations));
    }
    attributes
}

fn unary(writer: &mut Writer<'_>, node: &Node, op: Unary, x: &str, output: &str) {
    let (inputs, attributes): (Vec<String>, _) = match op {
        Unary::LeakyRelu { alpha } | Unary::Elu { alpha } => (Vec::new(), vec![float("alpha", alpha)]),
        Unary::HardSigmoid { alpha, beta } => (Vec::new(), vec![float("alpha", alpha), float("beta", beta)]),
        Unary::Clip { min, max } => {
            let mut bound = |what: &str, value: f32| match value.is_infinite() {
                true => String::new(),
                false => writer.scalar(&format!("{output}.{what}"), value),
            };
            (vec![bound("min", min), bound("max", max)], Vec::new())
        }
        Unary::Not => return indexed::truth(writer, "Not", node, &[x], output, true, Vec::new()),
        Unary::IsNan => return indexed::truth(writer, "IsNaN", node, &[x], output, false, Vec::new()),
        Unary::IsInf { positive, negative } => {
            let attributes = vec![flag("detect_positive", positive), flag("detect_negative", negative)];
            return indexed::truth(writer, "IsInf", node, &[x], output, false, attributes);
        }
        Unary::Silu => {
            let gate = writer.step("Sigmoid", output, &[x]);
            return writer.node("Mul", &node.name, &[x, &gate], output, Vec::new());
        }
        Unary::RectifiedSigmoid => {
            let constants =
                [1.2, -0.1, 0.0, 1.0].map(|value| writer.scalar(&format!("{output}.constant"), value));
            let [stretch, shift, min, max] = constants.each_ref().map(String::as_str);
            let sigmoid = writer.step("Sigmoid", output, &[x]);
            let stretched = writer.step("Mul", output, &[&sigmoid, stretch]);
            let shifted = writer.step("Add", output, &[&stretched, shift]);
            return writer.node("Clip", &node.name, &[&shifted, min, max], output, Vec::new());
        }
        _ => (Vec::new(), Vec::new()),
    };
    let inputs: Vec<&str> = std::iter::once(x).chain(inputs.iter().map(String::as_str)).collect();
    writer.node(op.name(), &node.name, &inputs, output, attributes);
}

fn reduce(writer: &mut Writer<'_>, node: &Node, op: &Reduce, x: &str, output: &str) {
    let keep = flag("keepdims", op.keep_dims);
    // ReduceSum takes its axes as an input since 13, the others since 18.
    if writer.opset >= 18 || op.kind == Reducer::Sum {
        let axes: Vec<i64> = op.axes.iter().map(|&axis| axis as i64).collect();
        let axes = writer.integers(&format!("{output}.axes"), &axes);
        writer.node(node.op.name(), &node.name, &[x, &axes], output, vec![keep]);
    } else {
        writer.node(node.op.name(), &node.name, &[x], output, vec![keep, ints("axes", &op.axes)]);
    }
}

fn pad(writer: &mut Writer<'_>, node: &Node, op: &Pad, x: &str, output: &str) {
    let pads = writer.integers(&format!("{output}.pads"), &[op.begin.as_slice(), &op.end].concat());
    let (mode, value) = match op.mode {
        PadMode::Constant(value) => ("constant", Some(writer.scalar(&format!("{output}.value"), value))),
        PadMode::Reflect => ("reflect", None),
        PadMode::Edge => ("edge", None),
    };
    let inputs: Vec<&str> = [x, &pads].into_iter().chain(value.as_deref()).collect();
    writer.node("Pad", &node.name, &inputs, output, vec![text("mode", mode)]);
}

fn slice(writer: &mut Writer<'_>, node: &Node, op: &Slice, x: &str, output: &str) {
    let axes: Vec<i64> = (0..op.starts.len() as i64).collect();
    let parts = [("starts", &op.starts), ("ends", &op.ends), ("axes", &axes), ("steps", &op.steps)];
    let parts = parts.map(|(what, values)| writer.integers(&format!("{output}.{what}"), values));
    let inputs: Vec<&str> = std::iter::once(x).chain(parts.iter().map(String::as_str)).collect();
    writer.node("Slice", &node.name, &inputs, output, Vec::new());
}

fn reshape(writer: &mut Writer<'_>, node: &Node, op: &Reshape, x: &str, output: &str) {
    let mut with = |op_type: &str, what: &str, values: &[i64]| {
        let values = writer.integers(&format!("{output}.{what}"), values);
        writer.node(op_type, &node.name, &[x, &values], output, Vec::new());
    };
    let signed = |axes: &[usize]| axes.iter().map(|&axis| axis as i64).collect::<Vec<_>>();
    match op {
        Reshape::To(lengths) => with("Reshape", "shape", lengths),
        Reshape::Squeeze { axes } if !axes.is_empty() => with("Squeeze", "axes", &signed(axes)),
        Reshape::Unsqueeze { axes } if !axes.is_empty() => with("Unsqueeze", "axes", &signed(axes)),
        Reshape::Squeeze { .. } => writer.node("Squeeze", &node.name, &[x], output, Vec::new()),
        Reshape::Unsqueeze { .. } => writer.node("Identity", &node.name, &[x], output, Vec::new()),
        Reshape::Flatten { axis } => {
            writer.node("Flatten", &node.name, &[x], output, vec![int("axis", *axis as i64)]);
        }
    }
}

/// An opaque node, as the file had it, with the names that its inputs have here. A node with several outputs is several nodes
/// here, and is written once.
fn as_it_was(writer: &mut Writer<'_>, id: NodeId, node: &Node, opaque: &Opaque) -> Result<(), WriteError> {
    let refuse =
        |why: String| WriteError::NotInOnnx { node: node.name.clone(), operator: opaque.name.clone(), why };
    let mut proto = NodeProto::from_bytes(&opaque.encoded).map_err(|why| refuse(why.to_string()))?;
    let graph = writer.export.graph;
    let is_part = |other: &Node| other.name == node.name && other.op == node.op;
    if graph.nodes().take_while(|(other, _)| *other != id).any(|(_, other)| is_part(other)) {
        return Ok(());
    }
    let mut inputs = node.inputs.iter();
    for name in proto.input.iter_mut().filter(|name| !name.is_empty()) {
        let wire = inputs.next().ok_or_else(|| refuse("it has lost an input".to_owned()))?;
        *name = writer.value(*wire)?;
    }
    let here: Vec<&str> = graph
        .nodes()
        .filter(|(_, other)| is_part(other))
        .map(|(_, part)| graph.wire(part.output).name.as_str())
        .collect();
    for name in &mut proto.output {
        // A wire has the name of its output, with a number behind it if that was taken.
        let numbered = |wire: &&&str| wire.strip_prefix(name.as_str()).is_some_and(is_number);
        let own = here.iter().find(|wire| *wire == name).or_else(|| here.iter().find(numbered));
        match own {
            Some(wire) if !name.is_empty() => *name = (*wire).to_owned(),
            _ if name.is_empty() => {}
            _ => *name = writer.fresh(name),
        }
    }
    if !opaque.domain.is_empty() {
        writer.domains.insert(opaque.domain.clone());
    }
    writer.note(&node.name, format!("{} is written back as it was", opaque.name));
    writer.nodes.push(proto);
    Ok(())
}

fn is_number(suffix: &str) -> bool {
    suffix.is_empty()
        || suffix
            .strip_prefix('.')
            .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}
