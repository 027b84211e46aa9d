//! A run at work: a pipeline, unit by unit.

use fewbit_quant::methods::{Advance, Calibration, DataNeed, Progression, Scene, Step};
use fewbit_quant::{Correctness, Network, QuantError, Recipe, size};
use fewbit_runtime::{Backend, Control};

use super::Bench;
use crate::failure::{Code, Failure};
use crate::replay::fingerprint;
use crate::runs::{Outcome, StepOutcome};

/// Whether a run goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Running,
    Paused,
    /// One unit, and then paused.
    Stepping,
}

/// A run that is not finished.
pub(super) struct Learning {
    pub(super) id: u64,
    pub(super) recipe: Recipe,
    pub(super) mode: Mode,
    progression: Progression,
    scene: Option<Stage>,
    steps: Vec<StepOutcome>,
    /// The step that is worked on, and what it takes in all, as its method reckons.
    reckoned: Option<(usize, f64)>,
    millis: f64,
}

/// What a run works on.
struct Stage {
    network: Network,
    calibration: Calibration,
}

/// The engines and the clock that a unit of work is done with.
pub(super) struct Tools<'a> {
    pub(super) backend: &'a dyn Backend,
    pub(super) cpu: &'a dyn Backend,
    pub(super) now_millis: &'a dyn Fn() -> f64,
    pub(super) control: Control<'a>,
}

/// A unit of work that is done.
pub(super) struct Unit {
    pub(super) step: usize,
    pub(super) advance: Advance,
    /// The method and its multiply-accumulates for a second, if it came to its end.
    pub(super) pace: Option<(&'static str, f64)>,
}

impl Learning {
    pub(super) fn new(id: u64, recipe: Recipe) -> Self {
        Self {
            id,
            mode: Mode::Running,
            progression: Progression::new(recipe.pipeline.clone()),
            recipe,
            scene: None,
            steps: Vec::new(),
            reckoned: None,
            millis: 0.0,
        }
    }

    /// Whether anything was learned that could be kept.
    pub(super) fn has_begun(&self) -> bool {
        !self.steps.is_empty()
    }

    pub(super) fn millis(&self) -> f64 {
        self.millis
    }

    pub(super) fn is_finished(&self) -> bool {
        self.scene.is_some() && self.progression.is_finished()
    }

    /// Does the next unit; none after the last. It starts from what `bench` holds: the recipe, rounded to nearest.
    pub(super) async fn advance(
        &mut self,
        bench: &Bench,
        tools: &Tools<'_>,
    ) -> Result<Option<Unit>, QuantError> {
        let step = self.progression.step();
        let stage = match &mut self.scene {
            Some(stage) => stage,
            None => {
                let (network, calibration) = (bench.nearest(), bench.calibration(&self.recipe)?);
                for step in self.recipe.pipeline.steps() {
                    check_data(step, &calibration)?;
                }
                self.scene.insert(Stage { network, calibration })
            }
        };
        let Some(this) = self.recipe.pipeline.steps().get(step) else { return Ok(None) };
        let macs = match self.reckoned {
            Some((of, macs)) if of == step => macs,
            _ => {
                let samples = stage.calibration.samples.shape().first().copied().unwrap_or(0);
                this.method().map_or(0.0, |method| method.cost(this, &stage.network, samples))
            }
        };
        self.reckoned = Some((step, macs));
        let start = (tools.now_millis)();
        let advanced = self
            .progression
            .advance(&mut Scene {
                backend: tools.backend,
                cpu: tools.cpu,
                network: &mut stage.network,
                calibration: &stage.calibration,
                seed: self.recipe.seed,
                control: tools.control,
            })
            .await;
        let millis = (tools.now_millis)() - start;
        self.millis += millis;
        let Some(advance) = advanced? else { return Ok(None) };
        if self.steps.len() == step {
            self.steps.push(StepOutcome {
                step: this.to_string(),
                complete: false,
                seconds: 0.0,
                findings: Vec::new(),
            });
        }
        let mut pace = None;
        if let Some(outcome) = self.steps.get_mut(step) {
            outcome.seconds += millis / 1e3;
            outcome.findings.extend(advance.findings.iter().cloned());
            outcome.complete = advance.is_finished();
            if outcome.complete {
                pace = Some((this.name(), macs / outcome.seconds));
            }
        }
        if self.mode == Mode::Stepping {
            self.mode = Mode::Paused;
        }
        let pace = pace.filter(|(_, rate)| rate.is_finite() && *rate > 0.0);
        Ok(Some(Unit { step, advance, pace }))
    }

    /// What came of it, and its network; none if nothing was begun.
    pub(super) fn finish(self) -> Option<(Outcome, Network)> {
        let complete = self.is_finished();
        let network = self.scene?.network;
        let facts = &network.prepared().facts.layers;
        let parameters = |i: usize| facts.get(i).map_or(0, |facts| facts.parameters);
        let layers = network.layers().iter().enumerate();
        let outcome = Outcome {
            id: self.id,
            complete,
            steps: self.steps,
            seconds: self.millis / 1e3,
            layers: layers.map(|(i, layer)| layer.report(parameters(i))).collect(),
            size: size::size(network.prepared(), network.layers()),
            evaluation: None,
            correct: Correctness::default(),
            fingerprint: fingerprint(network.layers()),
            recipe: self.recipe,
        };
        Some((outcome, network))
    }
}

/// Whether the data have what a step looks at.
pub(super) fn check_data(step: &Step, calibration: &Calibration) -> Result<(), QuantError> {
    let why = match step.spec().map(|spec| spec.data) {
        Some(DataNeed::Samples | DataNeed::Labels) if calibration.samples.is_empty() => {
            "it learns from calibration samples, and there are none: open data for this model"
        }
        Some(DataNeed::Labels) if calibration.labels.is_none() => {
            "it learns from the classes of the calibration samples, and they have none: open labelled data"
        }
        _ => return Ok(()),
    };
    Err(QuantError::Method { method: step.name(), why: why.to_owned() })
}

/// What to know before learning from the samples that are answered later.
pub(super) fn caveat(bench: &Bench, recipe: &Recipe) -> Option<Failure> {
    let learns = recipe.pipeline.data() > DataNeed::Nothing && bench.data.calibration_from_test;
    learns.then(|| {
        let samples = recipe.calibration_samples;
        Failure::new(
            Code::UnreadableData,
            format!("the first {samples} test samples serve for learning, and are answered later as well"),
        )
        .hint("open calibration samples of their own for figures that hold")
    })
}
