//! Random zeros and ones.

use fewbit_graph::op;
use fewbit_numeric::Philox;
use fewbit_numeric::philox::uniform;

use crate::backend::RunError;
use crate::control::Control;
use crate::cpu::pieces::{FUNCTION, in_pieces};

/// Words of a block of the generator.
const WORDS: usize = 4;

/// Fills `y` with the draws of a step. A step that is no number counts as 0.
pub(crate) async fn run(
    draw: op::Bernoulli,
    step: f32,
    y: &mut [f32],
    control: &Control<'_>,
) -> Result<(), RunError> {
    let (philox, step) = (Philox::new(draw.seed), step as u32);
    in_pieces(y.len().div_ceil(WORDS), FUNCTION, control, |blocks| {
        let part = blocks.start * WORDS..(blocks.end * WORDS).min(y.len());
        for (block, y) in blocks.zip(y[part].chunks_mut(WORDS)) {
            let words = philox.block([block as u32, 0, step, draw.stream]);
            for (y, word) in y.iter_mut().zip(words) {
                *y = if uniform(word) < draw.probability { 1.0 } else { 0.0 };
            }
        }
        Ok(())
    })
    .await
}
