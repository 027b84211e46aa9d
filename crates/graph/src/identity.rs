//! The identity of a model: one hash for each wire, made of what the wire is computed from.
//!
//! An input is its place and shape, with symbols numbered by their first appearance; a parameter its type, shape and
//! bytes; a node's output its operator, attributes and the hashes of its inputs. The model is the hashes of its inputs
//! and outputs. So names do not count, nor the order in which independent nodes are kept, nor what no output needs.

use blake3::{Hash, Hasher};

use crate::attributes::Attribute;
use crate::graph::{Graph, Node, Source, WireId};
use crate::model::{Model, ModelId};
use crate::tensor::{Dim, Tensor};

impl Model {
    /// The model's identity. It reads every parameter: keep it rather than ask twice.
    pub fn id(&self) -> ModelId {
        let graph = &self.graph;
        let mut hashes = vec![Hash::from_bytes([0; 32]); graph.wires().len()];
        for (id, wire) in graph.wires() {
            if let Source::Parameter(tensor) = &wire.source {
                hashes[id.0 as usize] = parameter(tensor);
            }
        }
        for (id, hash) in std::iter::zip(&graph.inputs, inputs(graph)) {
            hashes[id.0 as usize] = hash;
        }
        for (_, node) in graph.nodes() {
            hashes[node.output.0 as usize] = computed(node, &hashes);
        }
        let mut model = Record::new("model");
        model.hashes(&graph.inputs, &hashes);
        model.hashes(&graph.outputs, &hashes);
        ModelId(*model.finish().as_bytes())
    }
}

fn parameter(tensor: &Tensor) -> Hash {
    let mut record = Record::new("parameter");
    record.text(&tensor.dtype().to_string());
    record.numbers(tensor.shape().iter().map(|&n| n as i64));
    record.bytes(&tensor.to_bytes());
    record.finish()
}

fn inputs(graph: &Graph) -> Vec<Hash> {
    let mut symbols: Vec<&str> = Vec::new();
    let mut hashes = Vec::new();
    for (place, &wire) in graph.inputs.iter().enumerate() {
        let Source::Input(dims) = &graph.wire(wire).source else { continue };
        let mut record = Record::new("input");
        record.numbers([place as i64]);
        // A symbol is a negative number: −1 the first, −2 the second.
        record.numbers(dims.iter().map(|dim| match dim {
            Dim::Known(n) => *n as i64,
            Dim::Symbol(name) => {
                let known = symbols.iter().position(|symbol| symbol == name);
                let number = known.unwrap_or_else(|| {
                    symbols.push(name);
                    symbols.len() - 1
                });
                -1 - number as i64
            }
        }));
        hashes.push(record.finish());
    }
    hashes
}

fn computed(node: &Node, hashes: &[Hash]) -> Hash {
    let mut record = Record::new("node");
    record.text(node.op.name());
    for (name, value) in node.op.attributes() {
        record.text(name);
        match value {
            Attribute::Flag(flag) => record.numbers([i64::from(flag)]),
            Attribute::Int(int) => record.numbers([int]),
            Attribute::Ints(ints) => record.numbers(ints),
            Attribute::Float(float) => record.numbers([i64::from(float.to_bits())]),
            Attribute::Text(text) => record.text(&text),
            Attribute::Bytes(bytes) => record.bytes(&bytes),
        }
    }
    record.text("inputs");
    record.hashes(&node.inputs, hashes);
    record.finish()
}

/// Fields that go into a hash, each after its length.
struct Record(Hasher);

impl Record {
    fn new(kind: &str) -> Self {
        let mut record = Self(Hasher::new());
        record.text(kind);
        record
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn numbers(&mut self, numbers: impl IntoIterator<Item = i64>) {
        let bytes: Vec<u8> = numbers.into_iter().flat_map(i64::to_le_bytes).collect();
        self.bytes(&bytes);
    }

    fn hashes(&mut self, wires: &[WireId], hashes: &[Hash]) {
        let bytes: Vec<u8> = wires.iter().flat_map(|wire| *hashes[wire.0 as usize].as_bytes()).collect();
        self.bytes(&bytes);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    fn finish(self) -> Hash {
        self.0.finalize()
    }
}
