//! GGUF: metadata and tensors of ggml's types ([format](https://github.com/ggml-org/ggml/blob/master/docs/gguf.md), versions 2
//! and 3, little-endian).
//!
//! The header has all that there is to know but the values, so that a file may be larger than memory: [`Header::read`] takes only
//! that from a reader. [`header`] makes the front of a file, after which its tensors follow in order, each filled up to
//! [`ALIGNMENT`].

mod read;
mod value;
mod write;

use fewbit_numeric::ggml::BlockType;

pub use value::Value;
pub use write::{Entry, header, padding};

/// The bytes that a tensor's place is a multiple of, unless a file says otherwise.
pub const ALIGNMENT: u64 = 32;

/// The axes of a tensor, at most.
const MAX_AXES: u32 = 8;

const MAGIC: &[u8; 4] = b"GGUF";

/// What a file says before its values.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// 2 or 3.
    pub version: u32,
    /// Names and values, in the file's order.
    pub metadata: Vec<(String, Value)>,
    /// The tensors, in the file's order.
    pub tensors: Vec<TensorInfo>,
}

/// A tensor as the header describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorInfo {
    /// Its name.
    pub name: String,
    /// The length of each axis, the outermost first (files have the innermost first).
    pub shape: Vec<u64>,
    /// How its values lie in bytes; blocks run along the innermost axis.
    pub kind: BlockType,
    /// Where its bytes begin, counted from the start of the file.
    pub offset: u64,
    /// How many they are.
    pub bytes: u64,
}

impl Header {
    /// The value of this name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.metadata.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }
}
