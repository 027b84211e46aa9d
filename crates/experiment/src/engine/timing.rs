//! How long the float model takes on this engine: one run at a time.

use fewbit_graph::{Tensor, WireId};
use fewbit_numeric::Philox;
use fewbit_quant::{Prepared, QuantError};
use fewbit_runtime::{Backend, Control, Keep, Plan};

/// The seed of the inputs; their values do not matter.
const SEED: u64 = 0;

/// A model being timed, with its BatchNorms folded, on random inputs.
pub struct Timing {
    plan: Option<Box<dyn Plan>>,
    inputs: [Tensor; 2],
    input: WireId,
    output: WireId,
    batch: usize,
    /// The time of each run, in milliseconds. The first has the making of the plan in it.
    pub millis: Vec<f64>,
}

impl Timing {
    /// Gets ready to time `prepared` on batches of `batch` samples; the plan is made by the first run.
    ///
    /// # Errors
    /// Those of [`Prepared::face`].
    pub fn new(prepared: &Prepared, batch: usize) -> Result<Self, QuantError> {
        let face = prepared.face()?;
        let mut shape = vec![batch];
        shape.extend(&face.sample_shape);
        let len: usize = shape.iter().product();
        let sample = |stream| {
            Tensor::f32(shape.clone(), Philox::new(SEED).uniforms(stream).take(len).collect::<Vec<_>>())
        };
        Ok(Self {
            plan: None,
            // Two of them in turn, so that nothing is ever up to date.
            inputs: [sample(0)?, sample(1)?],
            input: face.input,
            output: face.output,
            batch,
            millis: Vec::new(),
        })
    }

    /// Runs once more and notes how long it took, from the input on the host to the output on the host.
    ///
    /// # Errors
    /// [`QuantError::Run`].
    pub async fn run(
        &mut self,
        backend: &dyn Backend,
        prepared: &Prepared,
        now_millis: &dyn Fn() -> f64,
        control: &Control<'_>,
    ) -> Result<(), QuantError> {
        let start = now_millis();
        if self.plan.is_none() {
            let bindings = prepared.face()?.bindings(self.batch);
            self.plan = Some(backend.prepare(&prepared.graph, &bindings, Keep::Outputs).await?);
        }
        if let Some(plan) = &mut self.plan {
            plan.set(self.input, &self.inputs[self.millis.len() % 2])?;
            plan.run(&[], control).await?;
            plan.read(&[self.output]).await?;
            self.millis.push(now_millis() - start);
        }
        Ok(())
    }

    /// The first run, and the median and the least of those after it; none before the second.
    pub fn summary(&self) -> Option<(f64, f64, f64)> {
        let (&first, rest) = self.millis.split_first()?;
        let mut rest = rest.to_vec();
        rest.sort_by(f64::total_cmp);
        let median = 0.5 * (rest.get(rest.len().checked_sub(1)? / 2)? + rest.get(rest.len() / 2)?);
        Some((first, median, *rest.first()?))
    }
}
