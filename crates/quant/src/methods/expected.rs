//! What BatchNorms tell of the values on a wire: mean and deviation of each channel, without running anything.

use std::f64::consts::PI;

use fewbit_graph::WireId;
use fewbit_graph::op::{Binary, Op, PoolKind, Reducer, Unary};

use crate::prepare::Prepared;

/// The channels of a wire, each taken to be normal where it has a deviation.
#[derive(Clone, Debug, PartialEq)]
pub struct Distribution {
    /// The mean of each channel.
    pub means: Vec<f64>,
    /// The standard deviation of each channel; none where only means are known.
    pub deviations: Option<Vec<f64>>,
}

/// The distribution on a wire of the model; the reason if it is not known.
///
/// # Errors
/// Which node stands between the wire and the BatchNorms.
pub fn of_wire(prepared: &Prepared, wire: WireId) -> Result<Distribution, String> {
    let graph = &prepared.graph;
    let Some(producer) = graph.producer(wire) else {
        return Err(format!("`{}` is no layer's output", graph.wire(wire).name));
    };
    if let Some(layer) = prepared.layers.iter().position(|layer| layer.node == producer) {
        let known = prepared.statistics.get(layer).cloned().flatten();
        let known = known.ok_or_else(|| format!("{} has no BatchNorm", prepared.layers[layer].name))?;
        return Ok(Distribution { means: known.mean, deviations: Some(known.deviation) });
    }
    let node = graph.node_of(producer);
    let input = |place: usize| match node.inputs.get(place) {
        Some(&wire) => of_wire(prepared, wire),
        None => Err(format!("`{}` has no input {place}", node.name)),
    };
    match &node.op {
        Op::Unary(Unary::Relu) => input(0)?.clipped(0.0, f64::INFINITY, &node.name),
        Op::Unary(Unary::Clip { min, max }) => input(0)?.clipped((*min).into(), (*max).into(), &node.name),
        Op::Binary(Binary::Add) => input(0)?.plus(input(1)?, &node.name),
        Op::Pool(pool) if matches!(pool.kind, PoolKind::Mean { .. }) => Ok(input(0)?.averaged()),
        Op::Reduce(reduce) if reduce.kind == Reducer::Mean && reduce.axes.iter().all(|&axis| axis >= 2) => {
            Ok(input(0)?.averaged())
        }
        Op::Reshape(_) => input(0),
        op => Err(format!("{} `{}` is not understood", op.name(), node.name)),
    }
}

impl Distribution {
    /// A mean over places keeps the means; how much it varies is not known.
    fn averaged(self) -> Self {
        Self { deviations: None, ..self }
    }

    fn clipped(self, low: f64, high: f64, node: &str) -> Result<Self, String> {
        let Some(deviations) = self.deviations else {
            return Err(format!("how much the input of `{node}` varies is not known"));
        };
        let pairs = self.means.iter().zip(&deviations);
        let (means, deviations) = pairs.map(|(&m, &d)| clipped_normal(m, d, low, high)).unzip();
        Ok(Self { means, deviations: Some(deviations) })
    }

    /// The sum of two that are independent.
    fn plus(self, other: Self, node: &str) -> Result<Self, String> {
        if self.means.len() != other.means.len() {
            return Err(format!("`{node}` adds different numbers of channels"));
        }
        let means = self.means.iter().zip(&other.means).map(|(a, b)| a + b).collect();
        let sum = |(a, b): (&f64, &f64)| libm::sqrt(a * a + b * b);
        let deviations = self.deviations.zip(other.deviations);
        Ok(Self { means, deviations: deviations.map(|(a, b)| a.iter().zip(&b).map(sum).collect()) })
    }
}

/// Mean and standard deviation of min(max(x, low), high) for a normal x; `high` may be infinite.
pub fn clipped_normal(mean: f64, deviation: f64, low: f64, high: f64) -> (f64, f64) {
    if deviation <= 0.0 {
        return (mean.max(low).min(high), 0.0);
    }
    let below = |x: f64| 0.5 * libm::erfc(-(x - mean) / (deviation * std::f64::consts::SQRT_2));
    let density = |x: f64| {
        let z = (x - mean) / deviation;
        libm::exp(-0.5 * z * z) / libm::sqrt(2.0 * PI)
    };
    // An infinite bound has no mass, and its density is 0 whatever it is multiplied with.
    let at = |bound: f64, mass: f64| if mass > 0.0 && bound.is_finite() { bound * mass } else { 0.0 };
    let edge = |bound: f64| if bound.is_finite() { (bound + mean) * density(bound) } else { 0.0 };
    let (under, over) = (below(low), 1.0 - below(high));
    let inside = 1.0 - under - over;
    let first = at(low, under) + at(high, over) + mean * inside + deviation * (density(low) - density(high));
    let square = at(low * low, under)
        + at(high * high, over)
        + (mean * mean + deviation * deviation) * inside
        + deviation * (edge(low) - edge(high));
    (first, (square - first * first).max(0.0).sqrt())
}
