//! Quantizers of layers' inputs whose steps are learned, and values that are dropped at random.

use fewbit_graph::op::{Bernoulli, Binary, Op};
use fewbit_graph::{Graph, Tensor, WireId};
use fewbit_numeric::Affine;

use crate::quantized::feed_values;

/// A quantizer in front of a layer.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    /// The layer.
    pub(crate) layer: usize,
    /// Its grids at the beginning.
    pub(crate) grids: Vec<Affine>,
    /// What their scales are multiplied by, if they are learned.
    pub(crate) factor: Option<WireId>,
    /// What the layer reads.
    pub(crate) wire: WireId,
}

impl Input {
    /// Adds a quantizer of `x` with these grids; `axis` is that of the channels where there are several.
    pub(crate) fn new(
        graph: &mut Graph,
        (layer, name): (usize, &str),
        x: WireId,
        (grids, axis): (&[Affine], usize),
        learn: bool,
    ) -> Self {
        let named = |what: &str| format!("{name}.input.{what}");
        let [scale, zero_point, bounds] = feed_values(Some(grids), grids.len());
        let first = graph.parameter(named("scale"), scale);
        let zero_point = graph.parameter(named("zero_point"), zero_point);
        let bounds = graph.parameter(named("bounds"), bounds);
        let factor = learn.then(|| graph.parameter(named("factor"), Tensor::full([grids.len()], 1.0)));
        let scale = factor
            .map_or(first, |factor| graph.node(named("step"), Op::Binary(Binary::Mul), &[first, factor]));
        let inputs = [x, scale, zero_point, bounds];
        let wire = graph.node(named("quantized"), Op::fake_quantize(axis), &inputs);
        Self { layer, grids: grids.to_vec(), factor, wire }
    }

    /// The grids with these factors.
    pub(crate) fn learned(&self, factors: &[f32]) -> Vec<Affine> {
        let scaled = |(grid, factor): (&Affine, &f32)| Affine { scale: grid.scale * factor, ..*grid };
        self.grids.iter().zip(factors).map(scaled).collect()
    }
}

/// Random choices between two values of each element (QDrop, Wei et al. 2022, arXiv 2203.05740, eq. 7).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Drop {
    pub(crate) seed: u64,
    /// The stream of the first choice; each has its own.
    pub(crate) stream: u32,
    /// The probability of the float value.
    pub(crate) probability: f32,
    /// The wire of the step's number.
    pub(crate) step: WireId,
}

impl Drop {
    /// Adds the choice between `float`, with the probability, and `quantized`.
    pub(crate) fn choose(
        &mut self,
        graph: &mut Graph,
        name: &str,
        float: WireId,
        quantized: WireId,
    ) -> WireId {
        let named = |what: &str| format!("{name}.drop.{what}");
        let draw = Bernoulli { seed: self.seed, stream: self.stream, probability: 1.0 - self.probability };
        self.stream += 1;
        let mask = graph.node(named("mask"), Op::Bernoulli(draw), &[float, self.step]);
        let error = graph.node(named("error"), Op::Binary(Binary::Sub), &[quantized, float]);
        let kept = graph.node(named("kept"), Op::Binary(Binary::Mul), &[mask, error]);
        graph.node(named("mixed"), Op::Binary(Binary::Add), &[float, kept])
    }
}
