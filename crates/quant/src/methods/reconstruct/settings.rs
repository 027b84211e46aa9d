//! What the reconstructions have in common to be set.

use crate::methods::{Parameter, Step};

/// How roundings are learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// Soft rounding that hardens (AdaRound, BRECQ, QDrop).
    Soft,
    /// Offsets moved by signs (AutoRound).
    Sign,
}

/// What is learned together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Granule {
    Layer,
    Block,
}

/// A reconstruction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Settings {
    pub(super) method: &'static str,
    pub(super) rule: Rule,
    pub(super) granule: Granule,
    pub(super) iterations: u32,
    pub(super) batch: usize,
    /// Samples that are learned from, at most.
    pub(super) samples: usize,
    /// The learning rate of the roundings.
    pub(super) rate: f64,
    /// The learning rate of the steps of inputs and, where they are learned, of weights, relative to the steps.
    pub(super) step_rate: f64,
    pub(super) learn_inputs: bool,
    pub(super) learn_scale: bool,
    /// The factor of the regularizer.
    pub(super) lambda: f64,
    /// Its exponent at the beginning and at the end.
    pub(super) beta: [f64; 2],
    /// The share of iterations before the regularizer begins.
    pub(super) warmup: f64,
    /// The probability that a value stays in float.
    pub(super) drop: f64,
    /// Whether errors are weighted by the Fisher information.
    pub(super) fisher: bool,
}

impl Settings {
    /// Those of `step`; what its method has no name for is off.
    pub(super) fn of(step: &Step, rule: Rule, granule: Granule) -> Self {
        Self {
            method: step.name(),
            rule,
            granule,
            iterations: step.get("iterations") as u32,
            batch: step.count("batch"),
            samples: step.count("samples"),
            rate: step.get("rate"),
            step_rate: step.get("step-rate"),
            learn_inputs: step.flag("learn-inputs"),
            learn_scale: step.flag("learn-scale"),
            lambda: step.get("lambda"),
            beta: [step.get("beta-start"), step.get("beta-end")],
            warmup: step.get("warmup"),
            drop: step.get("drop"),
            fisher: step.flag("fisher"),
        }
    }
}

pub(super) const fn iterations(default: f64) -> Parameter {
    Parameter::count("iterations", default, [1.0, 20_000.0])
}

pub(super) const fn batch(default: f64) -> Parameter {
    Parameter::count("batch", default, [1.0, 256.0])
}

pub(super) const SAMPLES: Parameter = Parameter::count("samples", 512.0, [1.0, 4096.0]);
/// The papers learn at 1e-3 for 10,000 iterations or more, with λ = 0.01. In a twentieth of that a variable has to come as
/// far: at 1e-3 hardly any rounding is decided when they are over.
pub(super) const RATE: Parameter = Parameter::number("rate", 0.15, [0.0, 1.0]);
pub(super) const LAMBDA: Parameter = Parameter::number("lambda", 0.1, [0.0, 10.0]);
pub(super) const BETA_START: Parameter = Parameter::number("beta-start", 20.0, [1.0, 40.0]);
pub(super) const BETA_END: Parameter = Parameter::number("beta-end", 2.0, [1.0, 40.0]);
pub(super) const WARMUP: Parameter = Parameter::number("warmup", 0.2, [0.0, 1.0]);
pub(super) const LEARN_SCALE: Parameter = Parameter::flag("learn-scale", false);
