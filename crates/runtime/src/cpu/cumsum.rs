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
        if row == 1 {
            return self.lines(x, y, control).await;
        }
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

    /// The same where nothing lies behind the axis.
    async fn lines(&self, x: &[f32], y: &mut [f32], control: &Control<'_>) -> Result<(), RunError> {
        let Self { length, exclusive, reverse, .. } = *self;
        in_pieces(x.len() / length, length * pieces::ELEMENT, control, |lines| {
            for line in lines {
                let part = line * length..(line + 1) * length;
                let mut pairs = std::iter::zip(&mut y[part.clone()], &x[part]);
                let mut sum = 0.0;
                let mut add = |(y, &x): (&mut f32, &f32)| {
                    let before = sum;
                    sum = before + x;
                    *y = if exclusive { before } else { sum };
                };
                if reverse {
                    pairs.rev().for_each(add);
                } else {
                    pairs.by_ref().for_each(&mut add);
                }
            }
            Ok(())
        })
        .await
    }
}
