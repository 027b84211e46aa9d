//! The training graph of one unit.

use std::collections::BTreeMap;

use fewbit_graph::loss;
use fewbit_graph::op::{Binary, Op, Unary};
use fewbit_graph::optimize::{Curve, Group, Learned, Optimizer, Schedule};
use fewbit_graph::{Bindings, Dim, Graph, Tensor, WireId, gradients};
use fewbit_numeric::{Affine, Philox};

use super::settings::{Rule, Settings};
use super::weight::{Kind, Rounded, Target, Weight};
use crate::error::QuantError;
use crate::learn::Unit;
use crate::learn::inputs::{Drop, Input};
use crate::learn::part::{self, Dress};
use crate::learn::session::Session;
use crate::methods::Scene;
use crate::network::Network;

/// How far a learned step may move from the first, each way.
const STEP_RANGE: [f32; 2] = [1.0 / 16.0, 16.0];

/// Errors so far below what a unit gives, in power, are what arithmetic leaves: 80 dB. Soft roundings start where they reproduce the
/// float weights, so that without quantized inputs there is no other error at first; an optimizer that divides gradients by their
/// size would make full steps of that noise, other ones on every engine.
const NOISE: f64 = 1e-8;

/// What a unit learns from, N first.
pub(super) struct Data {
    /// What it reads in the network as it is now.
    pub(super) input: Tensor,
    /// What it reads in the float network, if values are dropped.
    pub(super) float_input: Option<Tensor>,
    /// What it gives in the float network.
    pub(super) target: Tensor,
    /// The gradient of the network's loss along that, if it counts.
    pub(super) slope: Option<Tensor>,
}

/// A unit that learns.
pub(super) struct Lesson {
    pub(super) session: Session,
    settings: Settings,
    philox: Philox,
    /// The first stream of the batches' draws.
    stream: u64,
    samples: usize,
    batch: (WireId, usize),
    /// The number of the step, where values are dropped.
    step: Option<WireId>,
    weights: Vec<Weight>,
    inputs: Vec<Input>,
    roundings: Group,
    steps: Option<Group>,
    regularizer: Option<Regularizer>,
    loss: WireId,
}

struct Regularizer {
    lambda: WireId,
    beta: WireId,
    wire: WireId,
}

/// What was learned so far.
pub(super) struct Progress {
    pub(super) weights: Vec<Rounded>,
    /// The grids of the inputs whose steps are learned.
    pub(super) inputs: Vec<(usize, Vec<Affine>)>,
    /// How many roundings lie where between down and up, in 20 bins.
    pub(super) soft: Vec<u32>,
}

/// The loss in a step.
pub(super) struct Sampled {
    pub(super) loss: f64,
    pub(super) regularizer: f64,
    pub(super) beta: f64,
}

impl Lesson {
    /// Builds the graph for `unit`, the `number`th, with one row of `data` for each sample.
    ///
    /// # Errors
    /// [`QuantError::Gradient`] if something in the unit cannot be differentiated.
    pub(super) fn new(
        network: &Network,
        (unit, number): (&Unit, usize),
        data: &Data,
        settings: Settings,
        seed: u64,
    ) -> Result<Self, QuantError> {
        let prepared = network.prepared();
        let bindings = Bindings::new();
        let samples = data.target.shape().first().copied().unwrap_or(0);
        let len = prepared.face()?.batch(settings.batch.min(samples));
        let mut graph = Graph::new();
        let batch = graph.input("batch", vec![Dim::Known(len)]);
        let rows = |graph: &mut Graph, name: &str, values: &Tensor| {
            let all = graph.parameter(name, values.clone());
            graph.node(format!("{name}.batch"), Op::Gather { axis: 0 }, &[all, batch])
        };
        let mut input = rows(&mut graph, "input", &data.input);
        let target = rows(&mut graph, "target", &data.target);
        let slope = data.slope.as_ref().map(|slope| rows(&mut graph, "slope", slope));
        let mut drop = (settings.drop > 0.0).then(|| Drop {
            seed,
            stream: (number as u32) << 16,
            probability: settings.drop as f32,
            step: graph.parameter("step", Tensor::vector(vec![0.0])),
        });
        if let (Some(drop), Some(float)) = (&mut drop, &data.float_input) {
            let float = rows(&mut graph, "float_input", float);
            input = drop.choose(&mut graph, "input", float, input);
        }
        let step = drop.map(|drop| drop.step);
        let (mut weights, mut inputs) = (Vec::new(), Vec::new());
        let mut dress = |graph: &mut Graph, index: usize, x: WireId| {
            let weight = Weight::new(graph, network, index, settings)?;
            let read = quantized_input(graph, network, index, x, settings.learn_inputs)?;
            let wire = match (&read, &mut drop) {
                (Some(read), Some(drop)) => {
                    let name = &prepared.layer(index)?.name;
                    Some(drop.choose(graph, &format!("{name}.input"), x, read.wire))
                }
                (read, _) => read.as_ref().map(|read| read.wire),
            };
            let layer = network.layer(index)?;
            let dressed = Dress {
                input: wire,
                weight: Some(match &weight {
                    Some(weight) => weight.wire(),
                    None => graph.parameter("float", layer.weights.clone()),
                }),
                bias: layer.bias.as_ref().map(|bias| graph.parameter("bias", bias.clone())),
            };
            weights.extend(weight);
            inputs.extend(read);
            Ok(dressed)
        };
        let known = BTreeMap::from([(unit.input, input)]);
        let wires = part::copy(&mut graph, prepared, &known, &[unit.output], &mut dress)?;
        let output = wires.get(&unit.output).copied().unwrap_or(input);
        let axis = channel_axis(network, unit, data.target.shape().len())?;
        let error = match slope {
            None => loss::squared_error(&mut graph, &bindings, output, target, axis)?,
            Some(slope) => loss::fisher_squared_error(&mut graph, &bindings, output, target, slope, axis)?,
        };
        graph.outputs.push(error);
        let regularizer = match settings.rule {
            Rule::Sign => None,
            Rule::Soft => {
                let lambda = graph.parameter("lambda", Tensor::scalar(0.0));
                let beta = graph.parameter("beta", Tensor::scalar(1.0));
                let open: Vec<WireId> = weights.iter().filter_map(Weight::rounding).collect();
                let wire = loss::rounding_regularizer(&mut graph, &bindings, &open, lambda, beta)?;
                graph.outputs.push(wire);
                Some(Regularizer { lambda, beta, wire })
            }
        };
        let told = above_noise(&mut graph, error, data, axis)?;
        let total = match &regularizer {
            None => told,
            Some(regularizer) => loss::sum(&mut graph, &bindings, &[told, regularizer.wire])?,
        };
        let mut lesson = Self {
            session: Session::new(Graph::new()),
            settings,
            philox: Philox::new(seed),
            stream: (number as u64 + 1) << 32,
            samples,
            batch: (batch, len),
            step,
            weights,
            inputs,
            roundings: Group { optimizer: Optimizer::SignSgd, rates: batch },
            steps: None,
            regularizer,
            loss: error,
        };
        lesson.attach(&mut graph, total)?;
        lesson.session = Session::new(graph);
        Ok(lesson)
    }

    /// Adds gradients and optimizers.
    fn attach(&mut self, graph: &mut Graph, total: WireId) -> Result<(), QuantError> {
        let bindings = Bindings::new();
        let roundings: Vec<Target> = self.weights.iter().flat_map(Weight::roundings).collect();
        let factors = self.weights.iter().filter_map(Weight::factor);
        let factors = factors.chain(self.inputs.iter().filter_map(|input| input.factor));
        let steps: Vec<Target> = factors.map(|wire| (wire, Some(STEP_RANGE))).collect();
        let wires: Vec<WireId> = roundings.iter().chain(&steps).map(|&(wire, _)| wire).collect();
        let slopes = gradients(graph, &bindings, total, &wires)?;
        let learned =
            |(&(parameter, within), &gradient): (&Target, &WireId)| Learned { parameter, gradient, within };
        let rounded: Vec<Learned> = roundings.iter().zip(&slopes).map(learned).collect();
        let stepped: Vec<Learned> =
            steps.iter().zip(slopes.iter().skip(roundings.len())).map(learned).collect();
        if self.settings.rule == Rule::Sign {
            self.keep_best(graph);
        }
        let optimizer = match self.settings.rule {
            Rule::Soft => Optimizer::ADAM,
            Rule::Sign => Optimizer::SignSgd,
        };
        self.roundings = optimizer.attach(graph, &bindings, "roundings", &rounded)?;
        if !stepped.is_empty() {
            self.steps = Some(Optimizer::ADAM.attach(graph, &bindings, "steps", &stepped)?);
        }
        Ok(())
    }

    /// Keeps what had the smallest loss so far. A comparison gives 0 or 1, so that the choice is exact.
    fn keep_best(&mut self, graph: &mut Graph) {
        let binary = |graph: &mut Graph, name: &str, op: Binary, a: WireId, b: WireId| {
            graph.node(format!("best.{name}"), Op::Binary(op), &[a, b])
        };
        let smallest = graph.parameter("best.loss", Tensor::scalar(f32::MAX));
        let gain = binary(graph, "gain", Binary::Sub, smallest, self.loss);
        let sign = graph.node("best.sign", Op::Unary(Unary::Sign), &[gain]);
        let better = graph.node("best.better", Op::Unary(Unary::Relu), &[sign]);
        let one = graph.parameter("best.one", Tensor::scalar(1.0));
        let worse = binary(graph, "worse", Binary::Sub, one, better);
        let least = binary(graph, "least", Binary::Min, smallest, self.loss);
        graph.assign(smallest, least);
        for weight in &mut self.weights {
            let learned = weight.learned(false);
            let Kind::Sign(_, best) = &mut weight.kind else { continue };
            for wire in learned {
                let Some(first) = graph.value(wire).cloned() else { continue };
                let old = graph.parameter("best", first);
                let new = binary(graph, "new", Binary::Mul, better, wire);
                let kept = binary(graph, "kept", Binary::Mul, worse, old);
                let next = binary(graph, "next", Binary::Add, new, kept);
                graph.assign(old, next);
                best.push(old);
            }
        }
    }

    /// Takes a step. Gives the loss if it is to be `sampled`.
    ///
    /// # Errors
    /// [`QuantError::Run`], also if stopped; the next call takes the same step.
    pub(super) async fn step(
        &mut self,
        scene: &Scene<'_>,
        sampled: bool,
    ) -> Result<Option<Sampled>, QuantError> {
        let (feeds, beta) = self.feeds()?;
        let wires: Vec<WireId> = match &self.regularizer {
            _ if !sampled => Vec::new(),
            None => vec![self.loss],
            Some(regularizer) => vec![self.loss, regularizer.wire],
        };
        let values = self.session.step(scene.backend, &feeds, &wires, &scene.control).await?;
        let value = |at: usize| -> Result<f64, QuantError> {
            let Some(value) = values.get(at) else { return Ok(0.0) };
            Ok(value.as_f32()?.first().copied().map_or(0.0, f64::from))
        };
        Ok(if sampled { Some(Sampled { loss: value(0)?, regularizer: value(1)?, beta }) } else { None })
    }

    /// What the next step is fed with, and β in it.
    fn feeds(&self) -> Result<(Vec<(WireId, Tensor)>, f64), QuantError> {
        let (step, of) = (self.session.done(), self.settings.iterations);
        let (batch, len) = self.batch;
        let rows = self.philox.sample(self.stream + u64::from(step), self.samples, len);
        let rows = Tensor::vector(rows.into_iter().map(|row| row as f32).collect::<Vec<_>>());
        let rate = match self.settings.rule {
            Rule::Soft => Schedule::constant(self.settings.rate),
            Rule::Sign => Schedule::falling(self.settings.rate / f64::from(of), Curve::Linear, of),
        };
        let mut feeds =
            vec![(batch, rows), (self.roundings.rates, self.roundings.rates(step, rate.at(step)))];
        if let Some(steps) = &self.steps {
            let rate = Schedule::falling(self.settings.step_rate, Curve::Cosine, of);
            feeds.push((steps.rates, steps.rates(step, rate.at(step))));
        }
        if let Some(wire) = self.step {
            feeds.push((wire, Tensor::vector(vec![step as f32])));
        }
        let mut shown = 0.0;
        if let Some(regularizer) = &self.regularizer {
            let hold = (self.settings.warmup * f64::from(of)).round() as u32;
            let [start, end] = self.settings.beta;
            let beta = Schedule { start, end, curve: Curve::Linear, warm_up: 0, hold, steps: of }.at(step);
            let lambda = if step < hold { 0.0 } else { self.settings.lambda };
            feeds.push((regularizer.beta, Tensor::scalar(beta as f32)));
            feeds.push((regularizer.lambda, Tensor::scalar(lambda as f32)));
            shown = beta;
        }
        Ok((feeds, shown))
    }

    /// What was learned so far; with `best` the best of it, where that was kept.
    ///
    /// # Errors
    /// [`QuantError::Run`].
    pub(super) async fn progress(&mut self, scene: &Scene<'_>, best: bool) -> Result<Progress, QuantError> {
        let mut wires: Vec<WireId> = self.weights.iter().flat_map(|weight| weight.learned(best)).collect();
        wires.extend(self.inputs.iter().filter_map(|input| input.factor));
        let values = self.session.read(scene.backend, &wires).await?;
        let mut values = values.iter().map(Tensor::as_f32);
        let mut next = || values.next().transpose().map(Option::unwrap_or_default);
        let mut progress = Progress { weights: Vec::new(), inputs: Vec::new(), soft: vec![0; 20] };
        for weight in &self.weights {
            let learned = weight.learned(best);
            let read = learned.iter().map(|_| next()).collect::<Result<Vec<&[f32]>, _>>()?;
            progress.weights.push(weight.rounded(&read, &mut progress.soft));
        }
        for input in self.inputs.iter().filter(|input| input.factor.is_some()) {
            progress.inputs.push((input.layer, input.learned(next()?)));
        }
        Ok(progress)
    }
}

/// The error where it is more than [`NOISE`], else a 0 that teaches nothing.
fn above_noise(graph: &mut Graph, error: WireId, data: &Data, axis: usize) -> Result<WireId, QuantError> {
    let target = data.target.as_f32()?;
    let slopes = data.slope.as_ref().map(Tensor::as_f32).transpose()?;
    let power = |(i, &y): (usize, &f32)| {
        let slope = slopes.and_then(|slopes| slopes.get(i)).copied().unwrap_or(1.0);
        (f64::from(y) * f64::from(slope)).powi(2)
    };
    let channels = data.target.shape().get(axis).copied().unwrap_or(1);
    let mean = target.iter().enumerate().map(power).sum::<f64>() / target.len().max(1) as f64;
    let noise = graph.parameter("noise", Tensor::scalar((NOISE * mean * channels as f64) as f32));
    let above = graph.node("error.above", Op::Binary(Binary::Sub), &[error, noise]);
    let above = graph.node("error.above", Op::Unary(Unary::Relu), &[above]);
    let is_above = graph.node("error.is_above", Op::Unary(Unary::Sign), &[above]);
    Ok(graph.node("error.told", Op::Binary(Binary::Mul), &[error, is_above]))
}

/// Adds the quantizer of a layer's input; none if it stays in float.
fn quantized_input(
    graph: &mut Graph,
    network: &Network,
    layer: usize,
    x: WireId,
    learn: bool,
) -> Result<Option<Input>, QuantError> {
    let Some(grids) = network.layer(layer)?.input.as_deref() else { return Ok(None) };
    let name = &network.prepared().layer(layer)?.name;
    let axis = part::input_axis(network, layer)?;
    Ok(Some(Input::new(graph, (layer, name), x, (grids, axis), learn)))
}

/// The axis of the channels of what a unit gives: that of its last layer.
fn channel_axis(network: &Network, unit: &Unit, rank: usize) -> Result<usize, QuantError> {
    let last = unit.layers.last().and_then(|&layer| network.prepared().face().ok()?.layers.get(layer));
    Ok(last.map_or(rank, |wires| wires.output_axis).min(rank.saturating_sub(1)))
}
