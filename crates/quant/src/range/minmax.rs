//! Min-max: the smallest and the largest value. Nothing is clipped; one outlier makes the grid coarse for all.
//!
//! For the binary format ±Δ the largest magnitude becomes Δ, which is far too much for most of the values:
//! [`super::mse`] finds the best Δ.

use fewbit_numeric::Range;

/// The smallest and the largest of `values`.
pub fn of_values(values: &[f32]) -> Range {
    Range::of(values.iter().copied())
}
