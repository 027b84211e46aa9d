//! What training makes small, and the steps that it takes.

use fewbit_graph::op::{Binary, Op, Reduce, Reducer, Unary};
use fewbit_graph::optimize::{Curve, Group, Learned, Optimizer, Schedule};
use fewbit_graph::{Bindings, Graph, Tensor, WireId, grad, loss};
use fewbit_numeric::Symmetry;

use super::graph::{Follows, Levels, Rules, Student, TrainedLayer, WeightQuantizer};
use super::{binary, oscillation, ternary};
use crate::error::QuantError;
use crate::methods::Step;
use crate::network::Network;

/// Below this a learned scale would be none.
const SMALLEST_SCALE: f32 = 1e-8;

/// A student with its loss and its optimizer: one graph, whose step learns.
pub(super) struct Trainer {
    pub(super) graph: Graph,
    pub(super) student: Student,
    pub(super) loss: WireId,
    /// One-hot labels [batch, classes], if the loss reads them.
    pub(super) labels: Option<WireId>,
    /// Whether BatchNorms were to come back.
    pub(super) batch_norm: bool,
    /// For each layer how often its weights oscillate, in rows; none for a layer in float.
    pub(super) oscillations: Vec<Option<WireId>>,
    /// Weights and biases, and the schedule of their rate; then scales and zero points.
    groups: [(Group, Schedule); 2],
    /// Feeds [1] with their schedules.
    knobs: Vec<(WireId, Schedule)>,
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
        let distill = step.get("distill");
        if distill < 1.0 && !labelled {
            let why = "the calibration samples have no labels for the cross-entropy; set distill=1, or open samples with labels";
            return Err(QuantError::Method { method, why: why.to_owned() });
        }
        let bindings = network.prepared().face()?.bindings(batch);
        let mut student = Student::new(network, rules, batch)?;
        let teacher = if distill > 0.0 { Some(student.add_teacher(network, batch)?) } else { None };
        let mut graph = std::mem::take(&mut student.graph);
        let mut terms = Vec::new();
        if let Some(teacher) = teacher {
            let temperature = step.get("temperature") as f32;
            let share = distill as f32;
            terms.push(loss::distillation(
                &mut graph,
                &bindings,
                student.logits,
                teacher,
                temperature,
                share,
            )?);
        }
        let labels =
            (distill < 1.0).then(|| graph.parameter("labels", Tensor::zeros([batch, student.classes])));
        if let Some(labels) = labels {
            let term = loss::cross_entropy(&mut graph, &bindings, student.logits, labels)?;
            terms.push(times(&mut graph, "loss.labelled", term, 1.0 - distill as f32));
        }
        let loss = loss::sum(&mut graph, &bindings, &terms)?;
        graph.outputs = vec![loss];

        let steps = step.count("steps") as u32;
        let mut knobs = Vec::new();
        let mut knob = |graph: &mut Graph, name: &str, schedule: Schedule| {
            let wire = graph.parameter(name, Tensor::zeros([1]));
            knobs.push((wire, schedule));
            wire
        };
        let cosine =
            |start: f64, end: f64| Schedule { start, end, curve: Curve::Cosine, warm_up: 0, hold: 0, steps };
        let (freeze, dampening) = (step.get("freeze"), step.get("dampening"));
        let threshold = (freeze > 0.0).then(|| knob(&mut graph, "freeze", cosine(10.0 * freeze, freeze)));
        let strength = (dampening > 0.0).then(|| knob(&mut graph, "dampening", cosine(0.0, 2.0 * dampening)));

        let balanced = student
            .layers
            .iter()
            .any(|layer| layer.weights.as_ref().is_some_and(WeightQuantizer::is_balanced));
        let sharpness = balanced.then(|| knob(&mut graph, "sharpness", binary::sharpness(steps)));

        let learning = Learning { rules, threshold, strength, sharpness };
        let (weights, scales) = learning.gradients(method, &mut graph, &bindings, &student, loss, network)?;
        let decay = step.get("decay") as f32;
        let adam = |weight_decay| match Optimizer::ADAM {
            Optimizer::Adam { beta_1, beta_2, epsilon, .. } => {
                Optimizer::Adam { beta_1, beta_2, epsilon, weight_decay }
            }
            other => other,
        };
        let rate = |name| Schedule::falling(step.get(name), Curve::Cosine, steps);
        let groups = [
            (adam(decay).attach(&mut graph, &bindings, "weights", &weights)?, rate("rate")),
            (adam(0.0).attach(&mut graph, &bindings, "scales", &scales)?, rate("scale-rate")),
        ];
        let oscillations = learning.follow(&mut graph, &student, network)?;
        let batch_norm = rules.batch_norm;
        Ok(Self { graph, student, loss, labels, batch_norm, oscillations, groups, knobs })
    }

    /// Everything that a step changes.
    pub(super) fn learned(&self) -> impl Iterator<Item = WireId> + '_ {
        self.graph.assignments.iter().map(|assignment| assignment.target)
    }

    /// The learning rate of weights at step `step`, from 0.
    pub(super) fn rate(&self, step: usize) -> f64 {
        self.groups[0].1.at(step as u32)
    }

    /// What is fed at step `step`, from 0.
    pub(super) fn feeds(&self, step: usize) -> Vec<(WireId, Tensor)> {
        let step = step as u32;
        let rates =
            self.groups.iter().map(|(group, schedule)| (group.rates, group.rates(step, schedule.at(step))));
        let knobs =
            self.knobs.iter().map(|(wire, schedule)| (*wire, Tensor::vector([schedule.at(step) as f32])));
        rates.chain(knobs).collect()
    }
}

/// What is learned, and what else a step does to weights.
struct Learning {
    rules: Rules,
    /// The frequency above which oscillating weights freeze.
    threshold: Option<WireId>,
    /// Twice the strength of dampening.
    strength: Option<WireId>,
    /// log₁₀ of how sharp the sign of balanced weights is backwards.
    sharpness: Option<WireId>,
}

impl Learning {
    /// Adds gradients: those of weights and biases, and those of scales and zero points.
    fn gradients(
        &self,
        method: &'static str,
        graph: &mut Graph,
        bindings: &Bindings,
        student: &Student,
        loss: WireId,
        network: &Network,
    ) -> Result<(Vec<Learned>, Vec<Learned>), QuantError> {
        let weights: Vec<WireId> = student.layers.iter().flat_map(TrainedLayer::learned_weights).collect();
        let scales: Vec<(WireId, bool)> =
            student.layers.iter().flat_map(|layer| layer.learned_grids(self.rules)).collect();
        // Of balanced weights along what their quantizer gives.
        let balanced: Vec<(usize, &TrainedLayer, &WeightQuantizer)> = (student.layers.iter().enumerate())
            .filter_map(|(i, layer)| Some((i, layer, layer.weights.as_ref().filter(|w| w.is_balanced())?)))
            .collect();
        let along = |wire: &WireId| {
            let of = balanced.iter().find(|(_, layer, _)| layer.latent == *wire);
            of.map_or(*wire, |(.., weights)| weights.quantized)
        };
        let all: Vec<WireId> =
            weights.iter().map(along).chain(scales.iter().map(|(wire, _)| *wire)).collect();
        let gradients = grad::gradients(graph, bindings, loss, &all)
            .map_err(|error| QuantError::Method { method, why: error.to_string() })?;
        let (of_weights, of_scales) = gradients.split_at(weights.len());
        let gains: Vec<WireId> =
            student.layers.iter().filter_map(|layer| layer.norm.map(|norm| norm.scale)).collect();
        let learned = |(&parameter, &gradient)| {
            let within = gains.contains(&parameter).then_some([0.0, f32::MAX]);
            Learned { parameter, gradient, within }
        };
        let mut weights: Vec<Learned> = weights.iter().zip(of_weights).map(learned).collect();
        if let Some(sharpness) = self.sharpness {
            for (i, layer, _) in &balanced {
                let name = &network.prepared().layer(*i)?.name;
                if let Some(learned) = weights.iter_mut().find(|learned| learned.parameter == layer.latent) {
                    learned.gradient =
                        binary::gradient(graph, name, layer.latent, learned.gradient, sharpness);
                }
            }
        }
        if let Some(strength) = self.strength {
            for (i, layer) in student.layers.iter().enumerate() {
                let place = weights.iter().position(|learned| learned.parameter == layer.latent);
                if let (Some(quantizer), Some(place)) = (&layer.weights, place) {
                    let name = &network.prepared().layer(i)?.name;
                    let gradient = weights[place].gradient;
                    weights[place].gradient =
                        oscillation::dampen(graph, name, layer, quantizer, gradient, strength);
                }
            }
        }
        let scales = scales.iter().zip(of_scales).map(|(&(parameter, is_scale), &gradient)| Learned {
            parameter,
            gradient,
            within: is_scale.then_some([SMALLEST_SCALE, f32::MAX]),
        });
        Ok((weights, scales.collect()))
    }

    /// Follows oscillations, and lets grids that are not learned follow the weights.
    fn follow(
        &self,
        graph: &mut Graph,
        student: &Student,
        network: &Network,
    ) -> Result<Vec<Option<WireId>>, QuantError> {
        let mut frequencies = Vec::new();
        for (i, layer) in student.layers.iter().enumerate() {
            let place = graph.assignments.iter().position(|assignment| assignment.target == layer.latent);
            let (Some(weights), Some(place)) = (&layer.weights, place) else {
                frequencies.push(None);
                continue;
            };
            let name = &network.prepared().layer(i)?.name;
            let next = graph.assignments[place].value;
            let (frequency, held) = oscillation::follow(graph, name, weights, next, self.threshold);
            graph.assignments[place].value = held;
            match weights.follows {
                Follows::Gradient => {}
                Follows::Range => follow_range(graph, name, weights, held),
                Follows::Magnitudes { gain } => ternary::follow(graph, name, weights, gain, held),
                Follows::Powers => binary::follow(graph, name, weights.grid.scale, held),
            }
            frequencies.push(Some(frequency));
        }
        Ok(frequencies)
    }
}

impl TrainedLayer {
    /// What of it learns but the grids.
    fn learned_weights(&self) -> impl Iterator<Item = WireId> {
        let norm = self.norm.map(|norm| [norm.scale, norm.offset]);
        [self.latent].into_iter().chain(self.bias).chain(norm.into_iter().flatten())
    }

    /// What of its grids learns, and whether it is a scale.
    fn learned_grids(&self, rules: Rules) -> Vec<(WireId, bool)> {
        let mut learned = Vec::new();
        if let Some(weights) = self.weights.as_ref().filter(|_| rules.levels == Levels::Learned) {
            learned.push((weights.grid.scale, true));
        }
        if let Some(input) = self.input {
            if rules.learn_input_scales {
                learned.push((input.grid.scale, true));
            }
            if rules.learn_zero_points && input.has_zero_point {
                learned.push((input.grid.zero_point, false));
            }
        }
        learned
    }
}

/// Lets a grid follow the range of its weights, as rounding to nearest would choose it: the largest magnitude at the
/// largest code; for the binary format twice the mean magnitude; with a zero point min and max.
fn follow_range(graph: &mut Graph, name: &str, weights: &WeightQuantizer, latent: WireId) {
    let [low_code, high_code] = weights.grid.codes;
    let name = format!("{name}.range");
    let binary = weights.format.is_binary();
    let reduced = |graph: &mut Graph, kind: Reducer, wire: WireId| {
        let reduce = Reduce { kind, axes: vec![1], keep_dims: false };
        graph.node(format!("{name}.reduced"), Op::Reduce(reduce), &[wire])
    };
    let clipped = |graph: &mut Graph, wire: WireId, [min, max]: [f32; 2]| {
        graph.node(format!("{name}.clipped"), Op::Unary(Unary::Clip { min, max }), &[wire])
    };
    if weights.format.has_zero_point() {
        let high = reduced(graph, Reducer::Max, latent);
        let low = reduced(graph, Reducer::Min, latent);
        let high = clipped(graph, high, [0.0, f32::MAX]);
        let low = clipped(graph, low, [-f32::MAX, 0.0]);
        let span = graph.node(format!("{name}.span"), Op::Binary(Binary::Sub), &[high, low]);
        let scale = times(graph, &format!("{name}.scale"), span, 1.0 / (high_code - low_code));
        let scale = clipped(graph, scale, [SMALLEST_SCALE, f32::MAX]);
        let below = graph.node(format!("{name}.below"), Op::Binary(Binary::Div), &[low, scale]);
        let below = graph.node(format!("{name}.below"), Op::Unary(Unary::Round), &[below]);
        let lowest = graph.parameter(format!("{name}.lowest"), Tensor::vector([low_code]));
        let zero = graph.node(format!("{name}.zero_point"), Op::Binary(Binary::Sub), &[lowest, below]);
        let zero = clipped(graph, zero, [low_code, high_code]);
        graph.assign(weights.grid.scale, scale);
        graph.assign(weights.grid.zero_point, zero);
        return;
    }
    let magnitudes = graph.node(format!("{name}.magnitudes"), Op::Unary(Unary::Abs), &[latent]);
    let magnitude = reduced(graph, if binary { Reducer::Mean } else { Reducer::Max }, magnitudes);
    let factor = match weights.format.symmetry() {
        _ if binary => 2.0,
        Symmetry::Full if weights.format.signed() => 2.0 / (high_code - low_code),
        _ => 1.0 / high_code,
    };
    let scale = times(graph, &format!("{name}.scale"), magnitude, factor);
    let scale = clipped(graph, scale, [SMALLEST_SCALE, f32::MAX]);
    graph.assign(weights.grid.scale, scale);
}

fn times(graph: &mut Graph, name: &str, wire: WireId, factor: f32) -> WireId {
    let factor = graph.parameter(format!("{name}.factor"), Tensor::vector([factor]));
    graph.node(name, Op::Binary(Binary::Mul), &[wire, factor])
}
