//! Bytes to models and data, and back: ONNX, npy, npz, safetensors, GGUF.
//!
//! Everything here takes a slice of bytes and gives values, or takes values and gives bytes. It opens no file and
//! trusts no byte: what is truncated, contradictory or absurd is a [`ReadError`] with a place, and memory grows with
//! what a file holds, never with what it claims ([`Limits`]). It runs nothing, and knows of no number format beyond
//! how its elements lie in memory.
//!
//! Start reading at [`onnx`] for models, at [`checkpoint`] for tensors that are one with their configuration, at [`tensors`] for files of weights, at [`dataset`] for labelled data, at [`sniff`] for "what is this file?".

#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

pub mod checkpoint;
pub mod compressed;
pub mod dataset;
pub mod error;
pub mod gguf;
pub mod limits;
pub mod npy;
pub mod npz;
pub mod onnx;
mod pieces;
pub mod safetensors;
pub mod sniff;
pub mod stored;
pub mod tensors;

pub use dataset::Dataset;
pub use error::{Place, Problem, ReadError, WriteError};
pub use fewbit_numeric::float16;
pub use limits::Limits;
pub use npy::{Array, Values};
pub use sniff::Kind;
pub use stored::Stored;
pub use tensors::{TensorEntry, TensorFile};
