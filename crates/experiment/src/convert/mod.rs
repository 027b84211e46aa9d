//! Files of tensors made into others: one tensor, and some rows of it, at a time.
//!
//! What goes in is GGUF or safetensors; what comes out is GGUF ([`gguf`]; [`llama_cpp`] for models that llama.cpp runs), or
//! safetensors with packed codes ([`packed`]). Memory holds some rows, however large the file.

pub mod gguf;
pub mod llama_cpp;
pub mod packed;

use std::io::{Read, Seek};

use fewbit_formats::{ReadError, TensorEntry, TensorFile, WriteError};
use fewbit_numeric::ErrorStats;

/// About so many values are in memory at a time.
const PIECE: u64 = 1 << 20;

/// What became of a tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Converted {
    /// Its name.
    pub name: String,
    /// Its shape.
    pub shape: Vec<u64>,
    /// What its elements were.
    pub from: String,
    /// What they are now.
    pub to: String,
    /// Its bytes before.
    pub bytes_before: u64,
    /// Its bytes now, with scales and zero points.
    pub bytes: u64,
    /// Its values now against those before; none where they are the same bytes.
    pub errors: Option<ErrorStats>,
    /// Why it is not as asked.
    pub reason: Option<String>,
}

/// Why a file was not converted.
#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    /// What is read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// What is written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// Where it is written.
    #[error("cannot write: {0}")]
    Io(#[from] std::io::Error),
    /// What is asked for.
    #[error("{0}")]
    Asked(String),
    /// Quantizing.
    #[error(transparent)]
    Quantize(#[from] fewbit_quant::QuantError),
}

/// Whether `name` is one that `pattern` means, `*` standing for any characters.
fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = rest.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// The last of the rules whose pattern means `name`.
fn rule<'r, T>(rules: &'r [(String, T)], name: &str) -> Option<&'r T> {
    rules.iter().rev().find(|(pattern, _)| matches(pattern, name)).map(|(_, choice)| choice)
}

/// An error for a rule that means no tensor.
fn check_rules<T>(rules: &[(String, T)], tensors: &[TensorEntry]) -> Result<(), ConvertError> {
    let idle = rules.iter().find(|(pattern, _)| !tensors.iter().any(|tensor| matches(pattern, &tensor.name)));
    idle.map_or(Ok(()), |(pattern, _)| {
        Err(ConvertError::Asked(format!("no tensor has a name like `{pattern}`")))
    })
}

/// The rows of a tensor, some at a time: first and last.
fn pieces(tensor: &TensorEntry) -> impl Iterator<Item = (u64, u64)> + use<> {
    let (rows, step) = (tensor.rows(), (PIECE / tensor.row_len().max(1)).max(1));
    (0..rows.div_ceil(step)).map(move |i| (i * step, ((i + 1) * step).min(rows)))
}

/// The smallest and largest value, the mean, the standard deviation and the number of zeros of a tensor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Statistics {
    /// The smallest value.
    pub min: f32,
    /// The largest value.
    pub max: f32,
    /// The mean.
    pub mean: f64,
    /// The standard deviation.
    pub deviation: f64,
    /// How many values are 0.
    pub zeros: u64,
}

/// Looks at all values of a tensor.
///
/// # Errors
/// [`ReadError`] where they cannot be read.
pub fn statistics<R: Read + Seek>(
    file: &mut TensorFile<R>,
    tensor: &TensorEntry,
) -> Result<Statistics, ReadError> {
    let (mut min, mut max) = (f32::INFINITY, f32::NEG_INFINITY);
    let (mut sum, mut squares, mut zeros) = (0f64, 0f64, 0);
    for (first, last) in pieces(tensor) {
        for x in file.values(tensor, first, last)? {
            (min, max) = (min.min(x), max.max(x));
            sum += f64::from(x);
            squares += f64::from(x) * f64::from(x);
            zeros += u64::from(x == 0.0);
        }
    }
    let count = tensor.len().max(1) as f64;
    let mean = sum / count;
    Ok(Statistics { min, max, mean, deviation: (squares / count - mean * mean).max(0.0).sqrt(), zeros })
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn stars_stand_for_any_characters() {
        for (pattern, name, does) in [
            ("*", "a.b", true),
            ("a*", "ab", true),
            ("a*b", "acb", true),
            ("a*b", "a", false),
            ("a", "ab", false),
            ("*attn*weight", "l.attn_q.weight", true),
            ("*attn*weight", "l.attn_q.bias", false),
            ("ab*ba", "aba", false),
        ] {
            assert_eq!(matches(pattern, name), does, "{pattern} {name}");
        }
    }
}
