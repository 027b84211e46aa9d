//! Reading a model.

use std::collections::{BTreeMap, BTreeSet};

use fewbit_graph::op::Reshape;
use fewbit_graph::{Dim, Model, Op, WireId};

use crate::error::{Place, Problem, ReadError};
use crate::limits::Limits;
use crate::onnx::attributes::Attributes;
use crate::onnx::call::{Call, Fault};
use crate::onnx::importer::{Importer, Value};
use crate::onnx::proto::{
    AttributeProto, DimensionValue, GraphProto, ModelProto, NodeProto, TensorProto, TypeValue,
    ValueInfoProto, attribute_type, data_type,
};
use crate::onnx::{Diagnostic, DiagnosticKind, OPSETS, fold, ops, order, scan, tensor};

/// Reads an ONNX model.
///
/// Initializers keep their names, and so do the outputs of nodes. Symbolic lengths keep theirs; a length without a
/// name is called `N` on the first axis, where the batch is, and else after its input and axis.
///
/// # Errors
/// [`ReadError`] with a place if the file is no model, contradicts itself, or is larger than `limits`.
pub fn read(bytes: &[u8], limits: &Limits) -> Result<(Model, Vec<Diagnostic>), ReadError> {
    let found = bytes.len() as u64;
    if found > limits.file_bytes {
        let limit = limits.file_bytes;
        return Err(Place::File.error(Problem::TooLarge { what: "bytes", found, limit }));
    }
    scan::scan(bytes, limits)?;
    let mut model = ModelProto::from_bytes(bytes)?;
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
    let order = order::order(&graph)?;
    let initializers = std::mem::take(&mut graph.initializer);

    let mut importer = Importer::new(&graph, declared(&graph), limits);
    if opset > *OPSETS.end() {
        let reason = format!("operator set {opset} is read as {}, the newest that is known", OPSETS.end());
        importer.diagnostics.push(converted("opset_import", reason));
    }
    let mut initialized = BTreeSet::new();
    for initializer in initializers {
        initialized.insert(initializer.name().to_owned());
        initialize(&mut importer, initializer)?;
    }
    sparse_initializers(&mut importer, &mut initialized);
    for input in graph.input.iter().filter(|input| !initialized.contains(input.name())) {
        add_input(&mut importer, input)?;
    }
    for index in order {
        add_node(&mut importer, index, opset)?;
    }
    let mut outputs = Vec::new();
    for output in &graph.output {
        let wire = output_wire(&mut importer, output.name(), &outputs)?;
        outputs.push(wire);
    }
    let Importer { graph: mut built, diagnostics, .. } = importer;
    built.outputs = outputs;
    let pruned = built.pruned().map_err(|why| Place::File.error(Problem::Syntax(why.to_string())))?;
    Ok((Model { graph: pruned.graph, metadata: metadata(&model, &graph, opset) }, diagnostics))
}

/// The operator set of ONNX's own operators.
fn opset(model: &ModelProto, end: Place) -> Result<i64, ReadError> {
    let own = model.opset_import.iter().find(|set| is_own(set.domain()));
    let version = own.map(|set| set.version());
    match version {
        Some(version) if version >= *OPSETS.start() => Ok(version),
        // A model of nothing but other domains' operators has no set of ONNX's own.
        None if !model.opset_import.is_empty() => Ok(*OPSETS.end()),
        _ => Err(version.map_or(end, |_| Place::File).error(Problem::Field {
            what: "the ONNX operator set".to_owned(),
            found: version.map_or_else(|| "not given".to_owned(), |version| version.to_string()),
            needed: format!("{} or newer", OPSETS.start()),
        })),
    }
}

fn is_own(domain: &str) -> bool {
    matches!(domain, "" | "ai.onnx")
}

/// Adds an initializer: a constant, or an opaque Constant node for elements that are none of ours.
fn initialize(importer: &mut Importer<'_>, proto: TensorProto) -> Result<(), ReadError> {
    let name = proto.name().to_owned();
    let read = tensor::read(&proto).map_err(|problem| Place::Tensor(name.clone()).error(problem))?;
    match read {
        Some(read) => {
            if let Some(from) = read.converted {
                importer.diagnostics.push(converted(&name, format!("its {from} values are read as float32")));
            }
            importer.bind_constant(&name, read.tensor);
            Ok(())
        }
        None => {
            let reason = format!("elements of type {} are not read", data_type::name(proto.data_type()));
            let value = AttributeProto {
                name: Some("value".to_owned()),
                t: Some(Box::new(proto)),
                r#type: Some(attribute_type::TENSOR),
                ..Default::default()
            };
            opaque_constant(importer, name, value, reason);
            Ok(())
        }
    }
}

fn sparse_initializers(importer: &mut Importer<'_>, initialized: &mut BTreeSet<String>) {
    for sparse in &importer.proto.sparse_initializer {
        let name = sparse.values.as_ref().map(|values| values.name()).unwrap_or_default().to_owned();
        initialized.insert(name.clone());
        let value = AttributeProto {
            name: Some("sparse_value".to_owned()),
            sparse_tensor: Some(Box::new(sparse.clone())),
            r#type: Some(attribute_type::SPARSE_TENSOR),
            ..Default::default()
        };
        opaque_constant(importer, name, value, "sparse tensors are not read".to_owned());
    }
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

fn add_input(importer: &mut Importer<'_>, input: &ValueInfoProto) -> Result<(), ReadError> {
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
    let Some(shape) = dims(input) else {
        let problem = Problem::Missing { what: "the input's", name: "shape".to_owned(), found: Vec::new() };
        return Err(place().error(problem));
    };
    let element = tensor.elem_type();
    if element != data_type::FLOAT {
        let reason = format!("its {} values are given as float32", data_type::name(element));
        importer.diagnostics.push(converted(name, reason));
    }
    importer.input(name, shape.map_err(|problem| place().error(problem))?);
    Ok(())
}

/// The dimensions that a value is declared to have, if it is a tensor with a shape.
fn dims(value: &ValueInfoProto) -> Option<Result<Vec<Dim>, Problem>> {
    let Some(TypeValue::Tensor(tensor)) = value.r#type.as_ref()?.value.as_ref() else { return None };
    let dims = tensor.shape.as_ref()?.dim.iter().enumerate().map(|(axis, dim)| match &dim.value {
        Some(DimensionValue::DimValue(n)) => {
            if *n < 0 {
                return Err(Problem::NegativeLength(*n));
            }
            let length = usize::try_from(*n).ok().filter(|length| *length > 0);
            length.map(Dim::Known).ok_or_else(|| Problem::Field {
                what: format!("the length of axis {axis}"),
                found: n.to_string(),
                needed: "a number from 1 on that fits into memory, or a name".to_owned(),
            })
        }
        Some(DimensionValue::DimParam(symbol)) if !symbol.is_empty() => Ok(Dim::Symbol(symbol.clone())),
        _ if axis == 0 => Ok(Dim::Symbol("N".to_owned())),
        _ => Ok(Dim::Symbol(format!("{}.{axis}", value.name()))),
    });
    Some(dims.collect())
}

/// What the file says of its values' shapes, where that makes sense.
fn declared(graph: &GraphProto) -> BTreeMap<&str, Vec<Dim>> {
    let values = graph.value_info.iter().chain(&graph.output);
    values.filter_map(|value| Some((value.name(), dims(value)?.ok()?))).collect()
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
    if !is_own(node.domain()) {
        return refuse(importer, &format!("operators of the domain `{}` are not known", node.domain()));
    }
    let attributes = Attributes::of(node).map_err(|problem| place.clone().error(problem))?;
    if attributes.refers_to_function() {
        return refuse(importer, "an attribute refers to one of a function");
    }
    match fold::fold(importer, index, &attributes, opset) {
        Ok(true) => return Ok(()),
        Ok(false) => {}
        Err(problem) => return Err(place.error(problem)),
    }
    let operator = match ops::find(node.op_type(), opset) {
        Ok(operator) => operator,
        Err(reason) => return refuse(importer, &reason),
    };
    let name = importer.node_name(index);
    let mut call = Call { importer, node, index, name, attributes };
    match (operator.build)(&mut call) {
        Ok(()) => Ok(()),
        Err(Fault::Malformed(problem)) => Err(call.place().error(problem)),
        Err(Fault::Read(error)) => Err(error),
        Err(Fault::Unsupported(reason)) => refuse(call.importer, &reason),
    }
}

/// The wire of an output, of that name. A value that has a name or a part of its own already gets a node that does
/// nothing, so that every output can be found by its name.
fn output_wire(importer: &mut Importer<'_>, name: &str, taken: &[WireId]) -> Result<WireId, ReadError> {
    let missing = || Problem::Missing { what: "the output", name: name.to_owned(), found: Vec::new() };
    let wire = importer.wire(name)?.ok_or_else(|| Place::File.error(missing()))?;
    let computed = importer.graph.producer(wire).is_some();
    if computed && importer.graph.wire(wire).name == name && !taken.contains(&wire) {
        return Ok(wire);
    }
    let same = Op::Reshape(Reshape::Unsqueeze { axes: Vec::new() });
    Ok(importer.emit(name, name, same, &[wire]))
}

fn converted(name: &str, reason: String) -> Diagnostic {
    let kind = DiagnosticKind::Converted;
    Diagnostic { kind, name: name.to_owned(), operator: String::new(), domain: String::new(), reason }
}

/// What the file says of itself: the fields of the model by their ONNX names, and its own properties.
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
    for (key, text) in fields {
        if !text.is_empty() {
            metadata.entry(key.to_owned()).or_insert(text);
        }
    }
    metadata
}
