//! The elementwise operators that only learning needs.

use std::ops::Range;

use fewbit_graph::Op;
use fewbit_graph::op::{Estimator, QuantizerInput, Slope, SoftRoundInput, Unary, Update};

use crate::backend::RunError;
use crate::cpu::broadcast::Broadcast;
use crate::cpu::simd::Level;
use crate::cpu::stage::quantizer_grad::{self, Grids};
use crate::cpu::stage::{channels, is_function, unary_grad, update};

/// One of these operators, made ready.
#[derive(Clone, Debug)]
pub(super) enum Learn {
    UnaryGrad(Unary),
    FakeQuantizeGrad { rule: (Estimator, QuantizerInput), channels: Broadcast },
    SoftRound { channels: Broadcast },
    SoftRoundGrad { wrt: SoftRoundInput, channels: Broadcast },
    Update { update: Update, main: usize },
}

impl Learn {
    /// Changing input `main` in place; `None` for another operator or another input.
    pub(super) fn new(op: &Op, main: usize, inputs: &[&[usize]], output: &[usize]) -> Option<Self> {
        Some(match (op, main) {
            (Op::UnaryGrad(unary), 0) => Self::UnaryGrad(*unary),
            (Op::FakeQuantizeGrad { axis, estimator, wrt }, 0) => Self::FakeQuantizeGrad {
                rule: (*estimator, *wrt),
                channels: channels(*axis, inputs.get(2..4)?, output),
            },
            (Op::SoftRound { axis }, 1) => {
                Self::SoftRound { channels: channels(*axis, inputs.get(2..4)?, output) }
            }
            (Op::SoftRoundGrad { axis, wrt }, 0) => {
                Self::SoftRoundGrad { wrt: *wrt, channels: channels(*axis, inputs.get(3..5)?, output) }
            }
            (Op::Update(Update::Adam { .. }), 1..) => return None,
            (Op::Update(update), 0 | 1) => Self::Update { update: *update, main },
            _ => return None,
        })
    }

    /// Changes `data`, which are the elements of `part`. `operand` gives the other inputs, in order.
    pub(super) fn apply<'a>(
        &self,
        level: Level,
        data: &mut [f32],
        part: Range<usize>,
        operand: impl Fn(usize) -> Result<&'a [f32], RunError>,
    ) -> Result<(), RunError> {
        // A tensor of the same shape as the data.
        let beside = |i: usize| Ok::<_, RunError>(&operand(i)?[part.clone()]);
        let grids = |i: usize| {
            Ok::<_, RunError>(Grids {
                scale: operand(i)?,
                zero_point: operand(i + 1)?,
                bounds: operand(i + 2)?,
            })
        };
        match self {
            Self::UnaryGrad(unary) => unary_grad::apply(level, *unary, data, beside(0)?),
            Self::FakeQuantizeGrad { rule, channels } => {
                let runs = channels.runs(part.start, part.len());
                quantizer_grad::fake_quantize(level, *rule, data, beside(0)?, grids(1)?, runs);
            }
            Self::SoftRound { channels } => {
                let runs = channels.runs(part.start, part.len());
                quantizer_grad::soft_round(level, data, beside(0)?, grids(1)?, runs);
            }
            Self::SoftRoundGrad { wrt, channels } => {
                let runs = channels.runs(part.start, part.len());
                let forward = [beside(0)?, beside(1)?];
                quantizer_grad::soft_round_grad(level, *wrt, data, forward, grids(2)?, runs);
            }
            Self::Update { update, main } => {
                let (tensors, rates) = update.inputs();
                let second = if tensors == 3 { beside(1)? } else { &[] };
                let rates = if rates > 0 { operand(tensors - 1)? } else { &[] };
                update::apply(level, *update, *main, data, [beside(0)?, second], rates);
            }
        }
        Ok(())
    }

    /// Whether it takes as long as a function of `libm`.
    pub(super) fn is_function(&self) -> bool {
        match self {
            Self::UnaryGrad(unary) => is_function(*unary),
            Self::FakeQuantizeGrad { rule: (estimator, wrt), .. } => {
                matches!((estimator.slope, wrt), (Slope::Dsq { .. }, QuantizerInput::Value))
            }
            Self::SoftRound { .. } | Self::SoftRoundGrad { .. } => true,
            Self::Update { .. } => false,
        }
    }
}
