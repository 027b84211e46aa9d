//! Logic, order, indices and recurrent layers: operators for which ONNX has booleans and integers, and we have floats.

use fewbit_graph::op::{Binary, Cell, Direction, Recurrent, ScatterReduction};
use fewbit_graph::{Node, Op};

use super::message::{flag, int, text};
use super::writer::Writer;
use crate::onnx::proto::{AttributeProto, NodeProto, data_type};

/// Adds a cast of `value`, and gives its output.
fn cast(writer: &mut Writer<'_>, value: &str, to: i32) -> String {
    let output = writer.fresh(&format!("{value}.cast"));
    writer.node("Cast", &output, &[value], &output, vec![int("to", i64::from(to))]);
    output
}

/// Adds an operator whose output has another type, and the cast of that to floats.
fn cast_back(
    writer: &mut Writer<'_>,
    op_type: &str,
    node: &Node,
    inputs: &[&str],
    output: &str,
    attributes: Vec<AttributeProto>,
) {
    let raw = writer.fresh(&format!("{output}.raw"));
    writer.node(op_type, &node.name, inputs, &raw, attributes);
    let to = int("to", i64::from(data_type::FLOAT));
    writer.node("Cast", &format!("{}.cast", node.name), &[&raw], output, vec![to]);
}

/// An operator whose answer is 0 or 1; `logic` takes booleans.
pub(super) fn truth(
    writer: &mut Writer<'_>,
    op_type: &str,
    node: &Node,
    inputs: &[&str],
    output: &str,
    logic: bool,
    attributes: Vec<AttributeProto>,
) {
    let bools: Vec<String> = match logic {
        true => inputs.iter().map(|input| cast(writer, input, data_type::BOOL)).collect(),
        false => inputs.iter().map(|&input| input.to_owned()).collect(),
    };
    let inputs: Vec<&str> = bools.iter().map(String::as_str).collect();
    cast_back(writer, op_type, node, &inputs, output, attributes);
}

/// A function of two elements that is no arithmetic.
pub(super) fn binary(writer: &mut Writer<'_>, op: Binary, node: &Node, inputs: &[&str], output: &str) {
    let remainder = || vec![int("fmod", 1)];
    match op {
        Binary::Equal => truth(writer, "Equal", node, inputs, output, false, Vec::new()),
        Binary::Less => truth(writer, "Less", node, inputs, output, false, Vec::new()),
        Binary::LessOrEqual => truth(writer, "LessOrEqual", node, inputs, output, false, Vec::new()),
        Binary::And | Binary::Or | Binary::Xor => {
            truth(writer, op.name(), node, inputs, output, true, Vec::new())
        }
        Binary::Fmod => writer.node("Mod", &node.name, inputs, output, remainder()),
        Binary::Mod => {
            // The remainder has the sign of a; with b added once, and taken away if that was too much, that of b.
            let [a, b] = inputs else { return };
            let first = writer.fresh(&format!("{output}.remainder"));
            writer.node("Mod", &first, &[a, b], &first, remainder());
            let sum = writer.step("Add", output, &[&first, b]);
            writer.node("Mod", &node.name, &[&sum, b], output, remainder());
        }
        _ => writer.node(op.name(), &node.name, inputs, output, Vec::new()),
    }
}

/// The other operators of this file; `false` for those that are not.
pub(super) fn write(writer: &mut Writer<'_>, node: &Node, inputs: &[&str], output: &str) -> bool {
    let axis = |axis: usize| int("axis", axis as i64);
    match &node.op {
        Op::Where => {
            let [condition, a, b] = inputs else { return false };
            let condition = cast(writer, condition, data_type::BOOL);
            writer.node("Where", &node.name, &[&condition, a, b], output, Vec::new());
        }
        &Op::ArgReduce { max, axis: at, keep_dims, last } => {
            let attributes = vec![axis(at), flag("keepdims", keep_dims), flag("select_last_index", last)];
            cast_back(writer, if max { "ArgMax" } else { "ArgMin" }, node, inputs, output, attributes);
        }
        &Op::TopK { axis: at, k, largest, indices } => {
            top_k(writer, node, inputs, output, (at, k, largest, indices))
        }
        &Op::CumSum { axis: at, exclusive, reverse } => {
            let bytes = (at as i64).to_le_bytes().to_vec();
            let at = writer.initializer(&format!("{output}.axis"), data_type::INT64, &[], bytes);
            let attributes = vec![flag("exclusive", exclusive), flag("reverse", reverse)];
            let x = inputs.first().copied().unwrap_or_default();
            writer.node("CumSum", &node.name, &[x, &at], output, attributes);
        }
        &Op::GatherElements { axis: at } => {
            writer.node("GatherElements", &node.name, inputs, output, vec![axis(at)])
        }
        &Op::GatherNd { batch_dims } => {
            writer.node("GatherND", &node.name, inputs, output, vec![int("batch_dims", batch_dims as i64)]);
        }
        &Op::ScatterElements { axis: at, reduction } => {
            let attributes = vec![axis(at), text("reduction", name_of(reduction))];
            writer.node("ScatterElements", &node.name, inputs, output, attributes);
        }
        &Op::ScatterNd { reduction } => {
            writer.node("ScatterND", &node.name, inputs, output, vec![text("reduction", name_of(reduction))]);
        }
        Op::Recurrent(op) => return recurrent(writer, node, *op, inputs, output),
        _ => return false,
    }
    true
}

pub(super) fn name_of(reduction: ScatterReduction) -> &'static str {
    match reduction {
        ScatterReduction::Replace => "none",
        ScatterReduction::Add => "add",
        ScatterReduction::Mul => "mul",
        ScatterReduction::Max => "max",
        ScatterReduction::Min => "min",
    }
}

fn top_k(
    writer: &mut Writer<'_>,
    node: &Node,
    inputs: &[&str],
    output: &str,
    (axis, k, largest, indices): (usize, usize, bool, bool),
) {
    let x = inputs.first().copied().unwrap_or_default();
    let count = writer.integers(&format!("{output}.k"), &[k as i64]);
    let other = writer.fresh(&format!("{output}.other"));
    let attributes = vec![int("axis", axis as i64), flag("largest", largest), flag("sorted", true)];
    if !indices {
        return push(writer, "TopK", node, &[x, &count], &[output, &other], attributes);
    }
    let raw = writer.fresh(&format!("{output}.raw"));
    push(writer, "TopK", node, &[x, &count], &[&other, &raw], attributes);
    let to = int("to", i64::from(data_type::FLOAT));
    writer.node("Cast", &format!("{}.cast", node.name), &[&raw], output, vec![to]);
}

/// Adds a node with several outputs.
fn push(
    writer: &mut Writer<'_>,
    op_type: &str,
    node: &Node,
    inputs: &[&str],
    outputs: &[&str],
    attributes: Vec<AttributeProto>,
) {
    writer.node(op_type, &node.name, inputs, "", attributes);
    if let Some(NodeProto { output, .. }) = writer.nodes.last_mut() {
        *output = outputs.iter().map(|&name| name.to_owned()).collect();
    }
}

/// A recurrent layer whose gates' own parts are there already: ONNX's, with matrices that pick each direction's gates for W.
fn recurrent(writer: &mut Writer<'_>, node: &Node, op: Recurrent, inputs: &[&str], output: &str) -> bool {
    let [gates, r, bias, states @ ..] = inputs else { return false };
    let graph = writer.export.graph;
    let shape = node.inputs.get(1).and_then(|wire| graph.value(*wire)).map(|r| r.shape().to_vec());
    // The shape of R says all lengths; R is a parameter of every model.
    let Some(&[directions, rows, hidden]) = shape.as_deref() else { return false };
    let width = directions * rows;
    let mut picks = vec![0f32; directions * rows * width];
    for (row, line) in picks.chunks_exact_mut(width.max(1)).enumerate() {
        if let Some(place) = line.get_mut(row) {
            *place = 1.0;
        }
    }
    let bytes = |values: &[f32]| values.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
    let w = writer.initializer(
        &format!("{output}.w"),
        data_type::FLOAT,
        &[directions, rows, width],
        bytes(&picks),
    );
    let zeros = vec![0f32; width];
    let zeros =
        writer.initializer(&format!("{output}.zeros"), data_type::FLOAT, &[directions, rows], bytes(&zeros));
    let both = writer.fresh(&format!("{output}.bias"));
    writer.node("Concat", &both, &[&zeros, bias], &both, vec![int("axis", 1)]);
    let mut attributes = vec![
        int("hidden_size", hidden as i64),
        text(
            "direction",
            match op.direction {
                Direction::Forward => "forward",
                Direction::Reverse => "reverse",
                Direction::Bidirectional => "bidirectional",
            },
        ),
    ];
    match op.cell {
        Cell::Gru { linear_before_reset } => {
            attributes.push(flag("linear_before_reset", linear_before_reset))
        }
        Cell::Rnn { relu: true } => attributes.push(super::message::texts("activations", "Relu", directions)),
        _ => {}
    }
    let mut all = vec![*gates, &w, r, &both, ""];
    all.extend(states);
    if !op.with_cell {
        push(writer, op.name(), node, &all, &[output], attributes);
        return true;
    }
    let [hiddens, last, cell] =
        ["hiddens", "last", "cell"].map(|what| writer.fresh(&format!("{output}.{what}")));
    push(writer, op.name(), node, &all, &[&hiddens, &last, &cell], attributes);
    let axes = writer.integers(&format!("{output}.axes"), &[0]);
    let cell = writer.step("Unsqueeze", output, &[&cell, &axes]);
    writer.node("Concat", &format!("{}.concat", node.name), &[&hiddens, &cell], output, vec![int("axis", 0)]);
    true
}
