//! The shape rules of the operators that only learning needs.

use crate::infer::broadcast_shapes;
use crate::infer::shapes::{Shape, check, conv_shape, length, pool_shape, takes};
use crate::op::{Bernoulli, ConvInputGrad, ConvWeightGrad, Estimator, Pool, Slope, Update};

/// What a quantizer of `x` needs beside it.
pub(super) fn grid_shapes(x: &[usize], axis: usize, grid: [&[usize]; 3]) -> Result<(), String> {
    let [scale, zero_point, bounds] = grid;
    for (what, shape) in [("scale", scale), ("zero point", zero_point)] {
        let &[n] = shape else { return Err(format!("the {what} must have one axis")) };
        if n != 1 {
            let channels = length(x, axis)?;
            check(n == channels, || {
                format!("the {what} has {n} elements, axis {axis} of x has {channels} channels")
            })?;
        }
    }
    check(bounds == [2], || "the bounds must be [2]: the smallest and the largest code".to_owned())
}

pub(super) fn estimator(estimator: Estimator) -> Result<(), String> {
    match estimator.slope {
        Slope::Dsq { alpha } => {
            check(alpha > 0.0 && alpha < 1.0, || format!("DSQ's α of {alpha} is not between 0 and 1"))
        }
        Slope::Ewgs { delta } => check(delta.is_finite(), || format!("EWGS's δ of {delta} is no number")),
        Slope::Straight => Ok(()),
    }
}

pub(super) fn fake_quantize_grad(axis: usize, inputs: &[&[usize]]) -> Shape {
    let &[g, x, scale, zero_point, bounds] = inputs else { return Err(takes("5 inputs", inputs.len())) };
    same(g, x, "the gradient", "x")?;
    grid_shapes(x, axis, [scale, zero_point, bounds])?;
    Ok(x.to_vec())
}

pub(super) fn soft_round(axis: usize, inputs: &[&[usize]]) -> Shape {
    let &[base, v, scale, zero_point, bounds] = inputs else { return Err(takes("5 inputs", inputs.len())) };
    same(base, v, "the base", "v")?;
    grid_shapes(v, axis, [scale, zero_point, bounds])?;
    Ok(v.to_vec())
}

pub(super) fn soft_round_grad(axis: usize, inputs: &[&[usize]]) -> Shape {
    let Some((g, forward)) = inputs.split_first() else { return Err(takes("6 inputs", 0)) };
    let shape = soft_round(axis, forward)?;
    same(g, &shape, "the gradient", "v")?;
    Ok(shape)
}

pub(super) fn conv_input_grad(grad: &ConvInputGrad, (g, w): (&[usize], &[usize])) -> Shape {
    let channels = w.get(1).copied().unwrap_or(0).checked_mul(grad.conv.groups);
    let (Some(&batch), Some(channels)) = (g.first(), channels) else {
        return Err("g must be N×O×H×W".to_owned());
    };
    let mut x = vec![batch, channels];
    x.extend(&grad.spatial);
    let forward = conv_shape(&grad.conv, &x, w, None)?;
    same(g, &forward, "the gradient", "the convolution's output")?;
    Ok(x)
}

pub(super) fn conv_weight_grad(grad: &ConvWeightGrad, (g, x): (&[usize], &[usize])) -> Shape {
    let groups = grad.conv.groups.max(1);
    let (&[_, outputs, ..], &[_, channels, ..]) = (g, x) else {
        return Err("g and x must be N×C×H×W".to_owned());
    };
    let mut w = vec![outputs, channels / groups];
    w.extend(&grad.kernel);
    let forward = conv_shape(&grad.conv, x, &w, None)?;
    same(g, &forward, "the gradient", "the convolution's output")?;
    Ok(w)
}

pub(super) fn pool_grad(pool: &Pool, (g, x): (&[usize], &[usize])) -> Shape {
    same(g, &pool_shape(pool, x)?, "the gradient", "the pooling's output")?;
    Ok(x.to_vec())
}

pub(super) fn gather(axis: usize, (x, indices): (&[usize], &[usize])) -> Shape {
    length(x, axis)?;
    Ok([&x[..axis], indices, &x[axis + 1..]].concat())
}

pub(super) fn gather_grad(axis: usize, len: usize, (g, indices): (&[usize], &[usize])) -> Shape {
    let rest = g.get(axis..).and_then(|rest| rest.strip_prefix(indices)).ok_or_else(|| {
        format!("the gradient {g:?} does not have the axes of the indices, {indices:?}, at place {axis}")
    })?;
    check(len > 0, || "the axis has no elements".to_owned())?;
    Ok([&g[..axis], &[len], rest].concat())
}

pub(super) fn expand(shape: &[usize], x: &[usize]) -> Shape {
    check(broadcast_shapes(x, shape).as_deref() == Some(shape), || {
        format!("{x:?} cannot be broadcast to {shape:?}")
    })?;
    Ok(shape.to_vec())
}

pub(super) fn bernoulli(draw: &Bernoulli, (like, step): (&[usize], &[usize])) -> Shape {
    check((0.0..=1.0).contains(&draw.probability), || format!("{} is no probability", draw.probability))?;
    check(step == [1], || "the step must be [1]".to_owned())?;
    Ok(like.to_vec())
}

pub(super) fn update(update: Update, inputs: &[&[usize]]) -> Shape {
    let (tensors, rates) = update.inputs();
    let wanted = tensors + usize::from(rates > 0);
    let (Some(first), true) = (inputs.first(), inputs.len() == wanted) else {
        return Err(takes(&format!("{wanted} inputs"), inputs.len()));
    };
    for shape in &inputs[..tensors] {
        same(shape, first, "an input", "the first")?;
    }
    check(rates == 0 || inputs[tensors] == [rates], || format!("the rates must be [{rates}]"))?;
    Ok(first.to_vec())
}

pub(super) fn same(a: &[usize], b: &[usize], what: &str, other: &str) -> Result<(), String> {
    check(a == b, || format!("{what} is {a:?}, but {other} is {b:?}"))
}
