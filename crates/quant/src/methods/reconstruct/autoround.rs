//! AutoRound: block after block, offsets before rounding and the ends of ranges move by the signs of their gradients.
//!
//! Cheng et al. 2023, arXiv 2309.05516. The best of all iterations is kept. The `rate` is in units of 1/iterations, which is the
//! paper's rate, and falls to 0 in a line. With `layerwise` each layer learns by itself.

use super::Reconstruct;
use super::settings::{self, Granule, Rule, SAMPLES};
use crate::methods::{DataNeed, GradientNeed, Parameter, Spec, Stage};

/// AutoRound.
pub(in crate::methods) static AUTOROUND: Reconstruct = Reconstruct {
    spec: &Spec {
        name: "autoround",
        title: "AutoRound",
        source: "Cheng et al. 2023, arXiv 2309.05516",
        stage: Stage::Round,
        data: DataNeed::Samples,
        gradients: GradientNeed::Block,
        parameters: &[
            settings::iterations(200.0),
            settings::batch(32.0),
            Parameter::number("rate", 1.0, [0.0, 100.0]),
            SAMPLES,
            Parameter::flag("layerwise", false),
        ],
    },
    rule: Rule::Sign,
    granule: Granule::Block,
};
