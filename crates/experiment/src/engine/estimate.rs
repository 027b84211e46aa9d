//! What a run would need and take, before it is begun.
//!
//! Methods reckon their multiply-accumulates; how many this engine does in a second is known from runs of the same method
//! before, else from a few forward runs of the float model.

use std::collections::BTreeMap;

use fewbit_quant::{Prepared, QuantError, Recipe};
use fewbit_runtime::{Control, RunError};

use super::learn::{caveat, check_data};
use super::{Bench, Engine, Timing, failure_of};
use crate::protocol::Event;
use crate::runs::{Estimate, PaceSource, StepEstimate};

/// Samples in a forward run.
const BATCH: u32 = 32;
/// Runs after the first, of which the median counts.
const RUNS: usize = 3;

/// An estimate that is wanted.
pub(super) struct Estimating {
    pub(super) id: u64,
    pub(super) recipe: Recipe,
}

/// Multiply-accumulates in a second, with this model on this engine.
#[derive(Default)]
pub(super) struct Paces {
    forward: Option<f64>,
    methods: BTreeMap<&'static str, f64>,
}

impl Paces {
    /// Notes how fast a method was.
    pub(super) fn learned(&mut self, method: &'static str, rate: f64) {
        self.methods.insert(method, rate);
    }
}

impl Engine {
    pub(super) async fn make_estimate(&mut self, control: &Control<'_>) -> Result<(), QuantError> {
        let (Some(Estimating { id, recipe }), Some(bench)) = (&self.estimate, &self.bench) else {
            self.estimate = None;
            return Ok(());
        };
        let id = *id;
        let estimate = match self.estimate_of(bench, recipe, control).await {
            Ok((estimate, forward)) => {
                self.paces.forward = Some(forward);
                estimate
            }
            Err(error @ QuantError::Run(RunError::Cancelled | RunError::Lost(_))) => return Err(error),
            Err(error) => Estimate {
                steps: Vec::new(),
                samples: 0,
                seconds: 0.0,
                obstacle: Some(failure_of(&error)),
                caveat: None,
            },
        };
        self.estimate = None;
        self.emit(Event::Estimated { id, estimate });
        Ok(())
    }

    /// The estimate, and how fast the float model runs forward.
    async fn estimate_of(
        &self,
        bench: &Bench,
        recipe: &Recipe,
        control: &Control<'_>,
    ) -> Result<(Estimate, f64), QuantError> {
        let network = bench.sketch(&self.cpu, recipe, control).await?;
        let calibration = bench.calibration(recipe)?;
        let samples = calibration.samples.shape().first().copied().unwrap_or(0);
        let forward = match self.paces.forward {
            Some(rate) => rate,
            None => self.forward_pace(&bench.prepared, control).await?,
        };
        let mut estimate = Estimate {
            steps: Vec::new(),
            samples: samples as u32,
            seconds: 0.0,
            obstacle: None,
            caveat: caveat(bench, recipe),
        };
        for step in recipe.pipeline.steps() {
            let Some(method) = step.method() else { continue };
            let obstacle =
                check_data(step, &calibration).and_then(|()| method.begin(step, &network).map(drop));
            if let (Err(error), None) = (&obstacle, &estimate.obstacle) {
                estimate.obstacle = Some(failure_of(error).at(step));
            }
            let (spec, macs) = (method.spec(), method.cost(step, &network, samples));
            let known = self.paces.methods.get(spec.name);
            let macs_per_second = known.copied().unwrap_or(forward);
            estimate.seconds += macs / macs_per_second;
            estimate.steps.push(StepEstimate {
                step: step.to_string(),
                data: spec.data,
                gradients: spec.gradients,
                macs,
                macs_per_second,
                pace: if known.is_some() { PaceSource::SameMethod } else { PaceSource::Forward },
            });
        }
        Ok((estimate, forward))
    }

    /// Multiply-accumulates in a second, from forward runs of the float model.
    async fn forward_pace(&self, prepared: &Prepared, control: &Control<'_>) -> Result<f64, QuantError> {
        let batch = prepared.face()?.batch(BATCH as usize);
        let mut timing = Timing::new(prepared, batch)?;
        let host = &*self.host;
        for _ in 0..=RUNS {
            timing.run(&*self.backend, prepared, &|| host.now_millis(), control).await?;
        }
        let (_, median, _) = timing.summary().unwrap_or((0.0, 0.0, 0.0));
        Ok(1e3 * batch as f64 * prepared.facts.macs as f64 / median)
    }
}
