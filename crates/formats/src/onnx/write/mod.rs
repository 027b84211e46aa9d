//! Writing a model: our graph to ONNX, with quantizers as QuantizeLinear and DequantizeLinear ("QDQ").
//!
//! A weight that has codes is stored as those, with a DequantizeLinear behind them; a [`fewbit_graph::Op::FakeQuantize`] becomes
//! QuantizeLinear and DequantizeLinear where ONNX has its grid, and is else written in float. What cannot be said as it is meant
//! is in [`Written::notes`]. The file computes what the graph computes, but for the order of sums in the engine that runs it,
//! and for the biases of [`Layers`].

mod codes;
mod indexed;
mod integer;
mod message;
mod ops;
mod quantizer;
mod writer;

use std::collections::BTreeMap;

use fewbit_graph::{Bindings, Dim, Graph, Source, WireId, infer};
use fewbit_numeric::Quantized;
use serde::{Deserialize, Serialize};

use crate::error::WriteError;
use crate::onnx::proto::{
    GraphProto, ModelProto, OperatorSetIdProto, StringStringEntryProto, ValueInfoProto, data_type,
};
use writer::Writer;

/// The operator set of a model without anything newer: the oldest that is written.
pub const OLDEST: i64 = 17;
/// The operator set that brought 4 and 16 bits, and blocks.
const FEW_BITS: i64 = 21;

/// A model to write.
#[derive(Clone, Debug)]
pub struct Export<'a> {
    /// What it computes.
    pub graph: &'a Graph,
    /// The parameters that are stored as codes; their float values are not looked at.
    pub codes: BTreeMap<WireId, &'a Quantized>,
    /// How layers are written whose weight and input have 8 bits.
    pub layers: Layers,
    /// What the file says of itself; the notes come to it.
    pub metadata: BTreeMap<String, String>,
}

/// How layers are written whose weight and input have 8 bits each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Layers {
    /// In float, between quantizers: runtimes make integer kernels of that where they have some ("QDQ").
    Float {
        /// Whether a bias is stored as int32 in units of the product of the scales: this is what kernels for integers take. It
        /// moves a bias by half such a unit at most.
        integer_biases: bool,
    },
    /// In integers, if the weight is signed and symmetric: QLinearConv and QLinearMatMul where the output is quantized next, else
    /// ConvInteger and MatMulInteger. Biases are int32.
    Integer,
}

impl Layers {
    fn integer_biases(self) -> bool {
        !matches!(self, Self::Float { integer_biases: false })
    }
}

/// A model as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The file.
    pub bytes: Vec<u8>,
    /// The operator set that it needs.
    pub opset: i64,
    /// What is in the file in another way than in the graph.
    pub notes: Vec<String>,
}

/// Writes a model.
///
/// # Errors
/// [`WriteError::NotInOnnx`] for an operator that only learning uses, or a quantizer that has no form in ONNX.
pub fn write(export: &Export<'_>) -> Result<Written, WriteError> {
    let graph = export.graph;
    let mut writer = Writer::new(export, opset(export));
    for &wire in &graph.inputs {
        writer.claim(&graph.wire(wire).name);
    }
    for (id, node) in graph.nodes() {
        ops::write(&mut writer, id, node)?;
    }
    for &wire in &graph.outputs {
        // An output that is a parameter.
        writer.value(wire)?;
    }
    if export.layers == Layers::Integer {
        writer.prune();
    }
    let shapes = Shapes::of(graph);
    let value = |&wire: &WireId, dims: Option<Vec<Option<Dim>>>| -> ValueInfoProto {
        message::value_info(&graph.wire(wire).name, data_type::FLOAT, dims)
    };
    let inputs = graph.inputs.iter().map(|wire| match &graph.wire(*wire).source {
        Source::Input(dims) => value(wire, Some(dims.iter().cloned().map(Some).collect())),
        _ => value(wire, None),
    });
    let outputs = graph.outputs.iter().map(|wire| value(wire, shapes.dims(*wire)));
    let notes = writer.notes();
    let mut metadata = export.metadata.clone();
    if !notes.is_empty() {
        metadata.insert("fewbit.notes".to_owned(), notes.join("\n"));
    }
    let own = OperatorSetIdProto { domain: Some(String::new()), version: Some(writer.opset) };
    let others = writer
        .domains
        .iter()
        .map(|domain| OperatorSetIdProto { domain: Some(domain.clone()), version: Some(1) });
    let model = ModelProto {
        ir_version: Some(ir_version(writer.opset)),
        producer_name: Some("fewbit".to_owned()),
        producer_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        opset_import: std::iter::once(own).chain(others).collect(),
        metadata_props: properties(&metadata),
        graph: Some(GraphProto {
            name: Some("fewbit".to_owned()),
            input: inputs.collect(),
            output: outputs.collect(),
            node: writer.nodes,
            initializer: writer.initializers,
            ..Default::default()
        }),
        ..Default::default()
    };
    Ok(Written { bytes: model.to_bytes(), opset: writer.opset, notes })
}

fn properties(metadata: &BTreeMap<String, String>) -> Vec<StringStringEntryProto> {
    let entry = |(key, value): (&String, &String)| StringStringEntryProto {
        key: Some(key.clone()),
        value: Some(value.clone()),
    };
    metadata.iter().map(entry).collect()
}

/// The operator set that everything in the model is in.
fn opset(export: &Export<'_>) -> i64 {
    let nodes = export.graph.nodes().map(|(_, node)| ops::since(export, node));
    let codes = export.codes.values().map(|quantized| codes::since(quantized));
    nodes.chain(codes).fold(OLDEST, i64::max)
}

/// The version of the file format that came with an operator set.
fn ir_version(opset: i64) -> i64 {
    match opset {
        ..=18 => 8,
        19 | 20 => 9,
        _ => 10,
    }
}

/// The shapes of all wires under two bindings of the symbols, to tell lengths that are fixed from those that follow one.
struct Shapes {
    symbols: BTreeMap<[usize; 2], String>,
    facts: Option<[infer::Facts; 2]>,
}

impl Shapes {
    fn of(graph: &Graph) -> Self {
        let names = graph.inputs.iter().filter_map(|&wire| match &graph.wire(wire).source {
            Source::Input(dims) => Some(dims),
            _ => None,
        });
        let mut bound: BTreeMap<String, [usize; 2]> = BTreeMap::new();
        let mut next = 96;
        for dim in names.flatten() {
            if let Dim::Symbol(symbol) = dim {
                bound.entry(symbol.clone()).or_insert_with(|| {
                    next += 96;
                    [next, next + 32]
                });
            }
        }
        let inferred = |which: fn(&[usize; 2]) -> usize| {
            let bindings: Bindings = bound.iter().map(|(name, pair)| (name.clone(), which(pair))).collect();
            infer::infer(graph, &bindings).ok()
        };
        let (first, second) = (inferred(|[first, _]| *first), inferred(|[_, second]| *second));
        Self {
            symbols: bound.into_iter().map(|(name, pair)| (pair, name)).collect(),
            facts: first.zip(second).map(|(first, second)| [first, second]),
        }
    }

    /// The dimensions of a wire, if its shape is known; a length that is neither fixed nor a symbol is none.
    fn dims(&self, wire: WireId) -> Option<Vec<Option<Dim>>> {
        let [first, second] = self.facts.as_ref()?;
        let pairs = first.shape(wire).iter().zip(second.shape(wire));
        let dim = |(&a, &b): (&usize, &usize)| match a == b {
            true => Some(Dim::Known(a)),
            false => self.symbols.get(&[a, b]).map(|name| Dim::Symbol(name.clone())),
        };
        Some(pairs.map(dim).collect())
    }
}
