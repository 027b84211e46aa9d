//! Losses: each adds nodes to a graph and gives the wire of one number, to be differentiated by
//! [`gradients`](crate::gradients).
//!
//! Weights of losses that change while something is learned (λ and β of [`rounding_regularizer`]) are wires: feeds, whose
//! values for each step a [`Schedule`](crate::optimize::Schedule) gives.

use crate::graph::{Graph, WireId};
use crate::infer::{Bindings, InferError};
use crate::op::{Binary, Op, Unary};
use crate::shaped::Shaped;
use crate::tensor::Tensor;

type Loss = Result<WireId, InferError>;

/// (1/n)·Σ (output − target)², n being the number of elements over the length of `channels`: squares are summed over
/// channels and averaged over the rest, as AdaRound and BRECQ do it. Their λ means something beside this loss alone.
///
/// # Errors
/// [`InferError`] if the shapes do not fit, or `channels` is no axis of theirs.
pub fn squared_error(
    graph: &mut Graph,
    bindings: &Bindings,
    output: WireId,
    target: WireId,
    channels: usize,
) -> Loss {
    let mut build = Shaped::new(graph, bindings)?;
    let difference = build.binary("error", Binary::Sub, output, target)?;
    let square = build.binary("error.squared", Binary::Mul, difference, difference)?;
    over_channels(&mut build, square, channels)
}

/// (1/n)·Σ ((output − target)·slope)² with n as for [`squared_error`]: BRECQ's approximation of what an error costs by the
/// diagonal of the Fisher information (Li et al. 2021, arXiv 2102.05426, eq. 10). `slope` is the gradient of the task's loss
/// along the output, of its shape.
///
/// # Errors
/// [`InferError`] if the shapes do not fit, or `channels` is no axis of theirs.
pub fn fisher_squared_error(
    graph: &mut Graph,
    bindings: &Bindings,
    output: WireId,
    target: WireId,
    slope: WireId,
    channels: usize,
) -> Loss {
    let mut build = Shaped::new(graph, bindings)?;
    let difference = build.binary("error", Binary::Sub, output, target)?;
    let weighted = build.binary("error.weighted", Binary::Mul, difference, slope)?;
    let square = build.binary("error.squared", Binary::Mul, weighted, weighted)?;
    over_channels(&mut build, square, channels)
}

/// −(1/n)·Σ label·ln softmax(logits) over the last axis, n being the number of rows. `labels` are one-hot, or any
/// distribution, of the logits' shape.
///
/// # Errors
/// [`InferError`] if the shapes do not fit.
pub fn cross_entropy(graph: &mut Graph, bindings: &Bindings, logits: WireId, labels: WireId) -> Loss {
    let mut build = Shaped::new(graph, bindings)?;
    let axis = last_axis(&build, logits);
    let logarithms = build.node("log_probabilities", Op::LogSoftmax { axis }, &[logits])?;
    let likelihoods = build.binary("log_likelihood", Binary::Mul, labels, logarithms)?;
    let mean = over_channels(&mut build, likelihoods, axis)?;
    build.unary("loss.cross_entropy", Unary::Neg, mean)
}

/// weight·T²·KL(p‖q) of each row (the last axis), averaged over rows: distillation (Hinton et al. 2015, arXiv 1503.02531).
/// p is the softmax of `teacher`/T, q that of `logits`/T, T being `temperature`. It is 0 where they are equal.
///
/// # Errors
/// [`InferError`] if the shapes do not fit.
pub fn distillation(
    graph: &mut Graph,
    bindings: &Bindings,
    logits: WireId,
    teacher: WireId,
    temperature: f32,
    weight: f32,
) -> Loss {
    let mut build = Shaped::new(graph, bindings)?;
    let axis = last_axis(&build, logits);
    let t = build.parameter("temperature", Tensor::scalar(temperature));
    let mut logarithms = |name: &str, wire| {
        let soft = build.binary(&format!("{name}.soft"), Binary::Div, wire, t)?;
        build.node(&format!("{name}.log_probabilities"), Op::LogSoftmax { axis }, &[soft])
    };
    let (ln_q, ln_p) = (logarithms("student", logits)?, logarithms("teacher", teacher)?);
    let p = build.unary("teacher.probabilities", Unary::Exp, ln_p)?;
    let difference = build.binary("divergence.logarithm", Binary::Sub, ln_p, ln_q)?;
    let product = build.binary("divergence", Binary::Mul, p, difference)?;
    let mean = over_channels(&mut build, product, axis)?;
    let factor = build.parameter("loss.weight", Tensor::scalar(weight * temperature * temperature));
    build.binary("loss.distillation", Binary::Mul, mean, factor)
}

/// λ·Σ (1 − |2h(v) − 1|^β) over all elements of all rounding variables, h being [`Unary::RectifiedSigmoid`]: AdaRound's
/// regularizer (Nagel et al. 2020, arXiv 2004.10568, eq. 24), which draws h(v) to 0 or 1, the more strictly the smaller β is.
/// `lambda` and `beta` are wires of one element.
///
/// # Errors
/// [`InferError`] if the shapes do not fit.
pub fn rounding_regularizer(
    graph: &mut Graph,
    bindings: &Bindings,
    variables: &[WireId],
    lambda: WireId,
    beta: WireId,
) -> Loss {
    let mut build = Shaped::new(graph, bindings)?;
    let mut sum = None;
    let one = build.parameter("rounding.one", Tensor::scalar(1.0));
    let two = build.parameter("rounding.two", Tensor::scalar(2.0));
    for &v in variables {
        let name = format!("{}.regularizer", build.graph.wire(v).name);
        let h = build.unary(&name, Unary::RectifiedSigmoid, v)?;
        let doubled = build.binary(&name, Binary::Mul, h, two)?;
        let centred = build.binary(&name, Binary::Sub, doubled, one)?;
        let distance = build.unary(&name, Unary::Abs, centred)?;
        let power = build.binary(&name, Binary::Pow, distance, beta)?;
        let undecided = build.binary(&name, Binary::Sub, one, power)?;
        let part = total(&mut build, &name, undecided)?;
        sum = Some(match sum {
            Some(sum) => build.binary("rounding.undecided", Binary::Add, sum, part)?,
            None => part,
        });
    }
    let sum = sum.unwrap_or_else(|| build.parameter("rounding.none", Tensor::scalar(0.0)));
    build.binary("loss.rounding", Binary::Mul, sum, lambda)
}

/// The sum of losses.
///
/// # Errors
/// [`InferError`] if one of them is not one number.
pub fn sum(graph: &mut Graph, bindings: &Bindings, losses: &[WireId]) -> Loss {
    let mut build = Shaped::new(graph, bindings)?;
    let Some((&first, others)) = losses.split_first() else {
        return Ok(build.parameter("loss", Tensor::scalar(0.0)));
    };
    let first = build.reshaped("loss", first, &[])?;
    others.iter().try_fold(first, |sum, &loss| {
        let loss = build.reshaped("loss", loss, &[])?;
        build.binary("loss", Binary::Add, sum, loss)
    })
}

/// Summed over an axis, averaged over the others.
fn over_channels(build: &mut Shaped<'_>, wire: WireId, axis: usize) -> Loss {
    let channels = build.shape(wire).get(axis).copied().unwrap_or(1).max(1);
    let count = (build.len(wire) / channels) as f32;
    let count = build.parameter("loss.count", Tensor::scalar(count));
    let sum = total(build, "loss.sum", wire)?;
    build.binary("loss.mean", Binary::Div, sum, count)
}

/// The sum of all elements: of each row (axis 0) first, so that no sum is long.
fn total(build: &mut Shaped<'_>, name: &str, wire: WireId) -> Loss {
    let rank = build.shape(wire).len();
    let rows = build.summed(name, wire, (1..rank).collect())?;
    let sum = build.summed(name, rows, (0..rank.min(1)).collect())?;
    build.reshaped(name, sum, &[])
}

fn last_axis(build: &Shaped<'_>, wire: WireId) -> usize {
    build.shape(wire).len().saturating_sub(1)
}
