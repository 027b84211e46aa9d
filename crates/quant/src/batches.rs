//! A graph run over many samples, a batch at a time.

use std::ops::Range;

use fewbit_graph::{Graph, Tensor, WireId};
use fewbit_runtime::{Backend, Control, Keep, Plan};

use crate::error::QuantError;
use crate::prepare::Face;

/// The batches of `n` samples: all of `len` but the last, which may be shorter.
pub(crate) fn batches(n: usize, len: usize) -> impl ExactSizeIterator<Item = Range<usize>> {
    let len = len.max(1);
    (0..n.div_ceil(len)).map(move |i| i * len..((i + 1) * len).min(n))
}

/// One plan for each length of batch, which keeps nothing but the outputs.
pub(crate) struct Batches<'a> {
    backend: &'a dyn Backend,
    graph: &'a Graph,
    face: &'a Face,
    input: WireId,
    plans: Vec<(usize, Box<dyn Plan>)>,
}

impl<'a> Batches<'a> {
    /// `graph` has the model's input at `input`; `face` says how it is bound.
    pub(crate) fn new(backend: &'a dyn Backend, graph: &'a Graph, face: &'a Face, input: WireId) -> Self {
        Self { backend, graph, face, input, plans: Vec::new() }
    }

    /// The plan for `n` samples.
    pub(crate) async fn plan(&mut self, n: usize) -> Result<&mut dyn Plan, QuantError> {
        let at = match self.plans.iter().position(|&(len, _)| len == n) {
            Some(at) => at,
            None => {
                let bindings = self.face.bindings(n);
                let plan = self.backend.prepare(self.graph, &bindings, Keep::Outputs).await?;
                self.plans.push((n, plan));
                self.plans.len() - 1
            }
        };
        Ok(self.plans[at].1.as_mut())
    }

    /// The outputs for `samples`.
    pub(crate) async fn run(
        &mut self,
        samples: &Tensor,
        control: &Control<'_>,
    ) -> Result<Vec<Tensor>, QuantError> {
        let (input, outputs) = (self.input, self.graph.outputs.clone());
        let plan = self.plan(samples.shape().first().copied().unwrap_or(0)).await?;
        plan.set(input, samples)?;
        plan.run(&[], control).await?;
        Ok(plan.read(&outputs).await?)
    }
}
