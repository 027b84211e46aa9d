//! BRECQ: block after block, all roundings of a block are learned so that the block gives what it gives in float.
//!
//! Li et al. 2021, arXiv 2102.05426, eq. 10: AdaRound's variables and regularizer with the squared error of a residual
//! block's output, or with `fisher` that error weighted by what it costs the network's answer. Quantizers of inputs
//! are on while it learns: what is learned is the network that will run.

use super::Reconstruct;
use super::settings::{
    self, BETA_END, BETA_START, Granule, LAMBDA, LEARN_SCALE, RATE, Rule, SAMPLES, WARMUP,
};
use crate::methods::{DataNeed, GradientNeed, Parameter, Spec, Stage};

/// BRECQ.
pub(in crate::methods) static BRECQ: Reconstruct = Reconstruct {
    spec: &Spec {
        name: "brecq",
        title: "BRECQ",
        source: "Li et al. 2021, arXiv 2102.05426",
        stage: Stage::Round,
        data: DataNeed::Samples,
        gradients: GradientNeed::Block,
        parameters: &[
            settings::iterations(500.0),
            settings::batch(32.0),
            RATE,
            LAMBDA,
            BETA_START,
            BETA_END,
            WARMUP,
            SAMPLES,
            Parameter::flag("fisher", false),
            LEARN_SCALE,
            Parameter::flag("learn-inputs", false),
            Parameter::number("step-rate", 1e-3, [0.0, 1.0]),
        ],
    },
    rule: Rule::Soft,
    granule: Granule::Block,
};
