//! The tensors of a checkpoint, in one file or several.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Seek};

use serde::Deserialize;

use crate::error::{Place, Problem, ReadError};
use crate::gguf;
use crate::tensors::{Metadata, TensorEntry, TensorFile};

/// The tensors of a checkpoint by their names, whichever file they are in.
pub struct Weights<R> {
    files: Vec<TensorFile<R>>,
    places: BTreeMap<String, (usize, TensorEntry)>,
}

/// Tensors by name, as the builders of networks ask for them.
pub(super) trait Store {
    /// The length of each axis of a tensor, the outermost first; none if there is no such tensor.
    fn shape(&self, name: &str) -> Option<&[u64]>;
    /// The values of a tensor.
    fn values(&mut self, name: &str) -> Result<Vec<f32>, ReadError>;
}

impl<R> Weights<R> {
    /// The tensors of `files`, the first of which says what they are.
    ///
    /// # Errors
    /// [`ReadError`] if there is no file, a tensor is in two of them, or a split GGUF is not whole.
    pub fn new(files: Vec<TensorFile<R>>) -> Result<Self, ReadError> {
        let mut places = BTreeMap::new();
        for (i, file) in files.iter().enumerate() {
            for tensor in &file.tensors {
                if places.insert(tensor.name.clone(), (i, tensor.clone())).is_some() {
                    let name = tensor.name.clone();
                    return Err(Place::Tensor(name.clone()).error(Problem::Duplicate(name)));
                }
            }
        }
        let all = Self { files, places };
        let count = all.gguf("split.count").and_then(gguf::Value::as_u64).unwrap_or(1).max(1);
        if all.files.is_empty() || (all.is_gguf() && count != all.files.len() as u64) {
            return Err(Place::File.error(Problem::Field {
                what: "the number of files".to_owned(),
                found: all.files.len().to_string(),
                needed: format!("{count}: all parts of the checkpoint, the first one first"),
            }));
        }
        Ok(all)
    }

    /// The files.
    pub fn into_files(self) -> Vec<TensorFile<R>> {
        self.files
    }

    /// Whether it is GGUF.
    pub fn is_gguf(&self) -> bool {
        self.files.first().is_some_and(|file| file.kind == crate::Kind::Gguf)
    }

    /// What the first file says of itself.
    pub fn metadata(&self) -> Option<&Metadata> {
        self.files.first().map(|file| &file.metadata)
    }

    /// A value of GGUF's metadata.
    pub fn gguf(&self, name: &str) -> Option<&gguf::Value> {
        match self.metadata() {
            Some(Metadata::Gguf(entries)) => {
                entries.iter().find(|(key, _)| key == name).map(|(_, value)| value)
            }
            _ => None,
        }
    }

    /// The bytes of all values as 32-bit floats.
    pub fn float_bytes(&self) -> u64 {
        self.tensors().fold(0, |sum, tensor| sum.saturating_add(tensor.len().saturating_mul(4)))
    }

    /// All tensors, by name.
    pub fn tensors(&self) -> impl Iterator<Item = &TensorEntry> {
        self.places.values().map(|(_, tensor)| tensor)
    }
}

impl<R: Read + Seek> Store for Weights<R> {
    fn shape(&self, name: &str) -> Option<&[u64]> {
        self.places.get(name).map(|(_, tensor)| tensor.shape.as_slice())
    }

    fn values(&mut self, name: &str) -> Result<Vec<f32>, ReadError> {
        let missing = || {
            let problem = Problem::Missing { what: "the tensor", name: name.to_owned(), found: Vec::new() };
            Place::File.error(problem)
        };
        let (file, tensor) = self.places.get(name).ok_or_else(missing)?;
        let file = self.files.get_mut(*file).ok_or_else(missing)?;
        // Codes, and floats of 8 bits, are nothing without the scales that lie elsewhere.
        if tensor.ggml().is_none() {
            let readable = "floats of 16 bits or more, integers with a sign, or blocks of ggml's";
            let problem = Problem::ElementType { found: tensor.element.clone(), readable };
            return Err(Place::Tensor(name.to_owned()).error(problem));
        }
        file.values(tensor, 0, tensor.rows())
    }
}

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// The names of the files that `model.safetensors.index.json` spreads a checkpoint over, each once. They lie beside it.
///
/// # Errors
/// [`ReadError`] if it is no index, or names a file that is elsewhere.
pub fn shards(index: &[u8]) -> Result<Vec<String>, ReadError> {
    let refuse = |why: String| Place::File.error(Problem::Syntax(format!("no index of tensors: {why}")));
    let index: Index = serde_json::from_slice(index).map_err(|why| refuse(why.to_string()))?;
    let names: BTreeSet<String> = index.weight_map.into_values().collect();
    match names.iter().find(|name| name.contains(['/', '\\', ':']) || name.starts_with('.')) {
        Some(name) => Err(refuse(format!("`{name}` does not lie beside it"))),
        None => Ok(names.into_iter().collect()),
    }
}
