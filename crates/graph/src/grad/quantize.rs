//! Quantizers: the estimator is the rule.

use crate::grad::site::{Gradient, Site};
use crate::op::{Estimator, Op, QuantizerInput, SoftRoundInput};

/// The place of the bounds among the inputs of [`Op::FakeQuantize`].
pub(super) const BOUNDS: usize = 3;
/// The place of v among the inputs of [`Op::SoftRound`].
pub(super) const ROUNDING: usize = 1;
/// The place of the scale among the inputs of [`Op::SoftRound`].
pub(super) const ROUNDING_SCALE: usize = 2;

pub(super) fn fake_quantize(site: &mut Site<'_, '_>, axis: usize, estimator: Estimator) -> Gradient {
    let wrt = match site.input {
        0 => QuantizerInput::Value,
        1 => QuantizerInput::Scale,
        _ => QuantizerInput::ZeroPoint,
    };
    let parts = each(site, Op::FakeQuantizeGrad { axis, estimator, wrt })?;
    if wrt == QuantizerInput::Value { Ok(parts) } else { site.summed_to_channels(parts, axis) }
}

pub(super) fn soft_round(site: &mut Site<'_, '_>, axis: usize) -> Gradient {
    let wrt = if site.input == ROUNDING { SoftRoundInput::Rounding } else { SoftRoundInput::Scale };
    let parts = each(site, Op::SoftRoundGrad { axis, wrt })?;
    if wrt == SoftRoundInput::Rounding { Ok(parts) } else { site.summed_to_channels(parts, axis) }
}

/// The operator of g and all inputs: what each element gives.
fn each(site: &mut Site<'_, '_>, op: Op) -> Gradient {
    let inputs = [&[site.g], site.node.inputs.as_slice()].concat();
    site.add(op, &inputs)
}
