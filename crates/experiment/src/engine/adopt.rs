//! A run's network on the bench, in place of rounding to nearest.

use fewbit_quant::methods::Calibration;
use fewbit_quant::observe::{BATCH, Observations};
use fewbit_quant::{Choice, LayerChoice, Network, Prepared, QuantError, Quantizer, RangeMethod, Recipe};
use fewbit_runtime::{Backend, Control};

use super::Bench;
use super::bench::Observed;
use crate::runs::Outcome;

/// The run whose network is on the bench.
pub(super) struct Adopted {
    pub(super) id: u64,
    pub(super) recipe: Recipe,
    /// Whether it came to its end.
    pub(super) complete: bool,
    /// The model as it was read and what was observed of it, if the run has rewritten it.
    original: Option<Box<(Prepared, Option<Observed>)>>,
}

impl Adopted {
    pub(super) fn is_rewritten(&self) -> bool {
        self.original.is_some()
    }
}

impl Bench {
    /// The run whose network is here; none for rounding to nearest.
    pub fn run(&self) -> Option<u64> {
        self.adopted.as_ref().map(|run| run.id)
    }

    /// The model as it was read.
    pub(super) fn original(&self) -> &Prepared {
        let original = self.adopted.as_ref().and_then(|run| run.original.as_ref());
        original.map_or(&self.prepared, |original| &original.0)
    }

    /// Puts the network of a run on the bench. The inputs were observed as its recipe says.
    pub(super) fn adopt(&mut self, outcome: &Outcome, network: &Network) {
        let recipe = &outcome.recipe;
        self.leave_run();
        let original = network.is_rewritten().then(|| {
            let observed = network.observations().map(|observations| Observed {
                samples: recipe.calibration_samples,
                seed: recipe.seed,
                observations: observations.clone(),
            });
            let prepared = std::mem::replace(&mut self.prepared, network.prepared().clone());
            Box::new((prepared, std::mem::replace(&mut self.observed, observed)))
        });
        if original.is_some() {
            self.forget_model();
        }
        self.choices = network.choices().to_vec();
        self.layers = network.layers().to_vec();
        let parameters = |i: usize| self.prepared.facts.layers.get(i).map_or(0, |facts| facts.parameters);
        let reports = self.layers.iter().enumerate().map(|(i, layer)| layer.report(parameters(i)));
        self.reports = reports.collect();
        let (id, complete) = (outcome.id, outcome.complete);
        self.adopted = Some(Adopted { id, recipe: recipe.clone(), complete, original });
    }

    /// Makes way for rounding to nearest: the model is again as it was read, and all layers are made anew.
    pub(super) fn leave_run(&mut self) {
        let Some(run) = self.adopted.take() else { return };
        self.choices.clear();
        if let Some(original) = run.original {
            (self.prepared, self.observed) = *original;
            self.forget_model();
        }
    }

    /// The network of `recipe`, rounded to nearest: what the bench holds after observing and applying it.
    pub(super) fn nearest(&self) -> Network {
        let observations = self.observed.as_ref().map(|observed| observed.observations.clone());
        Network::of(self.prepared.clone(), self.choices.clone(), observations, self.layers.clone())
    }

    /// What a run of `recipe` learns from.
    pub(super) fn calibration(&self, recipe: &Recipe) -> Result<Calibration, QuantError> {
        self.data.labelled_calibration(recipe.calibration_samples)
    }

    /// A network of the widths of `recipe`, its grids rough: enough to ask methods what they would need. Nothing of what is
    /// on the bench changes.
    pub(super) async fn sketch(
        &self,
        cpu: &dyn Backend,
        recipe: &Recipe,
        control: &Control<'_>,
    ) -> Result<Network, QuantError> {
        let prepared = self.original().clone();
        let rough = |choice: Choice| match choice {
            Choice::Quantize(q) => {
                Choice::Quantize(Quantizer { range: RangeMethod::MinMax, shrink: 1.0, ..q })
            }
            Choice::Float => Choice::Float,
        };
        let choices: Vec<LayerChoice> = recipe
            .resolve(&prepared.layer_names())?
            .into_iter()
            .map(|c| LayerChoice { weights: rough(c.weights), activations: rough(c.activations) })
            .collect();
        let observed = match &self.adopted {
            Some(run) if run.is_rewritten() => run.original.as_ref().and_then(|o| o.1.as_ref()),
            _ => self.observed.as_ref(),
        };
        let needed = choices.iter().any(|choice| choice.activations != Choice::Float);
        let observations = match observed {
            Some(observed) => Some(observed.observations.clone()),
            None if needed => {
                let few = self.data.calibration(recipe.calibration_samples.min(BATCH as u32))?;
                let quiet = &mut |_, _| ();
                Some(Observations::ranges(cpu, &prepared, &few, recipe.seed, control, quiet).await?)
            }
            None => None,
        };
        Network::nearest(prepared, choices, observations)
    }
}
