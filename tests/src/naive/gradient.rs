//! Gradients of windows and of functions.

use fewbit_graph::op::{ConvInputGrad, ConvWeightGrad, Pool, PoolKind, Unary};

use crate::array::{Array, indices};
use crate::problems::elementwise::unary_oracle;

/// Calls `f` with the places in x, in w and in y of each product of the convolution.
fn products(
    grad: &fewbit_graph::op::Conv,
    x: &[usize],
    w: &[usize],
    y: &[usize],
    mut f: impl FnMut(&[usize], &[usize], &[usize]),
) {
    for to in indices(y) {
        for tap in indices(&w[1..]) {
            let place = |a: usize| {
                let at = to[2 + a] * grad.strides[a] + tap[1 + a] * grad.dilations[a];
                at.checked_sub(grad.pads_begin[a]).filter(|&at| at < x[2 + a])
            };
            let group = to[1] / (w[0] / grad.groups);
            let spatial: Option<Vec<usize>> = (0..x.len() - 2).map(place).collect();
            if let Some(spatial) = spatial {
                let from = [vec![to[0], group * w[1] + tap[0]], spatial].concat();
                f(&from, &[&[to[1]], tap.as_slice()].concat(), &to);
            }
        }
    }
}

pub(super) fn conv_input(grad: &ConvInputGrad, g: &Array, w: &Array) -> Array {
    let shape = [&[g.shape[0], w.shape[1] * grad.conv.groups], grad.spatial.as_slice()].concat();
    let mut x = Array::from_fn(&shape, |_| 0.0);
    products(&grad.conv, &shape, &w.shape, &g.shape, |from, tap, to| *x.at_mut(from) += w.at(tap) * g.at(to));
    x
}

pub(super) fn conv_weight(grad: &ConvWeightGrad, g: &Array, x: &Array) -> Array {
    let shape = [&[g.shape[1], x.shape[1] / grad.conv.groups], grad.kernel.as_slice()].concat();
    let mut w = Array::from_fn(&shape, |_| 0.0);
    products(&grad.conv, &x.shape, &shape, &g.shape, |from, tap, to| *w.at_mut(tap) += x.at(from) * g.at(to));
    w
}

/// The first of equal maxima takes it all; a mean gives each element of its window the same part.
pub(super) fn pool(pool: &Pool, g: &Array, x: &Array) -> Array {
    let axes = pool.kernel.len();
    let mut gradient = Array::from_fn(&x.shape, |_| 0.0);
    for to in indices(&g.shape) {
        let place = |tap: &[usize], a: usize| {
            (to[2 + a] * pool.strides[a] + tap[a] * pool.dilations[a]) as i64 - pool.pads_begin[a] as i64
        };
        let taps = indices(&pool.kernel);
        let inside =
            |tap: &&Vec<usize>| (0..axes).all(|a| (0..x.shape[2 + a] as i64).contains(&place(tap, a)));
        let padded =
            |tap: &&Vec<usize>| (0..axes).all(|a| place(tap, a) < (x.shape[2 + a] + pool.pads_end[a]) as i64);
        let window: Vec<Vec<usize>> = taps
            .iter()
            .filter(inside)
            .map(|tap| [to[0], to[1]].into_iter().chain((0..axes).map(|a| place(tap, a) as usize)).collect())
            .collect();
        match pool.kind {
            PoolKind::Max => {
                let max = window.iter().map(|from| x.at(from)).fold(f64::NEG_INFINITY, f64::max);
                let first = window.iter().find(|from| x.at(from) == max).expect("a window has an element");
                *gradient.at_mut(first) += g.at(&to);
            }
            PoolKind::Mean { count_include_pad } => {
                let count = if count_include_pad { taps.iter().filter(padded).count() } else { window.len() };
                window.iter().for_each(|from| *gradient.at_mut(from) += g.at(&to) / count as f64);
            }
        }
    }
    gradient
}

/// f′(x); at a corner the slope on its left.
pub(crate) fn slope(unary: Unary, x: f64) -> f64 {
    let y = unary_oracle(unary, x);
    let sigmoid = unary_oracle(Unary::Sigmoid, x);
    let within = |low: f64, high: f64| f64::from(u8::from(low < x && x <= high));
    match unary {
        Unary::Relu => within(0.0, f64::INFINITY),
        Unary::LeakyRelu { alpha } => {
            if x <= 0.0 {
                f64::from(alpha)
            } else {
                1.0
            }
        }
        Unary::Clip { min, max } => within(min.into(), max.into()),
        Unary::HardSigmoid { alpha, beta } => {
            let (alpha, beta) = (f64::from(alpha), f64::from(beta));
            let (zero, one) = (-beta / alpha, (1.0 - beta) / alpha);
            if alpha == 0.0 { 0.0 } else { alpha * within(zero.min(one), zero.max(one)) }
        }
        Unary::HardSwish if x <= -3.0 => 0.0,
        Unary::HardSwish => {
            if x <= 3.0 {
                x / 3.0 + 0.5
            } else {
                1.0
            }
        }
        Unary::Sigmoid => y * (1.0 - y),
        Unary::Silu => sigmoid * (1.0 + x * (1.0 - sigmoid)),
        Unary::Tanh => 1.0 - y * y,
        Unary::Exp => y,
        Unary::Log => 1.0 / x,
        Unary::Sqrt => 0.5 / y,
        Unary::Abs => {
            if x <= 0.0 {
                -1.0
            } else {
                1.0
            }
        }
        Unary::Neg => -1.0,
        Unary::Reciprocal => -y * y,
        Unary::Erf => std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp(),
        Unary::Gelu => {
            let density = (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
            0.5 * (1.0 + unary_oracle(Unary::Erf, x / std::f64::consts::SQRT_2)) + x * density
        }
        Unary::Softplus => sigmoid,
        Unary::Elu { alpha } => {
            if x <= 0.0 {
                f64::from(alpha) * x.exp()
            } else {
                1.0
            }
        }
        Unary::Sin => x.cos(),
        Unary::Cos => -x.sin(),
        Unary::Tan => 1.0 + y * y,
        Unary::Asin => 1.0 / (1.0 - x * x).sqrt(),
        Unary::Acos => -1.0 / (1.0 - x * x).sqrt(),
        Unary::Atan => 1.0 / (1.0 + x * x),
        Unary::Sinh => x.cosh(),
        Unary::Cosh => x.sinh(),
        Unary::Asinh => 1.0 / (x * x + 1.0).sqrt(),
        Unary::Acosh => 1.0 / (x * x - 1.0).sqrt(),
        Unary::Atanh => 1.0 / (1.0 - x * x),
        Unary::Round
        | Unary::Floor
        | Unary::Ceil
        | Unary::Sign
        | Unary::Not
        | Unary::IsNan
        | Unary::IsInf { .. } => 0.0,
        // 1.2·σ − 0.1 is 0 at −ln 11 and 1 at ln 11.
        Unary::RectifiedSigmoid => 1.2 * sigmoid * (1.0 - sigmoid) * within(-11f64.ln(), 11f64.ln()),
    }
}
