//! Weights whose rounding and range are learned by the signs of gradients.
//!
//! AutoRound (Cheng et al. 2023, arXiv 2309.05516): ŵ = s·(clamp(⌊w/s + v⌉ + z, n, p) − z) with an offset v in \[−½, ½\] for
//! each weight and two factors α, β in \[0, 1\] of the range's ends for each block. Gradients pass every rounding straight.
//! With v = 0 and α = β = 1 it is rounding to nearest on the first grid. Grids without a zero point have β alone.

use fewbit_graph::op::{Binary, Estimator, Mask, Op, Reshape};
use fewbit_graph::{Graph, Tensor, WireId};
use fewbit_numeric::affine::round_half_even;
use fewbit_numeric::{Affine, Quantized};

use crate::error::QuantError;
use crate::learn::rounding::{Spread, bounds};

/// The smallest factor: a scale of 0 would mean "kept in float".
pub(crate) const SMALLEST_FACTOR: f32 = 1.0 / 256.0;

/// A layer's weight on a grid that moves, with offsets before it is rounded.
#[derive(Clone, Debug)]
pub(crate) struct SignRound {
    codes: Quantized,
    float: Vec<f32>,
    /// The offsets v, in steps.
    pub(crate) offset: WireId,
    /// β, the factor of the upper end (of both ends where there is no zero point), one for each block.
    pub(crate) upper: WireId,
    /// α, the factor of the lower end.
    pub(crate) lower: Option<WireId>,
    /// The weight that the layer reads.
    pub(crate) weight: WireId,
}

impl SignRound {
    /// Adds the weight of `shape` to `graph`. It begins as the `float` weights, rounded to nearest on the grids of `codes`.
    ///
    /// # Errors
    /// [`QuantError::Tensor`] if shape and values do not fit together.
    pub(crate) fn new(
        graph: &mut Graph,
        name: &str,
        shape: &[usize],
        channel_axis: usize,
        (codes, float): (&Quantized, &[f32]),
    ) -> Result<Self, QuantError> {
        let spread = Spread::new(codes.layout, shape, channel_axis);
        let blocks = codes.grids.len();
        let named = |what: &str| format!("{name}.{what}");
        let each = |of: fn(&Affine) -> f32| Tensor::vector(codes.grids.iter().map(of).collect::<Vec<_>>());
        let binary = |graph: &mut Graph, what: &str, op: Binary, a: WireId, b: WireId| {
            graph.node(named(what), Op::Binary(op), &[a, b])
        };
        let w = graph.parameter(named("float"), Tensor::f32(spread.shape.clone(), float)?);
        let offset = graph.parameter(named("offset"), Tensor::zeros(spread.shape.clone()));
        let upper = graph.parameter(named("upper"), Tensor::full([blocks], 1.0));
        let first = graph.parameter(named("first_scale"), each(|grid| grid.scale));
        let (scale, zero_point, lower) = if codes.format.has_zero_point() {
            let lower = graph.parameter(named("lower"), Tensor::full([blocks], 1.0));
            let above = graph.parameter(named("above"), each(|grid| grid.max_code - grid.zero_point));
            let below = graph.parameter(named("below"), each(|grid| grid.zero_point - grid.min_code));
            let steps = graph.parameter(named("steps"), each(|grid| grid.max_code - grid.min_code));
            let smallest = graph.parameter(named("min_code"), each(|grid| grid.min_code));
            let above = binary(graph, "above.moved", Binary::Mul, upper, above);
            let below = binary(graph, "below.moved", Binary::Mul, lower, below);
            let range = binary(graph, "range", Binary::Add, above, below);
            let share = binary(graph, "share", Binary::Div, range, steps);
            let scale = binary(graph, "scale", Binary::Mul, first, share);
            let place = binary(graph, "zero_point.place", Binary::Div, below, share);
            let rounded = straight_round(graph, &named("zero_point.rounded"), place);
            let zero_point = binary(graph, "zero_point", Binary::Add, smallest, rounded);
            (scale, zero_point, Some(lower))
        } else {
            let zero_point = graph.parameter(named("zero_point"), each(|grid| grid.zero_point));
            (binary(graph, "scale", Binary::Mul, first, upper), zero_point, None)
        };
        let scale = spread.wire(graph, &named("scale"), scale);
        let zero_point = spread.wire(graph, &named("zero_point"), zero_point);
        let step = spread.against(graph, &named("step"), scale);
        let shift = binary(graph, "shift", Binary::Mul, offset, step);
        let shifted = binary(graph, "shifted", Binary::Add, w, shift);
        let bounds = graph.parameter(named("bounds"), bounds(&codes.grids));
        let estimator = Estimator { mask: Mask::Rounded, ..Estimator::default() };
        let op = Op::FakeQuantize { axis: spread.axis, estimator };
        let rounded = graph.node(named("rounded"), op, &[shifted, scale, zero_point, bounds]);
        let weight = spread.whole(graph, name, rounded, shape);
        Ok(Self { codes: codes.clone(), float: float.to_vec(), offset, upper, lower, weight })
    }

    /// The codes for these offsets and factors, by the same arithmetic.
    pub(crate) fn harden(&self, offset: &[f32], upper: &[f32], lower: Option<&[f32]>) -> Quantized {
        let mut hard = self.codes.clone();
        for (block, (grid, &upper)) in hard.grids.iter_mut().zip(upper).enumerate() {
            match lower.and_then(|lower| lower.get(block)) {
                None => grid.scale *= upper,
                Some(&lower) => {
                    let above = upper * (grid.max_code - grid.zero_point);
                    let below = lower * (grid.zero_point - grid.min_code);
                    let share = (above + below) / (grid.max_code - grid.min_code);
                    grid.scale *= share;
                    grid.zero_point = grid.min_code + round_half_even(below / share);
                }
            }
        }
        for (block, run) in self.codes.layout.runs() {
            let Some(&grid) = hard.grids.get(block) else { continue };
            for i in run {
                if let (Some(code), Some(&w), Some(&v)) =
                    (hard.codes.get_mut(i), self.float.get(i), offset.get(i))
                {
                    *code = grid.code(w + v * grid.scale) as i32;
                }
            }
        }
        hard
    }

    /// The float weights.
    pub(crate) fn float(&self) -> &[f32] {
        &self.float
    }
}

/// Adds ⌊x⌉, through which gradients pass straight: a grid of whole numbers, without an end for what codes may be.
fn straight_round(graph: &mut Graph, name: &str, x: WireId) -> WireId {
    let named = |what: &str| format!("{name}.{what}");
    let one = graph.parameter(named("scale"), Tensor::vector(vec![1.0]));
    let zero = graph.parameter(named("zero"), Tensor::vector(vec![0.0]));
    let bounds = graph.parameter(named("bounds"), Tensor::vector(vec![-65536.0, 65536.0]));
    graph.node(name, Op::fake_quantize(0), &[x, one, zero, bounds])
}

impl Spread {
    /// Numbers that lie as they have to for a quantizer, in a shape that broadcasts against the weights.
    fn against(&self, graph: &mut Graph, name: &str, numbers: WireId) -> WireId {
        if self.is_single() || self.shape.len() <= 1 {
            return numbers;
        }
        let shape = (0..self.shape.len()).map(|axis| if axis == self.axis { -1 } else { 1 }).collect();
        graph.node(name, Op::Reshape(Reshape::To(shape)), &[numbers])
    }
}
