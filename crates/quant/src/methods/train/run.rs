//! Training at work, a step at a time.

use fewbit_graph::{Tensor, WireId};
use fewbit_numeric::Quantized;
use fewbit_runtime::{Keep, LocalFuture, Plan, RunError};

use super::batches::Sampler;
use super::graph::{Follows, Rules, WeightQuantizer};
use super::objective::Trainer;
use super::{binary, norm};
use crate::error::QuantError;
use crate::methods::{Advance, Calibration, Fact, Finding, Frame, Run, Scene, Step, layerwise};
use crate::network::Network;

/// About how many pictures a training shows.
const FRAMES: usize = 100;
/// Bins of a code in the histogram of latent weights.
const BINS_PER_CODE: usize = 12;
/// The most codes that such a histogram is made for.
const MOST_CODES: usize = 16;
/// A weight with a higher frequency counts as oscillating (Nagel et al. 2022, §3.2).
const OSCILLATES: f32 = 0.005;

/// A training.
pub(super) struct Training {
    name: &'static str,
    step: Step,
    rules: Rules,
    steps: usize,
    /// Steps taken.
    done: usize,
    session: Option<Session>,
    /// What every learned value was after some step, to go on from if the device is lost.
    checkpoint: Option<Checkpoint>,
}

/// A plan with what it needs.
struct Session {
    trainer: Trainer,
    plan: Box<dyn Plan>,
    sampler: Sampler,
}

struct Checkpoint {
    done: usize,
    values: Vec<Tensor>,
}

impl Training {
    pub(super) fn new(name: &'static str, step: Step, rules: Rules) -> Self {
        let steps = step.count("steps").max(1);
        Self { name, step, rules, steps, done: 0, session: None, checkpoint: None }
    }

    /// Makes a plan; after a lost device, with the values of the last checkpoint.
    async fn open(&mut self, scene: &Scene<'_>) -> Result<Session, QuantError> {
        let samples = scene.calibration.samples.shape().first().copied().unwrap_or(0);
        if samples == 0 {
            let why = "there are no calibration samples to learn from; open labelled data".to_owned();
            return Err(QuantError::Method { method: self.name, why });
        }
        scene.network.prepared().check_samples(&scene.calibration.samples)?;
        let batch = scene.network.prepared().face()?.batch(self.step.count("batch").min(samples));
        let labels = scene.calibration.labels.is_some();
        let trainer = Trainer::new(self.name, scene.network, &self.step, self.rules, batch, labels)?;
        let bindings = scene.network.prepared().face()?.bindings(batch);
        let mut plan = scene.backend.prepare(&trainer.graph, &bindings, Keep::Outputs).await?;
        if let Some(checkpoint) = &self.checkpoint {
            self.done = checkpoint.done;
            for (wire, value) in trainer.learned().zip(&checkpoint.values) {
                plan.set(wire, value)?;
            }
        }
        let sampler = Sampler::new(scene.seed, samples, batch, self.step.count("shift"));
        Ok(Session { trainer, plan, sampler })
    }

    async fn take_step(&mut self, scene: &mut Scene<'_>) -> Result<Advance, QuantError> {
        let mut session = match self.session.take() {
            Some(session) => session,
            None => self.open(scene).await?,
        };
        let every = self.steps.div_ceil(FRAMES);
        let is_last = self.done + 1 == self.steps;
        let shows = self.done.is_multiple_of(every) || is_last;
        let result = session.step(self.done, shows, scene).await;
        let loss = match result {
            // What the device held is gone; the checkpoint is not.
            Err(error @ QuantError::Run(RunError::Lost(_) | RunError::Device(_))) => return Err(error),
            Err(error) => {
                self.session = Some(session);
                return Err(error);
            }
            Ok(loss) => loss,
        };
        self.done += 1;
        let mut advance = Advance {
            done: self.done as u32,
            total: self.steps as u32,
            place: scene.network.prepared().facts.name.clone(),
            ..Advance::default()
        };
        if let Some(loss) = loss {
            if !loss.is_finite() {
                let why = format!(
                    "the loss is {loss} after {} steps: training has run away; lower `rate` or `scale-rate`",
                    self.done
                );
                return Err(QuantError::Method { method: self.name, why });
            }
            let values = session.values().await?;
            let rate = session.trainer.rate(self.done - 1);
            advance.frames.push(session.frame(self.done, self.steps, loss, rate, &values));
            if is_last {
                advance.findings = session.finish(scene.network, &values)?;
            }
            self.checkpoint = Some(Checkpoint { done: self.done, values });
        }
        if !is_last {
            self.session = Some(session);
        }
        Ok(advance)
    }
}

impl Run for Training {
    fn advance<'a>(&'a mut self, scene: &'a mut Scene<'_>) -> LocalFuture<'a, Result<Advance, QuantError>> {
        Box::pin(self.take_step(scene))
    }
}

impl Session {
    /// Takes step `step` and gives the loss if it is to be `shown`.
    async fn step(&mut self, step: usize, shown: bool, scene: &Scene<'_>) -> Result<Option<f64>, QuantError> {
        let calibration: &Calibration = scene.calibration;
        let batch = self.sampler.batch(calibration, step)?;
        let plan = self.plan.as_mut();
        plan.set(self.trainer.student.input, &batch.samples)?;
        if let (Some(wire), Some(labels)) = (self.trainer.labels, &calibration.labels) {
            plan.set(wire, &one_hot(&batch.places, labels, self.trainer.student.classes)?)?;
        }
        for (wire, value) in self.trainer.feeds(step) {
            plan.set(wire, &value)?;
        }
        let sampled = if shown { &[self.trainer.loss][..] } else { &[] };
        let read = plan.step(sampled, &scene.control).await?;
        Ok(match read.first() {
            Some(loss) => loss.as_f32()?.first().map(|&loss| f64::from(loss)),
            None => None,
        })
    }

    /// Every learned value, in the order of [`Trainer::learned`].
    async fn values(&mut self) -> Result<Vec<Tensor>, QuantError> {
        let wires: Vec<WireId> = self.trainer.learned().collect();
        Ok(self.plan.read(&wires).await?)
    }

    /// The value of a wire among `values`; that of the graph if it does not learn.
    fn value<'a>(&'a self, values: &'a [Tensor], wire: WireId) -> Result<&'a [f32], QuantError> {
        let at = self.trainer.learned().position(|learned| learned == wire);
        let tensor = at.and_then(|at| values.get(at)).or_else(|| self.trainer.graph.value(wire));
        tensor.map_or(Ok(&[][..]), |tensor| Ok(tensor.as_f32()?))
    }

    fn frame(&self, step: usize, of: usize, loss: f64, rate: f64, values: &[Tensor]) -> Frame {
        let layers = &self.trainer.student.layers;
        let get = |wire| self.value(values, wire).unwrap_or_default();
        let mean = |values: &[f32]| values.iter().sum::<f32>() / values.len().max(1) as f32;
        let oscillating = layers.iter().zip(&self.trainer.oscillations).map(|(layer, frequency)| {
            let frequency = frequency.map_or(&[][..], get);
            let often = frequency.iter().filter(|&&f| f > OSCILLATES).count();
            let weights = layer.weights.as_ref().map_or(0, |weights| weights.layout.len());
            often as f32 / weights.max(1) as f32
        });
        let latent = layers.iter().map(|layer| match &layer.weights {
            Some(weights) => {
                let grids = weights.grid.read(get(weights.grid.scale), get(weights.grid.zero_point));
                latent_histogram(get(layer.latent), &grids, weights.rows.len)
            }
            None => Vec::new(),
        });
        Frame::Training {
            step: step as u32,
            of: of as u32,
            loss,
            rate,
            weight_scales: layers
                .iter()
                .map(|layer| layer.weights.as_ref().map_or(0.0, |weights| mean(get(weights.grid.scale))))
                .collect(),
            input_scales: layers
                .iter()
                .map(|layer| layer.input.map_or(0.0, |input| mean(get(input.grid.scale))))
                .collect(),
            oscillating: oscillating.collect(),
            latent: latent.collect(),
        }
    }

    /// Makes codes and grids of what was learned.
    fn finish(&self, network: &mut Network, values: &[Tensor]) -> Result<Vec<Finding>, QuantError> {
        let mut findings = Vec::new();
        for (i, layer) in self.trainer.student.layers.iter().enumerate() {
            let mut tell = |what| findings.push(Finding { layer: i as u32, what });
            let latent = self.value(values, layer.latent)?;
            let before = network.layer(i)?.clone();
            let norm = match layer.norm {
                Some(norm) => Some(norm::Learned {
                    scale: self.value(values, norm.scale)?,
                    offset: self.value(values, norm.offset)?,
                    mean: self.value(values, norm.mean)?,
                    variance: self.value(values, norm.variance)?,
                }),
                None => None,
            };
            let gains = norm.as_ref().map(norm::Learned::gains);
            match &layer.weights {
                Some(weights) => {
                    let mut codes = self.codes(values, latent, weights)?;
                    if let Some(gains) = &gains {
                        layerwise::scale_codes(&mut codes, gains);
                    }
                    if let Some(old) = &before.codes {
                        let count = old.codes.iter().zip(&codes.codes).filter(|(a, b)| a != b).count() as u64;
                        tell(Fact::Flipped { count, of: codes.codes.len() as u64 });
                        tell(scale_change(&old.grids, &codes.grids));
                    }
                    network.set_codes(i, codes)?;
                }
                None => {
                    let mut weights = latent.to_vec();
                    if let Some(gains) = &gains {
                        let axis = network.prepared().layer(i)?.channel_axis;
                        norm::scale_weights(&mut weights, before.weights.shape(), axis, gains);
                    }
                    network.set_weights(i, Tensor::f32(before.weights.shape(), weights)?)?;
                }
            }
            if let (Some(norm), Some(gains), Some(bias)) = (&norm, &gains, layerwise::bias(network, i)?) {
                let folded = Tensor::f32(bias.shape(), norm.bias(bias.as_f32()?, gains))?;
                network.set_bias(i, folded)?;
            } else if self.trainer.batch_norm
                && let Some(reason) = norm::refusal(network, i)?
            {
                tell(layerwise::not_applied(reason));
            }
            if let (Some(wire), Some(bias)) = (layer.bias, network.prepared().bias(i)?) {
                let learned = Tensor::f32(bias.shape(), self.value(values, wire)?.to_vec())?;
                network.set_bias(i, learned)?;
            }
            if let Some(input) = layer.input {
                let scales = self.value(values, input.grid.scale)?;
                let zeros = self.value(values, input.grid.zero_point)?;
                network.set_input(i, input.grid.read(scales, zeros))?;
            }
        }
        Ok(findings)
    }

    /// The codes of latent weights, in rows, and the grids of the levels that they stand for.
    fn codes(
        &self,
        values: &[Tensor],
        latent: &[f32],
        weights: &WeightQuantizer,
    ) -> Result<Quantized, QuantError> {
        let scales = self.value(values, weights.grid.scale)?;
        let zeros = self.value(values, weights.grid.zero_point)?;
        let mut grids = weights.grid.read(scales, zeros);
        let balanced = weights.is_balanced().then(|| binary::centred(&weights.rows, latent));
        if weights.is_balanced() {
            // The engine's exponential is only nearly a power of two.
            grids.iter_mut().for_each(|grid| grid.scale = binary::twice_a_power(f64::from(0.5 * grid.scale)));
        }
        let latent = weights.rows.to_weight(balanced.as_deref().unwrap_or(latent));
        let mut codes = Quantized::nearest(weights.format, weights.layout, grids, &latent);
        if let Follows::Magnitudes { gain } = weights.follows {
            for (grid, gain) in codes.grids.iter_mut().zip(self.value(values, gain)?) {
                grid.scale *= gain;
            }
        }
        Ok(codes)
    }
}

fn scale_change(before: &[fewbit_numeric::Affine], after: &[fewbit_numeric::Affine]) -> Fact {
    let mean = |grids: &[fewbit_numeric::Affine]| {
        grids.iter().map(|grid| f64::from(grid.scale)).sum::<f64>() / grids.len().max(1) as f64
    };
    Fact::Grid { before: mean(before), after: mean(after) }
}

/// Where latent weights, in rows of `len`, lie on their grids: counts of u = w/s + z in equal bins from half a code
/// below the smallest to half a code above the largest; what lies beyond counts in the first or last bin. Empty where
/// there are too many codes to see.
fn latent_histogram(rows: &[f32], grids: &[fewbit_numeric::Affine], len: usize) -> Vec<u32> {
    let Some(first) = grids.first() else { return Vec::new() };
    let codes = (first.max_code - first.min_code) as usize + 1;
    if codes > MOST_CODES {
        return Vec::new();
    }
    let mut bins = vec![0; codes * BINS_PER_CODE];
    for (row, grid) in rows.chunks_exact(len.max(1)).zip(grids) {
        for &w in row {
            let place = (w / grid.scale + grid.zero_point - grid.min_code + 0.5) * BINS_PER_CODE as f32;
            let bin = (place.max(0.0) as usize).min(bins.len() - 1);
            bins[bin] += 1;
        }
    }
    bins
}

fn one_hot(places: &[usize], labels: &[i64], classes: usize) -> Result<Tensor, QuantError> {
    let mut values = vec![0.0; places.len() * classes];
    for (row, &place) in values.chunks_exact_mut(classes.max(1)).zip(places) {
        let class = labels.get(place).and_then(|&label| usize::try_from(label).ok());
        if let Some(slot) = class.and_then(|class| row.get_mut(class)) {
            *slot = 1.0;
        }
    }
    Ok(Tensor::f32([places.len(), classes], values)?)
}
