//! From sums to the errors that are reported.

use fewbit_graph::{Tensor, TensorError};
use fewbit_numeric::ErrorStats;
use fewbit_numeric::error::correctable_fraction;

use crate::report::Errors;

impl Errors {
    /// The errors of a tensor, by the sums of each of its channels.
    pub fn of_channels(channels: &[ErrorStats]) -> Self {
        let mut total = ErrorStats::default();
        for channel in channels {
            total.merge(channel);
        }
        let silent = total.signal == 0.0 && total.noise > 0.0;
        Self {
            n: total.n,
            mse: total.mse(),
            sqnr_db: if silent { 0.0 } else { total.sqnr_db() },
            cosine: total.cosine(),
            max_abs: total.max_abs,
            mean_shift: correctable_fraction(channels),
        }
    }

    /// The errors in the result of a `Compare` node: [C, 8] with Σa², Σe², Σa, Σe, Σa·e, max|e|, max|a|, count.
    pub(crate) fn of_comparison(result: &Tensor) -> Result<Self, TensorError> {
        let sums = |row: &[f32]| {
            let at = |i: usize| row.get(i).copied().map_or(0.0, f64::from);
            ErrorStats {
                n: at(7) as u64,
                signal: at(0),
                noise: at(1),
                sum_signal: at(2),
                sum_noise: at(3),
                cross: at(4),
                max_abs: at(5),
            }
        };
        let channels: Vec<ErrorStats> = result.as_f32()?.chunks_exact(8).map(sums).collect();
        Ok(Self::of_channels(&channels))
    }
}
