//! safetensors: named tensors and text about them ([format](https://huggingface.co/docs/safetensors)).
//!
//! Eight bytes with the length of a JSON header, the header, the values. Element types are those of the format's own crate. Headers
//! are read here, because the crate counts bytes in `usize`, of which a page has 32 bits; and written here: the same tensors
//! give the same bytes, entries in the order of their names, which the crate does not promise for metadata.

use std::collections::BTreeMap;

use fewbit_numeric::ggml::BlockType;
use serde::{Deserialize, Serialize};

pub use ::safetensors::Dtype;
use ::safetensors::SafeTensors;

use crate::error::{Place, Problem, ReadError, WriteError};
use crate::stored::{Plain, Stored};

/// The length of the header is at the front, in this many bytes.
pub(crate) const LENGTH_BYTES: usize = 8;

/// A tensor to write.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Its name, unique in the file.
    pub name: &'a str,
    /// The element type; packed codes are [`Dtype::U8`].
    pub dtype: Dtype,
    /// The length of each axis.
    pub shape: &'a [usize],
    /// The values, row-major, little-endian.
    pub bytes: &'a [u8],
}

/// A tensor as a file's header describes it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct TensorInfo {
    /// The element type.
    pub dtype: Dtype,
    /// The length of each axis.
    pub shape: Vec<u64>,
    /// Where its values begin and end, counted from the end of the header.
    pub data_offsets: (u64, u64),
}

/// The header of a file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Header {
    /// The tensors by name.
    #[serde(flatten)]
    pub tensors: BTreeMap<String, TensorInfo>,
    /// What the file says of itself.
    #[serde(default, rename = "__metadata__")]
    pub metadata: BTreeMap<String, String>,
}

#[derive(Serialize)]
struct Described<'a> {
    dtype: Dtype,
    shape: &'a [usize],
    data_offsets: (usize, usize),
}

/// A tensor whose values are written elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Its name, unique in the file.
    pub name: String,
    /// The element type.
    pub dtype: Dtype,
    /// The length of each axis.
    pub shape: Vec<usize>,
}

/// The front of a file, after which the values follow in this order without gaps.
///
/// # Errors
/// [`WriteError`] if a name is given twice, or a tensor has more bytes than can be counted.
pub fn header(tensors: &[Planned], metadata: &BTreeMap<String, String>) -> Result<Vec<u8>, WriteError> {
    let mut described = BTreeMap::new();
    let mut offset = 0usize;
    for tensor in tensors {
        let bytes = length_of(tensor.dtype, &tensor.shape).and_then(|bytes| offset.checked_add(bytes));
        let end = bytes.ok_or_else(|| WriteError::Store {
            name: tensor.name.clone(),
            why: "it has more bytes than can be counted".to_owned(),
        })?;
        let about = Described { dtype: tensor.dtype, shape: &tensor.shape, data_offsets: (offset, end) };
        offset = end;
        if tensor.name == "__metadata__" || described.insert(tensor.name.as_str(), about).is_some() {
            return Err(WriteError::Duplicate(tensor.name.clone()));
        }
    }
    let mut json = header_json(metadata, &described)?;
    json.resize(json.len().next_multiple_of(LENGTH_BYTES), b' ');
    let mut bytes = (json.len() as u64).to_le_bytes().to_vec();
    bytes.extend(json);
    Ok(bytes)
}

/// The bytes of a tensor, if they can be counted.
fn length_of(dtype: Dtype, shape: &[usize]) -> Option<usize> {
    let bits = shape.iter().try_fold(dtype.bitsize(), |product, &n| product.checked_mul(n));
    bits.map(|bits| bits.div_ceil(8))
}

/// How the values of an element type lie in bytes; none for types whose values are not read.
pub(crate) fn blocks(dtype: Dtype) -> Option<Stored> {
    Some(match dtype {
        Dtype::F32 => Stored::Ggml(BlockType::F32),
        Dtype::F16 => Stored::Ggml(BlockType::F16),
        Dtype::BF16 => Stored::Ggml(BlockType::BF16),
        Dtype::F64 => Stored::Ggml(BlockType::F64),
        Dtype::I8 => Stored::Ggml(BlockType::I8),
        Dtype::I16 => Stored::Ggml(BlockType::I16),
        Dtype::I32 => Stored::Ggml(BlockType::I32),
        Dtype::I64 => Stored::Ggml(BlockType::I64),
        Dtype::BOOL => Stored::Plain(Plain::Bool),
        Dtype::U8 => Stored::Plain(Plain::U8),
        Dtype::U16 => Stored::Plain(Plain::U16),
        Dtype::U32 => Stored::Plain(Plain::U32),
        Dtype::U64 => Stored::Plain(Plain::U64),
        Dtype::F8_E4M3 => Stored::Plain(Plain::F8E4M3),
        Dtype::F8_E5M2 => Stored::Plain(Plain::F8E5M2),
        _ => return None,
    })
}

/// Writes tensors and metadata. Values are stored with the widest element types first, then by name.
///
/// # Errors
/// [`WriteError`] if a name is given twice, or a shape and its bytes disagree.
pub fn write(entries: &[Entry<'_>], metadata: &BTreeMap<String, String>) -> Result<Vec<u8>, WriteError> {
    let mut ordered = entries.to_vec();
    ordered.sort_by(|a, b| b.dtype.cmp(&a.dtype).then(a.name.cmp(b.name)));
    ordered.iter().try_for_each(check_length)?;
    let planned = ordered.iter().map(|entry| Planned {
        name: entry.name.to_owned(),
        dtype: entry.dtype,
        shape: entry.shape.to_vec(),
    });
    let mut bytes = header(&planned.collect::<Vec<_>>(), metadata)?;
    ordered.iter().for_each(|entry| bytes.extend(entry.bytes));
    Ok(bytes)
}

fn header_json(
    metadata: &BTreeMap<String, String>,
    described: &BTreeMap<&str, Described<'_>>,
) -> Result<Vec<u8>, WriteError> {
    #[derive(Serialize)]
    struct Json<'a> {
        #[serde(rename = "__metadata__", skip_serializing_if = "BTreeMap::is_empty")]
        metadata: &'a BTreeMap<String, String>,
        #[serde(flatten)]
        tensors: &'a BTreeMap<&'a str, Described<'a>>,
    }
    serde_json::to_vec(&Json { metadata, tensors: described })
        .map_err(|why| WriteError::Store { name: "the header".to_owned(), why: why.to_string() })
}

fn check_length(entry: &Entry<'_>) -> Result<(), WriteError> {
    let needed = length_of(entry.dtype, entry.shape).map_or(u64::MAX, |bytes| bytes as u64);
    let found = entry.bytes.len() as u64;
    if needed == found {
        return Ok(());
    }
    Err(WriteError::Length { name: entry.name.to_owned(), shape: entry.shape.to_vec(), needed, found })
}

/// Reads the header of a file, of which `bytes` may be just the front.
///
/// # Errors
/// [`ReadError`] if the header is cut short, is no JSON, or its entries overlap or leave gaps.
pub fn read_header(bytes: &[u8]) -> Result<Header, ReadError> {
    let refuse = |why: String| Place::Byte(0).error(Problem::Syntax(format!("no safetensors file: {why}")));
    let (length, rest) =
        bytes.split_first_chunk().ok_or_else(|| refuse("it ends within its first 8 bytes".to_owned()))?;
    let needed = u64::from_le_bytes(*length);
    let json = usize::try_from(needed).ok().and_then(|length| rest.get(..length)).ok_or_else(|| {
        Place::Byte(LENGTH_BYTES as u64).error(Problem::Truncated { needed, found: rest.len() as u64 })
    })?;
    let header: Header = serde_json::from_slice(json).map_err(|why| refuse(why.to_string()))?;
    header.check()?;
    Ok(header)
}

impl Header {
    /// Each tensor has the bytes that its shape needs, and they lie one behind the other without gaps.
    fn check(&self) -> Result<(), ReadError> {
        let mut placed: Vec<(&String, &TensorInfo)> = self.tensors.iter().collect();
        placed.sort_by_key(|(_, tensor)| tensor.data_offsets);
        let mut next = 0;
        for (name, tensor) in placed {
            let place = || Place::Tensor(name.clone());
            let (first, last) = tensor.data_offsets;
            if first != next || last < first {
                return Err(place().error(Problem::Field {
                    what: "the place of its values".to_owned(),
                    found: format!("bytes {first} to {last}"),
                    needed: format!("from byte {next} on, where those before end"),
                }));
            }
            let bits = (tensor.shape.iter())
                .try_fold(tensor.dtype.bitsize() as u64, |n, &length| n.checked_mul(length));
            let bits = bits.ok_or_else(|| place().error(Problem::ShapeOverflow(tensor.shape.clone())))?;
            let (needed, found) = (bits.div_ceil(8), last - first);
            if needed != found {
                let shape = tensor.shape.clone();
                return Err(place().error(Problem::Length { shape, unit: "bytes", needed, found }));
            }
            next = last;
        }
        Ok(())
    }
}

/// The bytes of the tensor `name`.
///
/// # Errors
/// [`ReadError`] if the file is damaged or has no such tensor.
pub fn tensor_bytes<'a>(bytes: &'a [u8], name: &str) -> Result<&'a [u8], ReadError> {
    let file = SafeTensors::deserialize(bytes)
        .map_err(|why| Place::File.error(Problem::Syntax(format!("no safetensors file: {why}"))))?;
    let view = file.tensor(name).map_err(|_| {
        let mut found: Vec<String> = file.names().into_iter().map(str::to_owned).collect();
        found.sort();
        Place::File.error(Problem::Missing { what: "the tensor", name: name.to_owned(), found })
    })?;
    Ok(view.data())
}
