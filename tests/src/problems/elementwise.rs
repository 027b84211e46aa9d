//! Functions of elements.

use fewbit_graph::Op;
use fewbit_graph::op::{Binary, Unary};

use crate::array::{Array, broadcast_shape};
use crate::problem::{Builder, Problem};
use crate::rng::Rng;
use crate::tolerance::Tolerance;

pub(super) const UNARY: [Unary; 22] = [
    Unary::Relu,
    Unary::LeakyRelu { alpha: 0.1 },
    Unary::Clip { min: 0.0, max: 6.0 },
    Unary::HardSigmoid { alpha: 0.2, beta: 0.5 },
    Unary::HardSwish,
    Unary::Sigmoid,
    Unary::Silu,
    Unary::Tanh,
    Unary::Exp,
    Unary::Log,
    Unary::Sqrt,
    Unary::Abs,
    Unary::Neg,
    Unary::Reciprocal,
    Unary::Erf,
    Unary::Gelu,
    Unary::Softplus,
    Unary::Elu { alpha: 0.7 },
    Unary::Round,
    Unary::Floor,
    Unary::Sign,
    Unary::RectifiedSigmoid,
];

/// Every function in turn, on values up to ±8; roots, logarithms and reciprocals on positive ones.
pub fn unary(seed: u64) -> Problem {
    let unary = UNARY[seed as usize % UNARY.len()];
    let tolerance = match unary {
        Unary::Relu | Unary::Clip { .. } | Unary::Abs | Unary::Neg => Tolerance::Exact,
        Unary::Round | Unary::Floor | Unary::Sign | Unary::Sqrt => Tolerance::Exact,
        Unary::Sigmoid | Unary::Tanh | Unary::Exp | Unary::Erf | Unary::Reciprocal => Tolerance::Ulp(4),
        // Near their zeros, or far out where they vanish, these lose digits.
        _ => Tolerance::Relative(1e-6),
    };
    let mut b = Builder::new("unary", seed, tolerance);
    let shape = b.shape(0, 4);
    let low = if matches!(unary, Unary::Log | Unary::Sqrt | Unary::Reciprocal) { 0.01 } else { -8.0 };
    let values = (0..shape.iter().product()).map(|_| b.rng.float(low, 8.0)).collect();
    let (x_wire, x) = b.input_of("x", &shape, values);
    let wire = b.node("y", Op::Unary(unary), &[x_wire]);
    b.expect(wire, x.map(|x| unary_oracle(unary, x)));
    b.build()
}

/// Functions that are no activations.
pub(super) const FUNCTIONS: [Unary; 17] = [
    Unary::Sin,
    Unary::Cos,
    Unary::Tan,
    Unary::Asin,
    Unary::Acos,
    Unary::Atan,
    Unary::Sinh,
    Unary::Cosh,
    Unary::Asinh,
    Unary::Acosh,
    Unary::Atanh,
    Unary::Ceil,
    Unary::Not,
    Unary::IsNan,
    Unary::IsInf { positive: true, negative: true },
    Unary::IsInf { positive: true, negative: false },
    Unary::IsInf { positive: false, negative: true },
];

/// Each of them in turn, where it is defined; sine and cosine later on up to ±1000.
pub fn function(seed: u64) -> Problem {
    let function = FUNCTIONS[seed as usize % FUNCTIONS.len()];
    let tolerance = match function {
        _ if function.is_step() => Tolerance::Exact,
        _ => Tolerance::Relative(2e-6),
    };
    let mut b = Builder::new("function", seed, tolerance);
    let shape = b.shape(0, 4);
    let (low, high) = domain(function, seed >= FUNCTIONS.len() as u64);
    let judges = matches!(function, Unary::Not | Unary::IsNan | Unary::IsInf { .. });
    let strange = [0.0, -0.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1.0];
    let values = (0..shape.iter().product())
        .map(|_| if judges { b.rng.pick(&strange) } else { b.rng.float(low, high) })
        .collect();
    let (x_wire, x) = b.input_of("x", &shape, values);
    let wire = b.node("y", Op::Unary(function), &[x_wire]);
    b.expect(wire, x.map(|x| unary_oracle(function, x)));
    b.build()
}

/// Where a function is defined, and unless `wide` not too steep.
pub(super) fn domain(function: Unary, wide: bool) -> (f32, f32) {
    match function {
        Unary::Sin | Unary::Cos if wide => (-1000.0, 1000.0),
        Unary::Asin | Unary::Acos if wide => (-1.0, 1.0),
        Unary::Tan => (-1.5, 1.5),
        Unary::Asin | Unary::Acos | Unary::Atanh => (-0.95, 0.95),
        Unary::Acosh => (1.1, 40.0),
        _ => (-8.0, 8.0),
    }
}

/// Every function in turn, on shapes that broadcast.
pub fn binary(seed: u64) -> Problem {
    const ALL: [Binary; 7] =
        [Binary::Add, Binary::Sub, Binary::Mul, Binary::Div, Binary::Max, Binary::Min, Binary::Pow];
    let binary = ALL[seed as usize % ALL.len()];
    let tolerance = if binary == Binary::Pow { Tolerance::Ulp(4) } else { Tolerance::Exact };
    let low = if binary == Binary::Pow { 0.1 } else { -2.0 };
    of_two(Builder::new("binary", seed, tolerance), binary, |rng| {
        let x = rng.float(low, 2.0);
        if x.abs() < 0.05 { 0.25 } else { x }
    })
}

/// Comparisons, logic and remainders in turn, on shapes that broadcast; many pairs are equal.
pub fn comparison(seed: u64) -> Problem {
    const ALL: [Binary; 8] = [
        Binary::Mod,
        Binary::Fmod,
        Binary::Equal,
        Binary::Less,
        Binary::LessOrEqual,
        Binary::And,
        Binary::Or,
        Binary::Xor,
    ];
    let binary = ALL[seed as usize % ALL.len()];
    let is_remainder = matches!(binary, Binary::Mod | Binary::Fmod);
    // Remainders of any numbers, and of whole ones.
    let any = is_remainder && seed.is_multiple_of(16);
    of_two(Builder::new("comparison", seed, Tolerance::Exact), binary, |rng| {
        if any {
            return rng.float(0.1, 60.0) * rng.pick(&[-1.0, 1.0]);
        }
        let x = rng.between(0, 6) as f32 - 3.0;
        if is_remainder && x == 0.0 { 7.0 } else { x }
    })
}

/// A function of two elements, of shapes that broadcast.
fn of_two(mut b: Builder, binary: Binary, draw: impl Fn(&mut Rng) -> f32) -> Problem {
    let full = b.shape(0, 4);
    let mut other: Vec<usize> = full.iter().map(|&n| if b.rng.one_in(3) { 1 } else { n }).collect();
    other.drain(..b.rng.between(0, other.len()));
    match b.rng.between(0, 3) {
        0 => other = full.clone(),
        1 if full.len() > 1 => other = [vec![full[1]], vec![1; full.len() - 2]].concat(),
        _ => {}
    }
    let mut values =
        |shape: &[usize]| -> Vec<f32> { (0..shape.iter().product()).map(|_| draw(&mut b.rng)).collect() };
    let (left, right) = (values(&full), values(&other));
    let (mut l, mut r) = (b.input_of("a", &full, left), b.parameter_of("b", &other, right));
    if b.rng.one_in(2) {
        std::mem::swap(&mut l, &mut r);
    }
    let wire = b.node("c", Op::Binary(binary), &[l.0, r.0]);
    b.expect(wire, binary_oracle(binary, &l.1, &r.1));
    b.build()
}

/// Batch normalization of 2 to 4 axes.
pub fn batch_norm(seed: u64) -> Problem {
    let mut b = Builder::new("batch_norm", seed, Tolerance::Relative(2e-6));
    let shape = b.shape(2, 4);
    let channels = shape[1];
    let (x_wire, x) = b.input("x", &shape);
    let (scale_wire, scale) = b.parameter("scale", &[channels]);
    let (bias_wire, bias) = b.parameter("bias", &[channels]);
    let (mean_wire, mean) = b.parameter("mean", &[channels]);
    let values = (0..channels).map(|_| b.rng.float(0.1, 2.0)).collect();
    let (variance_wire, variance) = b.parameter_of("variance", &[channels], values);
    let epsilon = 1e-5f32;
    let wires = [x_wire, scale_wire, bias_wire, mean_wire, variance_wire];
    let wire = b.node("y", Op::BatchNorm { epsilon }, &wires);
    b.expect(wire, batch_norm_oracle(epsilon, &x, &scale, &bias, &mean, &variance));
    b.build()
}

pub(crate) fn batch_norm_oracle(
    epsilon: f32,
    x: &Array,
    scale: &Array,
    bias: &Array,
    mean: &Array,
    variance: &Array,
) -> Array {
    Array::from_fn(&x.shape, |index| {
        let c = &index[1..2];
        let deviation = (variance.at(c) + f64::from(epsilon)).sqrt();
        scale.at(c) * (x.at(index) - mean.at(c)) / deviation + bias.at(c)
    })
}

pub(crate) fn binary_oracle(binary: Binary, a: &Array, b: &Array) -> Array {
    Array::from_fn(&broadcast_shape(&a.shape, &b.shape), |index| {
        let (a, b) = (a.broadcast(index), b.broadcast(index));
        match binary {
            Binary::Add => a + b,
            Binary::Sub => a - b,
            Binary::Mul => a * b,
            Binary::Div => a / b,
            Binary::Max => a.max(b),
            Binary::Min => a.min(b),
            Binary::Pow => a.powf(b),
            Binary::Mod => a - b * (a / b).floor(),
            Binary::Fmod => a - b * (a / b).trunc(),
            Binary::Equal => truth(a == b),
            Binary::Less => truth(a < b),
            Binary::LessOrEqual => truth(a <= b),
            Binary::And => truth(a != 0.0 && b != 0.0),
            Binary::Or => truth(a != 0.0 || b != 0.0),
            Binary::Xor => truth((a != 0.0) != (b != 0.0)),
        }
    })
}

fn truth(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}

pub(crate) fn unary_oracle(unary: Unary, x: f64) -> f64 {
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    match unary {
        Unary::Relu => x.max(0.0),
        Unary::LeakyRelu { alpha } => {
            if x < 0.0 {
                f64::from(alpha) * x
            } else {
                x
            }
        }
        Unary::Clip { min, max } => x.max(f64::from(min)).min(f64::from(max)),
        Unary::HardSigmoid { alpha, beta } => (f64::from(alpha) * x + f64::from(beta)).clamp(0.0, 1.0),
        Unary::HardSwish => x * (x / 6.0 + 0.5).clamp(0.0, 1.0),
        Unary::Sigmoid => sigmoid(x),
        Unary::Silu => x * sigmoid(x),
        Unary::Tanh => x.tanh(),
        Unary::Exp => x.exp(),
        Unary::Log => x.ln(),
        Unary::Sqrt => x.sqrt(),
        Unary::Abs => x.abs(),
        Unary::Neg => -x,
        Unary::Reciprocal => 1.0 / x,
        Unary::Erf => erf(x),
        Unary::Gelu => x * 0.5 * erfc(-x / std::f64::consts::SQRT_2),
        Unary::Softplus => x.exp().ln_1p(),
        Unary::Elu { alpha } => {
            if x < 0.0 {
                f64::from(alpha) * x.exp_m1()
            } else {
                x
            }
        }
        Unary::Round => x.round_ties_even(),
        Unary::Floor => x.floor(),
        Unary::Ceil => x.ceil(),
        Unary::Sin => x.sin(),
        Unary::Cos => x.cos(),
        Unary::Tan => x.tan(),
        Unary::Asin => x.asin(),
        Unary::Acos => x.acos(),
        Unary::Atan => x.atan(),
        Unary::Sinh => x.sinh(),
        Unary::Cosh => x.cosh(),
        Unary::Asinh => x.asinh(),
        Unary::Acosh => x.acosh(),
        Unary::Atanh => x.atanh(),
        Unary::Not => truth(x == 0.0),
        Unary::IsNan => truth(x.is_nan()),
        Unary::IsInf { positive, negative } => {
            truth((positive && x == f64::INFINITY) || (negative && x == f64::NEG_INFINITY))
        }
        Unary::Sign if x == 0.0 => 0.0,
        Unary::Sign => x.signum(),
        Unary::RectifiedSigmoid => (1.2 * sigmoid(x) - 0.1).clamp(0.0, 1.0),
    }
}

/// 2/√π·Σ (−1)ⁿ x²ⁿ⁺¹/(n!(2n+1)) near zero, 1 − erfc(x) beyond.
fn erf(x: f64) -> f64 {
    if x.abs() > 2.0 {
        return (1.0 - erfc(x.abs())).copysign(x);
    }
    let (mut power, mut sum) = (x, 0.0);
    for n in 0..60 {
        sum += power / f64::from(2 * n + 1);
        power *= -x * x / f64::from(n + 1);
    }
    2.0 / std::f64::consts::PI.sqrt() * sum
}

/// Beyond 2 the continued fraction e^(−x²)/√π · 1/(x + ½/(x + 1/(x + 3⁄2/(x + …)))).
fn erfc(x: f64) -> f64 {
    if x < -2.0 {
        return 2.0 - erfc(-x);
    }
    if x <= 2.0 {
        return 1.0 - erf(x);
    }
    let fraction = (1..200).rev().fold(x, |tail, k| x + f64::from(k) / 2.0 / tail);
    (-x * x).exp() / std::f64::consts::PI.sqrt() / fraction
}
