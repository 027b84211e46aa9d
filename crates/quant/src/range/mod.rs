//! Range setting: which values a grid should cover.
//!
//! Each file here is one method: a pure function from values, or from what an observer has counted of them, to a
//! [`Range`]. [`fewbit_numeric::Affine::covering`] then makes a grid of it. None of them looks beyond its own block.

pub mod aciq;
pub mod entropy;
pub mod magnitudes;
pub mod minmax;
pub mod moving_average;
pub mod mse;
pub mod percentile;

pub use aciq::Spread;
pub use magnitudes::Magnitudes;

use fewbit_numeric::{Format, Range};

use crate::recipe::RangeMethod;

/// The range that `method` finds for the values of one block, all of them known: weights.
///
/// Values are finite. Weights come in no batches, so the moving average is the same as min-max.
pub fn of_values(method: RangeMethod, format: Format, values: &[f32]) -> Range {
    let seen = minmax::of_values(values);
    match method {
        RangeMethod::MinMax | RangeMethod::MovingAverage(_) => seen,
        RangeMethod::Percentile(percent) => percentile::of_values(values, percent, mirrored(format)),
        RangeMethod::Mse(power) => mse::of_values(values, seen, format, power),
        RangeMethod::Entropy => {
            let magnitudes = Magnitudes::of(values, entropy::TENSORRT_BINS);
            entropy::tensorrt_range(&magnitudes, seen, format)
        }
        RangeMethod::EntropyOrt => {
            let magnitudes = Magnitudes::of(values, entropy::ORT_BINS / 2);
            entropy::onnx_runtime(&magnitudes.signed(entropy::ORT_BINS), seen, entropy::ORT_QUANTIZED_BINS)
        }
        RangeMethod::Aciq => aciq::range(&Spread::of(values.iter().map(|&x| (x, 1))), seen, format.bits()),
    }
}

/// The range that `method` finds for a tensor of which min, max and magnitudes have been counted: activations.
///
/// Of [`RangeMethod::MovingAverage`], which needs the batches, see [`moving_average`]; here it is min-max.
pub fn of_magnitudes(method: RangeMethod, format: Format, seen: Range, magnitudes: &Magnitudes) -> Range {
    match method {
        RangeMethod::MinMax | RangeMethod::MovingAverage(_) => seen,
        RangeMethod::Percentile(percent) if mirrored(format) => {
            percentile::of_absolute(&magnitudes.absolute(), seen, percent)
        }
        RangeMethod::Percentile(percent) => {
            percentile::of_signed(&magnitudes.signed(percentile::BINS), seen, percent)
        }
        RangeMethod::Mse(power) => mse::of_points(&magnitudes.points(), seen, format, power),
        RangeMethod::Entropy => entropy::tensorrt_range(magnitudes, seen, format),
        RangeMethod::EntropyOrt => {
            entropy::onnx_runtime(&magnitudes.signed(entropy::ORT_BINS), seen, entropy::ORT_QUANTIZED_BINS)
        }
        RangeMethod::Aciq => aciq::range(&Spread::of(magnitudes.points()), seen, format.bits()),
    }
}

/// Whether a grid of `format` lies the same way on both sides of zero, so that only magnitudes count.
fn mirrored(format: Format) -> bool {
    !format.has_zero_point()
}
