//! Reconstruction: parts of the network learn, one after another, to give what they give in float.
//!
//! What is learned is which way each weight is rounded, and in some methods steps and ranges as well. All methods here are
//! one machine ([`run`]) with other settings: what learns together, by which rule, with what dropped.

mod adaround;
mod autoround;
mod brecq;
mod lesson;
mod picture;
mod qdrop;
mod run;
mod settings;
mod weight;

use crate::error::QuantError;
use crate::methods::{Method, Run, Spec, Step};
use crate::network::Network;

pub(super) use adaround::ADAROUND;
pub(super) use autoround::AUTOROUND;
pub(super) use brecq::BRECQ;
pub(super) use qdrop::QDROP;
use run::{Reconstruction, cost};
use settings::{Granule, Rule, Settings};

/// A kind of reconstruction.
pub(super) struct Reconstruct {
    pub(super) spec: &'static Spec,
    rule: Rule,
    /// What learns together, unless `layerwise` is set.
    granule: Granule,
}

impl Reconstruct {
    fn settings(&self, step: &Step) -> Settings {
        let granule = if step.flag("layerwise") { Granule::Layer } else { self.granule };
        Settings::of(step, self.rule, granule)
    }
}

impl Method for Reconstruct {
    fn spec(&self) -> &'static Spec {
        self.spec
    }

    fn begin(&self, step: &Step, network: &Network) -> Result<Box<dyn Run>, QuantError> {
        Ok(Box::new(Reconstruction::new(self.settings(step), network)?))
    }

    fn cost(&self, step: &Step, network: &Network, samples: usize) -> f64 {
        cost(self.settings(step), network, samples)
    }
}
