//! Random zeros and ones.

use fewbit_graph::op;
use fewbit_numeric::Philox;
use fewbit_numeric::philox::uniform;

use crate::backend::RunError;
use crate::control::Control;
use crate::cpu::pieces::{self, in_pieces};
use crate::cpu::simd::{Level, dispatch};

/// Words of a block of the generator.
const WORDS: usize = 4;

/// Blocks that are made together.
const BLOCKS: usize = 16;

/// Fills `y` with the draws of a step. A step that is no number counts as 0.
pub(crate) async fn run(
    draw: op::Bernoulli,
    step: f32,
    y: &mut [f32],
    level: Level,
    control: &Control<'_>,
) -> Result<(), RunError> {
    const LEN: usize = BLOCKS * WORDS;
    let (philox, step) = (Philox::new(draw.seed), step as u32);
    in_pieces(y.len().div_ceil(LEN), LEN * pieces::ELEMENT, control, |parts| {
        let range = parts.start * LEN..(parts.end * LEN).min(y.len());
        dispatch!(level, _simd => {
            for (part, y) in parts.zip(y[range].chunks_mut(LEN)) {
                let words = philox.adjacent::<BLOCKS>([(part * BLOCKS) as u32, 0, step, draw.stream]);
                let mut ones = [0.0; LEN];
                for (i, block) in ones.chunks_exact_mut(WORDS).enumerate() {
                    for (one, word) in block.iter_mut().zip(&words) {
                        *one = if uniform(word[i]) < draw.probability { 1.0 } else { 0.0 };
                    }
                }
                y.copy_from_slice(&ones[..y.len()]);
            }
        });
        Ok(())
    })
    .await
}
