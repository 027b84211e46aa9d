//! Running sums.

use crate::backend::RunError;
use crate::control::Control;
use crate::cpu::pieces::{self, in_pieces};
use crate::cpu::simd::{Level, dispatch};

/// A running sum, made ready. The elements behind the axis follow one another: a *row*.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CumSum {
    length: usize,
    row: usize,
    exclusive: bool,
    reverse: bool,
}

impl CumSum {
    /// Along `axis` of this shape.
    pub(crate) fn new(axis: usize, x: &[usize], exclusive: bool, reverse: bool) -> Self {
        Self { length: x[axis], row: x[axis + 1..].iter().product(), exclusive, reverse }
    }

    /// Each row of y is the row before it, plus that of x at its own place, or with `exclusive` at the place before.
    pub(crate) async fn run(
        &self,
        level: Level,
        x: &[f32],
        y: &mut [f32],
        control: &Control<'_>,
    ) -> Result<(), RunError> {
        let Self { length, row, .. } = *self;
        in_pieces(x.len() / row, row * pieces::ELEMENT, control, |places| {
            dispatch!(level, _simd => {
                for place in places {
                    let (block, step) = (place / length * length, place % length);
                    let at = |step: usize| {
                        let along = if self.reverse { length - 1 - step } else { step };
                        (block + along) * row
                    };
                    let to = at(step);
                    match (step, self.exclusive) {
                        (0, true) => y[to..to + row].fill(0.0),
                        (0, false) => y[to..to + row].copy_from_slice(&x[to..to + row]),
                        _ => {
                            let before = at(step - 1);
                            let term = &x[if self.exclusive { before } else { to }..][..row];
                            for (i, &term) in term.iter().enumerate() {
                                y[to + i] = y[before + i] + term;
                            }
                        }
                    }
                }
            });
            Ok(())
        })
        .await
    }
}
