//! Folds inference BatchNorm into the convolution or matrix product before it.
//!
//! With γ, β, μ, σ², ε of the BatchNorm and g = γ/√(σ² + ε), the layer's output channel o gets the weight W·g and the
//! bias (b − μ)·g + β (Jacob et al. 2018, <https://arxiv.org/abs/1712.05877>, §3.2). The arithmetic is in f64, and each
//! result is rounded once to f32.

use crate::graph::{Graph, Node, WireId};
use crate::model::short_name;
use crate::op::{Gemm, Op};
use crate::passes::Pass;
use crate::patch::Patch;
use crate::tensor::Tensor;

/// Folds each BatchNorm with parameters as statistics into the Conv or Gemm that only it reads.
///
/// The layer keeps its name and that of its weight; its output takes the name of the BatchNorm's output, whose value
/// it now holds. A BatchNorm whose folding would give a number that is not finite stays.
#[derive(Clone, Copy, Debug, Default)]
pub struct FoldBatchNorm;

impl Pass for FoldBatchNorm {
    fn name(&self) -> &str {
        "fold BatchNorm"
    }

    fn propose(&self, graph: &Graph) -> Option<Patch> {
        let uses = graph.uses();
        graph.nodes().find_map(|(_, norm)| {
            let Op::BatchNorm { epsilon } = norm.op else { return None };
            let producer = graph.producer(*norm.inputs.first()?)?;
            let layer = graph.node_of(producer);
            if uses[layer.output.0 as usize] != 1 {
                return None;
            }
            let affine = Affine::of(graph, norm, epsilon)?;
            fold(graph, layer, norm, &affine)
        })
    }
}

/// A BatchNorm as y = gain·x + offset in each channel.
struct Affine {
    gain: Vec<f64>,
    mean: Vec<f64>,
    offset: Vec<f64>,
}

impl Affine {
    fn of(graph: &Graph, norm: &Node, epsilon: f32) -> Option<Self> {
        let &[_, scale, bias, mean, variance] = norm.inputs.as_slice() else { return None };
        let [scale, offset, mean, variance] = [scale, bias, mean, variance].map(|wire| vector(graph, wire));
        let (scale, offset, mean, variance) = (scale?, offset?, mean?, variance?);
        let channels = scale.len();
        if [&offset, &mean, &variance].iter().any(|values| values.len() != channels) {
            return None;
        }
        let gain = std::iter::zip(&scale, &variance)
            .map(|(scale, variance)| scale / (variance + f64::from(epsilon)).sqrt());
        Some(Self { gain: gain.collect(), mean, offset })
    }

    /// The bias of the folded layer; `bias` has one value or one for each channel.
    fn bias(&self, bias: &[f64]) -> Option<Tensor> {
        let channels = self.gain.len();
        let before = |channel: usize| match bias {
            [] => Some(0.0),
            [all] => Some(*all),
            each if each.len() == channels => Some(each[channel]),
            _ => None,
        };
        let folded = (0..channels)
            .map(|c| finite((before(c)? - self.mean[c]) * self.gain[c] + self.offset[c]))
            .collect::<Option<Vec<f32>>>()?;
        Some(Tensor::vector(folded))
    }

    /// The weight of the folded layer, whose output channels lie on `axis`.
    fn weight(&self, weight: &Tensor, axis: usize) -> Option<Tensor> {
        let shape = weight.shape();
        if *shape.get(axis)? != self.gain.len() {
            return None;
        }
        let row: usize = shape[axis + 1..].iter().product();
        let values = weight.as_f32().ok()?.iter().enumerate();
        let folded = values
            .map(|(i, &w)| finite(f64::from(w) * self.gain[i / row % self.gain.len()]))
            .collect::<Option<Vec<f32>>>()?;
        Tensor::f32(shape, folded).ok()
    }
}

fn fold(graph: &Graph, layer: &Node, norm: &Node, affine: &Affine) -> Option<Patch> {
    let (axis, op, factor) = match &layer.op {
        Op::Conv(conv) => (0, Op::Conv(conv.clone()), 1.0),
        Op::Gemm(gemm) => {
            (usize::from(!gemm.trans_b), Op::Gemm(Gemm { beta: 1.0, ..gemm.clone() }), f64::from(gemm.beta))
        }
        _ => return None,
    };
    let (&x, &weight) = (layer.inputs.first()?, layer.inputs.get(1)?);
    let bias = layer.inputs.get(2).copied();
    let old_bias = match bias {
        Some(wire) => row(graph, wire)?.into_iter().map(|b| b * factor).collect(),
        None => Vec::new(),
    };
    let new_weight = affine.weight(graph.value(weight)?, axis)?;
    let new_bias = affine.bias(&old_bias)?;

    let explanation = format!("folded {} {} into {}", norm.op.name(), short_name(norm), short_name(layer));
    let mut patch = Patch::new(graph, explanation);
    let weight_name = &graph.wire(weight).name;
    let bias_name = match bias {
        Some(wire) => graph.wire(wire).name.clone(),
        None => format!("{}.bias", weight_name.strip_suffix(".weight").unwrap_or(weight_name)),
    };
    let weight = patch.parameter(weight_name, new_weight);
    let bias = patch.parameter(bias_name, new_bias);
    let output_name = &graph.wire(norm.output).name;
    let folded = patch.node_with_output(&layer.name, output_name, op, &[x, weight, bias]);
    patch.replace(norm.output, folded);
    Some(patch)
}

/// The values of a parameter with one axis.
fn vector(graph: &Graph, wire: WireId) -> Option<Vec<f64>> {
    let tensor = graph.value(wire)?;
    (tensor.shape().len() == 1).then(|| values(tensor)).flatten()
}

/// The values of a parameter that is the same in every row: [N], [1, N], or one value of any shape.
fn row(graph: &Graph, wire: WireId) -> Option<Vec<f64>> {
    let tensor = graph.value(wire)?;
    (tensor.shape().last().is_none_or(|&n| n == tensor.len())).then(|| values(tensor)).flatten()
}

fn values(tensor: &Tensor) -> Option<Vec<f64>> {
    Some(tensor.as_f32().ok()?.iter().map(|&value| f64::from(value)).collect())
}

fn finite(value: f64) -> Option<f32> {
    let rounded = value as f32;
    rounded.is_finite().then_some(rounded)
}
