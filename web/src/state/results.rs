//! What the engine said, as signals.

use fewbit_experiment::protocol::{Answer, DataFacts, Effort, EngineInfo, Stage};
use fewbit_experiment::{Document, Failure};
use fewbit_quant::report::{Evaluation, LayerReport, LayerView, ModelFacts, Sensitivity, Size};
use leptos::prelude::*;

use super::learning::Learning;

/// A value with the revision that it is true of.
#[derive(Clone, Debug, PartialEq)]
pub struct Of<T> {
    /// The revision.
    pub revision: u64,
    /// The value.
    pub value: T,
}

/// A configuration that was tried, and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Tried {
    /// Counts up.
    pub id: u64,
    /// The document, to return to.
    pub document: Document,
    /// What the model takes then.
    pub size: Size,
    /// Its answers, over all samples.
    pub evaluation: Evaluation,
}

/// Long work under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is done.
    pub stage: Stage,
    /// Steps done.
    pub done: u32,
    /// Steps in all.
    pub total: u32,
}

/// A message to the person, until dismissed.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// Counts up.
    pub id: u64,
    /// What happened.
    pub failure: Failure,
    /// Whether something went wrong, or is only worth knowing.
    pub grave: bool,
}

/// What one input drawn by hand was taken for.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// Probabilities of the classes, by the float model.
    pub float: Vec<f32>,
    /// By the quantized model.
    pub quantized: Vec<f32>,
}

/// How long the float model takes on this engine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speed {
    /// Samples in a run.
    pub batch: u32,
    /// Runs after the first.
    pub runs: u32,
    /// The first run, with the making of the plan, in milliseconds.
    pub first_millis: f64,
    /// The median of the others.
    pub median_millis: f64,
    /// The least of the others.
    pub min_millis: f64,
}

/// What the engine said.
#[derive(Clone, Copy)]
pub struct Results {
    /// Which engine runs; `None` until it is open.
    pub engine: RwSignal<Option<EngineInfo>>,
    /// The model on the bench.
    pub facts: RwSignal<Option<ModelFacts>>,
    /// The data beside it.
    pub data: RwSignal<Option<DataFacts>>,
    /// The layer looked at.
    pub view: RwSignal<Option<Of<LayerView>>>,
    /// What was applied, layer by layer, with weight errors.
    pub applied: RwSignal<Option<Of<Vec<LayerReport>>>>,
    /// The same with local and cumulative errors.
    pub layers: RwSignal<Option<Of<Vec<LayerReport>>>>,
    /// Samples behind the errors of the layers.
    pub layer_samples: RwSignal<u32>,
    /// What the model takes.
    pub size: RwSignal<Option<Of<Size>>>,
    /// The model's answers.
    pub evaluation: RwSignal<Option<Of<Evaluation>>>,
    /// Test samples with both answers, changed ones first.
    pub answers: RwSignal<Vec<Answer>>,
    /// What each layer alone means, by layer.
    pub sensitivity: RwSignal<Option<Of<Vec<Sensitivity>>>>,
    /// What the drawn input was taken for.
    pub prediction: RwSignal<Option<Prediction>>,
    /// How fast the engine is with this model, once it was timed.
    pub speed: RwSignal<Option<Speed>>,
    /// Multiply-accumulates in a millisecond, of the quantized model over all samples; of the model before, until this one has run.
    pub pace: RwSignal<Option<f64>>,
    /// What the last answer took.
    pub effort: RwSignal<Option<Effort>>,
    /// Runs of pipelines.
    pub learning: Learning,
    /// Everything tried so far with this model.
    pub tried: RwSignal<Vec<Tried>>,
    /// Long work under way.
    pub progress: RwSignal<Option<Progress>>,
    /// Messages to the person.
    pub notices: RwSignal<Vec<Notice>>,
    /// The newest revision that everything has been said about.
    pub settled: RwSignal<u64>,
}

impl Results {
    pub(super) fn new() -> Self {
        Self {
            engine: RwSignal::new(None),
            facts: RwSignal::new(None),
            data: RwSignal::new(None),
            view: RwSignal::new(None),
            applied: RwSignal::new(None),
            layers: RwSignal::new(None),
            layer_samples: RwSignal::new(0),
            size: RwSignal::new(None),
            evaluation: RwSignal::new(None),
            answers: RwSignal::new(Vec::new()),
            sensitivity: RwSignal::new(None),
            prediction: RwSignal::new(None),
            speed: RwSignal::new(None),
            pace: RwSignal::new(None),
            effort: RwSignal::new(None),
            learning: Learning::new(),
            tried: RwSignal::new(Vec::new()),
            progress: RwSignal::new(None),
            notices: RwSignal::new(Vec::new()),
            settled: RwSignal::new(0),
        }
    }

    /// Another model: nothing that was said is true of it.
    pub(super) fn clear(self) {
        self.facts.set(None);
        self.data.set(None);
        self.view.set(None);
        self.applied.set(None);
        self.layers.set(None);
        self.size.set(None);
        self.evaluation.set(None);
        self.answers.set(Vec::new());
        self.sensitivity.set(None);
        self.prediction.set(None);
        self.speed.set(None);
        self.effort.set(None);
        self.tried.set(Vec::new());
        self.learning.clear();
    }
}

/// Puts a value into its place unless a newer one is there.
pub(super) fn newer<T: Send + Sync + 'static>(slot: RwSignal<Option<Of<T>>>, revision: u64, value: T) {
    let is_news = slot.with_untracked(|now| now.as_ref().is_none_or(|now| now.revision <= revision));
    if is_news {
        slot.set(Some(Of { revision, value }));
    }
}
