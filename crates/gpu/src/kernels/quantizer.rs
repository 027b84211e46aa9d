//! What learns a grid: the quantizer's gradients, and soft rounding with its own. All are limited by memory.

use bytemuck::{Pod, Zeroable};
use fewbit_graph::op::{Estimator, Mask, QuantizerInput, ScaleSlope, Slope, SoftRoundInput};

use crate::kernel::{Kernel, read, write};
use crate::kernels::epilogue::Quantizer;
use crate::step::{Operand, Recording, Site, Step, groups_for, word};

/// `quantizer_grad.wgsl`.
pub static QUANTIZER_GRAD: Kernel = Kernel {
    name: "quantizer_grad",
    source: wgsl!("quantizer_grad.wgsl"),
    params: size_of::<Params>(),
    storage: &[read(1), read(2), read(3), read(4), read(5), write(6)],
    constants: &["WRT", "SLOPE", "ROUNDED", "PACT"],
    epilogue: false,
};

/// `soft_round.wgsl`.
pub static SOFT_ROUND: Kernel = Kernel {
    name: "soft_round",
    source: wgsl!("soft_round.wgsl"),
    params: size_of::<Params>(),
    storage: &[read(1), read(2), read(3), read(4), read(5), read(6), write(7)],
    constants: &["WRT"],
    epilogue: false,
};

#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct Params {
    slice: [u32; 2],
    len: u32,
    inner: u32,
    scales: u32,
    zeros: u32,
    a: f32,
    b: f32,
}

impl Params {
    /// For a site whose last inputs are scale, zero point and bounds.
    fn new(axis: usize, site: &Site<'_>) -> Result<Self, String> {
        let &[.., scale, zero_point, bounds] = site.inputs else {
            return Err("scale, zero point and bounds are missing".to_owned());
        };
        let quantizer = Quantizer { scale, zero_point, bounds, axis };
        let [inner, scales, zeros] = quantizer.channels(site.facts, site.output_shape())?;
        Ok(Self { slice: [0; 2], len: word(site.output_len())?, inner, scales, zeros, a: 0.0, b: 0.0 })
    }
}

/// About what reading, computing and writing one element costs, in floating-point operations of a product.
const ELEMENT: u64 = 64;

/// Records a gradient of a quantizer.
pub(crate) fn lower_grad(
    axis: usize,
    estimator: Estimator,
    wrt: QuantizerInput,
    site: &Site<'_>,
    recording: &mut Recording,
) -> Result<(), String> {
    let (slope, a, b) = match estimator.slope {
        Slope::Straight => (0, 0.0, 0.0),
        Slope::Ewgs { delta } => (1, delta, 0.0),
        Slope::Dsq { alpha } => {
            let alpha = f64::from(alpha);
            let c = (2.0 / alpha - 1.0).ln();
            (2, c as f32, (2.0 * c / (1.0 - alpha)) as f32)
        }
    };
    let wrt = match wrt {
        QuantizerInput::Value => 0,
        QuantizerInput::Scale => 1,
        QuantizerInput::ZeroPoint => 2,
    };
    let params = Params { a, b, ..Params::new(axis, site)? };
    push(
        &QUANTIZER_GRAD,
        &params,
        all_inputs(site),
        site,
        recording,
        &[
            ("WRT", wrt),
            ("SLOPE", slope),
            ("ROUNDED", u32::from(estimator.mask == Mask::Rounded)),
            ("PACT", u32::from(estimator.scale == ScaleSlope::Pact)),
        ],
    )
}

/// Records soft rounding.
pub(crate) fn lower_soft_round(
    axis: usize,
    site: &Site<'_>,
    recording: &mut Recording,
) -> Result<(), String> {
    let operands = std::iter::once(Operand::Blank).chain(all_inputs(site)).collect();
    push(&SOFT_ROUND, &Params::new(axis, site)?, operands, site, recording, &[("WRT", 0)])
}

/// Records a gradient of soft rounding.
pub(crate) fn lower_soft_round_grad(
    axis: usize,
    wrt: SoftRoundInput,
    site: &Site<'_>,
    recording: &mut Recording,
) -> Result<(), String> {
    let wrt = match wrt {
        SoftRoundInput::Rounding => 1,
        SoftRoundInput::Scale => 2,
    };
    push(&SOFT_ROUND, &Params::new(axis, site)?, all_inputs(site), site, recording, &[("WRT", wrt)])
}

fn all_inputs(site: &Site<'_>) -> Vec<Operand> {
    site.inputs.iter().map(|&wire| Operand::Wire(wire)).collect()
}

fn push(
    kernel: &'static Kernel,
    params: &Params,
    mut operands: Vec<Operand>,
    site: &Site<'_>,
    recording: &mut Recording,
    constants: &[(&'static str, u32)],
) -> Result<(), String> {
    let len = site.output_len();
    operands.push(site.result());
    let step = Step::new(kernel, params, operands, groups_for(len)?, ELEMENT * len as u64);
    recording.steps.push(step.with(constants));
    Ok(())
}
