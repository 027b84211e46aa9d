//! Functions of one element.

use fewbit_graph::Op;
use fewbit_graph::op::{Binary, Unary};

use crate::error::Problem;
use crate::onnx::call::{Call, Fault, unsupported};

type Built = Result<(), Fault>;

fn unary(call: &mut Call<'_, '_>, function: Unary) -> Built {
    let x = call.wire(0)?;
    call.finish(Op::Unary(function), &[x])
}

pub(super) fn abs(call: &mut Call<'_, '_>) -> Built {
    unary(call, Unary::Abs)
}

pub(super) fn erf(call: &mut Call<'_, '_>) -> Built {
    unary(call, Unary::Erf)
}

pub(super) fn exp(call: &mut Call<'_, '_>) -> Built {
    unary(call, Unary::Exp)
}

pub(super) fn floor(call: &mut Call<'_, '_>) -> Built {
    unary(call, Unary::Floor)
}

pub(super) fn hard_swish(call: &mut Call<'_, '_>) -> Built {
    unary(call, Unary::HardSwish)
}

pub(super) fn log(call: &mut Call<'_, '_>) -> Built {
    unary(call, Unary::Log)
}

pub(super) fn neg(call: &mut Call<'_, '_>) -> Built {
    unary(call, Unary::Neg)
}

pub(super) fn reciprocal(call: &mut Call<'_, '_>) -> Built {
    unary(call, Unary::Reciprocal)
}

pub(super) fn relu(call: &mut Call<'_, '_>) -> Built {
    unary(call, Unary::Relu)
}

pub(super) fn round(call: &mut Call<'_, '_>) -> Built {
    unary(call, Unary::Round)
}

pub(super) fn sigmoid(call: &mut Call<'_, '_>) -> Built {
    unary(call, Unary::Sigmoid)
}

pub(super) fn softplus(call: &mut Call<'_, '_>) -> Built {
    unary(call, Unary::Softplus)
}

pub(super) fn sqrt(call: &mut Call<'_, '_>) -> Built {
    unary(call, Unary::Sqrt)
}

pub(super) fn tanh(call: &mut Call<'_, '_>) -> Built {
    unary(call, Unary::Tanh)
}

/// ⌈x⌉ = −⌊−x⌋.
pub(super) fn ceil(call: &mut Call<'_, '_>) -> Built {
    let x = call.wire(0)?;
    let negative = call.step("negative", Op::Unary(Unary::Neg), &[x]);
    let floor = call.step("floor", Op::Unary(Unary::Floor), &[negative]);
    call.finish(Op::Unary(Unary::Neg), &[floor])
}

pub(super) fn elu(call: &mut Call<'_, '_>) -> Built {
    let alpha = call.attributes.float("alpha")?.unwrap_or(1.0);
    unary(call, Unary::Elu { alpha })
}

pub(super) fn leaky_relu(call: &mut Call<'_, '_>) -> Built {
    let alpha = call.attributes.float("alpha")?.unwrap_or(0.01);
    unary(call, Unary::LeakyRelu { alpha })
}

pub(super) fn hard_sigmoid(call: &mut Call<'_, '_>) -> Built {
    let alpha = call.attributes.float("alpha")?.unwrap_or(0.2);
    let beta = call.attributes.float("beta")?.unwrap_or(0.5);
    unary(call, Unary::HardSigmoid { alpha, beta })
}

pub(super) fn clip_attributes(call: &mut Call<'_, '_>) -> Built {
    let min = call.attributes.float("min")?.unwrap_or(f32::MIN);
    let max = call.attributes.float("max")?.unwrap_or(f32::MAX);
    unary(call, Unary::Clip { min, max })
}

/// Bounds that are only known when the graph runs are taken with Max and Min.
pub(super) fn clip_inputs(call: &mut Call<'_, '_>) -> Built {
    let is_constant = |call: &Call<'_, '_>, i| call.input(i).is_none() || call.constant(i).is_some();
    if is_constant(call, 1) && is_constant(call, 2) {
        let min = call.scalar(1)?.unwrap_or(f32::MIN);
        let max = call.scalar(2)?.unwrap_or(f32::MAX);
        return unary(call, Unary::Clip { min, max });
    }
    let x = call.wire(0)?;
    match (call.optional_wire(1)?, call.optional_wire(2)?) {
        (Some(min), None) => call.finish(Op::Binary(Binary::Max), &[x, min]),
        (None, Some(max)) => call.finish(Op::Binary(Binary::Min), &[x, max]),
        (Some(min), Some(max)) => {
            let above = call.step("above", Op::Binary(Binary::Max), &[x, min]);
            call.finish(Op::Binary(Binary::Min), &[above, max])
        }
        (None, None) => call.pass(0),
    }
}

/// x·Φ(x), or with `approximate = tanh` ½x(1 + tanh(√(2/π)(x + 0.044715x³)))
/// (Hendrycks and Gimpel 2016, <https://arxiv.org/abs/1606.08415>).
pub(super) fn gelu(call: &mut Call<'_, '_>) -> Built {
    match call.attributes.text("approximate")?.unwrap_or("none") {
        "none" => unary(call, Unary::Gelu),
        "tanh" => gelu_tanh(call),
        other => Err(Problem::Field {
            what: "attribute `approximate`".to_owned(),
            found: other.to_owned(),
            needed: "none or tanh".to_owned(),
        }
        .into()),
    }
}

fn gelu_tanh(call: &mut Call<'_, '_>) -> Built {
    let (mul, add) = (Op::Binary(Binary::Mul), Op::Binary(Binary::Add));
    let x = call.wire(0)?;
    let square = call.step("square", mul.clone(), &[x, x]);
    let cube = call.step("cube", mul.clone(), &[square, x]);
    let factor = call.number("factor", 0.044_715);
    let bent = call.step("bent", mul.clone(), &[cube, factor]);
    let sum = call.step("sum", add.clone(), &[x, bent]);
    let slope = call.number("slope", (2.0 / std::f64::consts::PI).sqrt() as f32);
    let scaled = call.step("scaled", mul.clone(), &[sum, slope]);
    let tanh = call.step("tanh", Op::Unary(Unary::Tanh), &[scaled]);
    let one = call.number("one", 1.0);
    let gate = call.step("gate", add, &[tanh, one]);
    let half = call.number("half", 0.5);
    let half_x = call.step("half_x", mul.clone(), &[x, half]);
    call.finish(mul, &[half_x, gate])
}

/// x·tanh(ln(1 + eˣ)) (Misra 2019, <https://arxiv.org/abs/1908.08681>).
pub(super) fn mish(call: &mut Call<'_, '_>) -> Built {
    let x = call.wire(0)?;
    let softplus = call.step("softplus", Op::Unary(Unary::Softplus), &[x]);
    let gate = call.step("gate", Op::Unary(Unary::Tanh), &[softplus]);
    call.finish(Op::Binary(Binary::Mul), &[x, gate])
}

/// x·sigmoid(αx) (Ramachandran et al. 2017, <https://arxiv.org/abs/1710.05941>).
pub(super) fn swish(call: &mut Call<'_, '_>) -> Built {
    let alpha = call.attributes.float("alpha")?.unwrap_or(1.0);
    if alpha == 1.0 {
        return unary(call, Unary::Silu);
    }
    let x = call.wire(0)?;
    let alpha = call.number("alpha", alpha);
    let scaled = call.step("scaled", Op::Binary(Binary::Mul), &[x, alpha]);
    let gate = call.step("gate", Op::Unary(Unary::Sigmoid), &[scaled]);
    call.finish(Op::Binary(Binary::Mul), &[x, gate])
}

/// max(x, 0) + slope·min(x, 0), which is exact for every finite slope.
pub(super) fn prelu(call: &mut Call<'_, '_>) -> Built {
    if let Ok(Some(alpha)) = call.scalar(1) {
        return unary(call, Unary::LeakyRelu { alpha });
    }
    if call.constant(1).is_none_or(|slope| slope.as_f32().is_ok_and(|s| s.iter().any(|s| !s.is_finite()))) {
        return unsupported("its slope is not a constant of finite numbers");
    }
    let (x, slope) = (call.wire(0)?, call.wire(1)?);
    let positive = call.step("positive", Op::Unary(Unary::Relu), &[x]);
    let below = Unary::Clip { min: f32::NEG_INFINITY, max: 0.0 };
    let negative = call.step("negative", Op::Unary(below), &[x]);
    let scaled = call.step("scaled", Op::Binary(Binary::Mul), &[negative, slope]);
    call.finish(Op::Binary(Binary::Add), &[positive, scaled])
}
