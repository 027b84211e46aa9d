//! Weights that jump back and forth between two codes while they train (Nagel et al. 2022, arXiv 2203.11086, §3–4).
//!
//! An oscillation is a change of a code against its last change. Each weight keeps the running frequency f of its
//! oscillations and the running mean of its code, as parameters that the step itself assigns. Freezing fixes a weight
//! with f above a threshold at its mean code; dampening pulls latent weights to the middles of their codes.

use fewbit_graph::op::{Binary, Op, Reshape, Unary};
use fewbit_graph::{Graph, WireId};

use super::graph::{TrainedLayer, WeightQuantizer};
use super::nodes::Nodes;

/// The momentum of the running means.
const MOMENTUM: f32 = 0.01;

/// A vector with one element for each row as a column.
pub(super) fn column(graph: &mut Graph, name: &str, rows: usize, vector: WireId) -> WireId {
    graph.node(name, Op::Reshape(Reshape::To(vec![rows as i64, 1])), &[vector])
}

/// Follows the oscillations of a layer's codes. `next` is what the optimizer makes of its latent weights. Gives the frequency
/// of each weight, and what the weights become in the end: `next`, or the middle of the code that a weight is frozen at. `threshold` is a feed [1] with
/// the frequency above which a weight freezes; none for following alone.
pub(super) fn follow(
    graph: &mut Graph,
    name: &str,
    weights: &WeightQuantizer,
    next: WireId,
    threshold: Option<WireId>,
) -> (WireId, WireId) {
    let shape = [weights.rows.count, weights.rows.len];
    let mut b = Nodes::new(graph, format!("{name}.oscillation"));
    let scale = column(b.graph, &format!("{name}.scale.column"), shape[0], weights.grid.scale);
    let zero = column(b.graph, &format!("{name}.zero_point.column"), shape[0], weights.grid.zero_point);
    let steps = b.binary("steps", Binary::Div, weights.quantized, scale);
    let place = b.binary("place", Binary::Add, steps, zero);
    let code = b.unary("code", Unary::Round, place);
    let [before, direction, frequency] =
        ["before", "direction", "frequency"].map(|what| b.state(what, &shape));
    // In the first step there is no code before: `seen` is 0 then.
    let seen = b.state("seen", &[1]);
    let one = b.constant("one", 1.0);
    let momentum = b.constant("momentum", MOMENTUM);
    let moved = b.binary("moved", Binary::Sub, code, before);
    let moved = b.binary("moved", Binary::Mul, moved, seen);
    let change = b.unary("change", Unary::Sign, moved);
    let same = b.binary("same", Binary::Mul, change, direction);
    let against = b.unary("against", Unary::Neg, same);
    let oscillates = b.unary("oscillates", Unary::Relu, against);
    let next_frequency = b.running("frequency.next", frequency, oscillates, momentum);
    // direction·(1 − |change|) + change
    let changed = b.unary("changed", Unary::Abs, change);
    let still = b.binary("still", Binary::Sub, one, changed);
    let kept = b.binary("kept", Binary::Mul, direction, still);
    let next_direction = b.binary("direction.next", Binary::Add, kept, change);
    let next_seen = b.binary("seen.next", Binary::Max, seen, one);
    let mut latent = next;
    if let Some(threshold) = threshold {
        let [frozen, mean] = ["frozen", "mean"].map(|what| b.state(what, &shape));
        // The first code is the mean to begin with.
        let unseen = b.binary("unseen", Binary::Sub, one, seen);
        let first = b.binary("first", Binary::Mul, code, unseen);
        let known = b.binary("known", Binary::Add, mean, first);
        let next_mean = b.running("mean.next", known, code, momentum);
        let over = b.binary("over", Binary::Sub, next_frequency, threshold);
        let over = b.unary("over", Unary::Relu, over);
        let over = b.unary("over", Unary::Sign, over);
        let next_frozen = b.binary("frozen.next", Binary::Max, frozen, over);
        let middle = b.unary("middle", Unary::Round, next_mean);
        let middle = b.binary("middle", Binary::Sub, middle, zero);
        let middle = b.binary("middle", Binary::Mul, middle, scale);
        // next + frozen·(middle − next)
        let far = b.binary("far", Binary::Sub, middle, next);
        let pull = b.binary("pull", Binary::Mul, next_frozen, far);
        latent = b.binary("held", Binary::Add, next, pull);
        b.graph.assign(frozen, next_frozen);
        b.graph.assign(mean, next_mean);
    }
    b.graph.assign(before, code);
    b.graph.assign(direction, next_direction);
    b.graph.assign(frequency, next_frequency);
    b.graph.assign(seen, next_seen);
    (frequency, latent)
}

/// The slope of the dampening loss λ·Σ(ŵ − clip(w))² along w, with ŵ taken for a constant, added to `gradient`: 2λ·(clip(w) − ŵ).
/// `strength` is a feed [1] with 2λ.
pub(super) fn dampen(
    graph: &mut Graph,
    name: &str,
    layer: &TrainedLayer,
    weights: &WeightQuantizer,
    gradient: WireId,
    strength: WireId,
) -> WireId {
    let mut b = Nodes::new(graph, format!("{name}.dampening"));
    let rows = weights.rows.count;
    let scale = column(b.graph, &format!("{name}.dampening.scale"), rows, weights.grid.scale);
    let zero = column(b.graph, &format!("{name}.dampening.zero_point"), rows, weights.grid.zero_point);
    let edge = |b: &mut Nodes<'_>, code: f32| {
        let code = b.constant("code", code);
        let steps = b.binary("steps", Binary::Sub, code, zero);
        b.binary("edge", Binary::Mul, steps, scale)
    };
    let [low, high] = weights.grid.codes.map(|code| edge(&mut b, code));
    let clipped = b.binary("clipped", Binary::Max, layer.latent, low);
    let clipped = b.binary("clipped", Binary::Min, clipped, high);
    let far = b.binary("far", Binary::Sub, clipped, weights.quantized);
    let pull = b.binary("pull", Binary::Mul, far, strength);
    b.binary("gradient", Binary::Add, gradient, pull)
}
