//! Mean and standard deviation of each channel of what a layer puts out.

use fewbit_graph::Tensor;
use fewbit_runtime::Control;

use crate::error::QuantError;
use crate::methods::{Capture, Place};

/// Sums over the values of each channel, in f64 and in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Moments {
    sums: Vec<f64>,
    squares: Vec<f64>,
    n: f64,
}

impl Moments {
    /// The moments of a layer's output, whose channels lie on `axis`, over all that `capture` has.
    pub(crate) async fn of_output(
        capture: &mut Capture,
        layer: usize,
        axis: usize,
        control: &Control<'_>,
    ) -> Result<Self, QuantError> {
        let mut moments = Self::default();
        for batch in 0..capture.batches() {
            for values in capture.batch(batch, &[Place::Output(layer)], control).await? {
                moments.add(&values, axis)?;
            }
            control.step().await?;
        }
        Ok(moments)
    }

    fn add(&mut self, values: &Tensor, axis: usize) -> Result<(), QuantError> {
        let shape = values.shape();
        let channels = shape.get(axis).copied().unwrap_or(1).max(1);
        let inner: usize = shape.iter().skip(axis + 1).product();
        self.sums.resize(channels, 0.0);
        self.squares.resize(channels, 0.0);
        for (row, run) in values.as_f32()?.chunks(inner.max(1)).enumerate() {
            let (mut sum, mut square) = (0.0, 0.0);
            for &x in run {
                let x = f64::from(x);
                sum += x;
                square += x * x;
            }
            self.sums[row % channels] += sum;
            self.squares[row % channels] += square;
        }
        self.n += (values.len() / channels) as f64;
        Ok(())
    }

    /// The mean of each channel.
    pub(crate) fn means(&self) -> Vec<f64> {
        self.sums.iter().map(|sum| sum / self.n.max(1.0)).collect()
    }

    /// The standard deviation of each channel.
    pub(crate) fn deviations(&self) -> Vec<f64> {
        let n = self.n.max(1.0);
        let variance = |(sum, square): (&f64, &f64)| square / n - (sum / n) * (sum / n);
        self.sums.iter().zip(&self.squares).map(|sums| variance(sums).max(0.0).sqrt()).collect()
    }
}
