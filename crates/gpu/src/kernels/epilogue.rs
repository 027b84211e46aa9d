//! What is fused into a kernel's store: the host's side of `prelude/epilogue.wgsl`.

use bytemuck::{Pod, Zeroable};
use fewbit_graph::op::Unary;
use fewbit_graph::{Facts, WireId};

use crate::step::{Operand, word};

/// An activation, then a quantizer; each may be absent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Epilogue {
    pub(crate) activation: Option<Unary>,
    pub(crate) quantizer: Option<Quantizer>,
}

/// The wires and the axis of a FakeQuantize.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quantizer {
    pub(crate) scale: WireId,
    pub(crate) zero_point: WireId,
    pub(crate) bounds: WireId,
    pub(crate) axis: usize,
}

/// `Epilogue` of the prelude.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, Pod, Zeroable)]
pub(crate) struct EpilogueParams {
    a: f32,
    b: f32,
    inner: u32,
    scales: u32,
    zeros: u32,
    pad: [u32; 3],
}

impl Epilogue {
    /// Values for the epilogue's constants.
    pub(crate) fn constants(&self) -> Vec<(&'static str, f64)> {
        let activation = self.activation.and_then(activation).map_or(0, |(number, ..)| number);
        vec![("ACTIVATION", f64::from(activation)), ("QUANTIZE", f64::from(self.quantizer.is_some()))]
    }

    /// The epilogue's buffers.
    pub(crate) fn operands(&self) -> [Operand; 3] {
        self.quantizer.map_or([Operand::Blank; 3], |quantizer| {
            [quantizer.scale, quantizer.zero_point, quantizer.bounds].map(Operand::Wire)
        })
    }

    /// The parameters for an output of `shape`.
    pub(crate) fn params(&self, facts: &Facts, shape: &[usize]) -> Result<EpilogueParams, String> {
        let (_, a, b) = self.activation.and_then(activation).unwrap_or_default();
        let Some(quantizer) = self.quantizer else {
            return Ok(EpilogueParams { a, b, inner: 1, scales: 1, zeros: 1, pad: [0; 3] });
        };
        let [inner, scales, zeros] = quantizer.channels(facts, shape)?;
        Ok(EpilogueParams { a, b, inner, scales, zeros, pad: [0; 3] })
    }
}

impl Quantizer {
    /// The number of elements behind its axis in values of `shape`, of its scales, and of its zero points.
    pub(crate) fn channels(&self, facts: &Facts, shape: &[usize]) -> Result<[u32; 3], String> {
        // With one scale and one zero point the axis says nothing, and need not exist.
        let inner = shape.iter().skip(self.axis + 1).product();
        let count = |wire| word(facts.of(wire).len());
        Ok([word(inner)?, count(self.scale)?, count(self.zero_point)?])
    }
}

/// The function's number in `prelude/activation.wgsl` and its attributes; `None` for one that is not there.
pub(crate) fn activation(unary: Unary) -> Option<(u32, f32, f32)> {
    Some(match unary {
        Unary::Relu => (1, 0.0, 0.0),
        Unary::LeakyRelu { alpha } => (2, alpha, 0.0),
        Unary::Clip { min, max } => (3, min, max),
        Unary::HardSigmoid { alpha, beta } => (4, alpha, beta),
        Unary::HardSwish => (5, 0.0, 0.0),
        Unary::Sigmoid => (6, 0.0, 0.0),
        Unary::Silu => (7, 0.0, 0.0),
        Unary::Tanh => (8, 0.0, 0.0),
        Unary::Exp => (9, 0.0, 0.0),
        Unary::Log => (10, 0.0, 0.0),
        Unary::Sqrt => (11, 0.0, 0.0),
        Unary::Abs => (12, 0.0, 0.0),
        Unary::Neg => (13, 0.0, 0.0),
        Unary::Reciprocal => (14, 0.0, 0.0),
        Unary::Erf => (15, 0.0, 0.0),
        Unary::Gelu => (16, 0.0, 0.0),
        Unary::Softplus => (17, 0.0, 0.0),
        Unary::Elu { alpha } => (18, alpha, 0.0),
        Unary::Round => (19, 0.0, 0.0),
        Unary::Floor => (20, 0.0, 0.0),
        Unary::Sign => (21, 0.0, 0.0),
        Unary::RectifiedSigmoid => (22, 0.0, 0.0),
        _ => return None,
    })
}
