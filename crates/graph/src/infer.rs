//! Facts: the type and shape of every wire, once the symbols of the inputs are bound.

use std::collections::BTreeMap;

use crate::graph::{Graph, WireId};
use crate::tensor::Fact;

/// Numbers for the symbols in the shapes of a graph's inputs.
pub type Bindings = BTreeMap<String, usize>;

/// The fact of each wire, by [`WireId`].
#[derive(Clone, Debug, PartialEq)]
pub struct Facts(Vec<Fact>);

impl Facts {
    /// The fact of a wire of the graph that this was inferred for.
    pub fn of(&self, wire: WireId) -> &Fact {
        &self.0[wire.0 as usize]
    }
}

/// Why shapes do not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InferError {
    /// A symbol has no number.
    #[error("the length `{0}` of an input is not bound")]
    Unbound(String),
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
/// # Errors
/// [`InferError`] with the first node that does not fit.
pub fn infer(graph: &Graph, bindings: &Bindings) -> Result<Facts, InferError> {
    let _ = (graph, bindings);
    Err(InferError::Unbound(String::new()))
}
