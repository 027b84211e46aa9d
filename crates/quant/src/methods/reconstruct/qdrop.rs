//! QDrop: a block learns with some of its activations in float at random, so that what it learns holds for others as well.
//!
//! Wei et al. 2022, arXiv 2203.05740: BRECQ with the squared error, where each element that enters the block, and each that
//! passes a quantizer in it, is the float value with a probability. Roundings of weights and steps of activations are learned
//! together.

use super::Reconstruct;
use super::settings::{
    self, BETA_END, BETA_START, Granule, LAMBDA, LEARN_SCALE, RATE, Rule, SAMPLES, WARMUP,
};
use crate::methods::{DataNeed, GradientNeed, Parameter, Spec, Stage};

/// QDrop.
pub(in crate::methods) static QDROP: Reconstruct = Reconstruct {
    spec: &Spec {
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
            Parameter::number("drop", 0.5, [0.0, 1.0]),
            LEARN_SCALE,
            Parameter::flag("learn-inputs", true),
            Parameter::number("step-rate", 1e-3, [0.0, 1.0]),
        ],
    },
    rule: Rule::Soft,
    granule: Granule::Block,
};
