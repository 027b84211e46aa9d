//! Elementwise operators: they work in place, on any part of a tensor.
//!
//! So a convolution can hand each block of its output on while it is in the cache, and an elementwise operator on its
//! own is a copy followed by a stage. The result does not depend on where the parts begin.

mod affine;
pub(crate) mod binary;
mod learn;
mod quantizer_grad;
pub(crate) mod unary;
mod unary_grad;
mod update;

use fewbit_graph::Op;
use fewbit_graph::op::{Binary, Unary};

use crate::backend::RunError;
use crate::control::Control;
use crate::cpu::broadcast::Broadcast;
use crate::cpu::pieces::{self, in_pieces};
use crate::cpu::simd::Level;
use crate::cpu::stage::learn::Learn;
use crate::cpu::values::{Place, Values};

/// An elementwise operator, made ready.
#[derive(Clone, Debug)]
pub(crate) struct Stage {
    kind: Kind,
    /// Which of the node's inputs is changed in place.
    pub(crate) main: usize,
    /// The other inputs.
    operands: Vec<Place>,
}

#[derive(Clone, Debug)]
enum Kind {
    Unary(Unary),
    Binary { binary: Binary, operand: Broadcast, swapped: bool },
    BatchNorm { epsilon: f32, channels: Broadcast },
    FakeQuantize { channels: Broadcast },
    Learn(Learn),
}

impl Stage {
    /// The stage of an elementwise operator; `None` for another one, and for a pair of which neither element has the
    /// full shape. `main` says which input is changed in place, where there is a choice.
    pub(crate) fn new(op: &Op, main: usize, inputs: &[&[usize]], output: &[usize]) -> Option<Self> {
        let shape = |i: usize| inputs.get(i).copied().unwrap_or_default();
        if shape(main) != output {
            return None;
        }
        let kind = match (op, main) {
            (Op::Unary(unary), 0) => Kind::Unary(*unary),
            (Op::Binary(binary), 0 | 1) => Kind::Binary {
                binary: *binary,
                operand: Broadcast::new(shape(1 - main), output),
                swapped: main == 1,
            },
            (Op::BatchNorm { epsilon }, 0) => Kind::BatchNorm {
                epsilon: *epsilon,
                channels: Broadcast::along(1, shape(1).iter().product(), output),
            },
            (Op::FakeQuantize { axis, .. }, 0) => {
                Kind::FakeQuantize { channels: channels(*axis, inputs.get(1..3)?, output) }
            }
            _ => Kind::Learn(Learn::new(op, main, inputs, output)?),
        };
        Some(Self { kind, main, operands: Vec::new() })
    }

    /// The stage with its other inputs at these places.
    #[must_use]
    pub(crate) fn with(self, operands: Vec<Place>) -> Self {
        Self { operands, ..self }
    }

    /// Changes `data`, which are the elements from `offset` on.
    fn apply(
        &self,
        level: Level,
        data: &mut [f32],
        offset: usize,
        values: Values<'_>,
    ) -> Result<(), RunError> {
        let operand = |i: usize| self.operands.get(i).map_or(Ok(&[][..]), |&place| values.at(place));
        match &self.kind {
            Kind::Unary(unary) => unary::apply(level, *unary, data),
            Kind::Binary { binary, operand: layout, swapped } => {
                binary::apply(level, *binary, *swapped, data, operand(0)?, layout.runs(offset, data.len()));
            }
            Kind::BatchNorm { epsilon, channels } => {
                let parameters = [operand(0)?, operand(1)?, operand(2)?, operand(3)?];
                affine::batch_norm(level, *epsilon, data, parameters, channels.runs(offset, data.len()));
            }
            Kind::FakeQuantize { channels } => {
                let parameters = [operand(0)?, operand(1)?, operand(2)?];
                affine::fake_quantize(level, data, parameters, channels.runs(offset, data.len()));
            }
            Kind::Learn(learn) => {
                let part = offset..offset + data.len();
                learn.apply(level, data, part, operand)?;
            }
        }
        Ok(())
    }

    fn cost(&self) -> usize {
        let is_function = match &self.kind {
            Kind::Unary(unary) => is_function(*unary),
            Kind::Binary { binary, .. } => matches!(binary, Binary::Pow | Binary::Mod | Binary::Fmod),
            Kind::Learn(learn) => learn.is_function(),
            Kind::BatchNorm { .. } | Kind::FakeQuantize { .. } => false,
        };
        if is_function { pieces::FUNCTION } else { pieces::ELEMENT }
    }
}

/// How the parameters of a quantizer lie over a tensor, if the scale and the zero point have these shapes.
fn channels(axis: usize, grid: &[&[usize]], output: &[usize]) -> Broadcast {
    let count = grid.iter().flat_map(|shape| shape.iter().copied()).max().unwrap_or(1);
    Broadcast::along(axis, count, output)
}

/// Whether it, or its slope, takes a function of `libm`.
fn is_function(unary: Unary) -> bool {
    use Unary::{
        Acos, Acosh, Asin, Asinh, Atan, Atanh, Cos, Cosh, Elu, Erf, Exp, Gelu, Log, RectifiedSigmoid,
        Sigmoid, Silu, Sin, Sinh, Softplus, Tan, Tanh,
    };
    let takes_one = matches!(
        unary,
        Elu { .. } | Erf | Exp | Gelu | Log | RectifiedSigmoid | Sigmoid | Silu | Softplus | Tanh
    );
    takes_one || matches!(unary, Acos | Acosh | Asin | Asinh | Atan | Atanh | Cos | Cosh | Sin | Sinh | Tan)
}

/// The stages that follow a step's kernel.
#[derive(Clone, Copy)]
pub(crate) struct Finish<'a> {
    pub(crate) level: Level,
    pub(crate) stages: &'a [Stage],
    pub(crate) values: Values<'a>,
}

/// As many elements as stay in the first-level cache from one stage to the next.
const CHUNK: usize = 4096;

impl Finish<'_> {
    /// Applies all stages to `data`, which are the output's elements from `offset` on.
    pub(crate) fn apply(&self, data: &mut [f32], offset: usize) -> Result<(), RunError> {
        if self.stages.is_empty() {
            return Ok(());
        }
        for (i, chunk) in data.chunks_mut(CHUNK).enumerate() {
            for stage in self.stages {
                stage.apply(self.level, chunk, offset + i * CHUNK, self.values)?;
            }
        }
        Ok(())
    }

    /// Applies all stages to the whole output.
    pub(crate) async fn apply_all(&self, output: &mut [f32], control: &Control<'_>) -> Result<(), RunError> {
        if self.stages.is_empty() {
            return Ok(());
        }
        in_pieces(output.len(), self.cost(), control, |part| {
            self.apply(&mut output[part.clone()], part.start)
        })
        .await
    }

    /// Copies `input` and applies all stages.
    pub(crate) async fn load(
        &self,
        input: &[f32],
        output: &mut [f32],
        control: &Control<'_>,
    ) -> Result<(), RunError> {
        let cost = self.cost() + pieces::ELEMENT;
        in_pieces(output.len().div_ceil(CHUNK), cost * CHUNK, control, |chunks| {
            let part = chunks.start * CHUNK..(chunks.end * CHUNK).min(output.len());
            for (i, chunk) in output[part.clone()].chunks_mut(CHUNK).enumerate() {
                let at = part.start + i * CHUNK;
                chunk.copy_from_slice(&input[at..at + chunk.len()]);
                self.apply(chunk, at)?;
            }
            Ok(())
        })
        .await
    }

    fn cost(&self) -> usize {
        self.stages.iter().map(Stage::cost).sum()
    }
}
