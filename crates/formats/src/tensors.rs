//! Files of named tensors, whatever their format: what is in them, and rows of values one piece at a time.
//!
//! Opening reads the header alone, so that a file may be larger than memory.

use std::io::{Read, Seek};

use fewbit_numeric::ggml::BlockType;

use crate::error::{Place, Problem, ReadError};
use crate::limits::Limits;
use crate::pieces::Pieces;
use crate::stored::Stored;
use crate::{gguf, onnx, safetensors};

/// A file of named tensors.
pub struct TensorFile<R> {
    pieces: Pieces<R>,
    /// GGUF, safetensors or ONNX.
    pub kind: crate::Kind,
    /// The tensors; of GGUF and ONNX in the file's order, of safetensors by name.
    pub tensors: Vec<TensorEntry>,
    /// What the file says of itself.
    pub metadata: Metadata,
}

/// What a file says of itself.
#[derive(Clone, Debug, PartialEq)]
pub enum Metadata {
    /// GGUF's names and values, in order.
    Gguf(Vec<(String, gguf::Value)>),
    /// The texts of safetensors and of ONNX.
    Texts(std::collections::BTreeMap<String, String>),
}

/// A tensor of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorEntry {
    /// Its name.
    pub name: String,
    /// The length of each axis, the outermost first.
    pub shape: Vec<u64>,
    /// The name of its element type.
    pub element: String,
    /// How its values lie in bytes; none for a type whose values are not read.
    pub blocks: Option<Stored>,
    /// How many bytes it has.
    pub bytes: u64,
    offset: u64,
}

impl TensorEntry {
    pub(crate) fn at(
        name: String,
        shape: Vec<u64>,
        element: String,
        blocks: Option<Stored>,
        bytes: u64,
        offset: u64,
    ) -> Self {
        Self { name, shape, element, blocks, bytes, offset }
    }

    /// The number of values.
    pub fn len(&self) -> u64 {
        self.shape.iter().product()
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its type of ggml's, if it has one.
    pub fn ggml(&self) -> Option<BlockType> {
        match self.blocks {
            Some(Stored::Ggml(kind)) => Some(kind),
            _ => None,
        }
    }

    /// The number of rows along the innermost axis.
    pub fn rows(&self) -> u64 {
        self.shape.split_last().map_or(1, |(_, outer)| outer.iter().product())
    }

    /// The values of a row.
    pub fn row_len(&self) -> u64 {
        self.shape.last().copied().unwrap_or(1)
    }
}

impl<R: Read + Seek> TensorFile<R> {
    /// Opens a file: reads its header.
    ///
    /// # Errors
    /// [`ReadError`] if it is neither GGUF nor safetensors, or damaged.
    pub fn open(reader: R, limits: &Limits) -> Result<Self, ReadError> {
        let mut pieces = Pieces::new(reader)?;
        let front = pieces.read(0, pieces.len().min(9))?;
        match crate::Kind::of(&front, "") {
            crate::Kind::Gguf => Self::gguf(pieces, limits),
            crate::Kind::Safetensors => Self::safetensors(pieces, limits),
            _ => Err(Place::Byte(0).error(Problem::Foreign("a GGUF or safetensors file"))),
        }
    }

    /// Opens an ONNX model as a file of its initializers: the rest of it is passed over.
    ///
    /// # Errors
    /// [`ReadError`] if it is no ONNX model, or damaged.
    pub fn of_model(reader: R, limits: &Limits) -> Result<Self, ReadError> {
        let mut pieces = Pieces::new(reader)?;
        let (tensors, texts) = onnx::weights::of(&mut pieces, limits)?;
        Ok(Self { pieces, kind: crate::Kind::Onnx, tensors, metadata: Metadata::Texts(texts) })
    }

    fn gguf(mut pieces: Pieces<R>, limits: &Limits) -> Result<Self, ReadError> {
        let header = gguf::Header::of(&mut pieces, limits)?;
        let entry = |tensor: gguf::TensorInfo| TensorEntry {
            name: tensor.name,
            shape: tensor.shape,
            element: tensor.kind.to_string(),
            blocks: Some(Stored::Ggml(tensor.kind)),
            bytes: tensor.bytes,
            offset: tensor.offset,
        };
        let tensors = header.tensors.into_iter().map(entry).collect();
        Ok(Self { pieces, kind: crate::Kind::Gguf, tensors, metadata: Metadata::Gguf(header.metadata) })
    }

    fn safetensors(mut pieces: Pieces<R>, limits: &Limits) -> Result<Self, ReadError> {
        let length = pieces.read(0, safetensors::LENGTH_BYTES as u64)?;
        let length = u64::from_le_bytes(length.first_chunk().copied().unwrap_or_default());
        if length > limits.header_bytes {
            let limit = limits.header_bytes;
            return Err(Place::Byte(0).error(Problem::TooLarge {
                what: "bytes of header",
                found: length,
                limit,
            }));
        }
        let start = safetensors::LENGTH_BYTES as u64 + length;
        let header = safetensors::read_header(&pieces.read(0, start)?)?;
        let mut tensors = Vec::new();
        for (name, info) in header.tensors {
            let (first, last) = info.data_offsets;
            let found = pieces.len().saturating_sub(start);
            if found < last {
                return Err(Place::Tensor(name).error(Problem::Truncated { needed: last, found }));
            }
            tensors.push(TensorEntry {
                name,
                shape: info.shape,
                element: format!("{:?}", info.dtype),
                blocks: safetensors::blocks(info.dtype),
                bytes: last - first,
                offset: start + first,
            });
        }
        Ok(Self {
            pieces,
            kind: crate::Kind::Safetensors,
            tensors,
            metadata: Metadata::Texts(header.metadata),
        })
    }

    /// The bytes of rows `first..last` of a tensor, along its innermost axis.
    ///
    /// # Errors
    /// [`ReadError`] if there are no such rows, or they cannot be read.
    pub fn bytes(&mut self, tensor: &TensorEntry, first: u64, last: u64) -> Result<Vec<u8>, ReadError> {
        let rows = tensor.rows();
        if first > last || last > rows {
            return Err(Place::Tensor(tensor.name.clone()).error(Problem::Field {
                what: "rows".to_owned(),
                found: format!("{first} to {last}"),
                needed: format!("among {rows}"),
            }));
        }
        let row = tensor.bytes.checked_div(rows).unwrap_or(0);
        self.pieces.read(tensor.offset.saturating_add(first * row), (last - first) * row)
    }

    /// The values of rows `first..last` of a tensor.
    ///
    /// # Errors
    /// [`ReadError`] as for [`bytes`](Self::bytes), and for an element type whose values are not read.
    pub fn values(&mut self, tensor: &TensorEntry, first: u64, last: u64) -> Result<Vec<f32>, ReadError> {
        let place = || Place::Tensor(tensor.name.clone());
        let blocks = values_of(tensor)?;
        let bytes = self.bytes(tensor, first, last)?;
        blocks.values(&bytes).map_err(|why| place().error(Problem::Syntax(why.to_string())))
    }

    /// Values `first..last` of a tensor in row-major order, both at the ends of blocks: a piece of a row that is too long
    /// for memory.
    ///
    /// # Errors
    /// [`ReadError`] if there are no such values, they part a block, or they cannot be read.
    pub fn span(&mut self, tensor: &TensorEntry, first: u64, last: u64) -> Result<Vec<f32>, ReadError> {
        let place = || Place::Tensor(tensor.name.clone());
        let blocks = values_of(tensor)?;
        let at = |value: u64| blocks.bytes_of(value).filter(|&byte| byte <= tensor.bytes);
        let (Some(from), Some(to)) = (at(first), at(last).filter(|_| first <= last)) else {
            return Err(place().error(Problem::Field {
                what: "values".to_owned(),
                found: format!("{first} to {last}"),
                needed: format!("among {}, whole blocks of {}", tensor.len(), blocks.block_len()),
            }));
        };
        let bytes = self.pieces.read(tensor.offset.saturating_add(from), to - from)?;
        blocks.values(&bytes).map_err(|why| place().error(Problem::Syntax(why.to_string())))
    }
}

/// How the values of a tensor lie in bytes.
fn values_of(tensor: &TensorEntry) -> Result<Stored, ReadError> {
    tensor.blocks.ok_or_else(|| {
        let readable = "floats, integers, truth values, or blocks of ggml's";
        let problem = Problem::ElementType { found: tensor.element.clone(), readable };
        Place::Tensor(tensor.name.clone()).error(problem)
    })
}
