//! AdaRound: layer after layer, the rounding of each weight is learned so that the layer gives what it gives in float.
//!
//! Nagel et al. 2020, arXiv 2004.10568, eq. 25: min ‖f_a(Wx) − f_a(W̃x̂)‖² + λ·Σ(1 − |2h(v) − 1|^β), x̂ being what the layer
//! reads behind the layers that are done, and f_a the activation function behind it. β falls from 20 to 2 after a warm start
//! without the regularizer.

use super::Reconstruct;
use super::settings::{
    self, BETA_END, BETA_START, Granule, LAMBDA, LEARN_SCALE, RATE, Rule, SAMPLES, WARMUP,
};
use crate::methods::{DataNeed, GradientNeed, Parameter, Spec, Stage};

/// AdaRound.
pub(in crate::methods) static ADAROUND: Reconstruct = Reconstruct {
    spec: &Spec {
        name: "adaround",
        title: "AdaRound",
        source: "Nagel et al. 2020, arXiv 2004.10568",
        stage: Stage::Round,
        data: DataNeed::Samples,
        gradients: GradientNeed::Layer,
        parameters: &[
            settings::iterations(500.0),
            settings::batch(32.0),
            RATE,
            LAMBDA,
            BETA_START,
            BETA_END,
            WARMUP,
            SAMPLES,
            LEARN_SCALE,
            Parameter::number("step-rate", 1e-3, [0.0, 1.0]),
        ],
    },
    rule: Rule::Soft,
    granule: Granule::Layer,
};
