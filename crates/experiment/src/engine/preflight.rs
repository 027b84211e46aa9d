//! Whether a model fits, before anything runs.

use fewbit_quant::EvaluatorOptions;
use fewbit_quant::observe::BATCH;
use fewbit_quant::report::ModelFacts;

use crate::failure::{Code, Failure};

/// How often the weights are in memory at most: as a file, as the float model, as codes, as what these stand for, and laid out for
/// each of two plans. Measured on 18 million weights: 6.3 times, with everything else.
const COPIES: u64 = 6;
/// The bytes that an engine can have: in a page, what 32 bits can count. Elsewhere the system says when there are no more.
const ROOM: u64 = if usize::BITS == 32 { 1 << 32 } else { 1 << 62 };
/// What the values of a chunk may take; a chunk of fewer samples is slower.
const CHUNK_BYTES: u64 = 512 << 20;

/// How answers are computed: in chunks as large as usual, unless their values would take too much memory.
pub(super) fn evaluator_options(facts: &ModelFacts) -> EvaluatorOptions {
    let usual = EvaluatorOptions::default();
    let fitting = CHUNK_BYTES / facts.activation_bytes.max(1);
    EvaluatorOptions {
        chunk: usual.chunk.min(usize::try_from(fitting).unwrap_or(usual.chunk)).max(1),
        ..usual
    }
}

/// The bytes that a model needs: its weights, and the values of the samples that run together.
fn needed(facts: &ModelFacts) -> [u64; 2] {
    let together = evaluator_options(facts).chunk.max(BATCH) as u64;
    [COPIES.saturating_mul(facts.float_bytes), together.saturating_mul(facts.activation_bytes)]
}

/// Refuses a model that does not fit.
///
/// # Errors
/// What it needs, what there is, and the way out.
pub(super) fn check(facts: &ModelFacts) -> Result<(), Failure> {
    let [weights, values] = needed(facts);
    if weights.saturating_add(values) <= ROOM {
        return Ok(());
    }
    let gigabytes = |bytes: u64| bytes as f64 / 1e9;
    Err(Failure::new(
        Code::UnsupportedModel,
        format!(
            "it needs about {:.1} GB of memory, {:.1} for its weights and {:.1} for values between layers; here there are {:.1}",
            gigabytes(weights.saturating_add(values)),
            gigabytes(weights),
            gigabytes(values),
            gigabytes(ROOM)
        ),
    )
    .at(&facts.name)
    .hint("run it from a terminal, `fewbit eval`, or export it with a smaller input"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(float_bytes: u64, activation_bytes: u64) -> ModelFacts {
        ModelFacts { float_bytes, activation_bytes, ..ModelFacts::default() }
    }

    #[test]
    fn chunks_shrink_where_values_are_large() {
        assert_eq!(evaluator_options(&facts(0, 1 << 20)).chunk, 64);
        assert_eq!(evaluator_options(&facts(0, 64 << 20)).chunk, 8);
        assert_eq!(evaluator_options(&facts(0, 4 << 30)).chunk, 1);
        assert_eq!(evaluator_options(&facts(0, 0)).chunk, 64);
    }

    #[test]
    fn a_model_that_does_not_fit_is_refused_with_numbers() {
        assert!(check(&facts(100 << 20, 1 << 20)).is_ok());
        let refusal = check(&facts(u64::MAX / 7, 1 << 20)).unwrap_err();
        assert!(refusal.message.contains("GB of memory") && refusal.hints.len() == 1);
    }
}
