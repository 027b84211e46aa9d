//! What a tensor is to become.

use std::fmt;
use std::str::FromStr;

use fewbit_numeric::ggml::BlockType;
use fewbit_quant::{Choice, Quantizer, RecipeError};
use serde::{Deserialize, Serialize};

/// What a tensor is to become. Written `float`, `int4@group32:mse`, or as ggml names its types: `Q4_K`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Target {
    /// It stays as it is.
    #[default]
    Float,
    /// Codes on a grid.
    Grid(Quantizer),
    /// Blocks of ggml's.
    Blocks(BlockType),
}

impl From<Choice> for Target {
    fn from(choice: Choice) -> Self {
        choice.quantizer().map_or(Self::Float, Self::Grid)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Float => Choice::Float.fmt(f),
            Self::Grid(quantizer) => quantizer.fmt(f),
            Self::Blocks(kind) => kind.fmt(f),
        }
    }
}

impl FromStr for Target {
    type Err = RecipeError;

    fn from_str(text: &str) -> Result<Self, RecipeError> {
        match text.parse() {
            Ok(kind) => Ok(Self::Blocks(kind)),
            Err(_) => text.parse::<Choice>().map(Self::from),
        }
    }
}

impl Serialize for Target {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_written_as_they_are_read() {
        for text in ["float", "int4@group32:mse", "uint8@tensor", "Q4_K", "BF16"] {
            assert_eq!(text.parse::<Target>().map(|target| target.to_string()), Ok(text.to_owned()));
        }
        assert!("Q9_9".parse::<Target>().is_err());
    }
}
