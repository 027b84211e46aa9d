//! What is on the bench: a model, its data, and everything that was computed of it.

use std::collections::BTreeMap;

use fewbit_formats::onnx::{Diagnostic, DiagnosticKind, Import, ReadOptions};
use fewbit_formats::{Limits, onnx, sniff};
use fewbit_graph::Tensor;
use fewbit_graph::passes::Evaluate;
use fewbit_quant::analysis::{Analysis, AnalysisOptions};
use fewbit_quant::evaluate::{Evaluator, EvaluatorOptions};
use fewbit_quant::observe::{Observations, Progress};
use fewbit_quant::predict::Predictor;
use fewbit_quant::report::{Evaluation, LayerReport, LayerView, Sensitivity, Size, Unsupported};
use fewbit_quant::{
    Correctness, LayerChoice, Prepared, QuantError, QuantizedLayer, RangeMethod, Recipe, Sweep, size, view,
};
use fewbit_runtime::{Backend, Control, RunReport};

use super::adopt::Adopted;
use super::data::{Data, first_labels};
use super::{picture, preflight};
use crate::failure::{Code, Failure};
use crate::protocol::{Answer, DataFacts, Focus};

/// Most answers that are shown at a time.
const MOST_ANSWERS: usize = 24;
/// Why inputs stay in float.
const NOTHING_TO_OBSERVE: &str = "there are no calibration samples; open data for this model";
/// A sweep has few samples, and the bench's own evaluator is there beside it.
const SWEEP: EvaluatorOptions = EvaluatorOptions { chunk: 64, live_memory: 128 << 20 };

/// A model with its data, and everything that was computed of it.
pub struct Bench {
    /// The model, as the run whose network is here has rewritten it.
    pub prepared: Prepared,
    pub(super) data: Data,
    warnings: Vec<Failure>,
    pub(super) observed: Option<Observed>,
    pub(super) choices: Vec<LayerChoice>,
    pub(super) layers: Vec<QuantizedLayer>,
    pub(super) reports: Vec<LayerReport>,
    /// The run whose network this is; none for rounding to nearest.
    pub(super) adopted: Option<Adopted>,
    analysis: Option<Analysis>,
    evaluator: Option<Evaluator>,
    /// Whether `evaluator` hears another model than `prepared`.
    evaluator_is_stale: bool,
    predictor: Option<Predictor>,
    /// Of so many samples.
    sweeper: Option<(u32, Sweep)>,
}

/// What the observers saw, and of what.
pub(super) struct Observed {
    pub(super) samples: u32,
    pub(super) seed: u64,
    pub(super) observations: Observations,
}

impl Bench {
    /// Reads a model and the data beside it: test and calibration samples. `lengths` say what lengths that the model leaves free
    /// are to be.
    ///
    /// # Errors
    /// What cannot be read, where and why. Operators that cannot run are no error here: they are among the facts.
    pub fn read(
        name: &str,
        model: &[u8],
        lengths: &BTreeMap<String, usize>,
        [test, calibration]: [Option<&[u8]>; 2],
        classes: Vec<String>,
        evaluator: &dyn Evaluate,
    ) -> Result<Self, Failure> {
        if let Some(advice) = sniff::Kind::of(model, name).advice() {
            return Err(Failure::new(Code::UnreadableModel, advice).at(name));
        }
        let unreadable = |error: &dyn ToString| {
            Failure::new(Code::UnreadableModel, error.to_string())
                .at(name)
                .hint("export the model again as ONNX, operator set 7 to 23, with its weights inside")
        };
        let limits = Limits::default();
        let options = ReadOptions { fixed: true, dims: lengths.clone(), ..ReadOptions::default() };
        let Import { model: parsed, diagnostics, lengths: told, .. } =
            onnx::read_with(model, &limits, &options).map_err(|e| unreadable(&e))?;
        // After the reader, which holds the file to its limits.
        let operators = onnx::operators(model).map_err(|e| unreadable(&e))?;
        let unsupported = diagnostics.iter().filter_map(unsupported).collect();
        let mut prepared =
            Prepared::new(name, &parsed, operators, unsupported, evaluator).map_err(|e| unreadable(&e))?;
        prepared.facts.lengths = told;
        if !lengths.is_empty() {
            // A file is known by what it is without them.
            let options = ReadOptions { fixed: true, ..ReadOptions::default() };
            let plain = onnx::read_with(model, &limits, &options).map_err(|e| unreadable(&e))?;
            prepared.facts.id = plain.model.id().to_string();
        }
        preflight::check(&prepared.facts)?;
        let (data, unfit) = Data::read(&prepared, test, calibration, classes)?;
        let mut warnings: Vec<Failure> = diagnostics.iter().filter_map(|d| warning(name, d)).collect();
        warnings.extend(unfit);
        Ok(Self {
            prepared,
            data,
            warnings,
            observed: None,
            choices: Vec::new(),
            layers: Vec::new(),
            reports: Vec::new(),
            adopted: None,
            analysis: None,
            evaluator: None,
            evaluator_is_stale: false,
            predictor: None,
            sweeper: None,
        })
    }

    /// What is worth knowing about the model's file.
    pub fn warnings(&self) -> &[Failure] {
        &self.warnings
    }

    /// Puts other labelled data beside the model; its first samples serve for calibration as well.
    ///
    /// # Errors
    /// What cannot be read or does not fit the model. The data that were there stay then.
    pub fn replace_data(
        &mut self,
        name: &str,
        bytes: &[u8],
        classes: Vec<String>,
    ) -> Result<Option<Failure>, Failure> {
        let (data, note) = Data::one(&self.prepared, name, bytes, classes)?;
        self.data = data;
        self.leave_run();
        self.observed = None;
        self.choices.clear();
        self.forget_plans();
        Ok(note)
    }

    /// Puts a longer calibration set in the place of its beginning. What was observed on all of the samples that a recipe asks for stays.
    ///
    /// # Errors
    /// What cannot be read, does not fit the model, or begins with other samples. The data that were there stay then.
    pub fn extend_calibration(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let before = self.data.facts(&self.prepared).calibration;
        self.data.extend_calibration(&self.prepared, bytes)?;
        if self.observed.take_if(|observed| observed.samples > before).is_some() {
            self.choices.clear();
        }
        Ok(())
    }

    /// Drops everything that belongs to an engine.
    pub(super) fn forget_plans(&mut self) {
        self.forget_model();
        self.evaluator = None;
    }

    /// Drops everything that is of a float model which is no longer `prepared`. The answers of the float model stay: it
    /// computes the same.
    pub(super) fn forget_model(&mut self) {
        self.analysis = None;
        self.predictor = None;
        self.sweeper = None;
        self.evaluator_is_stale = true;
    }

    /// What data there are.
    pub fn data_facts(&self) -> DataFacts {
        self.data.facts(&self.prepared)
    }

    /// Observes the layers' inputs as well as `recipe` needs it. `cpu` is the CPU engine: the same scales everywhere.
    pub(super) async fn observe(
        &mut self,
        cpu: &dyn Backend,
        recipe: &Recipe,
        control: &Control<'_>,
        progress: Progress<'_>,
    ) -> Result<(), QuantError> {
        let choices = recipe.resolve(&self.prepared.layer_names())?;
        let quantizers = || choices.iter().filter_map(|choice| choice.activations.quantizer());
        if quantizers().next().is_none() || self.data.is_empty() {
            return Ok(());
        }
        let is_there = self.observed.as_ref().is_some_and(|observed| {
            observed.samples == recipe.calibration_samples && observed.seed == recipe.seed
        });
        if !is_there {
            let samples = self.data.calibration(recipe.calibration_samples)?;
            let observations =
                Observations::ranges(cpu, &self.prepared, &samples, recipe.seed, control, progress).await?;
            self.observed =
                Some(Observed { samples: recipe.calibration_samples, seed: recipe.seed, observations });
            self.choices.clear();
        }
        let needs_more =
            quantizers().any(|q| !matches!(q.range, RangeMethod::MinMax | RangeMethod::MovingAverage(_)));
        if needs_more {
            self.observe_distributions(cpu, control, progress).await?;
        }
        Ok(())
    }

    /// Observes the distributions as well, if that was not done. Returns whether there is something new to look at.
    pub(super) async fn observe_distributions(
        &mut self,
        cpu: &dyn Backend,
        control: &Control<'_>,
        progress: Progress<'_>,
    ) -> Result<bool, QuantError> {
        let Some(observed) = &mut self.observed else { return Ok(false) };
        if observed.observations.have_distributions() {
            return Ok(false);
        }
        let samples = self.data.calibration(observed.samples)?;
        observed.observations.distributions(cpu, &self.prepared, &samples, control, progress).await?;
        Ok(true)
    }

    /// Makes codes and grids as `recipe` wants them. Returns how many layers had to be made again.
    pub(super) fn apply(&mut self, recipe: &Recipe) -> Result<usize, QuantError> {
        let choices = recipe.resolve(&self.prepared.layer_names())?;
        let mut changed = Vec::new();
        for (i, choice) in choices.iter().enumerate() {
            if self.choices.get(i) == Some(choice) {
                continue;
            }
            let observation = self.observed.as_ref().and_then(|observed| observed.observations.layer(i));
            let layer = match observation {
                None if self.data.is_empty() => {
                    QuantizedLayer::with_float_input(&self.prepared, i, *choice, NOTHING_TO_OBSERVE)?
                }
                _ => QuantizedLayer::new(&self.prepared, i, *choice, observation)?,
            };
            let report = layer.report(self.prepared.facts.layers.get(i).map_or(0, |facts| facts.parameters));
            changed.push((i, layer, report));
        }
        let count = changed.len();
        for (i, layer, report) in changed {
            if i < self.layers.len() {
                self.layers[i] = layer;
                self.reports[i] = report;
            } else {
                self.layers.push(layer);
                self.reports.push(report);
            }
        }
        self.choices = choices;
        Ok(count)
    }

    /// One report for each layer, as far as they are known.
    pub fn reports(&self) -> Vec<LayerReport> {
        self.reports.clone()
    }

    /// The layers as they are now.
    pub fn layers(&self) -> &[QuantizedLayer] {
        &self.layers
    }

    /// What the model takes as it is now.
    pub fn size(&self) -> Size {
        size::size(&self.prepared, &self.layers)
    }

    /// The layer that is looked at; none of a model without layers.
    pub(super) fn view(&self, focus: Focus) -> Result<Option<LayerView>, QuantError> {
        let index = (focus.layer as usize).min(self.layers.len().saturating_sub(1));
        let Some(layer) = self.layers.get(index) else { return Ok(None) };
        let channels = self
            .prepared
            .facts
            .layers
            .get(index)
            .and_then(|facts| facts.weight_shape.get(facts.channel_axis));
        let channel = focus.channel.map(|c| c as usize).filter(|c| channels.is_some_and(|n| c < n));
        let observation = self.observed.as_ref().and_then(|observed| observed.observations.layer(index));
        view::layer_view(&self.prepared, index, channel, focus.bins as usize, layer, observation).map(Some)
    }

    /// Measures the layers' local and cumulative errors; the reports have them from then on.
    pub(super) async fn measure_layers(
        &mut self,
        backend: &dyn Backend,
        control: &Control<'_>,
    ) -> Result<RunReport, QuantError> {
        let Some(samples) = self.data.samples() else { return Ok(RunReport::default()) };
        if self.analysis.is_none() {
            let options = AnalysisOptions::default();
            self.analysis = Some(Analysis::prepare(backend, &self.prepared, samples, options).await?);
        }
        let Some(analysis) = &mut self.analysis else { return Ok(RunReport::default()) };
        for (i, layer) in self.layers.iter().enumerate() {
            analysis.set_layer(i, layer)?;
        }
        let (errors, report) = analysis.run(control).await?;
        for (report, errors) in self.reports.iter_mut().zip(errors) {
            report.local = Some(errors.local);
            report.cumulative = Some(errors.cumulative);
        }
        Ok(report)
    }

    /// How many samples the layers' errors are measured on.
    pub fn layer_samples(&self) -> u32 {
        self.analysis.as_ref().map_or(0, |analysis| analysis.samples() as u32)
    }

    /// Hears the float model, once, and gives the quantized one what it has to have. Returns whether there are samples
    /// to answer.
    pub(super) async fn prepare_answers(
        &mut self,
        backend: &dyn Backend,
        control: &Control<'_>,
        progress: Progress<'_>,
    ) -> Result<bool, QuantError> {
        let Some(test) = &self.data.test else { return Ok(false) };
        let options = preflight::evaluator_options(&self.prepared.facts);
        if self.evaluator.is_none() {
            let labels = test.y.as_deref();
            let evaluator =
                Evaluator::prepare(backend, self.original(), &test.x, labels, options, control, progress)
                    .await?;
            self.evaluator = Some(evaluator);
            self.evaluator_is_stale = self.adopted.as_ref().is_some_and(Adopted::is_rewritten);
        }
        if let Some(evaluator) = &mut self.evaluator {
            if self.evaluator_is_stale {
                evaluator.rewrite(backend, &self.prepared, options).await?;
                self.evaluator_is_stale = false;
            }
            for (i, layer) in self.layers.iter().enumerate() {
                evaluator.set_layer(i, layer)?;
            }
        }
        Ok(true)
    }

    /// Hears the quantized model on the next samples; none if all were heard.
    pub(super) async fn next_answers(
        &mut self,
        control: &Control<'_>,
    ) -> Result<Option<RunReport>, QuantError> {
        match &mut self.evaluator {
            None => Ok(None),
            Some(evaluator) => evaluator.next(control).await,
        }
    }

    /// The answers so far.
    pub fn evaluation(&self) -> Option<Evaluation> {
        self.evaluator.as_ref().map(Evaluator::evaluation)
    }

    /// On which test samples the model is right; nothing without labels, or before all are answered.
    pub fn correctness(&self) -> Correctness {
        let whole = self.evaluation().filter(|it| it.n == it.of && it.correct.is_some());
        let predictions = self.evaluator.iter().filter(|_| whole.is_some()).flat_map(Evaluator::predictions);
        predictions.map(|p| p.label == Some(p.quantized.class)).collect()
    }

    /// Samples to show: those whose answer changed, the surest of the float model first, then others.
    pub fn answers(&self) -> Vec<Answer> {
        let (Some(evaluator), Some(test)) = (&self.evaluator, &self.data.test) else { return Vec::new() };
        let mut predictions: Vec<_> = evaluator.predictions().collect();
        let changed = |p: &fewbit_quant::answers::Prediction| p.float.class != p.quantized.class;
        predictions.sort_by(|a, b| {
            changed(b)
                .cmp(&changed(a))
                .then(b.float.margin.total_cmp(&a.float.margin))
                .then(a.sample.cmp(&b.sample))
        });
        predictions
            .into_iter()
            .take(MOST_ANSWERS)
            .filter_map(|p| {
                Some(Answer {
                    picture: picture::of(&test.x, p.sample)?,
                    label: p.label,
                    float: (p.float.class, p.float.probability),
                    quantized: (p.quantized.class, p.quantized.probability),
                })
            })
            .collect()
    }

    /// Asks both models about one input.
    pub(super) async fn predict(
        &mut self,
        backend: &dyn Backend,
        values: Vec<f32>,
        control: &Control<'_>,
    ) -> Result<[Vec<f32>; 2], QuantError> {
        let mut shape = vec![1];
        shape.extend(&self.prepared.face()?.sample_shape);
        let sample = Tensor::f32(shape, values)?;
        if self.predictor.is_none() {
            self.predictor = Some(Predictor::prepare(backend, &self.prepared).await?);
        }
        let Some(predictor) = &mut self.predictor else { return Ok([Vec::new(), Vec::new()]) };
        for (i, layer) in self.layers.iter().enumerate() {
            predictor.set_layer(i, layer)?;
        }
        predictor.predict(&sample, control).await
    }

    /// Measures what layer `index` alone, and all but it, mean for the outputs; none behind the last layer.
    pub(super) async fn sensitivity(
        &mut self,
        backend: &dyn Backend,
        samples: u32,
        index: usize,
        control: &Control<'_>,
    ) -> Result<Option<Sensitivity>, QuantError> {
        let Some(test) = self.data.test.as_ref().filter(|_| index < self.layers.len()) else {
            return Ok(None);
        };
        if self.sweeper.as_ref().is_none_or(|(n, _)| *n != samples) {
            let part = test.x.rows(0, samples as usize);
            let labels = first_labels(test, &part);
            let sweep = Sweep::prepare(backend, &self.prepared, &part, labels, SWEEP, control).await?;
            self.sweeper = Some((samples, sweep));
        }
        let Some((_, sweep)) = &mut self.sweeper else { return Ok(None) };
        sweep.row(&self.prepared, &self.layers, index, control).await.map(Some)
    }

    /// What each layer's parts were asked to be.
    pub fn choices(&self) -> &[LayerChoice] {
        &self.choices
    }
}

fn unsupported(diagnostic: &Diagnostic) -> Option<Unsupported> {
    (diagnostic.kind == DiagnosticKind::Unsupported).then(|| Unsupported {
        node: diagnostic.name.clone(),
        operator: match diagnostic.domain.as_str() {
            "" => diagnostic.operator.clone(),
            domain => format!("{domain}.{}", diagnostic.operator),
        },
        reason: diagnostic.reason.clone(),
    })
}

fn warning(name: &str, diagnostic: &Diagnostic) -> Option<Failure> {
    let is_other = diagnostic.kind != DiagnosticKind::Unsupported;
    is_other.then(|| Failure::new(Code::ArrangedModel, diagnostic).at(name))
}
