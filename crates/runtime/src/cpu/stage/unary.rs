//! Functions of one element.
//!
//! Comparisons are written so that NaN stays NaN.

use fewbit_graph::op::Unary;

use crate::cpu::simd::{Level, dispatch, rewritten};

/// Replaces each element by its image.
pub(in crate::cpu) fn apply(level: Level, unary: Unary, data: &mut [f32]) {
    match unary {
        Unary::Relu => map(level, data, |x| if x < 0.0 { 0.0 } else { rewritten(x) }),
        Unary::LeakyRelu { alpha } => map(level, data, |x| if x < 0.0 { alpha * x } else { rewritten(x) }),
        Unary::Clip { min, max } => map(level, data, |x| clip(x, min, max)),
        Unary::HardSigmoid { alpha, beta } => map(level, data, |x| clip(alpha * x + beta, 0.0, 1.0)),
        Unary::HardSwish => map(level, data, |x| x * clip(x / 6.0 + 0.5, 0.0, 1.0)),
        Unary::Sigmoid => map(level, data, sigmoid),
        Unary::Silu => map(level, data, |x| x * sigmoid(x)),
        Unary::Tanh => map(level, data, libm::tanhf),
        Unary::Exp => map(level, data, libm::expf),
        Unary::Log => map(level, data, libm::logf),
        Unary::Sqrt => map(level, data, f32::sqrt),
        Unary::Abs => map(level, data, f32::abs),
        Unary::Neg => map(level, data, |x| -x),
        Unary::Reciprocal => map(level, data, |x| 1.0 / x),
        Unary::Erf => map(level, data, libm::erff),
        Unary::Gelu => map(level, data, gelu),
        Unary::Softplus => map(level, data, softplus),
        Unary::Elu { alpha } => map(level, data, |x| if x < 0.0 { alpha * libm::expm1f(x) } else { x }),
        Unary::Round => map(level, data, f32::round_ties_even),
        Unary::Floor => map(level, data, f32::floor),
        Unary::Sign => map(level, data, sign),
        Unary::Ceil => map(level, data, f32::ceil),
        Unary::Sin => map(level, data, libm::sinf),
        Unary::Cos => map(level, data, libm::cosf),
        Unary::Tan => map(level, data, libm::tanf),
        Unary::Asin => map(level, data, libm::asinf),
        Unary::Acos => map(level, data, libm::acosf),
        Unary::Atan => map(level, data, libm::atanf),
        Unary::Sinh => map(level, data, libm::sinhf),
        Unary::Cosh => map(level, data, libm::coshf),
        Unary::Asinh => map(level, data, libm::asinhf),
        Unary::Acosh => map(level, data, libm::acoshf),
        Unary::Atanh => map(level, data, libm::atanhf),
        Unary::Not => map(level, data, |x| one_if(x == 0.0)),
        Unary::IsNan => map(level, data, |x| one_if(x.is_nan())),
        Unary::IsInf { positive, negative } => map(level, data, |x| {
            one_if((positive && x == f32::INFINITY) || (negative && x == f32::NEG_INFINITY))
        }),
        Unary::RectifiedSigmoid => map(level, data, rectified_sigmoid),
    }
}

#[inline(always)]
fn map(level: Level, data: &mut [f32], f: impl Fn(f32) -> f32) {
    dispatch!(level, _simd => {
        for x in data {
            *x = f(*x);
        }
    });
}

#[inline(always)]
pub(super) fn one_if(holds: bool) -> f32 {
    if holds { 1.0 } else { 0.0 }
}

#[inline(always)]
fn clip(x: f32, min: f32, max: f32) -> f32 {
    let x = if x < min { min } else { x };
    if x > max { max } else { x }
}

fn sign(x: f32) -> f32 {
    if x > 0.0 {
        1.0
    } else if x < 0.0 {
        -1.0
    } else {
        0.0 * x
    }
}

/// clamp(σ(x)·(ζ − γ) + γ, 0, 1) with ζ = 1.1, γ = −0.1.
pub(in crate::cpu) fn rectified_sigmoid(x: f32) -> f32 {
    clip(1.2 * sigmoid(x) - 0.1, 0.0, 1.0)
}

pub(in crate::cpu) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + libm::expf(-x))
}

/// x·Φ(x) with Φ(x) = ½·erfc(−x/√2), which keeps its digits where 1 + erf(x/√2) cancels.
fn gelu(x: f32) -> f32 {
    x * (0.5 * libm::erfcf(-x * std::f32::consts::FRAC_1_SQRT_2))
}

/// ln(1 + eˣ) = max(x, 0) + ln(1 + e^−|x|), which does not overflow.
fn softplus(x: f32) -> f32 {
    let positive = if x < 0.0 { 0.0 } else { x };
    positive + libm::log1pf(libm::expf(-x.abs()))
}
