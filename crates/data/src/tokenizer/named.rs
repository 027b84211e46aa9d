//! How a tokenizer is named: `bytes`, `chars`, or a file.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use fewbit_formats::{Limits, gguf};
use serde::{Deserialize, Serialize};

use super::Tokenizer;
use crate::error::DataError;
use crate::files::{self, Files};

/// A tokenizer by its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Named {
    /// A token for each byte.
    Bytes,
    /// A token for each character of the text.
    Chars,
    /// A token for each character of a file.
    CharsOf(String),
    /// A `tokenizer.json`, or a GGUF that carries a vocabulary.
    File(String),
}

impl Named {
    /// The file that it needs.
    pub fn file(&self) -> Option<&str> {
        match self {
            Self::Bytes | Self::Chars => None,
            Self::CharsOf(path) | Self::File(path) => Some(path),
        }
    }

    /// The tokenizer. `text` is what tokens are to be made of.
    ///
    /// # Errors
    /// [`DataError`] if its file cannot be read, or holds none.
    pub fn open(&self, text: &str, files: &dyn Files) -> Result<Tokenizer, DataError> {
        match self {
            Self::Bytes => Ok(Tokenizer::bytes()),
            Self::Chars => Tokenizer::chars(text),
            Self::CharsOf(path) => Tokenizer::chars(&files::text(files, path)?),
            Self::File(path) if path.to_ascii_lowercase().ends_with(".gguf") => {
                let stream = files.open(path).map_err(|why| DataError::file(path, why))?;
                let header = gguf::Header::read(std::io::BufReader::new(stream), &Limits::default());
                let tokenizer = Tokenizer::from_gguf(&header.map_err(|why| DataError::file(path, why))?);
                tokenizer.map_err(|why| DataError::file(path, why))
            }
            Self::File(path) => {
                Tokenizer::from_json(&files::read(files, path)?).map_err(|why| DataError::file(path, why))
            }
        }
    }
}

impl FromStr for Named {
    type Err = Infallible;

    /// `bytes`, `chars`, `chars:FILE`, or the path of a file.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match (text, text.strip_prefix("chars:")) {
            ("bytes", _) => Self::Bytes,
            ("chars", _) => Self::Chars,
            (_, Some(path)) => Self::CharsOf(path.to_owned()),
            (path, None) => Self::File(path.to_owned()),
        })
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes => f.write_str("bytes"),
            Self::Chars => f.write_str("chars"),
            Self::CharsOf(path) => write!(f, "chars:{path}"),
            Self::File(path) => f.write_str(path),
        }
    }
}
