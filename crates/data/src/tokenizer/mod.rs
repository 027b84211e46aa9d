//! Text to token numbers: bytes, characters, `tokenizer.json` and the vocabularies of GGUF files.
//!
//! `tokenizer.json` is read and applied by Hugging Face's own `tokenizers`; a GGUF vocabulary is first written as one. No tokens are
//! added around a text, and none are cut off: what post-processing, padding and truncation a file asks for is left out.

mod check;
mod gguf;
mod named;

use std::collections::BTreeMap;
use std::fmt;

use fewbit_formats::gguf::Header;
pub use named::Named;
use serde_json::{Map, Value};

use crate::error::DataError;

/// The largest file that is read.
const MOST_BYTES: usize = 1 << 27;
/// The longest text that is made tokens of at a time.
const MOST_TEXT: usize = 1 << 24;

/// Makes token numbers of text.
#[derive(Clone)]
pub struct Tokenizer(Kind);

#[derive(Clone)]
enum Kind {
    Bytes,
    Chars(BTreeMap<char, u32>),
    Model(Box<tokenizers::Tokenizer>),
}

impl Tokenizer {
    /// A token for each byte of UTF-8; its number is the byte.
    pub fn bytes() -> Self {
        Self(Kind::Bytes)
    }

    /// A token for each character of `alphabet`, numbered from 0 in the order of code points.
    ///
    /// # Errors
    /// [`DataError::Tokenizer`] if there is none.
    pub fn chars(alphabet: &str) -> Result<Self, DataError> {
        let mut chars: Vec<char> = alphabet.chars().collect();
        chars.sort_unstable();
        chars.dedup();
        if chars.is_empty() {
            return Err(DataError::Tokenizer("an alphabet without characters".to_owned()));
        }
        Ok(Self(Kind::Chars(chars.into_iter().zip(0..).collect())))
    }

    /// The tokenizer of a `tokenizer.json`.
    ///
    /// # Errors
    /// [`DataError::Tokenizer`] with what is wrong and where.
    pub fn from_json(bytes: &[u8]) -> Result<Self, DataError> {
        if bytes.len() > MOST_BYTES {
            let found = bytes.len();
            return Err(DataError::Tokenizer(format!(
                "{found} bytes are more than the {MOST_BYTES} that are read"
            )));
        }
        let file: Value = serde_json::from_slice(bytes)
            .map_err(|why| DataError::Tokenizer(format!("this is not a tokenizer.json: {why}")))?;
        match file {
            Value::Object(file) if file.contains_key("model") => Self::of(file),
            _ => Err(DataError::Tokenizer("this is not a tokenizer.json: it has no `model`".to_owned())),
        }
    }

    /// The tokenizer that a GGUF file carries: SentencePiece's byte-pair encoding (`llama`), or byte-level byte-pair encoding (`gpt2`).
    ///
    /// # Errors
    /// [`DataError::Tokenizer`] if it carries none, one of another kind, or a damaged one.
    pub fn from_gguf(header: &Header) -> Result<Self, DataError> {
        Self::of(gguf::tokenizer_json(header)?)
    }

    fn of(mut file: Map<String, Value>) -> Result<Self, DataError> {
        check::check(&mut file)?;
        let tokenizer = serde_json::from_value(Value::Object(file))
            .map_err(|why| DataError::Tokenizer(why.to_string()))?;
        Ok(Self(Kind::Model(Box::new(tokenizer))))
    }

    /// The number of different tokens.
    pub fn vocabulary(&self) -> usize {
        match &self.0 {
            Kind::Bytes => 256,
            Kind::Chars(chars) => chars.len(),
            Kind::Model(tokenizer) => tokenizer.get_vocab_size(true),
        }
    }

    /// The tokens of `text`.
    ///
    /// # Errors
    /// [`DataError::Tokenizer`] if a character has no token, or the text is too long.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, DataError> {
        if text.len() > MOST_TEXT {
            let found = text.len();
            return Err(DataError::Tokenizer(format!(
                "a text of {found} bytes is more than the {MOST_TEXT} that are made tokens of at a time; take a part of it"
            )));
        }
        match &self.0 {
            Kind::Bytes => Ok(text.bytes().map(u32::from).collect()),
            Kind::Chars(chars) => {
                let find = |(at, c): (usize, char)| {
                    chars.get(&c).copied().ok_or_else(|| {
                        let line = text.get(..at).map_or(0, |before| before.matches('\n').count()) + 1;
                        DataError::Tokenizer(format!(
                            "line {line} of the text has {c:?}, which is not in the alphabet"
                        ))
                    })
                };
                text.char_indices().map(find).collect()
            }
            Kind::Model(tokenizer) => {
                let encoding = tokenizer
                    .encode_fast(text, false)
                    .map_err(|why| DataError::Tokenizer(why.to_string()))?;
                Ok(encoding.get_ids().to_vec())
            }
        }
    }

    /// The text of `tokens`; tokens that there are not, and bytes that are no UTF-8, become U+FFFD.
    ///
    /// # Errors
    /// [`DataError::Tokenizer`] if they cannot be put together.
    pub fn decode(&self, tokens: &[u32]) -> Result<String, DataError> {
        match &self.0 {
            Kind::Bytes => {
                let bytes: Vec<u8> =
                    tokens.iter().map(|&token| u8::try_from(token).unwrap_or(0xff)).collect();
                Ok(String::from_utf8_lossy(&bytes).into_owned())
            }
            Kind::Chars(chars) => {
                let all: Vec<char> = chars.keys().copied().collect();
                let char_of =
                    |&token: &u32| all.get(token as usize).copied().unwrap_or(char::REPLACEMENT_CHARACTER);
                Ok(tokens.iter().map(char_of).collect())
            }
            Kind::Model(tokenizer) => {
                tokenizer.decode(tokens, false).map_err(|why| DataError::Tokenizer(why.to_string()))
            }
        }
    }
}

impl fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tokenizer({self})")
    }
}

impl fmt::Display for Tokenizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.vocabulary();
        match &self.0 {
            Kind::Bytes => write!(f, "bytes, {count} tokens"),
            Kind::Chars(_) => write!(f, "characters, {count} tokens"),
            Kind::Model(_) => write!(f, "a vocabulary of {count} tokens"),
        }
    }
}
