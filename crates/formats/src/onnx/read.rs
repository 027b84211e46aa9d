//! Reading a model.

use std::collections::{BTreeMap, BTreeSet};

use fewbit_graph::op::Reshape;
use fewbit_graph::{Dim, Graph, Model, Op, Tensor, WireId};

use crate::error::{Place, Problem, ReadError};
use crate::limits::Limits;
use crate::onnx::attributes::Attributes;
use crate::onnx::call::{Call, Fault};
use crate::onnx::element::{self, Element};
use crate::onnx::importer::{Importer, Value};
use crate::onnx::lengths::Lengths;
use crate::onnx::proto::{
    AttributeProto, DimensionValue, GraphProto, ModelProto, NodeProto, TensorProto, TypeValue,
    ValueInfoProto, attribute_type, data_type,
};
use crate::onnx::{Diagnostic, DiagnosticKind, OPSETS, fold, inline, ops, order, scan, tensor};

/// What a reader may be told about a model beside its bytes.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    /// Inputs that are to be constants: their values by name.
    pub known: BTreeMap<String, Tensor>,
    /// Lengths of the inputs that are to be numbers: by the names that [`read`] gives them.
    pub dims: BTreeMap<String, usize>,
    /// Shapes of inputs, by the inputs' names: their lengths are to be numbers.
    pub shapes: BTreeMap<String, Vec<usize>>,
    /// Whether only lengths of first axes, where the batch is, may stay free. Others that nothing is told of are taken as something
    /// sensible, and a diagnostic says so.
    pub fixed: bool,
}

/// A model as it was read.
#[derive(Clone, Debug)]
pub struct Import {
    /// The model.
    pub model: Model,
    /// What there is to say of it.
    pub diagnostics: Vec<Diagnostic>,
    /// The declared element types of its inputs and outputs, by name. Those that are not known are float.
    pub elements: BTreeMap<String, Element>,
    /// The lengths that the file leaves free, by name, and what they are here; none where they are free still.
    pub lengths: BTreeMap<String, Option<usize>>,
}

/// Reads an ONNX model.
///
/// Initializers keep their names, and so do the outputs of nodes. Symbolic lengths keep theirs; a length without a
/// name is called `N` on the first axis, where the batch is, and else after its input and axis.
///
/// # Errors
/// [`ReadError`] with a place if the file is no model, contradicts itself, or is larger than `limits`.
pub fn read(bytes: &[u8], limits: &Limits) -> Result<(Model, Vec<Diagnostic>), ReadError> {
    let import = read_with(bytes, limits, &ReadOptions::default())?;
    Ok((import.model, import.diagnostics))
}

/// Reads a tensor that is stored by itself, as the ONNX project's tests have them.
///
/// # Errors
/// [`ReadError`] if the bytes are no tensor, or its elements are none of [`Element`].
pub fn read_tensor(bytes: &[u8]) -> Result<(Tensor, Element), ReadError> {
    let proto = TensorProto::from_bytes(bytes)?;
    let read = tensor::read(&proto).map_err(|problem| Place::File.error(problem))?;
    match read {
        Some(read) => Ok((read.tensor, read.element)),
        None => Err(Place::File.error(Problem::ElementType {
            found: data_type::name(proto.data_type()),
            readable: "a number or a bool",
        })),
    }
}

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<ModelProto, ReadError> {
    let found = bytes.len() as u64;
    if found > limits.file_bytes {
        let limit = limits.file_bytes;
        return Err(Place::File.error(Problem::TooLarge { what: "bytes", found, limit }));
    }
    scan::scan(bytes, limits)?;
    ModelProto::from_bytes(bytes)
}

/// Reads an ONNX model as [`read`] does, with what `options` tell.
///
/// Lengths that stay free do so as far as the model can be written down with them. Where it cannot, as where a value is
/// computed from the length of a sequence, lengths become numbers, the batch last, and a diagnostic names them:
/// `options` can say other ones.
///
/// # Errors
/// [`ReadError`] as for [`read`], and for a length in `options` that the model does not leave free.
pub fn read_with(bytes: &[u8], limits: &Limits, options: &ReadOptions) -> Result<Import, ReadError> {
    let mut model = decode(bytes, limits)?;
    // A file that was cut off between two fields lacks those that would follow.
    let end = Place::End(bytes.len() as u64);
    let Some(mut graph) = model.graph.take() else {
        let problem = Problem::Missing { what: "the field", name: "graph".to_owned(), found: Vec::new() };
        return Err(end.error(problem));
    };
    if graph.output.is_empty() {
        let problem =
            Problem::Missing { what: "the field", name: "graph.output".to_owned(), found: Vec::new() };
        return Err(Place::File.error(problem));
    }
    let opset = opset(&model, end)?;
    inline::functions(&mut graph, &model.functions, limits)?;
    let mut file = File { opset, metadata: metadata(&model, &graph, opset), graph, initial: Vec::new() };
    let mut lengths = Lengths::of(&file.graph, options)?;
    // The attempt with the fewest problems, the first of them: lengths are only fixed where that helps.
    let mut best: Option<Outcome> = None;
    loop {
        file.initialize()?;
        let attempt = match file.attempt(limits, options, &lengths.bound) {
            Err(error) if best.is_none() => return Err(error),
            Err(_) => break,
            Ok(importer) => Attempt::of(importer, &lengths),
        };
        if !attempt.branches.is_empty() {
            inline::branches(&mut file.graph, &attempt.branches, limits)?;
            let found = file.graph.node.len() as u64;
            if found > limits.nodes {
                let problem = Problem::TooLarge { what: "nodes within branches", found, limit: limits.nodes };
                return Err(Place::File.error(problem));
            }
            continue;
        }
        if best.as_ref().is_none_or(|best| attempt.outcome.problems < best.problems) {
            best = Some(attempt.outcome);
        }
        if !attempt.dynamic || !lengths.take_more() {
            break;
        }
    }
    let Outcome { graph, diagnostics, mut elements, lengths, .. } = best.unwrap_or_default();
    let pruned = graph.pruned().map_err(|why| Place::File.error(Problem::Syntax(why.to_string())))?;
    let wires = pruned.graph.inputs.iter().chain(&pruned.graph.outputs);
    let face: BTreeSet<&str> = wires.map(|&wire| pruned.graph.wire(wire).name.as_str()).collect();
    elements.retain(|name, _| face.contains(name.as_str()));
    Ok(Import {
        model: Model { graph: pruned.graph, metadata: file.metadata },
        diagnostics,
        elements,
        lengths,
    })
}

/// What one reading of the graph has given, and what it has told for the next.
struct Attempt {
    outcome: Outcome,
    branches: Vec<(usize, bool)>,
    /// Whether a free length is in the way.
    dynamic: bool,
}

#[derive(Default)]
struct Outcome {
    graph: Graph,
    diagnostics: Vec<Diagnostic>,
    elements: BTreeMap<String, Element>,
    lengths: BTreeMap<String, Option<usize>>,
    /// How many of the diagnostics say that something cannot run.
    problems: usize,
}

impl Attempt {
    fn of(importer: Importer<'_>, lengths: &Lengths) -> Self {
        let Importer { graph, mut diagnostics, elements, branches, dynamic, .. } = importer;
        let problems = diagnostics.iter().filter(|said| said.kind != DiagnosticKind::Converted).count();
        diagnostics.extend_from_slice(&lengths.said);
        let outcome = Outcome { graph, diagnostics, elements, lengths: lengths.told(), problems };
        Self { outcome, branches, dynamic: dynamic && problems > 0 }
    }
}

/// A model's graph, with its initializers apart, so that it can be read several times.
struct File {
    opset: i64,
    metadata: BTreeMap<String, String>,
    graph: GraphProto,
    initial: Vec<(String, Initial)>,
}

/// An initializer.
enum Initial {
    Tensor(tensor::Read),
    /// With elements that are not read, or stored sparsely, and the reason.
    Opaque(Box<AttributeProto>, String),
}

impl File {
    /// Reads the initializers that are new. Their names stay in the graph, their values do not.
    fn initialize(&mut self) -> Result<(), ReadError> {
        let done: BTreeSet<&str> = self.initial.iter().map(|(name, _)| name.as_str()).collect();
        let mut read = Vec::new();
        for proto in &mut self.graph.initializer {
            let name = proto.name().to_owned();
            if done.contains(name.as_str()) {
                continue;
            }
            let tensor = tensor::read(proto).map_err(|problem| Place::Tensor(name.clone()).error(problem))?;
            let taken =
                std::mem::replace(proto, TensorProto { name: Some(name.clone()), ..Default::default() });
            read.push((
                name,
                match tensor {
                    Some(tensor) => Initial::Tensor(tensor),
                    None => {
                        let reason =
                            format!("elements of type {} are not read", data_type::name(taken.data_type()));
                        let t = Some(Box::new(taken));
                        let value = AttributeProto { t, ..attribute("value", attribute_type::TENSOR) };
                        Initial::Opaque(Box::new(value), reason)
                    }
                },
            ));
        }
        for sparse in std::mem::take(&mut self.graph.sparse_initializer) {
            let name = sparse.values.as_ref().map(|values| values.name()).unwrap_or_default().to_owned();
            let sparse_tensor = Some(Box::new(sparse));
            let value =
                AttributeProto { sparse_tensor, ..attribute("sparse_value", attribute_type::SPARSE_TENSOR) };
            self.graph.initializer.push(TensorProto { name: Some(name.clone()), ..Default::default() });
            read.push((name, Initial::Opaque(Box::new(value), "sparse tensors are not read".to_owned())));
        }
        self.initial.append(&mut read);
        Ok(())
    }

    /// Reads the graph, with these lengths for its symbols.
    fn attempt(
        &self,
        limits: &Limits,
        options: &ReadOptions,
        dims: &BTreeMap<String, usize>,
    ) -> Result<Importer<'_>, ReadError> {
        let graph = &self.graph;
        let order = order::order(graph)?;
        let mut importer = Importer::new(graph, declared(graph, dims), limits);
        if self.opset > *OPSETS.end() {
            let reason =
                format!("operator set {} is read as {}, the newest that is known", self.opset, OPSETS.end());
            importer.diagnostics.push(converted("opset_import", reason));
        }
        for (name, initial) in &self.initial {
            match initial {
                Initial::Tensor(read) => {
                    importer.diagnostics.extend(read.conversion().map(|said| converted(name, said)));
                    importer.bind_constant(name, read.tensor.clone(), read.element);
                }
                Initial::Opaque(value, reason) => {
                    opaque_constant(&mut importer, name.clone(), value.as_ref().clone(), reason.clone());
                }
            }
        }
        let initialized: BTreeSet<&str> = self.initial.iter().map(|(name, _)| name.as_str()).collect();
        for input in graph.input.iter().filter(|input| !initialized.contains(input.name())) {
            add_input(&mut importer, input, options, dims)?;
        }
        for index in order {
            add_node(&mut importer, index, self.opset)?;
        }
        let mut outputs = Vec::new();
        for output in &graph.output {
            let wire = output_wire(&mut importer, output.name(), &outputs)?;
            outputs.push(wire);
        }
        importer.graph.outputs = outputs;
        Ok(importer)
    }
}

fn attribute(name: &str, r#type: i32) -> AttributeProto {
    AttributeProto { name: Some(name.to_owned()), r#type: Some(r#type), ..Default::default() }
}

/// The operator set of ONNX's own operators.
fn opset(model: &ModelProto, end: Place) -> Result<i64, ReadError> {
    let own = model.opset_import.iter().find(|set| is_own(set.domain()));
    let version = own.map(|set| set.version());
    match version {
        Some(version) if version >= 1 => Ok(version),
        // A model of nothing but other domains' operators has no set of ONNX's own.
        None if !model.opset_import.is_empty() => Ok(*OPSETS.end()),
        _ => Err(version.map_or(end, |_| Place::File).error(Problem::Field {
            what: "the ONNX operator set".to_owned(),
            found: version.map_or_else(|| "not given".to_owned(), |version| version.to_string()),
            needed: "1 or newer".to_owned(),
        })),
    }
}

fn is_own(domain: &str) -> bool {
    matches!(domain, "" | "ai.onnx")
}

fn opaque_constant(importer: &mut Importer<'_>, name: String, value: AttributeProto, reason: String) {
    if !importer.is_used(&name) {
        return;
    }
    let node = NodeProto {
        output: vec![name.clone()],
        op_type: Some("Constant".to_owned()),
        attribute: vec![value],
        ..Default::default()
    };
    let wire = importer.emit_opaque(&name, &name, &node, &[]);
    importer.bind(&name, Value::Wire(wire));
    importer.diagnostics.push(Diagnostic {
        kind: DiagnosticKind::Unsupported,
        name,
        operator: "Constant".to_owned(),
        domain: String::new(),
        reason,
    });
}

fn add_input(
    importer: &mut Importer<'_>,
    input: &ValueInfoProto,
    options: &ReadOptions,
    bound: &BTreeMap<String, usize>,
) -> Result<(), ReadError> {
    let name = input.name();
    let place = || Place::Value(name.to_owned());
    let tensor = match input.r#type.as_ref().and_then(|r#type| r#type.value.as_ref()) {
        Some(TypeValue::Tensor(tensor)) => tensor,
        other => {
            return Err(place().error(Problem::Field {
                what: "the input's type".to_owned(),
                found: if other.is_some() { "no tensor" } else { "not given" }.to_owned(),
                needed: "a tensor".to_owned(),
            }));
        }
    };
    let code = tensor.elem_type();
    let element = Element::of(code).unwrap_or(Element::F32);
    if let Some(value) = options.known.get(name) {
        importer.bind_constant(name, value.clone(), element);
        return Ok(());
    }
    let Some(shape) = dims(input, bound) else {
        let problem = Problem::Missing { what: "the input's", name: "shape".to_owned(), found: Vec::new() };
        return Err(place().error(problem));
    };
    // Whole numbers, like those of tokens, are the same as floats.
    if code != data_type::FLOAT
        && matches!(element, Element::F64 | Element::F32 | Element::F16 | Element::BF16)
    {
        let reason = format!("its {} values are given as float32", data_type::name(code));
        importer.diagnostics.push(converted(name, reason));
    }
    importer.input(name, shape.map_err(|problem| place().error(problem))?, element);
    Ok(())
}

/// The dimensions that a value is declared to have, if it is a tensor with a shape, with `bound` for its symbols.
pub(super) fn dims(
    value: &ValueInfoProto,
    bound: &BTreeMap<String, usize>,
) -> Option<Result<Vec<Dim>, Problem>> {
    let Some(TypeValue::Tensor(tensor)) = value.r#type.as_ref()?.value.as_ref() else { return None };
    let known = |n: i64, axis: usize| {
        let length = usize::try_from(n).ok().filter(|length| *length > 0);
        length.map(Dim::Known).ok_or_else(|| Problem::Field {
            what: format!("the length of axis {axis}"),
            found: n.to_string(),
            needed: "a number from 1 on that fits into memory, or a name".to_owned(),
        })
    };
    let dims = tensor.shape.as_ref()?.dim.iter().enumerate().map(|(axis, dim)| {
        let symbol = match &dim.value {
            // Paddle writes a free length as −1.
            Some(DimensionValue::DimValue(n)) if *n < -1 => return Err(Problem::NegativeLength(*n)),
            Some(DimensionValue::DimValue(n)) if *n >= 0 => return known(*n, axis),
            // Some write `?` for every free length, whether they are the same or not.
            Some(DimensionValue::DimParam(symbol)) if symbol.contains(char::is_alphanumeric) => {
                symbol.clone()
            }
            _ if axis == 0 => "N".to_owned(),
            _ => format!("{}.{axis}", value.name()),
        };
        match bound.get(&symbol) {
            Some(&length) => known(i64::try_from(length).unwrap_or(-1), axis),
            None => Ok(Dim::Symbol(symbol)),
        }
    });
    Some(dims.collect())
}

/// What the file says of its values' shapes, where that makes sense.
fn declared<'g>(graph: &'g GraphProto, bound: &BTreeMap<String, usize>) -> BTreeMap<&'g str, Vec<Dim>> {
    let values = graph.value_info.iter().chain(&graph.output);
    values.filter_map(|value| Some((value.name(), dims(value, bound)?.ok()?))).collect()
}

fn add_node(importer: &mut Importer<'_>, index: usize, opset: i64) -> Result<(), ReadError> {
    let proto = importer.proto;
    let Some(node) = proto.node.get(index) else { return Ok(()) };
    let place = order::place_of(proto, index);
    let refuse = |importer: &mut Importer<'_>, reason: &str| {
        for (output, wire) in importer.opaque(index, reason)? {
            importer.bind(&output, Value::Wire(wire));
        }
        Ok(())
    };
    let domain = if is_own(node.domain()) { "" } else { node.domain() };
    if !matches!(domain, "" | ops::MICROSOFT) {
        return refuse(importer, &format!("operators of the domain `{domain}` are not known"));
    }
    let attributes = Attributes::of(node).map_err(|problem| place.clone().error(problem))?;
    if attributes.refers_to_function() {
        return refuse(importer, "an attribute refers to one of a function");
    }
    let elements: Vec<_> = node.input.iter().map(|name| importer.element(name)).collect();
    for (name, element) in node.output.iter().zip(element::outputs(node, &attributes, &elements)) {
        importer.declare(name, element);
    }
    if domain.is_empty() {
        match fold::fold(importer, index, &attributes, opset) {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(problem) => return Err(place.error(problem)),
        }
    }
    let operator = match ops::find(domain, node.op_type(), opset) {
        Ok(operator) => operator,
        Err(reason) => return refuse(importer, &reason),
    };
    let name = importer.node_name(index);
    let mut call = Call { importer, node, index, name, attributes, opset };
    match operator.build.run(&mut call) {
        Ok(()) => Ok(()),
        Err(Fault::Malformed(problem)) => Err(call.place().error(problem)),
        Err(Fault::Read(error)) => Err(error),
        Err(Fault::Unsupported(reason)) => refuse(call.importer, &reason),
        Err(Fault::Dynamic(reason)) => {
            call.importer.dynamic = true;
            refuse(call.importer, &reason)
        }
    }
}

/// The wire of an output, of that name. A value that has a name or a part of its own already gets a node that does
/// nothing, so that every output can be found by its name.
fn output_wire(importer: &mut Importer<'_>, name: &str, taken: &[WireId]) -> Result<WireId, ReadError> {
    let missing = || Problem::Missing { what: "the output", name: name.to_owned(), found: Vec::new() };
    let wire = match importer.float_wire(name) {
        Ok(wire) => wire,
        Err(Fault::Read(error)) => return Err(error),
        Err(_) => importer.wire(name)?,
    };
    let wire = wire.ok_or_else(|| Place::File.error(missing()))?;
    let computed = importer.graph.producer(wire).is_some();
    if computed && importer.graph.wire(wire).name == name && !taken.contains(&wire) {
        return Ok(wire);
    }
    let same = Op::Reshape(Reshape::Unsqueeze { axes: Vec::new() });
    Ok(importer.emit(name, name, same, &[wire]))
}

pub(super) fn converted(name: &str, reason: String) -> Diagnostic {
    let kind = DiagnosticKind::Converted;
    Diagnostic { kind, name: name.to_owned(), operator: String::new(), domain: String::new(), reason }
}

/// What the file says of itself: the fields of the model by their ONNX names, and its own properties. Operator sets of other
/// domains than ONNX's own are named after them: `opset.com.microsoft`.
fn metadata(model: &ModelProto, graph: &GraphProto, opset: i64) -> BTreeMap<String, String> {
    let mut metadata = BTreeMap::new();
    for property in &model.metadata_props {
        metadata.insert(property.key().to_owned(), property.value().to_owned());
    }
    let fields = [
        ("producer_name", model.producer_name().to_owned()),
        ("producer_version", model.producer_version().to_owned()),
        ("domain", model.domain().to_owned()),
        ("doc_string", model.doc_string().to_owned()),
        ("graph", graph.name().to_owned()),
        ("opset", opset.to_string()),
        ("ir_version", model.ir_version.map(|version| version.to_string()).unwrap_or_default()),
        ("model_version", model.model_version.map(|version| version.to_string()).unwrap_or_default()),
    ];
    let others = model.opset_import.iter().filter(|set| !is_own(set.domain()));
    let others = others.map(|set| (format!("opset.{}", set.domain()), set.version().to_string()));
    let fields = fields.into_iter().map(|(key, text)| (key.to_owned(), text)).chain(others);
    for (key, text) in fields {
        if !text.is_empty() {
            metadata.entry(key).or_insert(text);
        }
    }
    metadata
}
