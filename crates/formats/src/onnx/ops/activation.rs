//! Functions of one element.

use fewbit_graph::op::{Binary, Unary};
use fewbit_graph::{Op, WireId};

use crate::error::Problem;
use crate::onnx::call::{Built, Call, Fault, unsupported};

fn unary(call: &mut Call<'_, '_>, function: Unary) -> Built {
    let x = call.wire(0)?;
    call.finish(Op::Unary(function), &[x])
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

/// Bounds that are only known when the graph runs are taken with Max and Min.
pub(super) fn clip(call: &mut Call<'_, '_>) -> Built {
    if call.opset < 11 {
        let min = call.attributes.float("min")?.unwrap_or(f32::MIN);
        let max = call.attributes.float("max")?.unwrap_or(f32::MAX);
        return unary(call, Unary::Clip { min, max });
    }
    let is_constant = |call: &Call<'_, '_>, i| call.input(i).is_none() || call.constant(i).is_some();
    if is_constant(call, 1) && is_constant(call, 2) {
        let min = call.scalar(1)?.unwrap_or(f32::MIN);
        let max = call.scalar(2)?.unwrap_or(f32::MAX);
        // Of bounds that cross the upper one holds.
        return unary(call, Unary::Clip { min: min.min(max), max });
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
        "tanh" => {
            let x = call.wire(0)?;
            gelu_tanh(call, x)
        }
        other => Err(Problem::Field {
            what: "attribute `approximate`".to_owned(),
            found: other.to_owned(),
            needed: "none or tanh".to_owned(),
        }
        .into()),
    }
}

fn gelu_tanh(call: &mut Call<'_, '_>, x: WireId) -> Built {
    let (mul, add) = (Op::Binary(Binary::Mul), Op::Binary(Binary::Add));
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

/// x·sigmoid(αx), `Swish` and the quick form of Gelu (Ramachandran et al. 2017, <https://arxiv.org/abs/1710.05941>).
pub(super) fn swish(call: &mut Call<'_, '_>) -> Built {
    sigmoid_gate(call, 1.0)
}

/// com.microsoft: the same with another default.
pub(super) fn quick_gelu(call: &mut Call<'_, '_>) -> Built {
    sigmoid_gate(call, 1.702)
}

fn sigmoid_gate(call: &mut Call<'_, '_>, default: f32) -> Built {
    let alpha = call.attributes.float("alpha")?.unwrap_or(default);
    if alpha == 1.0 {
        return unary(call, Unary::Silu);
    }
    let x = call.wire(0)?;
    let alpha = call.number("alpha", alpha);
    let scaled = call.step("scaled", Op::Binary(Binary::Mul), &[x, alpha]);
    let gate = call.step("gate", Op::Unary(Unary::Sigmoid), &[scaled]);
    call.finish(Op::Binary(Binary::Mul), &[x, gate])
}

/// max(x, 0) + slope·min(x, 0), which is exact for every finite slope. A slope that lists channels lies along axis 1.
pub(super) fn prelu(call: &mut Call<'_, '_>) -> Built {
    if call.constant(1).is_some_and(|slope| slope.len() == 1)
        && let Ok(Some(alpha)) = call.scalar(1)
    {
        return unary(call, Unary::LeakyRelu { alpha });
    }
    if call.constant(1).is_some_and(|slope| slope.as_f32().is_ok_and(|s| s.iter().any(|s| !s.is_finite()))) {
        return unsupported("its slope is not finite");
    }
    let (x, slope) = (call.wire(0)?, call.wire(1)?);
    let positive = call.step("positive", Op::Unary(Unary::Relu), &[x]);
    let below = Unary::Clip { min: f32::NEG_INFINITY, max: 0.0 };
    let negative = call.step("negative", Op::Unary(below), &[x]);
    let scaled = call.step("scaled", Op::Binary(Binary::Mul), &[negative, slope]);
    call.finish(Op::Binary(Binary::Add), &[positive, scaled])
}

/// γ·elu(x) with elu's α (Klambauer et al. 2017, <https://arxiv.org/abs/1706.02515>).
pub(super) fn selu(call: &mut Call<'_, '_>) -> Built {
    let alpha = call.attributes.float("alpha")?.unwrap_or(1.673_263_2);
    let gamma = call.attributes.float("gamma")?.unwrap_or(1.050_701);
    let x = call.wire(0)?;
    let elu = call.unary("elu", Unary::Elu { alpha }, x);
    let y = call.with_number("scaled", Binary::Mul, elu, gamma);
    call.done(y)
}

/// α·elu(x/α) (Barron 2017, <https://arxiv.org/abs/1704.07483>).
pub(super) fn celu(call: &mut Call<'_, '_>) -> Built {
    let alpha = call.attributes.float("alpha")?.unwrap_or(1.0);
    let x = call.wire(0)?;
    let part = call.with_number("part", Binary::Div, x, alpha);
    let elu = call.unary("elu", Unary::Elu { alpha: 1.0 }, part);
    let y = call.with_number("scaled", Binary::Mul, elu, alpha);
    call.done(y)
}

/// x/(1 + |x|).
pub(super) fn softsign(call: &mut Call<'_, '_>) -> Built {
    let x = call.wire(0)?;
    let size = call.unary("abs", Unary::Abs, x);
    let raised = call.with_number("raised", Binary::Add, size, 1.0);
    call.finish(Op::Binary(Binary::Div), &[x, raised])
}

/// com.microsoft: Gelu of x + bias, by erf.
pub(super) fn bias_gelu(call: &mut Call<'_, '_>) -> Built {
    let (x, bias) = (call.wire(0)?, call.wire(1)?);
    let sum = call.binary("sum", Binary::Add, x, bias);
    call.finish(Op::Unary(Unary::Gelu), &[sum])
}

/// com.microsoft: Gelu of x (+ bias), by tanh.
pub(super) fn fast_gelu(call: &mut Call<'_, '_>) -> Built {
    let mut x = call.wire(0)?;
    if let Some(bias) = call.optional_wire(1)? {
        x = call.binary("sum", Binary::Add, x, bias);
    }
    gelu_tanh(call, x)
}

/// The attribute `activation` of an operator that has one built in, applied to `x`.
pub(super) fn activation(call: &mut Call<'_, '_>, x: WireId) -> Result<WireId, Fault> {
    let parameters = call.attributes.floats("activation_params")?.unwrap_or_default();
    let parameter = |i: usize, name: &str, default: f32| -> Result<f32, Problem> {
        let own = call.attributes.float(&format!("activation_{name}"))?;
        Ok(parameters.get(i).copied().or(own).unwrap_or(default))
    };
    let function = match call.attributes.text("activation")?.unwrap_or_default() {
        "" => return Ok(x),
        "Relu" => Unary::Relu,
        "Tanh" => Unary::Tanh,
        "Sigmoid" => Unary::Sigmoid,
        "LeakyRelu" => Unary::LeakyRelu { alpha: parameter(0, "alpha", 0.01)? },
        "Clip" => Unary::Clip { min: parameter(0, "min", f32::MIN)?, max: parameter(1, "max", f32::MAX)? },
        "HardSigmoid" => {
            Unary::HardSigmoid { alpha: parameter(0, "alpha", 0.2)?, beta: parameter(1, "beta", 0.5)? }
        }
        other => return unsupported(format!("its activation is {other}")),
    };
    Ok(call.unary("activation", function, x))
}
