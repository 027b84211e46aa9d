//! Cross-layer equalization: channels between two layers are scaled so that both layers' weights use their ranges evenly.
//!
//! f(s·x) = s·f(x) for s > 0 where f is ReLU, and so channel i of a layer may be divided by s_i if the next layer multiplies by it.
//! With r the largest magnitude of a channel's weights in each layer of a chain (two layers, or depthwise ones between),
//! every r becomes their geometric mean: of two, s_i = √(r₁r₂)/r₂ (Nagel et al. 2019, arXiv 1906.04721, eq. 11). A layer
//! that belongs to two chains is scaled by turns until nothing moves.
//!
//! The model computes the same as before, unless a person asks for more: `relu6` puts a ReLU in place of every ReLU6 that is in
//! the way; `absorb` takes c = max(0, β − 3γ) from each channel of a BatchNorm and gives it to the next layer's bias
//! (§4.1.3), which is right for all but 0.1 % of the values. Both change the model's answers a little.

mod chains;
mod scales;

use fewbit_runtime::LocalFuture;

use crate::error::QuantError;
use crate::methods::{
    Advance, DataNeed, Fact, Finding, GradientNeed, Method, Parameter, Run, Scene, Spec, Stage, Step,
};
use crate::network::Network;
use crate::observe::Observations;
use crate::prepare::Prepared;

/// Cross-layer equalization.
pub struct Equalize;

pub(in crate::methods) static SPEC: Spec = Spec {
    name: "equalize",
    title: "Cross-layer equalization",
    source: "Nagel et al. 2019, arXiv 1906.04721",
    stage: Stage::Equalize,
    data: DataNeed::Nothing,
    gradients: GradientNeed::Nothing,
    parameters: &[Parameter::flag("relu6", false), Parameter::flag("absorb", false)],
};

/// The model, and the two passes of the observers.
const UNITS: u32 = 3;

impl Method for Equalize {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn begin(&self, step: &Step, _: &Network) -> Result<Box<dyn Run>, QuantError> {
        let settings = Settings { relu6: step.flag("relu6"), absorb: step.flag("absorb") };
        Ok(Box::new(Equalization { settings, model: None, ranges: None, done: false }))
    }

    fn cost(&self, _: &Step, network: &Network, samples: usize) -> f64 {
        let passes = match network.observations() {
            None => 0.0,
            Some(seen) if seen.have_distributions() => 2.0,
            Some(_) => 1.0,
        };
        let facts = &network.prepared().facts;
        passes * facts.macs as f64 * samples as f64 + 100.0 * facts.parameters as f64
    }
}

/// What may be done although the answers change.
#[derive(Clone, Copy, Debug)]
struct Settings {
    relu6: bool,
    absorb: bool,
}

struct Equalization {
    settings: Settings,
    model: Option<Prepared>,
    ranges: Option<Observations>,
    done: bool,
}

impl Run for Equalization {
    fn advance<'a>(&'a mut self, scene: &'a mut Scene<'_>) -> LocalFuture<'a, Result<Advance, QuantError>> {
        Box::pin(async move {
            if self.done {
                return Ok(Advance { done: UNITS, total: UNITS, ..Advance::default() });
            }
            let Some(model) = &self.model else {
                let (model, findings) = equalized(scene.network.prepared(), self.settings)?;
                if scene.network.observations().is_none() {
                    scene.network.rewrite(model, None)?;
                    self.done = true;
                    return Ok(Advance { done: UNITS, total: UNITS, findings, ..Advance::default() });
                }
                if scene.calibration.samples.is_empty() {
                    return Err(QuantError::Method {
                        method: SPEC.name,
                        why: "inputs of layers are quantized, and their ranges change with the model: calibration samples \
                              are needed to observe them again"
                            .to_owned(),
                    });
                }
                self.model = Some(model);
                let place = "weights".to_owned();
                return Ok(Advance { done: 1, total: UNITS, place, findings, frames: Vec::new() });
            };
            let (samples, control) = (&scene.calibration.samples, &scene.control);
            let mut quiet = |_, _| ();
            let Some(ranges) = &self.ranges else {
                let seed =
                    scene.network.observations().and_then(|seen| seen.layer(0)).map_or(0, |seen| seen.seed);
                let seen = Observations::ranges(scene.cpu, model, samples, seed, control, &mut quiet).await?;
                self.ranges = Some(seen);
                let place = "ranges".to_owned();
                return Ok(Advance { done: 2, total: UNITS, place, ..Advance::default() });
            };
            let mut seen = ranges.clone();
            if scene.network.observations().is_some_and(Observations::have_distributions) {
                seen.distributions(scene.cpu, model, samples, control, &mut quiet).await?;
            }
            scene.network.rewrite(model.clone(), Some(seen))?;
            self.done = true;
            let place = "distributions".to_owned();
            Ok(Advance { done: UNITS, total: UNITS, place, ..Advance::default() })
        })
    }
}

/// The equalized model, and what was done to each layer.
fn equalized(prepared: &Prepared, settings: Settings) -> Result<(Prepared, Vec<Finding>), QuantError> {
    let with_biases = if settings.absorb { prepared.with_biases()? } else { None };
    let prepared = with_biases.as_ref().unwrap_or(prepared);
    let links = chains::links(prepared, settings.relu6)?;
    let chains = chains::chains(prepared, &links);
    let mut weights = scales::Weights::of(prepared)?;
    weights.equalize(&chains);
    let shifts = if settings.absorb { weights.absorb(prepared, &links) } else { Vec::new() };
    let mut rewrites = vec![format!("equalized {} chains of layers", chains.len())];
    let (changes, statistics) = weights.changes(prepared, &links)?;
    rewrites.extend(
        changes.ops.keys().map(|&node| format!("put Relu in place of {}", prepared.graph.node_of(node).name)),
    );
    let absorbed = shifts.iter().filter(|(_, shift)| *shift > 0.0).count();
    if absorbed > 0 {
        rewrites.push(format!("absorbed high biases of {absorbed} layers"));
    }
    let model = prepared.rewritten(changes.apply(&prepared.graph), rewrites, statistics)?;
    let mut findings = Vec::new();
    for (index, link) in links.iter().enumerate() {
        let layer = index as u32;
        let what = match link {
            Ok(_) => {
                let (min, max) = weights.scaled(index);
                Fact::Scaled { min, max }
            }
            Err(reason) => Fact::NotApplied { reason: reason.clone() },
        };
        findings.push(Finding { layer, what });
    }
    findings.extend(shifts.into_iter().map(|(index, max)| {
        let what = if max > 0.0 {
            Fact::Bias { max, rms: weights.absorbed_rms(index) }
        } else {
            Fact::NotApplied { reason: weights.not_absorbed(prepared, &links, index) }
        };
        Finding { layer: index as u32, what }
    }));
    Ok((model, findings))
}
