//! The document: everything that a person decided, as one immutable value.

use std::collections::BTreeMap;

use fewbit_quant::Recipe;
use serde::{Deserialize, Serialize};

use crate::gallery;

/// Which model is on the bench.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ModelRef {
    /// One of ours, by its id.
    Gallery(String),
    /// A person's own file: whoever opens a link to it is asked for it.
    File {
        /// The file's name.
        name: String,
        /// The model's BLAKE3, hexadecimal.
        id: String,
    },
}

impl ModelRef {
    /// The name that people see.
    pub fn name(&self) -> &str {
        match self {
            Self::Gallery(id) => id,
            Self::File { name, .. } => name,
        }
    }
}

/// What is being looked at. Part of a link, not of the undo history.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// The selected layer, by its place among the layers.
    pub layer: u32,
    /// The output channel that the weights are narrowed to.
    pub channel: Option<u32>,
    /// Whether histograms count on a logarithmic scale.
    pub log_counts: bool,
}

/// A model, what is done to it, and what is looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// The model.
    pub model: ModelRef,
    /// What lengths that the model's file leaves free are to be, by name.
    #[serde(default)]
    pub lengths: BTreeMap<String, usize>,
    /// What is quantized, and how.
    pub recipe: Recipe,
    /// What is looked at.
    pub view: View,
}

impl Document {
    /// `model` at W8A8, its first layer selected: where everybody starts, and what a link is the difference from.
    pub fn of(model: ModelRef) -> Self {
        Self { model, lengths: BTreeMap::new(), recipe: Recipe::default(), view: View::default() }
    }
}

impl Default for Document {
    fn default() -> Self {
        Self::of(ModelRef::Gallery(gallery::FIRST.to_owned()))
    }
}
