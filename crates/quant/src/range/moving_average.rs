//! The moving average of each batch's minimum and maximum: m ← c·m + (1 − c)·new, beginning with the first batch's.
//!
//! Outliers of single batches weigh less, and so do early batches. c is 0.9 in MQBench, 0.99 in PyTorch's
//! `MovingAverageMinMaxObserver` (whose averaging constant is 1 − c).

use fewbit_numeric::Range;

/// The averaged range of `batches`, in order; `past` is c, in [0, 1]. [0, 0] without batches.
pub fn of_batches(batches: impl IntoIterator<Item = Range>, past: f32) -> Range {
    let mut batches = batches.into_iter();
    let first = batches.next().unwrap_or(Range { min: 0.0, max: 0.0 });
    let blend = |old: f32, new: f32| past * old + (1.0 - past) * new;
    batches.fold(first, |m, new| Range { min: blend(m.min, new.min), max: blend(m.max, new.max) })
}
