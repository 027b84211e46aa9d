//! What training makes small, and the steps that it takes.

use fewbit_graph::op::{Binary, Op, Reduce, Reducer, Unary, Update};
use fewbit_graph::{Graph, Tensor, WireId, grad};

use super::graph::{Rules, Student, TrainedLayer};
use super::oscillation;
use crate::error::QuantError;
use crate::methods::Step;
use crate::network::Network;

/// Adam's decays and ε (Kingma & Ba 2015, arXiv 1412.6980, §2).
const DECAYS: [f64; 2] = [0.9, 0.999];
const EPSILON: f32 = 1e-8;
/// Below this a learned scale would be none.
const SMALLEST_SCALE: f32 = 1e-8;

/// A student with its loss and its optimizer: one graph, whose step learns.
pub(super) struct Trainer {
    pub(super) graph: Graph,
    pub(super) student: Student,
    pub(super) loss: WireId,
    /// One-hot labels [batch, classes], if the loss reads them.
    pub(super) labels: Option<WireId>,
    /// For each layer how often its weights oscillate, in rows; none for a layer in float.
    pub(super) oscillations: Vec<Option<WireId>>,
    settings: Settings,
    /// The rates of weights and biases, and of scales and zero points.
    rates: [WireId; 2],
    threshold: Option<WireId>,
    dampening: Option<WireId>,
}

struct Settings {
    rate: f64,
    scale_rate: f64,
    decay: f64,
    freeze: f64,
    dampening: f64,
}

impl Trainer {
    /// A trainer for batches of `batch`. `labelled` says whether labels will come along.
    pub(super) fn new(
        method: &'static str,
        network: &Network,
        step: &Step,
        rules: Rules,
        batch: usize,
        labelled: bool,
    ) -> Result<Self, QuantError> {
        let mut student = Student::new(network, rules, batch)?;
        let distill = step.get("distill");
        if distill < 1.0 && !labelled {
            let why = "the calibration samples have no labels for the cross-entropy; set distill=1, or open samples with labels";
            return Err(QuantError::Method { method, why: why.to_owned() });
        }
        let teacher = if distill > 0.0 { Some(student.add_teacher(network, batch)?) } else { None };
        let mut graph = std::mem::take(&mut student.graph);
        let mut terms = Vec::new();
        if let Some(teacher) = teacher {
            let temperature = step.get("temperature") as f32;
            let term = distillation(&mut graph, teacher, student.logits, temperature, batch);
            terms.push(times(&mut graph, "loss.distilled", term, distill as f32));
        }
        let labels =
            (distill < 1.0).then(|| graph.parameter("labels", Tensor::zeros([batch, student.classes])));
        if let Some(labels) = labels {
            let term = cross_entropy(&mut graph, student.logits, labels, batch);
            terms.push(times(&mut graph, "loss.labels", term, 1.0 - distill as f32));
        }
        let loss = match terms.as_slice() {
            &[one] => one,
            &[a, b] => graph.node("loss", Op::Binary(Binary::Add), &[a, b]),
            _ => return Err(QuantError::Method { method, why: "there is no loss".to_owned() }),
        };
        graph.outputs = vec![loss];
        let settings = Settings {
            rate: step.get("rate"),
            scale_rate: step.get("scale-rate"),
            decay: step.get("decay"),
            freeze: step.get("freeze"),
            dampening: step.get("dampening"),
        };
        let rates = ["rates", "rates.scales"].map(|name| graph.parameter(name, Tensor::zeros([4])));
        let feed =
            |graph: &mut Graph, on: bool, name: &str| on.then(|| graph.parameter(name, Tensor::zeros([1])));
        let threshold = feed(&mut graph, settings.freeze > 0.0, "freeze");
        let dampening = feed(&mut graph, settings.dampening > 0.0, "dampening");
        let mut trainer = Self {
            oscillations: vec![None; student.layers.len()],
            graph,
            student,
            loss,
            labels,
            settings,
            rates,
            threshold,
            dampening,
        };
        trainer.learn(network, rules, batch).map_err(|error| match error {
            Problem::Gradient(error) => QuantError::Method { method, why: error.to_string() },
            Problem::Other(error) => error,
        })?;
        Ok(trainer)
    }

    /// Adds gradients and the optimizer.
    fn learn(&mut self, network: &Network, rules: Rules, batch: usize) -> Result<(), Problem> {
        let layers = self.student.layers.clone();
        let mut learned = Vec::new();
        for layer in &layers {
            learned.extend(layer.learned(rules));
        }
        let bindings = network.prepared().face().map_err(Problem::Other)?.bindings(batch);
        let gradients =
            grad::gradients(&mut self.graph, &bindings, self.loss, &learned).map_err(Problem::Gradient)?;
        let gradient = |wire: WireId| learned.iter().position(|&w| w == wire).map(|at| gradients[at]);
        for (i, layer) in layers.iter().enumerate() {
            let name = network.prepared().layer(i).map_err(Problem::Other)?.name.clone();
            if let Some(g) = gradient(layer.latent) {
                self.step_weights(i, &name, layer, rules, g);
            }
            let [weights, scales] = self.rates;
            if let Some((bias, g)) = layer.bias.and_then(|bias| Some((bias, gradient(bias)?))) {
                let next = self.adam(&format!("{name}.bias"), bias, g, weights);
                self.graph.assign(bias, next);
            }
            let grids = [layer.weights.as_ref().map(|w| w.grid), layer.input.map(|input| input.grid)];
            for grid in grids.into_iter().flatten() {
                if let Some(g) = gradient(grid.scale) {
                    let next = self.adam(&format!("{name}.scale"), grid.scale, g, scales);
                    let clip = Unary::Clip { min: SMALLEST_SCALE, max: f32::MAX };
                    let next = self.graph.node(format!("{name}.scale.next"), Op::Unary(clip), &[next]);
                    self.graph.assign(grid.scale, next);
                }
                if let Some(g) = gradient(grid.zero_point) {
                    let next = self.adam(&format!("{name}.zero_point"), grid.zero_point, g, scales);
                    self.graph.assign(grid.zero_point, next);
                }
            }
        }
        Ok(())
    }

    /// The optimizer's step of a layer's latent weights, with what follows from it.
    fn step_weights(&mut self, i: usize, name: &str, layer: &TrainedLayer, rules: Rules, gradient: WireId) {
        let mut g = gradient;
        if let (Some(weights), Some(strength)) = (&layer.weights, self.dampening) {
            g = oscillation::dampen(&mut self.graph, name, layer, weights, g, strength);
        }
        let mut next = self.adam(&format!("{name}.weight"), layer.latent, g, self.rates[0]);
        if let Some(weights) = &layer.weights {
            let (frequency, held) = oscillation::follow(&mut self.graph, name, weights, next, self.threshold);
            self.oscillations[i] = Some(frequency);
            next = held;
            if !rules.learn_weight_scales {
                follow_range(&mut self.graph, name, weights, next);
            }
        }
        self.graph.assign(layer.latent, next);
    }

    /// Adam's next value of `parameter`, with its moments.
    fn adam(&mut self, name: &str, parameter: WireId, gradient: WireId, rates: WireId) -> WireId {
        let graph = &mut self.graph;
        let shape = graph.value(parameter).map_or_else(Vec::new, |value| value.shape().to_vec());
        let mut moment = |what: &str, update: Update| {
            let moment = graph.parameter(format!("{name}.{what}"), Tensor::zeros(shape.clone()));
            let next = graph.node(format!("{name}.{what}.next"), Op::Update(update), &[moment, gradient]);
            graph.assign(moment, next);
            next
        };
        let mean = moment("mean", Update::Mean { decay: DECAYS[0] as f32 });
        let square = moment("square", Update::Square { decay: DECAYS[1] as f32 });
        let update = Op::Update(Update::Adam { epsilon: EPSILON });
        graph.node(format!("{name}.adam"), update, &[parameter, mean, square, rates])
    }

    /// Everything that a step changes.
    pub(super) fn learned(&self) -> impl Iterator<Item = WireId> + '_ {
        self.graph.assignments.iter().map(|assignment| assignment.target)
    }

    /// The learning rate of weights at step `step` of `steps`: along a cosine to 0.
    pub(super) fn rate(&self, step: usize, steps: usize) -> f64 {
        self.settings.rate * cosine(step, steps)
    }

    /// What is fed at step `step` of `steps`.
    pub(super) fn feeds(&self, step: usize, steps: usize) -> Vec<(WireId, Tensor)> {
        let left = cosine(step, steps);
        let corrections = DECAYS.map(|decay| 1.0 / (1.0 - libm::pow(decay, (step + 1) as f64)));
        let rates = |rate: f64, decay: f64| {
            Tensor::vector([rate * left, corrections[0], corrections[1], decay].map(|x| x as f32))
        };
        let mut feeds = vec![
            (self.rates[0], rates(self.settings.rate, self.settings.decay)),
            (self.rates[1], rates(self.settings.scale_rate, 0.0)),
        ];
        if let Some(wire) = self.threshold {
            // From ten times the threshold down to it.
            let threshold = self.settings.freeze * (1.0 + 9.0 * left);
            feeds.push((wire, Tensor::vector([threshold as f32])));
        }
        if let Some(wire) = self.dampening {
            feeds.push((wire, Tensor::vector([(2.0 * self.settings.dampening * (1.0 - left)) as f32])));
        }
        feeds
    }
}

enum Problem {
    Gradient(grad::GradError),
    Other(QuantError),
}

impl TrainedLayer {
    /// What of it learns.
    fn learned(&self, rules: Rules) -> Vec<WireId> {
        let mut learned = vec![self.latent];
        learned.extend(self.bias);
        if let Some(weights) = self.weights.as_ref().filter(|_| rules.learn_weight_scales) {
            learned.push(weights.grid.scale);
        }
        if let Some(input) = self.input {
            if rules.learn_input_scales {
                learned.push(input.grid.scale);
            }
            if rules.learn_zero_points && input.has_zero_point {
                learned.push(input.grid.zero_point);
            }
        }
        learned
    }
}

/// From 1 before the first step along half a cosine to 0 after the last.
fn cosine(step: usize, steps: usize) -> f64 {
    0.5 * (1.0 + libm::cos(std::f64::consts::PI * step as f64 / steps.max(1) as f64))
}

/// Lets a grid follow the range of the weights that it is for, as rounding to nearest would choose it: the largest
/// magnitude at the largest code; for the binary format twice the mean magnitude; with a zero point min and max.
fn follow_range(graph: &mut Graph, name: &str, weights: &super::graph::WeightQuantizer, latent: WireId) {
    let [low_code, high_code] = weights.grid.codes;
    let rows = weights.rows.count;
    let name = format!("{name}.range");
    let mut reduce = |kind: Reducer, wire: WireId| {
        let reduce = Reduce { kind, axes: vec![1], keep_dims: false };
        graph.node(format!("{name}.reduced"), Op::Reduce(reduce), &[wire])
    };
    if weights.format.has_zero_point() {
        let high = reduce(Reducer::Max, latent);
        let low = reduce(Reducer::Min, latent);
        let high =
            graph.node(format!("{name}.high"), Op::Unary(Unary::Clip { min: 0.0, max: f32::MAX }), &[high]);
        let low =
            graph.node(format!("{name}.low"), Op::Unary(Unary::Clip { min: -f32::MAX, max: 0.0 }), &[low]);
        let span = graph.node(format!("{name}.span"), Op::Binary(Binary::Sub), &[high, low]);
        let scale = times(graph, &format!("{name}.scale"), span, 1.0 / (high_code - low_code));
        let scale = at_least(graph, &format!("{name}.scale"), scale);
        let below = graph.node(format!("{name}.below"), Op::Binary(Binary::Div), &[low, scale]);
        let below = graph.node(format!("{name}.below"), Op::Unary(Unary::Round), &[below]);
        let lowest = graph.parameter(format!("{name}.lowest"), Tensor::vector([low_code]));
        let zero = graph.node(format!("{name}.zero_point"), Op::Binary(Binary::Sub), &[lowest, below]);
        let clip = Unary::Clip { min: low_code, max: high_code };
        let zero = graph.node(format!("{name}.zero_point"), Op::Unary(clip), &[zero]);
        graph.assign(weights.grid.scale, scale);
        graph.assign(weights.grid.zero_point, zero);
        return;
    }
    let magnitude = {
        let wire = graph.node(format!("{name}.magnitudes"), Op::Unary(Unary::Abs), &[latent]);
        let kind = if weights.format.is_binary() { Reducer::Mean } else { Reducer::Max };
        let reduce = Reduce { kind, axes: vec![1], keep_dims: false };
        graph.node(format!("{name}.magnitude"), Op::Reduce(reduce), &[wire])
    };
    let factor = match weights.format.symmetry() {
        _ if weights.format.is_binary() => 2.0,
        fewbit_numeric::Symmetry::Full if weights.format.signed() => 2.0 / (high_code - low_code),
        _ => 1.0 / high_code,
    };
    let scale = times(graph, &format!("{name}.scale"), magnitude, factor);
    let scale = at_least(graph, &format!("{name}.scale"), scale);
    debug_assert!(rows > 0, "a weight has rows");
    graph.assign(weights.grid.scale, scale);
}

fn at_least(graph: &mut Graph, name: &str, wire: WireId) -> WireId {
    graph.node(name, Op::Unary(Unary::Clip { min: SMALLEST_SCALE, max: f32::MAX }), &[wire])
}

fn times(graph: &mut Graph, name: &str, wire: WireId, factor: f32) -> WireId {
    if factor == 1.0 {
        return wire;
    }
    let factor = graph.parameter(format!("{name}.factor"), Tensor::vector([factor]));
    graph.node(name, Op::Binary(Binary::Mul), &[wire, factor])
}

/// The mean over the batch of −Σ y·ln softmax(logits), with one-hot y.
fn cross_entropy(graph: &mut Graph, logits: WireId, labels: WireId, batch: usize) -> WireId {
    let logs = graph.node("loss.logs", Op::LogSoftmax { axis: 1 }, &[logits]);
    let products = graph.node("loss.products", Op::Binary(Binary::Mul), &[labels, logs]);
    let sum = total(graph, "loss.sum", products);
    times(graph, "loss.cross_entropy", sum, -1.0 / batch as f32)
}

/// The mean over the batch of T²·KL(softmax(teacher/T) ‖ softmax(student/T)) (Hinton, Vinyals & Dean 2015, arXiv
/// 1503.02531, §2).
fn distillation(
    graph: &mut Graph,
    teacher: WireId,
    student: WireId,
    temperature: f32,
    batch: usize,
) -> WireId {
    let teacher = times(graph, "loss.teacher", teacher, 1.0 / temperature);
    let student = times(graph, "loss.student", student, 1.0 / temperature);
    let expected = graph.node("loss.expected", Op::Softmax { axis: 1 }, &[teacher]);
    let [wanted, found] =
        [teacher, student].map(|wire| graph.node("loss.logs", Op::LogSoftmax { axis: 1 }, &[wire]));
    let far = graph.node("loss.far", Op::Binary(Binary::Sub), &[wanted, found]);
    let products = graph.node("loss.products", Op::Binary(Binary::Mul), &[expected, far]);
    let sum = total(graph, "loss.sum", products);
    times(graph, "loss.divergence", sum, temperature * temperature / batch as f32)
}

fn total(graph: &mut Graph, name: &str, wire: WireId) -> WireId {
    let sums = Reduce { kind: Reducer::Sum, axes: vec![1], keep_dims: false };
    let rows = graph.node(name, Op::Reduce(sums), &[wire]);
    let sums = Reduce { kind: Reducer::Sum, axes: vec![0], keep_dims: true };
    graph.node(name, Op::Reduce(sums), &[rows])
}
