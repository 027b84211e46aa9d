//! Methods: what makes a quantized network better than rounding to nearest.
//!
//! A method is a file here and a line in [`ALL`] and [`SPECS`]. It says beforehand what it needs ([`Spec`]), and then works in units
//! ([`Run::advance`]), each short enough that a person who waits sees it move: a host may pause, look, stop and go on
//! between any two of them, and what was done stays done. A [`Pipeline`] is methods in the only order that makes sense.

pub mod bias_correct;
pub mod bias_correct_analytic;
pub mod capture;
pub mod equalize;
pub mod expected;
pub mod gptq;
pub mod gram;
pub mod hqq;
mod layerwise;
mod matrix;
mod moments;
pub mod pipeline;
pub mod reconstruct;
pub mod reestimate;
pub mod seqmse;
pub mod squant;
pub mod train;

use fewbit_graph::Tensor;
use fewbit_runtime::{Backend, Control, LocalFuture};
use serde::{Deserialize, Serialize};

use crate::error::QuantError;
use crate::network::Network;

pub use capture::{Capture, Place};
pub use pipeline::{Pipeline, PipelineError, Progression, Step};

/// Every method, by stage and then by name.
pub static ALL: &[&dyn Method] = &[
    &equalize::Equalize,
    &seqmse::SeqMse,
    &reconstruct::ADAROUND,
    &reconstruct::AUTOROUND,
    &reconstruct::BRECQ,
    &gptq::Gptq,
    &hqq::Hqq,
    &reconstruct::QDROP,
    &squant::SQuant,
    &bias_correct::BiasCorrect,
    &bias_correct_analytic::AnalyticBiasCorrect,
    &train::DSQ,
    &train::EWGS,
    &train::IR_NET,
    &train::LSQ,
    &train::LSQ_PLUS,
    &train::PACT,
    &train::STE,
    &train::TWN,
    &reestimate::Reestimate,
];

/// What each method says of itself, in the order of [`ALL`]. Whoever only reads and writes pipelines needs no more, and is
/// not burdened with the methods' code: the page is such a one.
pub static SPECS: &[&Spec] = &[
    &equalize::SPEC,
    &seqmse::SPEC,
    reconstruct::ADAROUND.spec,
    reconstruct::AUTOROUND.spec,
    reconstruct::BRECQ.spec,
    &gptq::SPEC,
    &hqq::SPEC,
    reconstruct::QDROP.spec,
    &squant::SPEC,
    &bias_correct::SPEC,
    &bias_correct_analytic::SPEC,
    train::DSQ.spec,
    train::EWGS.spec,
    train::IR_NET.spec,
    train::LSQ.spec,
    train::LSQ_PLUS.spec,
    train::PACT.spec,
    train::STE.spec,
    train::TWN.spec,
    &reestimate::SPEC,
];

/// The method of this name.
pub fn find(name: &str) -> Option<&'static dyn Method> {
    ALL.iter().copied().find(|method| method.spec().name == name)
}

/// What the method of this name says of itself.
pub fn spec_of(name: &str) -> Option<&'static Spec> {
    SPECS.iter().copied().find(|spec| spec.name == name)
}

/// Where in a pipeline a method stands. A pipeline's stages never go back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Stage {
    /// Rewrites the float model without changing what it computes.
    Equalize,
    /// Finds the grids.
    Range,
    /// Finds the codes.
    Round,
    /// Corrects what rounding did to means.
    Correct,
    /// Trains the whole network.
    Train,
    /// Fits statistics to the network as it is now.
    Reestimate,
}

/// What data a method looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum DataNeed {
    /// None.
    Nothing,
    /// Calibration samples.
    Samples,
    /// Calibration samples with labels.
    Labels,
}

/// Through how much of the network a method needs gradients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum GradientNeed {
    /// None: forward passes at most.
    Nothing,
    /// One layer at a time.
    Layer,
    /// One block at a time.
    Block,
    /// The whole network.
    Network,
}

/// A number that a person may set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parameter {
    /// Its name in a pipeline, like `iterations`.
    pub name: &'static str,
    /// What it is if nobody says.
    pub default: f64,
    /// The smallest and the largest that it may be.
    pub range: [f64; 2],
    /// Whether it is a whole number.
    pub whole: bool,
}

impl Parameter {
    /// A number from the first of `range` to the second.
    pub const fn number(name: &'static str, default: f64, range: [f64; 2]) -> Self {
        Self { name, default, range, whole: false }
    }

    /// A whole number.
    pub const fn count(name: &'static str, default: f64, range: [f64; 2]) -> Self {
        Self { name, default, range, whole: true }
    }

    /// Yes (1) or no (0).
    pub const fn flag(name: &'static str, default: bool) -> Self {
        Self::count(name, if default { 1.0 } else { 0.0 }, [0.0, 1.0])
    }
}

/// What a method says of itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spec {
    /// Its name in a pipeline, like `adaround`.
    pub name: &'static str,
    /// The name in the field, like "AdaRound".
    pub title: &'static str,
    /// Where it comes from: authors, year, arXiv number.
    pub source: &'static str,
    /// Where in a pipeline it stands.
    pub stage: Stage,
    /// What data it looks at.
    pub data: DataNeed,
    /// Through how much of the network it needs gradients.
    pub gradients: GradientNeed,
    /// What can be set.
    pub parameters: &'static [Parameter],
}

/// A way to quantize better.
pub trait Method: Sync {
    /// What it is and needs.
    fn spec(&self) -> &'static Spec;

    /// Begins a run with the settings of `step`. Nothing is computed yet.
    ///
    /// # Errors
    /// Why it cannot work on this network: the way out is in the message.
    fn begin(&self, step: &Step, network: &Network) -> Result<Box<dyn Run>, QuantError>;

    /// About how many multiply-accumulates a run takes on `network` with `samples` calibration samples, for an estimate
    /// of its time beforehand.
    fn cost(&self, step: &Step, network: &Network, samples: usize) -> f64;
}

/// The samples that methods learn from.
#[derive(Clone, Debug)]
pub struct Calibration {
    /// The samples, N first.
    pub samples: Tensor,
    /// Their classes, if they are known.
    pub labels: Option<Vec<i64>>,
}

/// Where a method works.
pub struct Scene<'a> {
    /// The engine that learns.
    pub backend: &'a dyn Backend,
    /// The CPU engine, for what must be the same on every machine: statistics that grids are made of.
    pub cpu: &'a dyn Backend,
    /// What is worked on.
    pub network: &'a mut Network,
    /// What is learned from; empty of samples if the pipeline needs none.
    pub calibration: &'a Calibration,
    /// The seed of every random draw.
    pub seed: u64,
    /// Whether to stop.
    pub control: Control<'a>,
}

/// A method at work.
pub trait Run {
    /// Does the next unit of work. If it is stopped, the next call does that unit again.
    ///
    /// # Errors
    /// [`QuantError`]; the network is as the last finished unit left it.
    fn advance<'a>(&'a mut self, scene: &'a mut Scene<'_>) -> LocalFuture<'a, Result<Advance, QuantError>>;
}

/// How far a method is after a unit of work.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Advance {
    /// Units of progress that are done.
    pub done: u32,
    /// Units in all; more than `done` until the method has ended.
    pub total: u32,
    /// The layer or block that was worked on.
    pub place: String,
    /// What was found out about single tensors since the last unit.
    pub findings: Vec<Finding>,
    /// What there is to see.
    pub frames: Vec<Frame>,
}

impl Advance {
    /// Whether the method has ended.
    pub fn is_finished(&self) -> bool {
        self.done >= self.total
    }
}

/// What a method did to one tensor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The layer.
    pub layer: u32,
    /// What was done.
    pub what: Fact,
}

/// What a method can say of a tensor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Fact {
    /// It was left as it was.
    NotApplied {
        /// Why.
        reason: String,
    },
    /// Codes that differ from rounding to nearest on the same grid.
    Flipped {
        /// How many.
        count: u64,
        /// Of how many.
        of: u64,
    },
    /// An error before and after.
    Error {
        /// Of which: "layer output", "block output".
        of: String,
        /// Mean squared, before.
        before: f64,
        /// Mean squared, after.
        after: f64,
    },
    /// A bias was moved.
    Bias {
        /// The largest move of a channel.
        max: f64,
        /// The root of the mean square of the moves.
        rms: f64,
    },
    /// Channels were scaled.
    Scaled {
        /// The smallest factor.
        min: f64,
        /// The largest factor.
        max: f64,
    },
    /// A grid was changed.
    Grid {
        /// Mean scale before.
        before: f64,
        /// Mean scale after.
        after: f64,
    },
    /// Zero points were moved, to where no whole code is.
    ZeroPoints {
        /// The largest move, in steps of the grid.
        max: f64,
        /// What storing the layer's zero points takes now, in bits.
        bits: u64,
    },
}

/// A picture of an algorithm at work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Frame {
    /// A learned rounding (AdaRound, BRECQ, QDrop, AutoRound).
    Rounding {
        /// The layers that learn together.
        layers: Vec<u32>,
        /// The iteration, from 1.
        iteration: u32,
        /// Iterations in all.
        of: u32,
        /// The loss without the regularizer.
        loss: f64,
        /// The regularizer with its factor.
        regularizer: f64,
        /// The exponent β; 0 where there is none.
        beta: f64,
        /// How many h(v) lie in each of 20 equal bins of \[0, 1\].
        soft: Vec<u32>,
        /// For each of `layers` its weights that now round otherwise than to nearest.
        flipped: Vec<u64>,
        /// For the first of `layers` the code of each of its first weights (row-major, at most 4,096) against
        /// nearest: −1, 0, 1.
        map: Vec<i8>,
    },
    /// Columns of a weight matrix, quantized one after another (GPTQ).
    Columns {
        /// The layer.
        layer: u32,
        /// Columns done.
        done: u32,
        /// Columns in all.
        of: u32,
        /// Rows of the matrix.
        rows: u32,
        /// Which column was done at which place: the order.
        order: Vec<u32>,
        /// The remaining weights' compensation: for each column the root mean square of what was added to it so far.
        compensation: Vec<f32>,
        /// The squared error of each column that is done, weighted by the Hessian.
        errors: Vec<f32>,
    },
    /// Training of the whole network (STE, PACT, LSQ, EWGS).
    Training {
        /// The step, from 1.
        step: u32,
        /// Steps in all.
        of: u32,
        /// The loss on this batch.
        loss: f64,
        /// The learning rate.
        rate: f64,
        /// For each layer the mean scale of its weights.
        weight_scales: Vec<f32>,
        /// For each layer the scale of its input; 0 for float.
        input_scales: Vec<f32>,
        /// For each layer the share of weights that oscillate.
        oscillating: Vec<f32>,
        /// For each layer where its latent weights lie on the grid of codes: counts of u = w/s + z in 12 equal bins for
        /// each code, from half a code below the smallest to half a code above the largest. Empty for a layer in float, and
        /// where there are more than 16 codes.
        latent: Vec<Vec<u32>>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_tables_list_the_same_methods() {
        let of_methods: Vec<&str> = ALL.iter().map(|method| method.spec().name).collect();
        let of_specs: Vec<&str> = SPECS.iter().map(|spec| spec.name).collect();
        assert_eq!(of_methods, of_specs);
    }
}
