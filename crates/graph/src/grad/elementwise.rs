//! Functions of elements.

use crate::grad::site::{Gradient, Site};
use crate::graph::WireId;
use crate::op::{Binary, Op, Unary};

pub(super) fn unary(site: &mut Site<'_, '_>, unary: Unary) -> Gradient {
    match unary {
        Unary::Neg => site.unary(Unary::Neg, site.g),
        _ => site.add(Op::UnaryGrad(unary), &[site.g, site.wire()]),
    }
}

/// With c = a ∘ b, and sums where an operand was broadcast. Where a and b are equal, each takes half of the gradient of
/// their maximum or minimum. The gradient of a power along its exponent needs a > 0, as its logarithm does.
pub(super) fn binary(site: &mut Site<'_, '_>, binary: Binary) -> Gradient {
    let (g, c) = (site.g, site.node.output);
    let &[a, b] = site.node.inputs.as_slice() else { return Ok(g) };
    let (of_a, shape) = (site.input == 0, site.shape());
    match binary {
        Binary::Add => site.summed_to(g, &shape),
        Binary::Sub if of_a => site.summed_to(g, &shape),
        Binary::Sub => {
            let sum = site.summed_to(g, &shape)?;
            site.unary(Unary::Neg, sum)
        }
        Binary::Mul => times(site, if of_a { b } else { a }),
        Binary::Div if of_a => {
            let wide = site.binary(Binary::Div, g, b)?;
            site.summed_to(wide, &shape)
        }
        // ∂(a/b)/∂b = −c/b
        Binary::Div => {
            let quotient = site.binary(Binary::Div, c, b)?;
            let slope = site.unary(Unary::Neg, quotient)?;
            times(site, slope)
        }
        Binary::Max | Binary::Min => {
            let first = (binary == Binary::Max) == of_a;
            let difference = if first { (a, b) } else { (b, a) };
            let slope = share(site, difference)?;
            times(site, slope)
        }
        // ∂aᵇ/∂a = b·aᵇ⁻¹
        Binary::Pow if of_a => {
            let one = site.constant(1.0);
            let exponent = site.binary(Binary::Sub, b, one)?;
            let power = site.binary(Binary::Pow, a, exponent)?;
            let slope = site.binary(Binary::Mul, b, power)?;
            times(site, slope)
        }
        Binary::Mod | Binary::Fmod if of_a => site.summed_to(g, &shape),
        // c = a − b·q with a whole q
        Binary::Mod | Binary::Fmod => {
            let multiple = site.binary(Binary::Sub, c, a)?;
            let quotient = site.binary(Binary::Div, multiple, b)?;
            let slope = site.unary(Unary::Round, quotient)?;
            times(site, slope)
        }
        // Steps: nothing asks for their slope.
        Binary::Equal | Binary::Less | Binary::LessOrEqual | Binary::And | Binary::Or | Binary::Xor => {
            let zero = site.constant(0.0);
            site.expanded(zero, &shape)
        }
        // ∂aᵇ/∂b = c·ln a
        Binary::Pow => {
            let logarithm = site.unary(Unary::Log, a)?;
            let slope = site.binary(Binary::Mul, c, logarithm)?;
            times(site, slope)
        }
    }
}

/// g·slope, summed where the operand was broadcast.
fn times(site: &mut Site<'_, '_>, slope: WireId) -> Gradient {
    let wide = site.binary(Binary::Mul, site.g, slope)?;
    site.summed_to(wide, &site.shape())
}

/// 1 where a > b, ½ where they are equal, else 0: (1 + sign(a − b))/2.
fn share(site: &mut Site<'_, '_>, (a, b): (WireId, WireId)) -> Gradient {
    let difference = site.binary(Binary::Sub, a, b)?;
    let sign = site.unary(Unary::Sign, difference)?;
    site.unary(Unary::HardSigmoid { alpha: 0.5, beta: 0.5 }, sign)
}
