//! QDrop: a block learns with some of its activations in float at random, so that what it learns holds for others as well.
//!
//! Wei et al. 2022, arXiv 2203.05740: BRECQ with the squared error, where each element that enters the block, and each that
//! passes a quantizer in it, is the float value with a probability. Roundings of weights and steps of activations are learned
//! together.

use super::run::{Reconstruction, cost};
use super::settings::{
    self, BETA_END, BETA_START, Granule, LAMBDA, LEARN_SCALE, RATE, Rule, SAMPLES, Settings, WARMUP,
};
use crate::error::QuantError;
use crate::methods::{DataNeed, GradientNeed, Method, Run, Spec, Stage, Step};
use crate::network::Network;

/// QDrop.
pub struct QDrop;

pub(in crate::methods) static SPEC: Spec = Spec {
    name: "qdrop",
    title: "QDrop",
    source: "Wei et al. 2022, arXiv 2203.05740",
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
        settings::number("drop", 0.5, [0.0, 1.0]),
        LEARN_SCALE,
        settings::flag("learn-inputs", true),
        settings::number("step-rate", 1e-3, [0.0, 1.0]),
    ],
};

fn settings(step: &Step) -> Settings {
    Settings::of(step, Rule::Soft, Granule::Block)
}

impl Method for QDrop {
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
