//! What each layer means for the model's outputs: only it quantized, and all but it.
//!
//! The first tells what a layer does by itself, the second what is won by keeping it in float. They differ by what layers do
//! together; a sum of the first is no prediction of the whole.

use fewbit_runtime::Control;

use crate::error::QuantError;
use crate::evaluate::Evaluator;
use crate::layer::QuantizedLayer;
use crate::observe::Progress;
use crate::prepare::Prepared;
use crate::report::{Evaluation, Sensitivity};

/// Measures every layer of the model with its `layers` as they are now, on the samples of `evaluator`, which is left in
/// no particular state: give it one of its own.
///
/// First the outputs with only one layer quantized, for each in order; then with all but one, and each row as it is
/// complete. `progress` is told after each of these 2·L runs.
///
/// # Errors
/// [`QuantError::Run`], also if stopped.
pub async fn sweep(
    evaluator: &mut Evaluator,
    prepared: &Prepared,
    layers: &[QuantizedLayer],
    control: &Control<'_>,
    progress: Progress<'_>,
    on_row: &mut dyn FnMut(Sensitivity),
) -> Result<(), QuantError> {
    let runs = 2 * layers.len();
    for layer in 0..layers.len() {
        keep_in_float(evaluator, prepared, layer)?;
    }
    let mut alone: Vec<Evaluation> = Vec::with_capacity(layers.len());
    for (i, layer) in layers.iter().enumerate() {
        quantize(evaluator, i, layer)?;
        let (evaluation, _) = evaluator.run(control, &mut |_| ()).await?;
        alone.push(evaluation);
        keep_in_float(evaluator, prepared, i)?;
        progress(i + 1, runs);
    }
    for (i, layer) in layers.iter().enumerate() {
        quantize(evaluator, i, layer)?;
    }
    for ((i, layer), only) in layers.iter().enumerate().zip(alone) {
        keep_in_float(evaluator, prepared, i)?;
        let (all_but, _) = evaluator.run(control, &mut |_| ()).await?;
        quantize(evaluator, i, layer)?;
        on_row(Sensitivity { layer: i as u32, n: only.n, only, all_but });
        progress(layers.len() + i + 1, runs);
    }
    Ok(())
}

fn quantize(evaluator: &mut Evaluator, index: usize, layer: &QuantizedLayer) -> Result<(), QuantError> {
    evaluator.set_weights(index, &layer.weights)?;
    evaluator.set_input_grids(index, layer.input.as_deref())
}

fn keep_in_float(evaluator: &mut Evaluator, prepared: &Prepared, index: usize) -> Result<(), QuantError> {
    evaluator.set_weights(index, prepared.weights(index)?)?;
    evaluator.set_input_grids(index, None)
}
