//! The grids in front of a layer, by what was observed of its input.

use fewbit_numeric::{Affine, Granularity};

use crate::error::QuantError;
use crate::observation::Observation;
use crate::range::{self, moving_average};
use crate::recipe::{Choice, Quantizer, RangeMethod};
use crate::report::Applied;
use crate::weights::cover;

/// The grids of a layer's input as `asked`: one for the tensor or one for each channel; none if it stays in float.
///
/// What could not be done as asked says so:
///
/// * an input with values that are not finite stays in float;
/// * groups lie along the weights of an output channel, and an input has no such thing: one scale for the tensor;
/// * where there is no channel axis there is one scale for the tensor;
/// * only the range of each channel is observed, not its distribution: per channel, methods other than min-max and
///   the moving average become min-max.
///
/// # Errors
/// [`QuantError::NoHistogram`] before the second pass of the observers, where the method needs it.
pub fn quantize(
    layer: &str,
    observation: &Observation,
    asked: Choice,
) -> Result<(Option<Vec<Affine>>, Applied), QuantError> {
    let Choice::Quantize(asked_quantizer) = asked else {
        return Ok((None, Applied { asked, done: Choice::Float, reason: None }));
    };
    if observation.not_finite > 0 {
        let reason = format!("{} of {} values are not finite", observation.not_finite, observation.n);
        return Ok((None, Applied { asked, done: Choice::Float, reason: Some(reason) }));
    }
    let (quantizer, reason) = fitting(asked_quantizer, observation);
    let grids = match quantizer.granularity {
        Granularity::Channel => (0..observation.channels)
            .map(|channel| {
                let range = match quantizer.range {
                    RangeMethod::MovingAverage(past) => {
                        moving_average::of_batches(observation.channel_batches(channel), past)
                    }
                    _ => observation.channel_range(channel),
                };
                cover(range, quantizer)
            })
            .collect(),
        _ => vec![cover(tensor_range(layer, observation, quantizer)?, quantizer)],
    };
    Ok((Some(grids), Applied { asked, done: Choice::Quantize(quantizer), reason }))
}

fn tensor_range(
    layer: &str,
    observation: &Observation,
    quantizer: Quantizer,
) -> Result<fewbit_numeric::Range, QuantError> {
    let seen = observation.range();
    match (quantizer.range, &observation.magnitudes) {
        (RangeMethod::MinMax, _) => Ok(seen),
        (RangeMethod::MovingAverage(past), _) => Ok(moving_average::of_batches(observation.batches(), past)),
        (method, Some(magnitudes)) => Ok(range::of_magnitudes(method, quantizer.format, seen, magnitudes)),
        (method, None) => {
            Err(QuantError::NoHistogram { layer: layer.to_owned(), method: method.to_string() })
        }
    }
}

/// The quantizer that can be applied, and why it is another than the one asked for.
fn fitting(asked: Quantizer, observation: &Observation) -> (Quantizer, Option<String>) {
    let per_tensor = Quantizer { granularity: Granularity::Tensor, ..asked };
    let exact = matches!(asked.range, RangeMethod::MinMax | RangeMethod::MovingAverage(_));
    match asked.granularity {
        Granularity::Tensor => (asked, None),
        Granularity::Group(_) => {
            (per_tensor, Some("an input has no groups of weights: one scale for the tensor".to_owned()))
        }
        Granularity::Channel if observation.channels <= 1 => {
            (per_tensor, Some("the input has one channel: one scale for the tensor".to_owned()))
        }
        Granularity::Channel if !exact => (
            Quantizer { range: RangeMethod::MinMax, ..asked },
            Some("of single channels only the range is observed, not the distribution: min-max".to_owned()),
        ),
        Granularity::Channel => (asked, None),
    }
}
