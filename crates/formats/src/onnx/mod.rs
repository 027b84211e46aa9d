//! ONNX models ([specification](https://github.com/onnx/onnx/blob/main/docs/IR.md)), operator sets 7 to 23.
//!
//! [`read`] turns a file into a [`Model`]. Attributes are resolved, integer arithmetic on shapes is worked out, and
//! what only matters when training is left away, so that the graph has nothing but tensors of floats. An operator
//! that is not in [`supported`], or is used in a way that we cannot compute, becomes [`fewbit_graph::op::Opaque`]
//! and is named by a [`Diagnostic`].
//!
//! In reading order: [`proto`] has the messages as they are stored, `scan` and `order` what is checked first,
//! `inline` writes out graphs within graphs, `lengths` has what may be free, [`element`] has the types of elements, `importer` what is known of each value, `call` what a node's builder may ask, and `ops` the operators.
//! [`write`](mod@write) is the way back. `weights` finds the initializers of a file without reading the rest.

mod attributes;
mod call;
mod census;
pub mod element;
mod external;
mod fold;
mod importer;
mod inline;
mod lengths;
mod ops;
mod order;
mod probe;
pub mod proto;
mod read;
mod scan;
mod tensor;
pub(crate) mod weights;
pub mod write;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use census::operators;
pub use element::Element;
pub use external::{embed, external_files};
pub use read::{Import, ReadOptions, read, read_tensor, read_with};

/// The operator sets that are read.
pub const OPSETS: std::ops::RangeInclusive<i64> = 7..=23;

/// An operator that is read.
#[derive(Clone, Copy)]
pub struct Operator {
    /// Its domain; empty for ONNX's own.
    pub domain: &'static str,
    /// Its name in ONNX.
    pub name: &'static str,
    /// The first operator set whose form of it this reads.
    pub since: i64,
    build: call::Build,
}

/// The operators that are read, by name and operator set. A form of an operator holds until the next one.
pub fn supported() -> &'static [Operator] {
    ops::TABLE
}

/// What a reader has to say of a model that it could read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// What kind of thing it is.
    pub kind: DiagnosticKind,
    /// The name of the node, or of the tensor or value.
    pub name: String,
    /// The name of the node's operator; empty for tensors and values.
    pub operator: String,
    /// The operator's domain; empty for ONNX's own.
    pub domain: String,
    /// What happened and why.
    pub reason: String,
}

/// The kinds of [`Diagnostic`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DiagnosticKind {
    /// A node that cannot be run: it is opaque.
    Unsupported,
    /// Something that is read as another thing than the file has: f16 as f32.
    Converted,
    /// Shapes that do not fit each other for the lengths that were tried.
    Shapes,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.operator.is_empty() {
            return write!(f, "`{}`: {}", self.name, self.reason);
        }
        let domain = if self.domain.is_empty() { String::new() } else { format!("{}.", self.domain) };
        write!(f, "{domain}{} `{}`: {}", self.operator, self.name, self.reason)
    }
}
