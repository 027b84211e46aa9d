//! BRECQ: block after block, all roundings of a block are learned so that the block gives what it gives in float.
//!
//! Li et al. 2021, arXiv 2102.05426, eq. 10: AdaRound's variables and regularizer with the squared error of a residual
//! block's output, or with `fisher` that error weighted by what it costs the network's answer. Quantizers of inputs
//! are on while it learns: what is learned is the network that will run.

use super::run::{Reconstruction, cost};
use super::settings::{
    self, BETA_END, BETA_START, Granule, LAMBDA, LEARN_SCALE, RATE, Rule, SAMPLES, Settings, WARMUP,
};
use crate::error::QuantError;
use crate::methods::{DataNeed, GradientNeed, Method, Run, Spec, Stage, Step};
use crate::network::Network;

/// BRECQ.
pub struct Brecq;

pub(in crate::methods) static SPEC: Spec = Spec {
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
        settings::flag("fisher", false),
        LEARN_SCALE,
        settings::flag("learn-inputs", false),
        settings::number("step-rate", 1e-3, [0.0, 1.0]),
    ],
};

fn settings(step: &Step) -> Settings {
    Settings::of(step, Rule::Soft, Granule::Block)
}

impl Method for Brecq {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn begin(&self, step: &Step, network: &Network) -> Result<Box<dyn Run>, QuantError> {
        Ok(Box::new(Reconstruction::new(settings(step), network)?))
    }

    fn cost(&self, step: &Step, network: &Network, samples: usize) -> f64 {
        cost(settings(step), network, samples)
    }
}
