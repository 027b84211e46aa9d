//! What each layer means for the model's outputs: only it quantized, and all but it.
//!
//! The first tells what a layer does by itself, the second what is won by keeping it in float. They differ by what layers do
//! together; a sum of the first is no prediction of the whole.

use fewbit_graph::Tensor;
use fewbit_runtime::{Backend, Control};

use crate::error::QuantError;
use crate::evaluate::{Evaluator, EvaluatorOptions};
use crate::layer::QuantizedLayer;
use crate::prepare::Prepared;
use crate::report::Sensitivity;

/// Two evaluations of the same samples, one with a single layer quantized, the other with all but one.
///
/// From one layer to the next little changes in either, so each runs again only from there on.
pub struct Sweep {
    only: Evaluator,
    all_but: Evaluator,
}

impl Sweep {
    /// Prepares both for `samples`; they share `options`' memory.
    ///
    /// # Errors
    /// Those of [`Evaluator::prepare`].
    pub async fn prepare(
        backend: &dyn Backend,
        prepared: &Prepared,
        samples: &Tensor,
        labels: Option<&[i64]>,
        options: EvaluatorOptions,
        control: &Control<'_>,
    ) -> Result<Self, QuantError> {
        let options = EvaluatorOptions { live_memory: options.live_memory / 2, ..options };
        let mut quiet = |_, _| ();
        let only =
            Evaluator::prepare(backend, prepared, samples, labels, options, control, &mut quiet).await?;
        let all_but =
            Evaluator::prepare(backend, prepared, samples, labels, options, control, &mut quiet).await?;
        Ok(Self { only, all_but })
    }

    /// Measures layer `index` of the model with its `layers` as they are now, one for each of the model's.
    ///
    /// # Errors
    /// [`QuantError::Layer`] without such a layer, [`QuantError::Run`], also if stopped.
    pub async fn row(
        &mut self,
        prepared: &Prepared,
        layers: &[QuantizedLayer],
        index: usize,
        control: &Control<'_>,
    ) -> Result<Sensitivity, QuantError> {
        prepared.layer(index)?;
        for (i, layer) in layers.iter().enumerate() {
            let (here, there) = match i == index {
                true => (&mut self.only, &mut self.all_but),
                false => (&mut self.all_but, &mut self.only),
            };
            here.set_layer(i, layer)?;
            there.set_float(i)?;
        }
        let (only, _) = self.only.run(control, &mut |_| ()).await?;
        let (all_but, _) = self.all_but.run(control, &mut |_| ()).await?;
        Ok(Sensitivity { layer: index as u32, n: only.n, only, all_but })
    }
}
