//! AutoRound: block after block, offsets before rounding and the ends of ranges move by the signs of their gradients.
//!
//! Cheng et al. 2023, arXiv 2309.05516. The best of all iterations is kept. The `rate` is in units of 1/iterations, which is the
//! paper's rate, and falls to 0 in a line. With `layerwise` each layer learns by itself.

use super::run::{Reconstruction, cost};
use super::settings::{self, Granule, Rule, SAMPLES, Settings};
use crate::error::QuantError;
use crate::methods::{DataNeed, GradientNeed, Method, Run, Spec, Stage, Step};
use crate::network::Network;

/// AutoRound.
pub struct AutoRound;

pub(in crate::methods) static SPEC: Spec = Spec {
    name: "autoround",
    title: "AutoRound",
    source: "Cheng et al. 2023, arXiv 2309.05516",
    stage: Stage::Round,
    data: DataNeed::Samples,
    gradients: GradientNeed::Block,
    parameters: &[
        settings::iterations(200.0),
        settings::batch(32.0),
        settings::number("rate", 1.0, [0.0, 100.0]),
        SAMPLES,
        settings::flag("layerwise", false),
    ],
};

fn settings(step: &Step) -> Settings {
    let granule = if step.flag("layerwise") { Granule::Layer } else { Granule::Block };
    Settings::of(step, Rule::Sign, granule)
}

impl Method for AutoRound {
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
