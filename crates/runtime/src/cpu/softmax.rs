//! Softmax and its logarithm.

use crate::backend::RunError;
use crate::control::Control;
use crate::cpu::pieces::{self, in_pieces};

/// A softmax, made ready.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Softmax {
    /// The length of the axis that sums to one.
    len: usize,
    /// The distance of two elements along it.
    stride: usize,
    logarithm: bool,
}

impl Softmax {
    /// Along `axis` of this shape; or its logarithm.
    pub(crate) fn new(axis: usize, shape: &[usize], logarithm: bool) -> Self {
        Self { len: shape[axis], stride: shape[axis + 1..].iter().product(), logarithm }
    }

    /// The softmax of x. Its denominator is summed in f32, in the order of the axis.
    pub(crate) async fn run(&self, x: &[f32], y: &mut [f32], control: &Control<'_>) -> Result<(), RunError> {
        let block = self.len * self.stride;
        in_pieces(x.len() / self.len, self.len * pieces::FUNCTION, control, |lines| {
            for line in lines {
                let first = line / self.stride * block + line % self.stride;
                self.line(&x[first..], &mut y[first..]);
            }
            Ok(())
        })
        .await
    }

    fn line(&self, x: &[f32], y: &mut [f32]) {
        let places = || (0..self.len).map(|i| i * self.stride);
        let max = places().map(|i| x[i]).fold(f32::NEG_INFINITY, |max, x| if x > max { x } else { max });
        if self.logarithm {
            let sum: f32 = places().map(|i| libm::expf(x[i] - max)).sum();
            let sum = libm::logf(sum);
            places().for_each(|i| y[i] = x[i] - max - sum);
        } else {
            let mut sum = 0.0;
            for i in places() {
                y[i] = libm::expf(x[i] - max);
                sum += y[i];
            }
            places().for_each(|i| y[i] /= sum);
        }
    }
}
