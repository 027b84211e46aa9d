//! Facts: the type and shape of every wire, once the symbols of the inputs are bound.

mod geometry;
mod indexed;
mod learn;
mod recurrent;
mod shapes;

use std::collections::BTreeMap;

use crate::graph::{Assignment, Graph, Node, Source, WireId};
use crate::op::Op;
use crate::tensor::{DType, Dim, Fact};

pub use geometry::{Window, broadcast_shapes, slice_axis, window_output};
pub use shapes::output_shape;

/// Numbers for the symbols in the shapes of a graph's inputs.
pub type Bindings = BTreeMap<String, usize>;

/// The most elements that a wire may have: as f32, what one allocation of a 32-bit browser tab can hold.
pub const MAX_ELEMENTS: usize = (1 << 29) - 1;

/// The most axes that a wire may have.
pub const MAX_RANK: usize = 8;

/// The fact of each wire, by [`WireId`].
#[derive(Clone, Debug, PartialEq)]
pub struct Facts(Vec<Fact>);

impl Facts {
    /// The fact of a wire of the graph that this was inferred for.
    pub fn of(&self, wire: WireId) -> &Fact {
        &self.0[wire.0 as usize]
    }

    /// The shape of a wire of the graph that this was inferred for.
    pub fn shape(&self, wire: WireId) -> &[usize] {
        &self.of(wire).shape
    }

    /// All facts, in the order of the wires.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (WireId, &Fact)> {
        self.0.iter().enumerate().map(|(i, fact)| (WireId(i as u32), fact))
    }

    /// The number of wires.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no wire.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Why shapes do not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InferError {
    /// A symbol has no number.
    #[error("the length `{0}` of an input is not bound")]
    Unbound(String),
    /// An input that no run could be given.
    #[error("the input `{input}` {fact} {why}")]
    Input {
        /// The input's name.
        input: String,
        /// Its fact, readable.
        fact: String,
        /// What is wrong with it.
        why: String,
    },
    /// The shapes at a node do not fit its operator.
    #[error("{op} `{node}`: {why} (inputs {inputs})")]
    Shapes {
        /// The node's name.
        node: String,
        /// The operator's name.
        op: String,
        /// What does not fit.
        why: String,
        /// The facts of the inputs, readable.
        inputs: String,
    },
    /// A parameter would become another shape.
    #[error("`{value}` cannot be assigned to `{target}`: they differ ({facts})")]
    Assignment {
        /// The parameter.
        target: String,
        /// Its next value.
        value: String,
        /// Their facts, readable.
        facts: String,
    },
    /// The operator is not one of ours.
    #[error("the operator {op} of node `{node}` is not supported")]
    Unsupported {
        /// The node's name.
        node: String,
        /// The operator's name.
        op: String,
    },
}

/// Infers the facts of every wire of `graph`.
///
/// What it grants to those who run the graph: every input of a node and every output is an f32 tensor of 1 to
/// [`MAX_ELEMENTS`] elements on at most [`MAX_RANK`] axes, and every attribute is in its range. There are no empty tensors to mind.
///
/// # Errors
/// [`InferError`] with the first input or node that does not fit.
pub fn infer(graph: &Graph, bindings: &Bindings) -> Result<Facts, InferError> {
    let mut facts: Vec<Option<Fact>> = Vec::with_capacity(graph.wires().len());
    for (_, wire) in graph.wires() {
        facts.push(match &wire.source {
            Source::Input(dims) => Some(input_fact(&wire.name, dims, bindings)?),
            Source::Parameter(tensor) => Some(tensor.fact()),
            Source::Node(_) => None,
        });
    }
    for (_, node) in graph.nodes() {
        let fact = node_fact(node, &facts)?;
        if let Some(slot) = facts.get_mut(node.output.0 as usize) {
            *slot = Some(fact);
        }
    }
    for assignment in &graph.assignments {
        check_assignment(graph, &facts, *assignment)?;
    }
    // A node gives each wire that is no input and no parameter its fact, so none is left out here.
    Ok(Facts(facts.into_iter().flatten().collect()))
}

fn check_assignment(graph: &Graph, facts: &[Option<Fact>], assignment: Assignment) -> Result<(), InferError> {
    let fact = |wire: WireId| facts.get(wire.0 as usize).and_then(Option::as_ref);
    let (target, value) = (fact(assignment.target), fact(assignment.value));
    if target.is_some() && target == value {
        return Ok(());
    }
    Err(InferError::Assignment {
        target: graph.wire(assignment.target).name.clone(),
        value: graph.wire(assignment.value).name.clone(),
        facts: readable(&[target, value]),
    })
}

fn input_fact(name: &str, dims: &[Dim], bindings: &Bindings) -> Result<Fact, InferError> {
    let shape = dims
        .iter()
        .map(|dim| match dim {
            Dim::Known(n) => Ok(*n),
            Dim::Symbol(symbol) => {
                bindings.get(symbol).copied().ok_or_else(|| InferError::Unbound(symbol.clone()))
            }
        })
        .collect::<Result<Vec<_>, _>>()?;
    let fact = Fact::f32(shape);
    check_size(&fact.shape).map_err(|why| InferError::Input {
        input: name.to_owned(),
        fact: fact.to_string(),
        why,
    })?;
    Ok(fact)
}

fn node_fact(node: &Node, facts: &[Option<Fact>]) -> Result<Fact, InferError> {
    if matches!(node.op, Op::Opaque(_)) {
        return Err(InferError::Unsupported { node: node.name.clone(), op: node.op.name().to_owned() });
    }
    let inputs: Vec<Option<&Fact>> =
        node.inputs.iter().map(|wire| facts.get(wire.0 as usize).and_then(Option::as_ref)).collect();
    shape_of(node, &inputs).map(Fact::f32).map_err(|why| InferError::Shapes {
        node: node.name.clone(),
        op: node.op.name().to_owned(),
        why,
        inputs: readable(&inputs),
    })
}

fn shape_of(node: &Node, inputs: &[Option<&Fact>]) -> Result<Vec<usize>, String> {
    let mut shapes = Vec::with_capacity(inputs.len());
    for (i, fact) in inputs.iter().enumerate() {
        let fact = fact.ok_or_else(|| format!("input {i} is used before it is computed"))?;
        if fact.dtype != DType::F32 {
            return Err(format!("input {i} is {}, and operators compute with f32 alone", fact.dtype));
        }
        check_size(&fact.shape).map_err(|why| format!("input {i} {why}"))?;
        shapes.push(fact.shape.as_slice());
    }
    let shape = output_shape(&node.op, &shapes)?;
    check_size(&shape).map_err(|why| format!("the output {} {why}", Fact::f32(shape.as_slice())))?;
    Ok(shape)
}

fn check_size(shape: &[usize]) -> Result<(), String> {
    if shape.len() > MAX_RANK {
        return Err(format!("has {} axes, more than the {MAX_RANK} that a tensor may have", shape.len()));
    }
    if shape.contains(&0) {
        return Err("has no elements".to_owned());
    }
    let len = shape.iter().try_fold(1usize, |product, &n| product.checked_mul(n));
    match len {
        Some(len) if len <= MAX_ELEMENTS => Ok(()),
        _ => Err(format!("has more than the {MAX_ELEMENTS} elements that a tensor may have")),
    }
}

fn readable(inputs: &[Option<&Fact>]) -> String {
    let facts: Vec<String> =
        inputs.iter().map(|fact| fact.map_or_else(|| "?".to_owned(), ToString::to_string)).collect();
    facts.join(", ")
}
