//! A training graph at work: steps, and what survives a lost device.

use fewbit_graph::{Bindings, Graph, Tensor, WireId};
use fewbit_runtime::{Backend, Control, Keep, Plan, RunError};

/// Steps between two checkpoints.
const CHECKPOINT: u32 = 200;

/// A training graph, its plan, and how far it is.
pub(crate) struct Session {
    graph: Graph,
    plan: Option<Box<dyn Plan>>,
    done: u32,
    /// The parameters that learn, and the number of steps after which they were read; none before the first time.
    saved: (u32, Vec<Tensor>),
}

impl Session {
    /// Before the first step.
    pub(crate) fn new(graph: Graph) -> Self {
        Self { graph, plan: None, done: 0, saved: (0, Vec::new()) }
    }

    /// The steps that are done.
    pub(crate) fn done(&self) -> u32 {
        self.done
    }

    /// Takes a step with these feeds, and gives what `sampled`, outputs of the graph, were in it.
    ///
    /// If it is stopped, the next call takes the same step. If the device is lost, [`Self::done`] goes back to the last
    /// checkpoint, and the next call goes on from there with the engine that it is given.
    pub(crate) async fn step(
        &mut self,
        backend: &dyn Backend,
        feeds: &[(WireId, Tensor)],
        sampled: &[WireId],
        control: &Control<'_>,
    ) -> Result<Vec<Tensor>, RunError> {
        if self.done >= self.saved.0 + CHECKPOINT {
            let values = self.read(backend, &self.learned()).await?;
            self.saved = (self.done, values);
        }
        self.ready(backend).await?;
        let result = match self.plan.as_mut() {
            Some(plan) => {
                feeds.iter().try_for_each(|(wire, value)| plan.set(*wire, value))?;
                plan.step(sampled, control).await
            }
            None => Ok(Vec::new()),
        };
        let values = self.heed(result)?;
        self.done += 1;
        Ok(values)
    }

    /// The values of parameters, as they are now.
    pub(crate) async fn read(
        &mut self,
        backend: &dyn Backend,
        wires: &[WireId],
    ) -> Result<Vec<Tensor>, RunError> {
        self.ready(backend).await?;
        let result = match self.plan.as_mut() {
            Some(plan) => plan.read(wires).await,
            None => Ok(Vec::new()),
        };
        self.heed(result)
    }

    fn learned(&self) -> Vec<WireId> {
        self.graph.assignments.iter().map(|assignment| assignment.target).collect()
    }

    /// Makes the plan, with the parameters of the last checkpoint.
    async fn ready(&mut self, backend: &dyn Backend) -> Result<(), RunError> {
        if self.plan.is_none() {
            let mut plan = backend.prepare(&self.graph, &Bindings::new(), Keep::Outputs).await?;
            for (&wire, value) in self.learned().iter().zip(&self.saved.1) {
                plan.set(wire, value)?;
            }
            self.plan = Some(plan);
        }
        Ok(())
    }

    /// Goes back to the last checkpoint if the device is lost.
    fn heed<T>(&mut self, result: Result<T, RunError>) -> Result<T, RunError> {
        if matches!(result, Err(RunError::Lost(_))) {
            self.plan = None;
            self.done = self.saved.0;
        }
        result
    }
}
