//! What is known of every value while a model is read, and the graph that grows from it.

use std::collections::{BTreeMap, BTreeSet};

use fewbit_graph::op::Opaque;
use fewbit_graph::{DType, Dim, Graph, Op, Tensor, WireId};
use prost::Message as _;

use crate::error::{Place, Problem, ReadError};
use crate::limits::Limits;
use crate::onnx::call::Fault;
use crate::onnx::element::{self, Element};
use crate::onnx::probe::{self, Both, Probes};
use crate::onnx::proto::{GraphProto, NodeProto};
use crate::onnx::{Diagnostic, DiagnosticKind, order};

/// A value of the ONNX graph.
#[derive(Clone)]
pub(super) enum Value {
    /// Computed when the graph runs.
    Wire(WireId),
    /// The same for every input.
    Constant(Constant),
    /// Integers that follow from the lengths of the inputs.
    Varying(Varying),
}

/// A tensor of the file, or what was worked out from some. It becomes a parameter when a node needs it.
#[derive(Clone)]
pub(super) struct Constant {
    /// The name of the value that it was first.
    pub(super) name: String,
    pub(super) tensor: Tensor,
}

/// Integers worked out from shapes, for both bindings of the symbols.
#[derive(Clone)]
pub(super) struct Varying {
    name: String,
    pub(super) values: Both<Tensor>,
    /// The node that computes them.
    origin: usize,
}

/// A model on its way from ONNX's graph to ours.
pub(super) struct Importer<'m> {
    pub(super) graph: Graph,
    pub(super) proto: &'m GraphProto,
    pub(super) diagnostics: Vec<Diagnostic>,
    values: BTreeMap<String, Value>,
    /// The wires of constant integers as floats.
    floats: BTreeMap<String, WireId>,
    /// The wires of constants and varying values that nodes needed.
    made: BTreeMap<String, WireId>,
    shapes: BTreeMap<WireId, Both<Vec<usize>>>,
    probes: Probes,
    /// The shapes that the file declares.
    declared: BTreeMap<&'m str, Vec<Dim>>,
    /// The values that a node or an output uses.
    used: BTreeSet<&'m str>,
    /// The names of nodes, each with the number to try first when it is wanted again.
    node_names: BTreeMap<String, u32>,
    /// The elements that may still be described without being stored.
    fill: u64,
    fill_limit: u64,
    /// The element types of values, as far as they are known.
    pub(super) elements: BTreeMap<String, Element>,
    /// The Ifs whose condition is known, by their place in the file.
    pub(super) branches: Vec<(usize, bool)>,
    /// Whether something could be read if no length were free.
    pub(super) dynamic: bool,
}

impl<'m> Importer<'m> {
    pub(super) fn new(proto: &'m GraphProto, declared: BTreeMap<&'m str, Vec<Dim>>, limits: &Limits) -> Self {
        let inputs = proto.node.iter().flat_map(|node| &node.input).map(String::as_str);
        Self {
            graph: Graph::new(),
            proto,
            diagnostics: Vec::new(),
            values: BTreeMap::new(),
            floats: BTreeMap::new(),
            made: BTreeMap::new(),
            shapes: BTreeMap::new(),
            probes: Probes::default(),
            declared,
            used: inputs.chain(proto.output.iter().map(|output| output.name())).collect(),
            node_names: BTreeMap::new(),
            fill: limits.filled_elements,
            fill_limit: limits.filled_elements,
            elements: BTreeMap::new(),
            branches: Vec::new(),
            dynamic: false,
        }
    }

    /// Adds an input of the model.
    pub(super) fn input(&mut self, name: &str, dims: Vec<Dim>, element: Element) {
        self.declare(name, Some(element));
        let shape = self.probes.shape(&dims);
        let wire = self.graph.input(name, dims);
        self.shapes.insert(wire, shape);
        self.bind(name, Value::Wire(wire));
    }

    /// Says that the value `name` is `value`.
    pub(super) fn bind(&mut self, name: &str, value: Value) {
        if !name.is_empty() {
            self.values.insert(name.to_owned(), value);
        }
    }

    /// Says that the value `name` is this tensor.
    pub(super) fn bind_constant(&mut self, name: &str, tensor: Tensor, element: Element) {
        self.declare(name, Some(element));
        self.bind(name, Value::Constant(Constant { name: name.to_owned(), tensor }));
    }

    /// Says which elements the value `name` has.
    pub(super) fn declare(&mut self, name: &str, element: Option<Element>) {
        match element {
            Some(element) if !name.is_empty() => {
                self.elements.insert(name.to_owned(), element);
            }
            _ => {}
        }
    }

    /// The element type of the value `name`, if it is known.
    pub(super) fn element(&self, name: &str) -> Option<Element> {
        self.elements.get(name).copied()
    }

    /// Says that the value `name`, an output of node `origin`, is one of these tensors under each binding.
    pub(super) fn bind_both(&mut self, name: &str, origin: usize, values: Both<Tensor>) {
        let [first, second] = &values;
        if first == second {
            let element = self.element(name).unwrap_or_else(|| element::default_of(first));
            self.bind_constant(name, first.clone(), element);
        } else {
            self.bind(name, Value::Varying(Varying { name: name.to_owned(), values, origin }));
        }
    }

    pub(super) fn value(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }

    pub(super) fn is_used(&self, name: &str) -> bool {
        self.used.contains(name)
    }

    /// The shape of a value under both bindings, if it is known.
    pub(super) fn shape(&self, name: &str) -> Option<Both<Vec<usize>>> {
        Some(match self.values.get(name)? {
            Value::Wire(wire) => self.shapes.get(wire)?.clone(),
            Value::Constant(constant) => {
                let shape = constant.tensor.shape();
                [shape.to_vec(), shape.to_vec()]
            }
            Value::Varying(varying) => varying.values.each_ref().map(|tensor| tensor.shape().to_vec()),
        })
    }

    pub(super) fn shape_of_wire(&self, wire: WireId) -> Option<&Both<Vec<usize>>> {
        self.shapes.get(&wire)
    }

    /// Counts elements that the file describes without storing them.
    pub(super) fn fill(&mut self, elements: u64) -> Result<(), Problem> {
        let left = self.fill.checked_sub(elements).ok_or(Problem::TooLarge {
            what: "elements that are described, not stored",
            found: elements,
            limit: self.fill_limit,
        })?;
        self.fill = left;
        Ok(())
    }

    /// A name for node `i` that no other node has.
    pub(super) fn node_name(&mut self, i: usize) -> String {
        let name = order::name_of(self.proto, i);
        let mut unique = name.clone();
        let mut number = self.node_names.get(&name).copied().unwrap_or(1);
        while self.node_names.contains_key(&unique) {
            number += 1;
            unique = format!("{name}.{number}");
        }
        self.node_names.insert(name, number);
        self.node_names.entry(unique.clone()).or_insert(1);
        unique
    }

    /// Adds a node, and tells the shape of its output.
    pub(super) fn emit(&mut self, name: &str, output: &str, op: Op, inputs: &[WireId]) -> WireId {
        let known: Option<Vec<&Both<Vec<usize>>>> = inputs.iter().map(|wire| self.shapes.get(wire)).collect();
        let inferred = known.map(|shapes| {
            let first = shapes.iter().map(|[first, _]| first.as_slice()).collect();
            let second = shapes.iter().map(|[_, second]| second.as_slice()).collect();
            probe::infer(&op, &[first, second]).map_err(|why| format!("{why} (inputs {})", readable(&shapes)))
        });
        let operator = op.name().to_owned();
        let wire = self.graph.node_with_output(name, output, op, inputs);
        match inferred {
            Some(Ok(shape)) => {
                self.shapes.insert(wire, shape);
            }
            Some(Err(reason)) => {
                // With numbers for the free lengths it may fit.
                self.dynamic = true;
                self.diagnostics.push(Diagnostic {
                    kind: DiagnosticKind::Shapes,
                    name: name.to_owned(),
                    operator,
                    domain: String::new(),
                    reason,
                });
            }
            None => {}
        }
        wire
    }

    /// Gives the last wire, which has no name of its own yet, that of a value.
    pub(super) fn rename(&mut self, wire: WireId, name: &str) {
        self.graph.rename(wire, name);
    }

    /// Adds a value that only this reader knows of.
    pub(super) fn parameter(&mut self, name: &str, tensor: Tensor) -> WireId {
        let shape = tensor.shape().to_vec();
        let wire = self.graph.parameter(name, tensor);
        self.shapes.insert(wire, [shape.clone(), shape]);
        wire
    }

    /// The wire of a value to compute with: as [`Importer::wire`], but integers of a constant become floats.
    pub(super) fn float_wire(&mut self, name: &str) -> Result<Option<WireId>, Fault> {
        let Some(Value::Constant(constant)) = self.values.get(name) else { return Ok(self.wire(name)?) };
        if constant.tensor.dtype() == DType::F32 {
            return Ok(self.wire(name)?);
        }
        if let Some(&wire) = self.floats.get(&constant.name) {
            return Ok(Some(wire));
        }
        let Constant { name, tensor } = constant.clone();
        let floats = element::to_f32(&tensor)
            .map_err(|value| Fault::Unsupported(format!("`{name}` has {value}, which no float32 is")))?;
        let wire = self.parameter(&name, floats);
        self.floats.insert(name, wire);
        Ok(Some(wire))
    }

    /// The wire of a value. Constants become parameters; integers that follow from shapes are left to the opaque
    /// node that has computed them.
    pub(super) fn wire(&mut self, name: &str) -> Result<Option<WireId>, ReadError> {
        // A stack of names instead of a recursion, whose depth a file could choose.
        let mut open = vec![name.to_owned()];
        while let Some(top) = open.last().cloned() {
            match self.values.get(&top) {
                Some(Value::Varying(varying)) if !self.made.contains_key(&varying.name) => {
                    let (name, origin) = (varying.name.clone(), varying.origin);
                    let before = open.len();
                    open.extend(self.unmade_inputs(origin));
                    if open.len() == before {
                        let wires = self.opaque(origin, "it computes a shape that such an operator uses")?;
                        let made = wires.into_iter().find(|(output, _)| *output == name);
                        self.made.extend(made);
                        open.pop();
                    }
                }
                _ => {
                    open.pop();
                }
            }
        }
        Ok(match self.values.get(name) {
            None => None,
            Some(Value::Wire(wire)) => Some(*wire),
            Some(Value::Varying(varying)) => self.made.get(&varying.name).copied(),
            Some(Value::Constant(constant)) => Some(match self.made.get(&constant.name) {
                Some(wire) => *wire,
                None => {
                    let Constant { name, tensor } = constant.clone();
                    let wire = self.parameter(&name, tensor);
                    self.made.insert(name, wire);
                    wire
                }
            }),
        })
    }

    /// The inputs of node `i` that follow from shapes and have no wire yet.
    fn unmade_inputs(&self, i: usize) -> Vec<String> {
        let inputs = self.proto.node.get(i).map(|node| node.input.as_slice()).unwrap_or_default();
        let unmade = |name: &&String| match self.values.get(*name) {
            Some(Value::Varying(varying)) => !self.made.contains_key(&varying.name),
            _ => false,
        };
        inputs.iter().filter(unmade).cloned().collect()
    }

    /// Adds node `i` as it is, with a reason why it cannot be run, and gives the wires of its outputs. A node has one
    /// output here, so there is one for each output that is used.
    pub(super) fn opaque(&mut self, i: usize, reason: &str) -> Result<Vec<(String, WireId)>, ReadError> {
        let proto = self.proto;
        let Some(node) = proto.node.get(i) else { return Ok(Vec::new()) };
        let name = order::name_of(proto, i);
        self.diagnostics.push(Diagnostic {
            kind: DiagnosticKind::Unsupported,
            name: name.clone(),
            operator: node.op_type().to_owned(),
            domain: node.domain().to_owned(),
            reason: reason.to_owned(),
        });
        let mut inputs = Vec::new();
        for input in node.input.iter().filter(|input| !input.is_empty()) {
            inputs.extend(self.wire(input)?);
        }
        let mut wires = Vec::new();
        for output in node.output.iter().filter(|output| !output.is_empty()) {
            if self.is_used(output) {
                let wire = self.emit_opaque(&name, output, node, &inputs);
                wires.push((output.clone(), wire));
            }
            // The node is stored once in the file, but for each output here.
            if wires.len() > 1 {
                let again = self.fill(node.encoded_len() as u64);
                again.map_err(|problem| Place::Node(name.clone()).error(problem))?;
            }
        }
        Ok(wires)
    }

    /// Adds an opaque node for one output of `node`.
    pub(super) fn emit_opaque(
        &mut self,
        name: &str,
        output: &str,
        node: &NodeProto,
        inputs: &[WireId],
    ) -> WireId {
        let encoded = node.to_bytes();
        let op = Opaque { domain: node.domain().to_owned(), name: node.op_type().to_owned(), encoded };
        let wire = self.graph.node_with_output(name, output, Op::Opaque(op), inputs);
        if let Some(dims) = self.declared.get(output) {
            self.shapes.insert(wire, self.probes.shape(dims));
        }
        wire
    }
}

fn readable(shapes: &[&Both<Vec<usize>>]) -> String {
    let first: Vec<String> = shapes.iter().map(|[first, _]| format!("{first:?}")).collect();
    first.join(", ")
}
