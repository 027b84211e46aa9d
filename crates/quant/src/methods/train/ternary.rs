//! Ternary weights by Li, Zhang & Liu 2016 (arXiv 1605.04711, eq. 5–6): of each row Δ = 0.7·mean|w|, and
//! α = mean(|w| : |w| > Δ); a weight becomes α·sign(w) where |w| > Δ, else 0.
//!
//! A quantizer of scale 2Δ with the codes −1, 0 and 1 decides so, and a factor of α/(2Δ) makes its levels ±α. In the end
//! the scale of the codes is α.

use fewbit_graph::op::{Binary, Op, Reducer, Reshape, Unary};
use fewbit_graph::{Graph, Tensor, WireId};
use fewbit_numeric::{Affine, Format};

use super::graph::WeightQuantizer;
use super::nodes::Nodes;
use super::rows::Rows;

/// Δ/mean|w|.
const THRESHOLD: f32 = 0.7;
/// Below this a scale would be none.
const SMALLEST: f32 = 1e-8;

/// Whether a format has just these codes.
pub(super) fn fits(format: Format) -> bool {
    format.code_range() == (-1, 1) && !format.has_zero_point()
}

/// Of one row the quantizer's scale 2Δ, and α.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Level {
    pub(super) scale: f32,
    pub(super) level: f32,
}

/// The levels of rows of weights.
pub(super) fn levels(rows: &Rows, values: &[f32]) -> Vec<Level> {
    let whole = values.chunks_exact(rows.len.max(1));
    whole.zip(rows.lengths()).map(|(row, len)| level(row.get(..len).unwrap_or(row))).collect()
}

fn level(row: &[f32]) -> Level {
    let mean = |values: &mut dyn Iterator<Item = f32>| {
        let (sum, count) =
            values.fold((0.0, 0u32), |(sum, count), value| (sum + f64::from(value), count + 1));
        (sum / f64::from(count.max(1))) as f32
    };
    let magnitude = mean(&mut row.iter().map(|w| w.abs()));
    let threshold = THRESHOLD * magnitude;
    let level = mean(&mut row.iter().map(|w| w.abs()).filter(|&w| w > threshold));
    Level { scale: (2.0 * threshold).max(SMALLEST), level: level.max(SMALLEST) }
}

/// Grids that decide as the levels say, with the codes of `grids`.
pub(super) fn grids(grids: &[Affine], levels: &[Level]) -> Vec<Affine> {
    grids.iter().zip(levels).map(|(grid, level)| Affine { scale: level.scale, ..*grid }).collect()
}

/// α/(2Δ) of each row.
pub(super) fn gains(levels: &[Level]) -> Tensor {
    Tensor::vector(levels.iter().map(|level| level.level / level.scale).collect::<Vec<f32>>())
}

/// Lets thresholds and levels follow `latent`, the weights in rows as a step leaves them.
pub(super) fn follow(graph: &mut Graph, name: &str, weights: &WeightQuantizer, gain: WireId, latent: WireId) {
    let mut b = Nodes::new(graph, format!("{name}.ternary"));
    // Rows may be filled up with zeros, which count for nothing.
    let lengths: Vec<f32> = weights.rows.lengths().map(|len| THRESHOLD / len.max(1) as f32).collect();
    let share = b.graph.parameter(format!("{name}.ternary.share"), Tensor::vector(lengths));
    let two = b.constant("two", 2.0);
    let magnitudes = b.unary("magnitudes", Unary::Abs, latent);
    let all = b.reduce("all", Reducer::Sum, false, magnitudes);
    let threshold = b.binary("threshold", Binary::Mul, all, share);
    let threshold = b.at_least("threshold", 0.5 * SMALLEST, threshold);
    let scale = b.binary("scale", Binary::Mul, threshold, two);
    let edge = b.node("edge", Op::Reshape(Reshape::Unsqueeze { axes: vec![1] }), &[threshold]);
    let over = b.binary("over", Binary::Sub, magnitudes, edge);
    let over = b.unary("over", Unary::Relu, over);
    let over = b.unary("over", Unary::Sign, over);
    let count = b.reduce("count", Reducer::Sum, false, over);
    let count = b.at_least("count", 1.0, count);
    let large = b.binary("large", Binary::Mul, magnitudes, over);
    let large = b.reduce("large", Reducer::Sum, false, large);
    let level = b.binary("level", Binary::Div, large, count);
    let level = b.at_least("level", SMALLEST, level);
    let next_gain = b.binary("gain", Binary::Div, level, scale);
    graph.assign(weights.grid.scale, scale);
    graph.assign(gain, next_gain);
}
