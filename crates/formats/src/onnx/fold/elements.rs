//! Element by element: arithmetic, broadcasting, and picking by index.

use fewbit_graph::Tensor;
use fewbit_graph::infer::broadcast_shapes;

use crate::onnx::fold::SMALL;

/// `x` broadcast to what it and `target` have in common.
pub(super) fn expand(x: &Tensor, target: &[usize]) -> Option<Tensor> {
    let shape = broadcast_shapes(x.shape(), target)?;
    broadcast(x, &shape)
}

/// `x` repeated along its axes of length 1, and along new ones in front.
pub(super) fn broadcast(x: &Tensor, shape: &[usize]) -> Option<Tensor> {
    let new = shape.len().checked_sub(x.shape().len())?;
    view(x, shape.to_vec(), |at| {
        Some(at.get(new..)?.iter().zip(x.shape()).map(|(&i, &n)| if n == 1 { 0 } else { i }).collect())
    })
}

pub(super) fn select(condition: &Tensor, x: &Tensor, y: &Tensor) -> Option<Tensor> {
    let shape = broadcast_shapes(&broadcast_shapes(condition.shape(), x.shape())?, y.shape())?;
    let [condition, x, y] = [condition, x, y].map(|tensor| broadcast(tensor, &shape));
    let (condition, x, y) = (condition?, x?, y?);
    let picks = condition.as_i64().ok()?.iter().map(|&c| c != 0);
    if let (Ok(x), Ok(y)) = (x.as_i64(), y.as_i64()) {
        let values: Vec<i64> =
            picks.zip(x.iter().zip(y)).map(|(c, (x, y))| if c { *x } else { *y }).collect();
        return Tensor::i64(shape, values).ok();
    }
    let pairs = x.as_f32().ok()?.iter().zip(y.as_f32().ok()?);
    let values: Vec<f32> = picks.zip(pairs).map(|(c, (x, y))| if c { *x } else { *y }).collect();
    Tensor::f32(shape, values).ok()
}

pub(super) fn unary(op: &str, x: &Tensor) -> Option<Tensor> {
    if let Ok(values) = x.as_i64() {
        let values: Option<Vec<i64>> = values
            .iter()
            .map(|&x| match op {
                "Neg" => x.checked_neg(),
                "Abs" => x.checked_abs(),
                "Not" => Some(i64::from(x == 0)),
                _ => None,
            })
            .collect();
        return Tensor::i64(x.shape(), values?).ok();
    }
    let values: Option<Vec<f32>> = (x.as_f32().ok()?.iter())
        .map(|&x| match op {
            "Neg" => Some(-x),
            "Abs" => Some(x.abs()),
            "Floor" => Some(x.floor()),
            "Ceil" => Some(x.ceil()),
            "Sqrt" => Some(x.sqrt()),
            _ => None,
        })
        .collect();
    Tensor::f32(x.shape(), values?).ok()
}

pub(super) fn binary(op: &str, x: &Tensor, y: &Tensor) -> Option<Tensor> {
    let shape = broadcast_shapes(x.shape(), y.shape())?;
    let (x, y) = (broadcast(x, &shape)?, broadcast(y, &shape)?);
    if let (Ok(x), Ok(y)) = (x.as_i64(), y.as_i64()) {
        let values: Option<Vec<i64>> = x.iter().zip(y).map(|(&x, &y)| integer_binary(op, x, y)).collect();
        return Tensor::i64(shape, values?).ok();
    }
    let pairs = x.as_f32().ok()?.iter().zip(y.as_f32().ok()?);
    let compare: Option<fn(&f32, &f32) -> bool> = match op {
        "Equal" => Some(|x, y| x == y),
        "Less" => Some(|x, y| x < y),
        "LessOrEqual" => Some(|x, y| x <= y),
        "Greater" => Some(|x, y| x > y),
        "GreaterOrEqual" => Some(|x, y| x >= y),
        _ => None,
    };
    if let Some(compare) = compare {
        return Tensor::i64(shape, pairs.map(|(x, y)| i64::from(compare(x, y))).collect::<Vec<_>>()).ok();
    }
    let values: Option<Vec<f32>> = pairs
        .map(|(&x, &y)| match op {
            "Add" => Some(x + y),
            "Sub" => Some(x - y),
            "Mul" => Some(x * y),
            "Div" => Some(x / y),
            "Min" => Some(x.min(y)),
            "Max" => Some(x.max(y)),
            _ => None,
        })
        .collect();
    Tensor::f32(shape, values?).ok()
}

/// ONNX's integer arithmetic; division truncates, Mod has the sign of the divisor. `None` where it overflows.
fn integer_binary(op: &str, x: i64, y: i64) -> Option<i64> {
    match op {
        "Add" => x.checked_add(y),
        "Sub" => x.checked_sub(y),
        "Mul" => x.checked_mul(y),
        "Div" => x.checked_div(y),
        "Mod" => x.checked_rem(y)?.checked_add(y)?.checked_rem(y),
        "Min" => Some(x.min(y)),
        "Max" => Some(x.max(y)),
        "Equal" => Some(i64::from(x == y)),
        "Less" => Some(i64::from(x < y)),
        "LessOrEqual" => Some(i64::from(x <= y)),
        "Greater" => Some(i64::from(x > y)),
        "GreaterOrEqual" => Some(i64::from(x >= y)),
        "Xor" => Some(i64::from((x != 0) != (y != 0))),
        "Pow" => x.checked_pow(u32::try_from(y).ok()?),
        "And" => Some(i64::from(x != 0 && y != 0)),
        "Or" => Some(i64::from(x != 0 || y != 0)),
        _ => None,
    }
}

/// The steps between neighbours along each axis of a row-major tensor.
pub(super) fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    let mut step = 1;
    for (stride, &n) in strides.iter_mut().zip(shape).rev() {
        *stride = step;
        step *= n;
    }
    strides
}

pub(super) fn dot(index: &[usize], strides: &[usize]) -> usize {
    index.iter().zip(strides).map(|(i, stride)| i * stride).sum()
}

/// A small tensor of `shape` whose element at an index is that of `x` at `from` of it.
pub(super) fn view(
    x: &Tensor,
    shape: Vec<usize>,
    from: impl Fn(&[usize]) -> Option<Vec<usize>>,
) -> Option<Tensor> {
    let count =
        shape.iter().try_fold(1usize, |product, &n| product.checked_mul(n)).filter(|&n| n <= SMALL)?;
    let x_strides = strides(x.shape());
    let mut offsets = Vec::with_capacity(count);
    let mut index = vec![0; shape.len()];
    for _ in 0..count {
        offsets.push(dot(&from(&index)?, &x_strides));
        for (i, &n) in index.iter_mut().zip(&shape).rev() {
            *i += 1;
            if *i < n {
                break;
            }
            *i = 0;
        }
    }
    if let Ok(values) = x.as_i64() {
        let values: Option<Vec<i64>> = offsets.iter().map(|&at| values.get(at).copied()).collect();
        return Tensor::i64(shape, values?).ok();
    }
    let values = x.as_f32().ok()?;
    let values: Option<Vec<f32>> = offsets.iter().map(|&at| values.get(at).copied()).collect();
    Tensor::f32(shape, values?).ok()
}
