//! What went wrong, for a person: what, where, and what to do.

use serde::{Deserialize, Serialize};

/// The kinds of failure; the page and the manual explain each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Code {
    /// The bytes are no model that we can read.
    UnreadableModel,
    /// The model has operators that cannot run.
    UnsupportedModel,
    /// The bytes are no data set that we can read, or one that does not fit the model.
    UnreadableData,
    /// The data were arranged to fit the model.
    ArrangedData,
    /// The model was read, not quite as its file says.
    ArrangedModel,
    /// The recipe cannot be applied.
    BadRecipe,
    /// The link cannot be read.
    BadLink,
    /// The engine failed.
    Engine,
    /// The GPU was lost.
    DeviceLost,
    /// The worker died or does not answer.
    WorkerLost,
    /// A file of ours could not be fetched.
    Fetch,
    /// A file that was written says something in another way than it was meant.
    Export,
}

/// Something that went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Which kind it is.
    pub code: Code,
    /// Where: a file, a byte, a node, a layer.
    pub place: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What can be done about it.
    pub hints: Vec<String>,
}

impl Failure {
    /// A failure without a place or hints.
    pub fn new(code: Code, message: impl ToString) -> Self {
        Self { code, place: None, message: message.to_string(), hints: Vec::new() }
    }

    /// With a place.
    #[must_use]
    pub fn at(mut self, place: impl ToString) -> Self {
        self.place = Some(place.to_string());
        self
    }

    /// With one more hint.
    #[must_use]
    pub fn hint(mut self, hint: impl ToString) -> Self {
        self.hints.push(hint.to_string());
        self
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.message)?;
        self.hints.iter().try_for_each(|hint| write!(f, " — {hint}"))
    }
}

impl std::error::Error for Failure {}
