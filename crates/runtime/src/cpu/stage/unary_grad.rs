//! The slopes of functions of one element, in f32; where a function has a corner, the slope on its left.

use std::f32::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

use fewbit_graph::op::Unary;

use crate::cpu::simd::{Level, dispatch};
use crate::cpu::stage::unary::{one_if, sigmoid};

/// Multiplies each gradient by the slope at the element of `x` under it.
pub(super) fn apply(level: Level, unary: Unary, g: &mut [f32], x: &[f32]) {
    match unary {
        Unary::Relu => scale(level, g, x, |x| one_if(x > 0.0)),
        Unary::LeakyRelu { alpha } => scale(level, g, x, |x| if x > 0.0 { 1.0 } else { alpha }),
        Unary::Clip { min, max } => scale(level, g, x, |x| one_if(x > min && x <= max)),
        Unary::HardSigmoid { alpha, beta } => scale(level, g, x, |x| hard_sigmoid(x, alpha, beta)),
        Unary::HardSwish => scale(level, g, x, hard_swish),
        Unary::Sigmoid => scale(level, g, x, sigmoid_slope),
        Unary::Silu => scale(level, g, x, silu),
        Unary::Tanh => scale(level, g, x, tanh),
        Unary::Exp => scale(level, g, x, libm::expf),
        Unary::Log => scale(level, g, x, |x| 1.0 / x),
        Unary::Sqrt => scale(level, g, x, |x| 0.5 / x.sqrt()),
        Unary::Abs => scale(level, g, x, |x| if x > 0.0 { 1.0 } else { -1.0 }),
        Unary::Neg => scale(level, g, x, |_| -1.0),
        Unary::Reciprocal => scale(level, g, x, |x| -1.0 / (x * x)),
        Unary::Erf => scale(level, g, x, |x| FRAC_2_SQRT_PI * libm::expf(-x * x)),
        Unary::Gelu => scale(level, g, x, gelu),
        Unary::Softplus => scale(level, g, x, sigmoid),
        Unary::Elu { alpha } => scale(level, g, x, |x| if x > 0.0 { 1.0 } else { alpha * libm::expf(x) }),
        Unary::Sin => scale(level, g, x, libm::cosf),
        Unary::Cos => scale(level, g, x, |x| -libm::sinf(x)),
        Unary::Tan => scale(level, g, x, tan),
        Unary::Asin => scale(level, g, x, asin),
        Unary::Acos => scale(level, g, x, |x| -asin(x)),
        Unary::Atan => scale(level, g, x, |x| 1.0 / (1.0 + x * x)),
        Unary::Sinh => scale(level, g, x, libm::coshf),
        Unary::Cosh => scale(level, g, x, libm::sinhf),
        Unary::Asinh => scale(level, g, x, |x| 1.0 / (x * x + 1.0).sqrt()),
        Unary::Acosh => scale(level, g, x, |x| 1.0 / ((x - 1.0) * (x + 1.0)).sqrt()),
        Unary::Atanh => scale(level, g, x, |x| 1.0 / ((1.0 - x) * (1.0 + x))),
        Unary::Round
        | Unary::Floor
        | Unary::Ceil
        | Unary::Sign
        | Unary::Not
        | Unary::IsNan
        | Unary::IsInf { .. } => g.fill(0.0),
        Unary::RectifiedSigmoid => scale(level, g, x, rectified_sigmoid),
    }
}

#[inline(always)]
fn scale(level: Level, g: &mut [f32], x: &[f32], slope: impl Fn(f32) -> f32) {
    dispatch!(level, _simd => {
        for (g, &x) in g.iter_mut().zip(x) {
            *g *= slope(x);
        }
    });
}

/// α where 0 < αx + β < 1. On the left of a corner αx + β is smaller, or larger if α is negative.
#[inline(always)]
fn hard_sigmoid(x: f32, alpha: f32, beta: f32) -> f32 {
    let y = alpha * x + beta;
    let inside = if alpha > 0.0 { y > 0.0 && y <= 1.0 } else { (0.0..1.0).contains(&y) };
    if inside { alpha } else { 0.0 }
}

/// x/3 + ½ between −3 and 3.
#[inline(always)]
fn hard_swish(x: f32) -> f32 {
    let inside = x / 3.0 + 0.5;
    let upper = if x > 3.0 { 1.0 } else { inside };
    if x > -3.0 { upper } else { 0.0 }
}

/// σ(x)·(1 − σ(x)).
fn sigmoid_slope(x: f32) -> f32 {
    let y = sigmoid(x);
    y * (1.0 - y)
}

/// σ(x)·(1 + x·(1 − σ(x))).
fn silu(x: f32) -> f32 {
    let y = sigmoid(x);
    y * (1.0 + x * (1.0 - y))
}

fn tanh(x: f32) -> f32 {
    let y = libm::tanhf(x);
    1.0 - y * y
}

fn tan(x: f32) -> f32 {
    let y = libm::tanf(x);
    1.0 + y * y
}

fn asin(x: f32) -> f32 {
    1.0 / ((1.0 - x) * (1.0 + x)).sqrt()
}

/// Φ(x) + x·φ(x).
fn gelu(x: f32) -> f32 {
    let density = 0.5 * FRAC_1_SQRT_2 * FRAC_2_SQRT_PI * libm::expf(-0.5 * x * x);
    0.5 * libm::erfcf(-x * FRAC_1_SQRT_2) + x * density
}

/// 1.2·σ′(x) where 1.2·σ(x) − 0.1 lies in (0, 1].
pub(super) fn rectified_sigmoid(x: f32) -> f32 {
    let y = sigmoid(x);
    let soft = 1.2 * y - 0.1;
    if soft > 0.0 && soft <= 1.0 { 1.2 * (y * (1.0 - y)) } else { 0.0 }
}
