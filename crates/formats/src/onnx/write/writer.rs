//! The nodes and initializers of a file while it is written.

use std::collections::{BTreeMap, BTreeSet};

use fewbit_graph::WireId;

use super::integer::{Codes, Wanted};
use super::{Export, Layers, codes, integer, message};
use crate::error::WriteError;
use crate::onnx::proto::{AttributeProto, NodeProto, TensorProto, data_type};

/// A file while it is written.
pub(super) struct Writer<'a> {
    pub(super) export: &'a Export<'a>,
    pub(super) opset: i64,
    pub(super) nodes: Vec<NodeProto>,
    pub(super) initializers: Vec<TensorProto>,
    pub(super) domains: BTreeSet<String>,
    /// What is written in another way than it is meant, and the tensors and nodes that it is about.
    notes: BTreeMap<String, Vec<String>>,
    /// The names of values that are there, each with the number to try first when it is wanted again.
    values: BTreeMap<String, u32>,
    node_names: BTreeMap<String, u32>,
    /// The parameters that are in the file already.
    written: BTreeSet<WireId>,
    /// The wires that layers in integers give as codes only.
    pub(super) wanted: Wanted,
    /// The wires that are there as codes only, until their values are asked for.
    pub(super) held: BTreeMap<WireId, Codes>,
    /// The codes of what quantizers give.
    pub(super) codes: BTreeMap<WireId, Codes>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(export: &'a Export<'a>, opset: i64) -> Self {
        Self {
            export,
            opset,
            nodes: Vec::new(),
            initializers: Vec::new(),
            domains: BTreeSet::new(),
            notes: BTreeMap::new(),
            // The wires have their names before anything that is made here.
            values: export.graph.wires().map(|(_, wire)| (wire.name.clone(), 2)).collect(),
            node_names: BTreeMap::new(),
            written: BTreeSet::new(),
            wanted: if export.layers == Layers::Integer { integer::wanted(export) } else { Wanted::new() },
            held: BTreeMap::new(),
            codes: BTreeMap::new(),
        }
    }

    /// Reserves the name of a value.
    pub(super) fn claim(&mut self, name: &str) {
        self.values.entry(name.to_owned()).or_insert(2);
    }

    /// A name that no value has, like `name`.
    pub(super) fn fresh(&mut self, name: &str) -> String {
        unique(&mut self.values, name)
    }

    /// The name of a wire's value. A parameter comes into the file when it is first asked for.
    pub(super) fn value(&mut self, wire: WireId) -> Result<String, WriteError> {
        let graph = self.export.graph;
        let name = graph.wire(wire).name.clone();
        let Some(value) = graph.value(wire) else { return Ok(name) };
        if self.written.insert(wire) {
            match self.export.codes.get(&wire) {
                Some(quantized) => codes::write(self, &name, value, quantized)?,
                None => self.initializers.push(message::tensor(&name, value)),
            }
        }
        Ok(name)
    }

    /// Adds a tensor under a name like `name`, and gives its name.
    pub(super) fn initializer(
        &mut self,
        name: &str,
        element: i32,
        shape: &[usize],
        bytes: Vec<u8>,
    ) -> String {
        let name = self.fresh(name);
        self.initializers.push(message::raw_tensor(&name, element, shape, bytes));
        name
    }

    pub(super) fn scalar(&mut self, name: &str, value: f32) -> String {
        self.initializer(name, data_type::FLOAT, &[], value.to_le_bytes().to_vec())
    }

    pub(super) fn integers(&mut self, name: &str, values: &[i64]) -> String {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.initializer(name, data_type::INT64, &[values.len()], bytes)
    }

    /// Adds a node; an input of no name is absent.
    pub(super) fn node(
        &mut self,
        op_type: &str,
        name: &str,
        inputs: &[&str],
        output: &str,
        attribute: Vec<AttributeProto>,
    ) {
        let name = unique(&mut self.node_names, name);
        self.nodes.push(NodeProto {
            op_type: Some(op_type.to_owned()),
            name: Some(name),
            input: inputs.iter().map(|&input| input.to_owned()).collect(),
            output: vec![output.to_owned()],
            attribute,
            ..Default::default()
        });
    }

    /// Adds a node without attributes, whose output nothing else has named, and gives that.
    pub(super) fn step(&mut self, op_type: &str, name: &str, inputs: &[&str]) -> String {
        let output = self.fresh(&format!("{name}.{}", op_type.to_lowercase()));
        self.node(op_type, &output, inputs, &output, Vec::new());
        output
    }

    /// Takes away what no output of the model needs.
    pub(super) fn prune(&mut self) {
        let graph = self.export.graph;
        let mut needed: BTreeSet<String> =
            graph.outputs.iter().map(|&wire| graph.wire(wire).name.clone()).collect();
        let mut kept: Vec<NodeProto> = Vec::new();
        for node in std::mem::take(&mut self.nodes).into_iter().rev() {
            if node.output.iter().any(|output| needed.contains(output)) {
                needed.extend(node.input.iter().cloned());
                kept.push(node);
            }
        }
        kept.reverse();
        self.nodes = kept;
        self.initializers.retain(|tensor| needed.contains(tensor.name()));
    }

    /// Remembers that `name` is written in another way than it is meant.
    pub(super) fn note(&mut self, name: &str, what: impl Into<String>) {
        self.notes.entry(what.into()).or_default().push(name.to_owned());
    }

    /// The notes, each with the names that it is about.
    pub(super) fn notes(&self) -> Vec<String> {
        self.notes.iter().map(|(what, names)| format!("{}: {what}", names.join(", "))).collect()
    }
}

/// `name`, or with the first free number from 2 on.
fn unique(taken: &mut BTreeMap<String, u32>, name: &str) -> String {
    let mut unique = name.to_owned();
    let mut number = taken.get(name).copied().unwrap_or(1).max(1);
    while taken.contains_key(&unique) {
        unique = format!("{name}.{number}");
        number += 1;
    }
    taken.insert(name.to_owned(), number);
    taken.entry(unique.clone()).or_insert(2);
    unique
}
