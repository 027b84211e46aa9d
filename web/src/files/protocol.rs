//! What the app, the screen of files and its worker say to each other; as `fewbit_experiment::protocol` by
//! [`wire`](fewbit_experiment::wire). Files go along as handles, bytes are handed over.

use fewbit_experiment::Failure;
use fewbit_experiment::inspect::{Inspected, Target};
use serde::{Deserialize, Serialize};

/// App to screen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Call {
    /// Shows the files that come along.
    Open {
        /// What is looked at first: the first tensor whose name has this in it. Empty for none.
        focus: String,
    },
}

/// Screen to app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// The person should know.
    Tell(Failure),
    /// Puts a model on the bench. Blob: its ONNX.
    Model {
        /// The name that people see.
        name: String,
    },
}

/// Screen to worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Ask {
    /// Opens the files that come along. What was open before stays until they are read.
    Open,
    /// Looks into a tensor. The newest wins.
    Look {
        /// Counts up; the answer carries it.
        id: u64,
        /// The tensor's place among all.
        tensor: u32,
        /// What it is to become.
        target: Target,
    },
    /// Stops looking.
    Cancel,
    /// Makes a model of the files that are open.
    Build,
}

/// Worker to screen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Told {
    /// Files are open.
    Opened(Box<FileFacts>),
    /// They cannot be opened; what was open before still is.
    Refused(Failure),
    /// How far a look is, 0 to 1.
    Progress {
        /// Of which question.
        id: u64,
        /// How much is done.
        share: f64,
    },
    /// What was seen.
    Looked {
        /// Of which question.
        id: u64,
        /// It.
        inspected: Box<Inspected>,
        /// How long it took.
        millis: f64,
        /// The most bytes of memory that the worker ever took.
        memory: u64,
    },
    /// A look came to nothing.
    Failed {
        /// Of which question.
        id: u64,
        /// Why.
        failure: Failure,
    },
    /// Nothing is looked at any more.
    Cancelled,
    /// The files as a model. Blob: its ONNX.
    Built,
    /// No model could be made of them.
    Unbuilt(Failure),
    /// The worker is gone.
    Died(Failure),
}

/// Whether files can be tried as a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Runs {
    /// They are none, or are opened as one anyway.
    #[default]
    No,
    /// They say how it is built.
    Yes,
    /// With the file that says how it is built.
    WithConfig,
    /// They are a model that takes more memory than a page has.
    TooLarge,
}

/// What files are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FileFacts {
    /// Their names.
    pub names: Vec<String>,
    /// Their bytes, all together.
    pub bytes: u64,
    /// Their format.
    pub format: String,
    /// The tensors, file after file.
    pub tensors: Vec<TensorFacts>,
    /// What they say of themselves.
    pub metadata: Vec<(String, String)>,
    /// Whether they can be run as a model.
    pub runs: Runs,
    /// How long it took to open them.
    pub millis: f64,
    /// The most bytes of memory that the worker ever took.
    pub memory: u64,
}

/// What a tensor is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TensorFacts {
    /// Its name.
    pub name: String,
    /// The length of each axis.
    pub shape: Vec<u64>,
    /// The name of its element type.
    pub element: String,
    /// How many values it has.
    pub values: u64,
    /// How many bytes they take.
    pub bytes: u64,
    /// Whether its values can be read.
    pub is_readable: bool,
}

impl TensorFacts {
    /// The bits that a value takes, with its share of the scales.
    pub fn bits(&self) -> f64 {
        8.0 * self.bytes as f64 / self.values.max(1) as f64
    }
}
