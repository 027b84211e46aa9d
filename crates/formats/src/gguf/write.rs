//! Writing the front of a file.

use std::collections::BTreeSet;

use fewbit_numeric::ggml::BlockType;

use super::{ALIGNMENT, MAGIC, Value};
use crate::error::WriteError;

/// A tensor to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name, unique in the file.
    pub name: String,
    /// The length of each axis, the outermost first.
    pub shape: Vec<u64>,
    /// How its values lie in bytes.
    pub kind: BlockType,
}

impl Entry {
    /// The bytes of its values.
    ///
    /// # Errors
    /// [`WriteError::Store`] if a row is no whole number of blocks.
    pub fn bytes(&self) -> Result<u64, WriteError> {
        let row = self.shape.last().copied().unwrap_or(1);
        let count = self.shape.iter().try_fold(1u64, |product, &n| product.checked_mul(n));
        let whole = row.is_multiple_of(self.kind.block_len() as u64);
        count.filter(|_| whole).and_then(|count| self.kind.bytes_of(count)).ok_or_else(|| WriteError::Store {
            name: self.name.clone(),
            why: format!("{} takes rows of a multiple of {}, not {row}", self.kind, self.kind.block_len()),
        })
    }
}

/// The bytes of zero after `len` bytes of a tensor.
pub fn padding(len: u64) -> u64 {
    len.next_multiple_of(ALIGNMENT) - len
}

/// The front of a file of version 3: all but the values, which follow in this order, each with [`padding`] behind it.
///
/// # Errors
/// [`WriteError`] if a name is given twice, or a row is no whole number of blocks.
pub fn header(metadata: &[(String, Value)], tensors: &[Entry]) -> Result<Vec<u8>, WriteError> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend(3u32.to_le_bytes());
    bytes.extend((tensors.len() as u64).to_le_bytes());
    bytes.extend((metadata.len() as u64).to_le_bytes());
    for (name, entry) in metadata {
        string(&mut bytes, name);
        bytes.extend(entry.kind().to_le_bytes());
        value(&mut bytes, entry);
    }
    let mut names = BTreeSet::new();
    let mut offset = 0u64;
    for tensor in tensors {
        if !names.insert(&tensor.name) {
            return Err(WriteError::Duplicate(tensor.name.clone()));
        }
        string(&mut bytes, &tensor.name);
        bytes.extend((tensor.shape.len() as u32).to_le_bytes());
        tensor.shape.iter().rev().for_each(|n| bytes.extend(n.to_le_bytes()));
        bytes.extend(tensor.kind.id().to_le_bytes());
        bytes.extend(offset.to_le_bytes());
        let len = tensor.bytes()?;
        offset += len + padding(len);
    }
    bytes.resize(bytes.len() + padding(bytes.len() as u64) as usize, 0);
    Ok(bytes)
}

fn string(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend((text.len() as u64).to_le_bytes());
    bytes.extend(text.as_bytes());
}

fn value(bytes: &mut Vec<u8>, entry: &Value) {
    match entry {
        Value::U8(n) => bytes.push(*n),
        Value::I8(n) => bytes.extend(n.to_le_bytes()),
        Value::U16(n) => bytes.extend(n.to_le_bytes()),
        Value::I16(n) => bytes.extend(n.to_le_bytes()),
        Value::U32(n) => bytes.extend(n.to_le_bytes()),
        Value::I32(n) => bytes.extend(n.to_le_bytes()),
        Value::F32(x) => bytes.extend(x.to_le_bytes()),
        Value::Bool(flag) => bytes.push(u8::from(*flag)),
        Value::String(text) => string(bytes, text),
        Value::Array(values) => {
            // An empty array is one of texts.
            bytes.extend(values.first().map_or(8, Value::kind).to_le_bytes());
            bytes.extend((values.len() as u64).to_le_bytes());
            values.iter().for_each(|each| value(bytes, each));
        }
        Value::U64(n) => bytes.extend(n.to_le_bytes()),
        Value::I64(n) => bytes.extend(n.to_le_bytes()),
        Value::F64(x) => bytes.extend(x.to_le_bytes()),
    }
}
