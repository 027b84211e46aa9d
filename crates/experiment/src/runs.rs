//! Runs of a pipeline: what can be said before, while and after.

use fewbit_quant::methods::{DataNeed, Finding, GradientNeed};
use fewbit_quant::report::{Evaluation, LayerReport, Size};
use fewbit_quant::{Correctness, Recipe};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::replay::Fingerprint;

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Phase {
    /// It learns, or gets ready to.
    Learning,
    /// It stands still, and goes on when asked. What it learned is kept.
    Paused,
    /// Its network is on the bench and is being measured.
    Measuring,
    /// It was dropped before its end.
    Dropped,
}

/// What came of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The run.
    pub id: u64,
    /// What was run.
    pub recipe: Recipe,
    /// Whether the pipeline ran to its end, and was not stopped before.
    pub complete: bool,
    /// Its steps, as far as they were begun.
    pub steps: Vec<StepOutcome>,
    /// Seconds spent learning, pauses apart.
    pub seconds: f64,
    /// One for each layer; their local and cumulative errors once they are measured.
    pub layers: Vec<LayerReport>,
    /// What the model takes.
    pub size: Size,
    /// The model's answers to all test samples; none without samples, or if the measuring was interrupted.
    pub evaluation: Option<Evaluation>,
    /// On which of them it is right, for a paired test; empty without labels.
    pub correct: Correctness,
    /// For each layer a hash of what it became, for a replay.
    pub fingerprint: Fingerprint,
}

/// What came of one step of a pipeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepOutcome {
    /// The step with its settings, like `adaround(iterations=500)`.
    pub step: String,
    /// Whether it came to its end.
    pub complete: bool,
    /// What it took.
    pub seconds: f64,
    /// What it found out about single tensors.
    pub findings: Vec<Finding>,
}

/// What a run would need and take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The steps, in order.
    pub steps: Vec<StepEstimate>,
    /// Calibration samples that there are to learn from.
    pub samples: u32,
    /// About how long the steps take together: Σ `macs` / `macs_per_second` of each.
    pub seconds: f64,
    /// Why it cannot run, if it cannot.
    pub obstacle: Option<Failure>,
    /// What is worth knowing: that it would learn from the samples that it is measured on.
    pub caveat: Option<Failure>,
}

/// What a step of a pipeline would need and take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepEstimate {
    /// The step with its settings.
    pub step: String,
    /// What data it looks at.
    pub data: DataNeed,
    /// Through how much of the network it needs gradients.
    pub gradients: GradientNeed,
    /// Multiply-accumulates in all, as the method reckons them.
    pub macs: f64,
    /// How many this engine does in a second with this model.
    pub macs_per_second: f64,
    /// How that is known.
    pub pace: PaceSource,
}

/// How it is known how fast an engine learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PaceSource {
    /// From a few forward runs of the float model: what learns does more than that between its multiplications, so this is
    /// rather too fast.
    Forward,
    /// From a run of the same method on this engine and model before.
    SameMethod,
}
