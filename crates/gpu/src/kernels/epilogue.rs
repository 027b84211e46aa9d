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
        let activation = self.activation.map_or(0, |unary| function(unary).0);
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
        let (_, a, b) = self.activation.map_or((0, 0.0, 0.0), function);
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

/// Whether a function is in `prelude/activation.wgsl`, so that it can be fused into a store.
pub(crate) fn is_activation(unary: Unary) -> bool {
    function(unary).0 <= 22
}

/// The function's number and its attributes: of the functions of `prelude/activation.wgsl`, and from 23 on of those of
/// `function.wgsl`.
pub(crate) fn function(unary: Unary) -> (u32, f32, f32) {
    let plain = |number| (number, 0.0, 0.0);
    match unary {
        Unary::Relu => plain(1),
        Unary::LeakyRelu { alpha } => (2, alpha, 0.0),
        Unary::Clip { min, max } => (3, min, max),
        Unary::HardSigmoid { alpha, beta } => (4, alpha, beta),
        Unary::HardSwish => plain(5),
        Unary::Sigmoid => plain(6),
        Unary::Silu => plain(7),
        Unary::Tanh => plain(8),
        Unary::Exp => plain(9),
        Unary::Log => plain(10),
        Unary::Sqrt => plain(11),
        Unary::Abs => plain(12),
        Unary::Neg => plain(13),
        Unary::Reciprocal => plain(14),
        Unary::Erf => plain(15),
        Unary::Gelu => plain(16),
        Unary::Softplus => plain(17),
        Unary::Elu { alpha } => (18, alpha, 0.0),
        Unary::Round => plain(19),
        Unary::Floor => plain(20),
        Unary::Sign => plain(21),
        Unary::RectifiedSigmoid => plain(22),
        Unary::Sin => plain(23),
        Unary::Cos => plain(24),
        Unary::Tan => plain(25),
        Unary::Asin => plain(26),
        Unary::Acos => plain(27),
        Unary::Atan => plain(28),
        Unary::Sinh => plain(29),
        Unary::Cosh => plain(30),
        Unary::Asinh => plain(31),
        Unary::Acosh => plain(32),
        Unary::Atanh => plain(33),
        Unary::Ceil => plain(34),
        Unary::Not => plain(35),
        Unary::IsNan => plain(36),
        Unary::IsInf { positive, negative } => {
            (37, f32::from(u8::from(positive)), f32::from(u8::from(negative)))
        }
    }
}
