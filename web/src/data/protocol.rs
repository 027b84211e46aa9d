//! What the app, the screen of data and its worker say to each other; as `fewbit_experiment::protocol` by
//! [`wire`](fewbit_experiment::wire). Files go along as handles, samples are handed over.

use fewbit_data::{Asked, How, Kind, Preview, Wanted};
use fewbit_experiment::Failure;
use serde::{Deserialize, Serialize};

/// App to screen: shows the files that come along, if there are any, for the model that is on the bench.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The files' paths.
    pub paths: Vec<String>,
    /// The model's name and what it takes; none if there is no model that runs.
    pub model: Option<(String, Wanted)>,
}

/// Screen to app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// The person should know.
    Tell(Failure),
    /// Puts samples beside the model. Blob: an npz.
    Data {
        /// The name that people see.
        name: String,
        /// The names of the classes; empty if they have none.
        classes: Vec<String>,
    },
}

/// Screen to worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Ask {
    /// Takes the files that come along in the place of those that were there, or beside them if they only say how those are read.
    Open {
        /// Their paths.
        paths: Vec<String>,
        /// Whether they come beside what is there in any case.
        beside: bool,
    },
    /// Finds out how the files are to be read. The newest wins.
    Plan {
        /// Counts up; the answer carries it.
        id: u64,
        /// What the model takes.
        wanted: Wanted,
        /// What is known beforehand.
        asked: Box<Asked>,
    },
    /// Reads all samples, as it was found out last.
    Read {
        /// What for.
        purpose: Purpose,
    },
    /// Stops reading.
    Cancel,
}

/// What samples are read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// For the bench.
    Use,
    /// For a file.
    Save,
}

/// Worker to screen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Told {
    /// What files there are now.
    Opened(Found),
    /// How they are to be read, or why they cannot be.
    Planned {
        /// Of which question.
        id: u64,
        /// It.
        plan: Result<Box<Planned>, Failure>,
        /// The columns of a table.
        columns: Vec<String>,
    },
    /// How much was read, 0 to 1.
    Progress(f64),
    /// All samples. Blob: an npz.
    Read {
        /// What for.
        purpose: Purpose,
        /// The names of the classes; empty if they have none.
        classes: Vec<String>,
    },
    /// They cannot be read.
    Failed(Failure),
    /// Nothing is read any more.
    Cancelled,
    /// The worker is gone.
    Died(Failure),
}

/// What files there are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// What they are; none if no data are among them.
    pub kind: Option<Kind>,
    /// What they are called together.
    pub name: String,
    /// How many there are.
    pub files: usize,
    /// Their bytes, all together.
    pub bytes: u64,
    /// Those that could say how tokens are made.
    pub tokenizers: Vec<String>,
}

/// How data are read, and what they look like then.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Planned {
    /// How.
    pub how: How,
    /// What was inferred, a sentence each.
    pub notes: Vec<String>,
    /// A few of them.
    pub preview: Preview,
    /// How long that took.
    pub millis: f64,
}
