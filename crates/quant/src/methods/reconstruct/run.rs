//! The machine: unit after unit, what flows in and out is computed, roundings are learned, codes are set.

use fewbit_graph::{Tensor, WireId, infer};
use fewbit_runtime::{LocalFuture, RunError};

use super::lesson::{Data, Lesson, Progress};
use super::picture::frame;
use super::settings::{Granule, Rule, Settings};
use crate::error::QuantError;
use crate::learn::cache::{Cache, Fill};
use crate::learn::{Unit, fisher, part, units};
use crate::methods::{Advance, Fact, Finding, Run, Scene};
use crate::network::Network;
use crate::prepare::Prepared;

/// Bytes for what flows into and out of a unit: with larger models fewer samples are learned from.
const MEMORY: usize = 512 << 20;
/// Samples on which a unit's error is measured before and after.
const MEASURED: usize = 256;
/// Multiply-accumulates of the iterations between which a host may look: some ten milliseconds.
const SLICE: u64 = 300_000_000;
/// Iterations between which a host may look, at most.
const LONGEST: u64 = 16;
/// Pictures of one unit.
const FRAMES: u32 = 60;

/// A reconstruction at work.
pub(super) struct Reconstruction {
    settings: Settings,
    work: Option<Work>,
}

struct Work {
    units: Vec<Unit>,
    at: usize,
    samples: usize,
    available: usize,
    /// What the float network computes, and the network as it is now.
    float: Cache,
    quantized: Cache,
    /// An answer for each sample, drawn from the float network's, where errors are weighted by what they cost.
    answers: Option<Tensor>,
    slope: Option<Tensor>,
    stage: Stage,
    fill: Option<Fill>,
    lesson: Option<Lesson>,
    before: f64,
    learned: Vec<Finding>,
}

/// What is done next for a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Answers,
    Float,
    Slope,
    Quantized,
    Before,
    Learn,
    After,
}

impl Reconstruction {
    /// # Errors
    /// [`QuantError::Method`] if errors are to be weighted by the cost of an answer, and there are no answers.
    pub(super) fn new(settings: Settings, network: &Network) -> Result<Self, QuantError> {
        if settings.fisher && network.prepared().face()?.classes().is_none() {
            let why = "the Fisher information is that of a class, and the model's answers are not one score for each \
                       class; use fisher=0";
            return Err(QuantError::Method { method: settings.method, why: why.to_owned() });
        }
        Ok(Self { settings, work: None })
    }
}

/// About how many multiply-accumulates a reconstruction takes.
pub(super) fn cost(settings: Settings, network: &Network, samples: usize) -> f64 {
    let macs = network.prepared().facts.macs as f64;
    let learning = 3.0 * f64::from(settings.iterations) * settings.batch.min(samples) as f64;
    let passes = 2.0 * settings.samples.min(samples) as f64 * if settings.fisher { 2.0 } else { 1.0 };
    macs * (learning + passes + 2.0 * MEASURED.min(samples) as f64)
}

impl Run for Reconstruction {
    fn advance<'a>(&'a mut self, scene: &'a mut Scene<'_>) -> LocalFuture<'a, Result<Advance, QuantError>> {
        Box::pin(async move {
            let settings = self.settings;
            let work = match &mut self.work {
                Some(work) => work,
                None => self.work.insert(Work::new(settings, scene)?),
            };
            let mut advance = Advance::default();
            let result = work.advance(settings, scene, &mut advance).await;
            if matches!(result, Err(QuantError::Run(RunError::Lost(_)))) {
                work.fill = None;
            }
            result?;
            let each = settings.iterations + 1;
            advance.done =
                work.at as u32 * each + work.lesson.as_ref().map_or(0, |lesson| lesson.session.done());
            advance.total = work.units.len() as u32 * each;
            Ok(advance)
        })
    }
}

impl Work {
    fn new(settings: Settings, scene: &Scene<'_>) -> Result<Self, QuantError> {
        let refuse = |why: &str| Err(QuantError::Method { method: settings.method, why: why.to_owned() });
        let prepared = scene.network.prepared();
        let samples = &scene.calibration.samples;
        if samples.is_empty() {
            return refuse("there are no calibration samples; choose a data set to learn from");
        }
        let available = prepared.check_samples(samples)?.min(settings.samples);
        let units = match settings.granule {
            Granule::Layer => units::layers(prepared)?,
            Granule::Block => units::blocks(prepared)?,
        };
        let samples_used = fitting(prepared, &units, settings, available)?;
        let input = prepared.face()?.input;
        let rows = samples.rows(0, samples_used);
        let learned = without_unit(prepared, &units);
        Ok(Self {
            units,
            at: 0,
            samples: samples_used,
            available,
            float: Cache::new(input, rows.clone()),
            quantized: Cache::new(input, rows),
            answers: None,
            slope: None,
            stage: first_stage(settings, false),
            fill: None,
            lesson: None,
            before: 0.0,
            learned,
        })
    }

    /// Does one slice of work.
    async fn advance(
        &mut self,
        settings: Settings,
        scene: &mut Scene<'_>,
        advance: &mut Advance,
    ) -> Result<(), QuantError> {
        let Some(unit) = self.units.get(self.at).cloned() else {
            advance.findings.append(&mut self.learned);
            return Ok(());
        };
        advance.place = match self.samples < self.available {
            true => format!("{} · {} of {} samples fit", unit.name, self.samples, self.available),
            false => unit.name.clone(),
        };
        if self.lesson.is_none() && self.is_float(scene.network, &unit) {
            self.skip(settings, scene.network.prepared(), &unit, advance);
            return Ok(());
        }
        if self.stage == Stage::Learn {
            return self.learn(settings, scene, &unit, advance).await;
        }
        let mut fill = match self.fill.take() {
            Some(fill) => fill,
            None => self.begin(settings, scene, &unit).await?,
        };
        let result = fill.advance(&scene.control).await;
        if !matches!(result, Ok(true)) {
            self.fill = Some(fill);
            return result.map(|_| ());
        }
        self.end(settings, scene, &unit, fill.finish()?, advance)
    }

    /// Whether nothing of the unit is in codes.
    fn is_float(&self, network: &Network, unit: &Unit) -> bool {
        unit.layers.iter().all(|&i| network.layer(i).is_ok_and(|layer| layer.codes.is_none()))
    }

    fn skip(&mut self, settings: Settings, prepared: &Prepared, unit: &Unit, advance: &mut Advance) {
        for &layer in &unit.layers {
            let what = Fact::NotApplied { reason: "its weights are kept in float".to_owned() };
            self.learned.push(Finding { layer: layer as u32, what });
        }
        advance.findings.append(&mut self.learned);
        self.next_unit(settings, prepared);
    }

    /// What the stage computes, as wires of the prepared graph.
    fn wanted(
        &self,
        settings: Settings,
        prepared: &Prepared,
        unit: &Unit,
    ) -> Result<Vec<WireId>, QuantError> {
        Ok(match self.stage {
            Stage::Answers => vec![fisher::logits(prepared)?],
            Stage::Float if settings.drop > 0.0 => vec![unit.input, unit.output],
            Stage::Quantized => vec![unit.input],
            Stage::Float | Stage::Slope | Stage::Before | Stage::Learn | Stage::After => vec![unit.output],
        })
    }

    async fn begin(&self, settings: Settings, scene: &Scene<'_>, unit: &Unit) -> Result<Fill, QuantError> {
        let (network, backend) = (&*scene.network, scene.backend);
        let prepared = network.prepared();
        let wanted = self.wanted(settings, prepared, unit)?;
        match (self.stage, &self.answers) {
            (Stage::Slope, Some(answers)) => {
                fisher::fill(backend, prepared, &self.float, answers, unit.output).await
            }
            (Stage::Quantized, _) => {
                self.quantized.fill(backend, prepared, &wanted, &mut part::quantized(network)).await
            }
            (Stage::Before | Stage::After, _) => {
                let read = known(&self.quantized, unit.input)?.rows(0, MEASURED);
                let cache = Cache::new(unit.input, read);
                cache.fill(backend, prepared, &wanted, &mut part::quantized(network)).await
            }
            _ => self.float.fill(backend, prepared, &wanted, &mut part::float).await,
        }
    }

    /// Takes what the stage has computed, and goes on to the next.
    fn end(
        &mut self,
        settings: Settings,
        scene: &mut Scene<'_>,
        unit: &Unit,
        values: Vec<Tensor>,
        advance: &mut Advance,
    ) -> Result<(), QuantError> {
        let prepared = scene.network.prepared();
        let wanted = self.wanted(settings, prepared, unit)?;
        let first = |values: &[Tensor]| values.first().cloned().ok_or_else(|| missing(unit.output));
        match self.stage {
            Stage::Answers => {
                self.answers = Some(fisher::answers(&first(&values)?, scene.seed)?);
                self.stage = Stage::Float;
            }
            Stage::Float => {
                wanted.into_iter().zip(values).for_each(|(wire, value)| self.float.insert(wire, value));
                self.stage = if settings.fisher { Stage::Slope } else { Stage::Quantized };
            }
            Stage::Slope => {
                self.slope = Some(fisher::slope(&first(&values)?)?);
                self.stage = Stage::Quantized;
            }
            Stage::Quantized => {
                wanted.into_iter().zip(values).for_each(|(wire, value)| self.quantized.insert(wire, value));
                self.stage = Stage::Before;
            }
            Stage::Before => {
                self.before = self.error(unit, &first(&values)?)?;
                self.stage = Stage::Learn;
            }
            Stage::Learn | Stage::After => {
                let (before, after) = (self.before, self.error(unit, &first(&values)?)?);
                if let Some(&layer) = unit.layers.last() {
                    let of = match unit.layers.len() {
                        1 => "layer output",
                        _ => "block output",
                    };
                    let what = Fact::Error { of: of.to_owned(), before, after };
                    self.learned.push(Finding { layer: layer as u32, what });
                }
                advance.findings.append(&mut self.learned);
                self.next_unit(settings, prepared);
            }
        }
        Ok(())
    }

    fn next_unit(&mut self, settings: Settings, prepared: &Prepared) {
        self.at += 1;
        self.lesson = None;
        self.slope = None;
        self.stage = first_stage(settings, self.answers.is_some());
        let ahead = self.units.get(self.at..).unwrap_or_default();
        let inputs: Vec<WireId> = ahead.iter().map(|unit| unit.input).collect();
        self.quantized.keep_for(prepared, &inputs);
        let dropped = inputs.iter().copied().filter(|_| settings.drop > 0.0);
        let answered = prepared.face().ok().map(|face| face.output).filter(|_| settings.fisher);
        let wanted: Vec<WireId> =
            ahead.iter().map(|unit| unit.output).chain(dropped).chain(answered).collect();
        self.float.keep_for(prepared, &wanted);
    }

    /// The mean squared error of what the unit gives.
    fn error(&self, unit: &Unit, output: &Tensor) -> Result<f64, QuantError> {
        let target = known(&self.float, unit.output)?.as_f32()?;
        let square = |(&a, &b): (&f32, &f32)| (f64::from(a) - f64::from(b)) * (f64::from(a) - f64::from(b));
        let sum: f64 = output.as_f32()?.iter().zip(target).map(square).sum();
        Ok(sum / output.len().max(1) as f64)
    }

    /// Some iterations, up to a picture; after the last one the codes are set.
    async fn learn(
        &mut self,
        settings: Settings,
        scene: &mut Scene<'_>,
        unit: &Unit,
        advance: &mut Advance,
    ) -> Result<(), QuantError> {
        let network = &*scene.network;
        let lesson = match &mut self.lesson {
            Some(lesson) => lesson,
            None => {
                let data = Data {
                    input: known(&self.quantized, unit.input)?.clone(),
                    float_input: match unit.input == network.prepared().face()?.input || settings.drop == 0.0
                    {
                        true => None,
                        false => Some(known(&self.float, unit.input)?.clone()),
                    },
                    target: known(&self.float, unit.output)?.clone(),
                    slope: self.slope.take(),
                };
                self.lesson.insert(Lesson::new(network, (unit, self.at), &data, settings, scene.seed)?)
            }
        };
        let every = settings.iterations.div_ceil(FRAMES).max(1);
        for _ in 0..slice(network, unit, settings) {
            let next = lesson.session.done() + 1;
            if next > settings.iterations {
                break;
            }
            let sampled = next % every == 0 || next == settings.iterations;
            if let Some(sampled) = lesson.step(scene, sampled).await? {
                let progress = lesson.progress(scene, false).await?;
                advance.frames.push(frame(&progress, &sampled, next, settings.iterations));
                break;
            }
        }
        if lesson.session.done() >= settings.iterations {
            let progress = lesson.progress(scene, settings.rule == Rule::Sign).await?;
            self.apply(scene.network, progress)?;
            self.stage = Stage::After;
        }
        Ok(())
    }

    /// Gives the network what was learned.
    fn apply(&mut self, network: &mut Network, progress: Progress) -> Result<(), QuantError> {
        let mean = |grids: &[fewbit_numeric::Affine]| {
            grids.iter().map(|grid| f64::from(grid.scale)).sum::<f64>() / grids.len().max(1) as f64
        };
        for rounded in progress.weights {
            let flips =
                std::iter::zip(&rounded.codes.codes, &rounded.nearest).filter(|(a, b)| a != b).count();
            let what = Fact::Flipped { count: flips as u64, of: rounded.nearest.len() as u64 };
            self.learned.push(Finding { layer: rounded.layer as u32, what });
            network.set_codes(rounded.layer, rounded.codes)?;
        }
        for (layer, grids) in progress.inputs {
            let before = network.layer(layer)?.input.as_deref().map_or(0.0, mean);
            let what = Fact::Grid { before, after: mean(&grids) };
            self.learned.push(Finding { layer: layer as u32, what });
            network.set_input(layer, grids)?;
        }
        Ok(())
    }
}

/// What a unit begins with.
fn first_stage(settings: Settings, answered: bool) -> Stage {
    if settings.fisher && !answered { Stage::Answers } else { Stage::Float }
}

/// How many iterations of a unit take a few tens of milliseconds.
fn slice(network: &Network, unit: &Unit, settings: Settings) -> u64 {
    let layers = &network.prepared().facts.layers;
    let macs: u64 = unit.layers.iter().filter_map(|&i| layers.get(i)).map(|layer| layer.macs).sum();
    (SLICE / (3 * macs * settings.batch as u64).max(1)).clamp(1, LONGEST)
}

/// How many of `available` samples fit into memory.
fn fitting(
    prepared: &Prepared,
    units: &[Unit],
    settings: Settings,
    available: usize,
) -> Result<usize, QuantError> {
    let facts = infer(&prepared.graph, &prepared.face()?.bindings(1))?;
    let bytes = |unit: &Unit| {
        let [input, output] = [unit.input, unit.output].map(|wire| 4 * facts.of(wire).len());
        let inputs = if settings.drop > 0.0 { 2 } else { 1 };
        let outputs = if settings.fisher { 2 } else { 1 };
        inputs * input + outputs * output
    };
    let largest = units.iter().map(bytes).max().unwrap_or(0);
    Ok(available.min((MEMORY / largest.max(1)).max(1)))
}

/// What is said of layers that no unit has.
fn without_unit(prepared: &Prepared, units: &[Unit]) -> Vec<Finding> {
    let reason = "the model's first output does not depend on it";
    let left =
        (0..prepared.layers.len()).filter(|layer| !units.iter().any(|unit| unit.layers.contains(layer)));
    let what = Fact::NotApplied { reason: reason.to_owned() };
    left.map(|layer| Finding { layer: layer as u32, what: what.clone() }).collect()
}

fn known(cache: &Cache, wire: WireId) -> Result<&Tensor, QuantError> {
    cache.get(wire).ok_or_else(|| missing(wire))
}

fn missing(wire: WireId) -> QuantError {
    RunError::NotKept(format!("wire {}", wire.0)).into()
}
