//! Files about a model for other people's tools.

use fewbit_numeric::{Format, Granularity};
use fewbit_quant::Choice;
use serde_json::{Map, Value, json};

use crate::engine::Bench;
use crate::protocol::ToolFile;

/// From good to bad, as Model Explorer colours nodes: decibels ascend, so the bad end comes first.
const GRADIENT: [(f64, &str); 3] = [(0.0, "#d73027"), (0.5, "#fee08b"), (1.0, "#1a9850")];

/// The file for one tool.
pub(in crate::engine) fn file(bench: &Bench, tool: ToolFile) -> Vec<u8> {
    let text = match tool {
        ToolFile::ModelExplorer => pretty(&model_explorer(bench)),
        ToolFile::Netron => pretty(&netron(bench)),
        ToolFile::NodesToExclude => pretty(&nodes_to_exclude(bench)),
        ToolFile::TensorTypes => tensor_types(bench),
    };
    text.into_bytes()
}

fn pretty(json: &Value) -> String {
    format!("{json:#}\n")
}

/// The layers by the names of their nodes in the file: the last part of a rewritten model may have others.
fn nodes(bench: &Bench) -> impl Iterator<Item = (&str, fewbit_quant::report::LayerReport)> {
    let prepared = &bench.prepared;
    let names = prepared.layers.iter().map(|layer| prepared.graph.node_of(layer.node).name.as_str());
    names.zip(bench.reports())
}

/// Node data for [Model Explorer](https://github.com/google-ai-edge/model-explorer): the cumulative SQNR of each layer, in dB.
fn model_explorer(bench: &Bench) -> Value {
    let results: Map<String, Value> = nodes(bench)
        .filter_map(|(node, layer)| {
            let db = layer.cumulative.or(layer.weight)?.sqnr_db;
            db.is_finite().then(|| (node.to_owned(), json!({ "value": db })))
        })
        .collect();
    let gradient: Vec<Value> =
        GRADIENT.iter().map(|(stop, color)| json!({ "stop": stop, "bgColor": color })).collect();
    let graph = bench.prepared.facts.metadata.get("graph").map_or("main_graph", String::as_str);
    json!({ graph: { "name": "Fewbit: SQNR in dB", "results": results, "gradient": gradient } })
}

/// An attachment for [Netron](https://github.com/lutzroeder/netron): formats and errors at the layers' nodes.
fn netron(bench: &Bench) -> Value {
    let (mut metadata, mut metrics) = (Vec::new(), Vec::new());
    for (node, layer) in nodes(bench) {
        let item = |name: &str, value: Value| json!({ "kind": "node", "target": node, "name": name, "value": value });
        metadata.push(item("weights", json!(layer.weights.done)));
        metadata.push(item("input", json!(layer.activations.done)));
        metrics.push(item("parameters (bits)", json!(layer.bits)));
        let errors = [
            ("weight SQNR (dB)", layer.weight),
            ("local SQNR (dB)", layer.local),
            ("cumulative SQNR (dB)", layer.cumulative),
        ];
        for (name, errors) in errors {
            if let Some(db) = errors.map(|errors| errors.sqnr_db).filter(|db| db.is_finite()) {
                metrics.push(item(name, json!(db)));
            }
        }
    }
    json!({ "signature": "netron:attachment", "metadata": metadata, "metrics": metrics })
}

/// The nodes that stay in float, for `nodes_to_exclude` of ONNX Runtime's quantizer.
fn nodes_to_exclude(bench: &Bench) -> Value {
    let in_float = nodes(bench)
        .filter(|(_, layer)| layer.weights.done == Choice::Float && layer.activations.done == Choice::Float);
    in_float.map(|(node, _)| node).collect()
}

/// A line `--tensor-type NAME=TYPE` of llama.cpp's `llama-quantize` for each weight: the type with at least as many bits.
fn tensor_types(bench: &Bench) -> String {
    let prepared = &bench.prepared;
    let mut lines = String::new();
    for (layer, report) in prepared.layers.iter().zip(bench.reports()) {
        let name = &prepared.graph.wire(layer.weight).name;
        let kind = match report.weights.done {
            Choice::Float => "f16",
            Choice::Quantize(quantizer) => nearest_type(quantizer.format, quantizer.granularity),
        };
        lines += &format!("--tensor-type {name}={kind}\n");
    }
    lines
}

fn nearest_type(format: Format, granularity: Granularity) -> &'static str {
    let small = matches!(granularity, Granularity::Group(size) if size <= 32);
    match (format.bits(), small, format.has_zero_point()) {
        (..=2, ..) => "q2_k",
        (3, ..) => "q3_k",
        (4, true, false) => "q4_0",
        (4, true, true) => "q4_1",
        (4, ..) => "q4_k",
        (5, true, false) => "q5_0",
        (5, true, true) => "q5_1",
        (5, ..) => "q5_k",
        (6, ..) => "q6_k",
        (..=8, ..) => "q8_0",
        _ => "f16",
    }
}
