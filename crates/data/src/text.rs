//! Plain text as token windows for a language model: what comes in, and what should come next.

use fewbit_graph::Tensor;
use serde::{Deserialize, Serialize};

use crate::error::DataError;
use crate::samples::{MOST_VALUES, Samples};
use crate::tokenizer::Named;

/// Token numbers up to here are exact in f32.
const MOST_TOKEN: u32 = 1 << 24;

/// What is known beforehand; the rest is inferred.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// How tokens are made.
    pub tokenizer: Option<Named>,
    /// Tokens from the start of one window to that of the next.
    pub stride: Option<usize>,
}

impl Asked {
    /// The file that the tokenizer needs.
    pub(crate) fn file(&self) -> Option<&str> {
        self.tokenizer.as_ref().and_then(Named::file)
    }
}

/// How a text is cut into windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Windows {
    /// Tokens in a window, T.
    pub length: usize,
    /// Tokens from the start of one window to that of the next.
    pub stride: usize,
    /// Windows, at most, taken from the start.
    pub most: Option<usize>,
}

impl Windows {
    /// Windows beside each other for an input of N × `sample_shape`, and a sentence that says so.
    ///
    /// # Errors
    /// [`DataError::Unfit`] if the model takes no sequence of tokens.
    pub fn infer(sample_shape: &[usize]) -> Result<(Self, Vec<String>), DataError> {
        match *sample_shape {
            [length] if length > 0 => {
                let notes = vec![format!(
                    "windows of {length} tokens beside each other; each token's label is the next one"
                )];
                Ok((Self { length, stride: length, most: None }, notes))
            }
            _ => Err(DataError::Unfit(format!(
                "the model takes {}, which is no sequence of tokens: N×T is needed",
                crate::samples::shape_text(sample_shape)
            ))),
        }
    }

    /// The windows of `tokens`: x\[i, t\] is token i·stride + t, y\[i, t\] the one behind it. A rest that fills no window is left out.
    ///
    /// # Errors
    /// [`DataError::Unfit`] if there are not enough tokens for one window, or too many values for one tensor.
    pub fn of(&self, tokens: &[u32]) -> Result<Samples, DataError> {
        let unfit = |why: String| Err(DataError::Unfit(why));
        let Self { length, stride, most } = *self;
        if length == 0 || stride == 0 {
            return unfit(format!("windows of {length} tokens, {stride} apart; both have to be 1 or more"));
        }
        let Some(rest) = tokens.len().checked_sub(length.saturating_add(1)) else {
            return unfit(format!(
                "the text has {} tokens; a window of {length} and the token behind it are needed",
                tokens.len()
            ));
        };
        if let Some(token) = tokens.iter().find(|&&token| token > MOST_TOKEN) {
            return unfit(format!("token {token} is more than 2²⁴, which 32-bit floats hold exactly"));
        }
        let n = (rest / stride + 1).min(most.unwrap_or(usize::MAX)).max(1);
        if n.saturating_mul(length) > MOST_VALUES {
            return unfit(format!("{n} windows of {length} tokens are too many for one tensor; take fewer"));
        }
        let window = |i: usize, from: usize| tokens.iter().skip(i * stride + from).take(length).copied();
        let x: Vec<f32> = (0..n).flat_map(|i| window(i, 0)).map(|token| token as f32).collect();
        let y: Vec<i64> = (0..n).flat_map(|i| window(i, 1)).map(i64::from).collect();
        let x = Tensor::f32([n, length], x).map_err(|why| DataError::Unfit(why.to_string()))?;
        let notes = vec![format!("{} tokens, {n} windows", tokens.len())];
        Ok(Samples { x, y: Some(y), classes: Vec::new(), notes })
    }
}
