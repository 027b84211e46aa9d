//! The model as data: tensors, operators, facts, rewrites.
//!
//! Everything Fewbit does is a [`Graph`]: a model, the same model with quantizers on its wires, a calibration run
//! with observers on them, the comparison of two runs. This crate says what a graph *is* and how it is rewritten;
//! it never runs one (see `fewbit-runtime`), and it knows no file format. Start reading at [`graph`] and [`op`].

pub mod attributes;
pub mod cost;
pub mod dump;
pub mod grad;
pub mod graph;
mod identity;
pub mod infer;
pub mod loss;
pub mod model;
mod names;
pub mod op;
pub mod optimize;
pub mod passes;
pub mod patch;
mod shaped;
pub mod tensor;

pub use cost::Cost;
pub use grad::{GradError, gradients};
pub use graph::{Assignment, Graph, GraphError, Node, NodeId, Source, Wire, WireId};
pub use infer::{Bindings, Facts, InferError, infer};
pub use model::{Layer, Model, ModelId, layers};
pub use op::Op;
pub use passes::Pass;
pub use patch::{Patch, Patched};
pub use tensor::{DType, Dim, Fact, Tensor, TensorError};
