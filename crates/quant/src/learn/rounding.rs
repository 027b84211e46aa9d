//! Weights whose rounding is learned.
//!
//! AdaRound (Nagel et al. 2020, arXiv 2004.10568, eq. 22–25): between the two codes around a weight stands h(v) in \[0, 1\],
//! which begins where the weight lies and is driven to one of the ends. With a learned scale (GENIE-M, Jeon et al. 2023,
//! arXiv 2212.04780) the lower code stays what it was on the first grid.

use fewbit_graph::op::{Binary, Op, Reshape};
use fewbit_graph::{Graph, Tensor, WireId};
use fewbit_numeric::{Affine, BlockLayout, Granularity, Quantized};

use crate::error::QuantError;

/// The ends between which h is stretched before it is clipped, so that it reaches 0 and 1: ζ and γ of eq. 23.
const STRETCH: [f32; 2] = [-0.1, 1.1];

/// A layer's weight on its grid, with its rounding open.
#[derive(Clone, Debug)]
pub(crate) struct Rounding {
    codes: Quantized,
    float: Vec<f32>,
    /// ⌊w/s + z⌋ of each weight, unclipped.
    lower: Vec<f32>,
    /// The rounding variables.
    pub(crate) v: WireId,
    /// What the first scales are multiplied by, if they are learned: one for each block.
    pub(crate) factor: Option<WireId>,
    /// The weight that the layer reads.
    pub(crate) weight: WireId,
}

/// h(v) = clamp(1.2·sigmoid(v) − 0.1, 0, 1).
pub(crate) fn rectified_sigmoid(v: f32) -> f32 {
    let [low, high] = STRETCH;
    ((high - low) / (1.0 + libm::expf(-v)) + low).clamp(0.0, 1.0)
}

/// The v for which h(v) is `h`, 0 ≤ h < 1.
fn inverse(h: f32) -> f32 {
    let [low, high] = STRETCH;
    -libm::logf((high - low) / (h - low) - 1.0)
}

impl Rounding {
    /// Adds the weight of `shape` to `graph`. It begins as `float`, clipped to the grids of `codes`.
    ///
    /// # Errors
    /// [`QuantError::Tensor`] if shape, codes and values do not fit together.
    pub(crate) fn new(
        graph: &mut Graph,
        name: &str,
        shape: &[usize],
        channel_axis: usize,
        (codes, float): (&Quantized, &[f32]),
        learn_scale: bool,
    ) -> Result<Self, QuantError> {
        let spread = Spread::new(codes.layout, shape, channel_axis);
        let (mut lower, mut base, mut open) =
            (vec![0.0; float.len()], vec![0.0; float.len()], vec![0.0; float.len()]);
        for (block, run) in codes.layout.runs() {
            let Some(&grid) = codes.grids.get(block) else { continue };
            for i in run {
                if let (Some(&w), Some(l), Some(b), Some(v)) =
                    (float.get(i), lower.get_mut(i), base.get_mut(i), open.get_mut(i))
                {
                    let whole = grid.zero_point.floor();
                    let place = w / grid.scale + (grid.zero_point - whole);
                    *l = place.floor() + whole;
                    *b = *l - grid.zero_point;
                    *v = inverse(place - place.floor());
                }
            }
        }
        let base = graph.parameter(format!("{name}.base"), Tensor::f32(spread.shape.clone(), base)?);
        let v = graph.parameter(format!("{name}.v"), Tensor::f32(spread.shape.clone(), open)?);
        let (scale, factor) = scales(graph, name, &codes.grids, &spread, learn_scale);
        let zero_point = spread.host(&codes.grids, |grid| grid.zero_point);
        let zero_point = graph.parameter(format!("{name}.zero_point"), zero_point);
        let bounds = bounds(&codes.grids);
        let bounds = graph.parameter(format!("{name}.bounds"), bounds);
        let op = Op::SoftRound { axis: spread.axis };
        let soft = graph.node(format!("{name}.soft"), op, &[base, v, scale, zero_point, bounds]);
        let weight = spread.whole(graph, name, soft, shape);
        Ok(Self { codes: codes.clone(), float: float.to_vec(), lower, v, factor, weight })
    }

    /// How much is known of each weight's rounding: h(v).
    pub(crate) fn soft(v: &[f32]) -> impl Iterator<Item = f32> + '_ {
        v.iter().map(|&v| rectified_sigmoid(v))
    }

    /// The codes for `v`: up where v ≥ 0. `factor` are the learned factors of the scales.
    pub(crate) fn harden(&self, v: &[f32], factor: Option<&[f32]>) -> Quantized {
        let mut hard = self.codes.clone();
        if let Some(factor) = factor {
            hard.grids.iter_mut().zip(factor).for_each(|(grid, factor)| grid.scale *= factor);
        }
        for (block, run) in self.codes.layout.runs() {
            let Some(&grid) = self.codes.grids.get(block) else { continue };
            for i in run {
                if let (Some(code), Some(&lower), Some(&v)) =
                    (hard.codes.get_mut(i), self.lower.get(i), v.get(i))
                {
                    let up = if v >= 0.0 { 1.0 } else { 0.0 };
                    *code = (lower + up).clamp(grid.min_code, grid.max_code) as i32;
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

/// Adds the scales of `grids`, spread, and if they are learned the factors that they are multiplied by, from 1 on.
fn scales(
    graph: &mut Graph,
    name: &str,
    grids: &[Affine],
    spread: &Spread,
    learn: bool,
) -> (WireId, Option<WireId>) {
    if !learn {
        let scale = spread.host(grids, |grid| grid.scale);
        return (graph.parameter(format!("{name}.scale"), scale), None);
    }
    let first = Tensor::vector(grids.iter().map(|grid| grid.scale).collect::<Vec<_>>());
    let first = graph.parameter(format!("{name}.first_scale"), first);
    let factor = graph.parameter(format!("{name}.factor"), Tensor::full([grids.len()], 1.0));
    let scale = graph.node(format!("{name}.scale"), Op::Binary(Binary::Mul), &[first, factor]);
    (spread.wire(graph, name, scale), Some(factor))
}

/// The smallest and the largest code.
pub(crate) fn bounds(grids: &[Affine]) -> Tensor {
    let of = |grid: &Affine| vec![grid.min_code, grid.max_code];
    Tensor::vector(grids.first().map_or_else(|| vec![0.0; 2], of))
}

/// How a number for each block lies against the weights, in terms that operators know: one, one for each channel, or one
/// for each weight of a flat row.
#[derive(Clone, Debug)]
pub(crate) struct Spread {
    /// The shape that the weights have there.
    pub(crate) shape: Vec<usize>,
    /// The axis along which the numbers lie.
    pub(crate) axis: usize,
    /// Whether there is one number for all.
    single: bool,
    /// The block of each weight, where each has a number of its own.
    blocks: Option<Vec<f32>>,
}

impl Spread {
    pub(crate) fn new(layout: BlockLayout, shape: &[usize], channel_axis: usize) -> Self {
        match layout.granularity() {
            Granularity::Tensor => Self { shape: shape.to_vec(), axis: 0, single: true, blocks: None },
            Granularity::Channel => {
                Self { shape: shape.to_vec(), axis: channel_axis, single: false, blocks: None }
            }
            Granularity::Group(_) => {
                let mut blocks = Vec::with_capacity(layout.len());
                layout.runs().for_each(|(block, run)| blocks.extend(run.map(|_| block as f32)));
                Self { shape: vec![layout.len()], axis: 0, single: false, blocks: Some(blocks) }
            }
        }
    }

    /// Whether there is one number for all.
    pub(crate) fn is_single(&self) -> bool {
        self.single
    }

    /// The numbers of `grids`, as they have to lie.
    pub(crate) fn host(&self, grids: &[Affine], of: impl Fn(&Affine) -> f32) -> Tensor {
        Tensor::vector(match &self.blocks {
            None => grids.iter().map(of).collect::<Vec<_>>(),
            Some(blocks) => blocks.iter().map(|&block| grids.get(block as usize).map_or(1.0, &of)).collect(),
        })
    }

    /// The same of a wire with one number for each block.
    pub(crate) fn wire(&self, graph: &mut Graph, name: &str, numbers: WireId) -> WireId {
        let Some(blocks) = &self.blocks else { return numbers };
        let index = graph.parameter(format!("{name}.blocks"), Tensor::vector(blocks.clone()));
        graph.node(format!("{name}.spread"), Op::Gather { axis: 0 }, &[numbers, index])
    }

    /// `weight` in the shape of the layer's weight.
    pub(crate) fn whole(&self, graph: &mut Graph, name: &str, weight: WireId, shape: &[usize]) -> WireId {
        if self.blocks.is_none() {
            return weight;
        }
        let to = shape.iter().map(|&n| n as i64).collect();
        graph.node(format!("{name}.whole"), Op::Reshape(Reshape::To(to)), &[weight])
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use fewbit_graph::Bindings;
    use fewbit_runtime::{Backend, Cancel, Control, Cpu, Keep, NeverPause};

    use super::*;

    /// The CPU engine never waits.
    fn at_once<T>(future: impl Future<Output = T>) -> T {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => value,
            Poll::Pending => unreachable!("nothing to wait for"),
        }
    }

    /// What the graph makes of the weights of a layer of `shape`.
    fn soft(
        shape: &[usize],
        axis: usize,
        granularity: Granularity,
        format: &str,
    ) -> (Vec<f32>, Vec<f32>, f32) {
        let float: Vec<f32> = (0..shape.iter().product()).map(|i| libm::sinf(i as f32 * 1.7) * 0.3).collect();
        let layout = BlockLayout::new(shape, axis, granularity);
        let quantizer = crate::Quantizer::new(format.parse().unwrap(), granularity);
        let grids = crate::weights::grids(&float, layout, quantizer);
        let step = grids.iter().fold(0.0, |step: f32, grid| step.max(grid.scale));
        let codes = Quantized::nearest(quantizer.format, layout, grids, &float);
        let mut graph = Graph::new();
        let rounding = Rounding::new(&mut graph, "w", shape, axis, (&codes, &float), false).unwrap();
        graph.outputs = vec![rounding.weight];
        let control = Control { cancel: &Cancel::default(), pace: &NeverPause };
        let soft = at_once(async {
            let mut plan = Cpu::new().prepare(&graph, &Bindings::new(), Keep::Outputs).await.unwrap();
            plan.run(&[], &control).await.unwrap();
            plan.read(&[rounding.weight]).await.unwrap().remove(0)
        });
        assert_eq!(soft.shape(), shape);
        let v = graph.value(rounding.v).unwrap().as_f32().unwrap();
        assert_eq!(rounding.harden(v, None).codes, codes.codes, "up from ½ on is to nearest");
        (float, soft.as_f32().unwrap().to_vec(), step)
    }

    #[test]
    fn open_roundings_begin_as_the_float_weights() {
        for (axis, granularity, format) in [
            (0, Granularity::Channel, "uint4"),
            (1, Granularity::Channel, "uint2"),
            (0, Granularity::Tensor, "uint3"),
            (1, Granularity::Group(4), "uint4"),
            (0, Granularity::Group(7), "uint2"),
        ] {
            let (float, soft, step) = soft(&[5, 6, 3], axis, granularity, format);
            for (a, b) in float.iter().zip(&soft) {
                // The zero point is rounded, so that the ends of the grid lie up to half a step inside of the range.
                let clipped = (a - b).abs() <= 0.5 * step && (b.abs() < a.abs());
                assert!((a - b).abs() < 1e-6 || clipped, "{a} became {b}");
            }
            let close = float.iter().zip(&soft).filter(|(a, b)| (**a - **b).abs() < 1e-6).count();
            assert!(close > 60, "{close} of {}", float.len());
        }
    }
}
