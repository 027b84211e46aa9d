//! What flows into and out of units, for all samples: computed once, from what is known of the units before.

use std::collections::BTreeMap;

use fewbit_graph::{Bindings, Dim, Graph, Tensor, WireId};
use fewbit_runtime::{Backend, Control, Keep, Plan};

use crate::error::QuantError;
use crate::learn::part::{self, Dresser};
use crate::observe::BATCH;
use crate::prepare::Prepared;

/// Values of wires of the prepared graph, for all samples (N first), as one network computes them.
///
/// It walks with the units through the network: values that no unit ahead needs any more are let go.
#[derive(Clone, Debug)]
pub(crate) struct Cache {
    known: BTreeMap<WireId, Tensor>,
}

impl Cache {
    /// The samples alone are known.
    pub(crate) fn new(input: WireId, samples: Tensor) -> Self {
        Self { known: BTreeMap::from([(input, samples)]) }
    }

    /// What is known of a wire.
    pub(crate) fn get(&self, wire: WireId) -> Option<&Tensor> {
        self.known.get(&wire)
    }

    /// Makes a wire known.
    pub(crate) fn insert(&mut self, wire: WireId, value: Tensor) {
        self.known.insert(wire, value);
    }

    /// Lets go of what none of `wanted` can be computed from.
    pub(crate) fn keep_for(&mut self, prepared: &Prepared, wanted: &[WireId]) {
        let (_, ends) = part::between(prepared, &|wire| self.known.contains_key(&wire), wanted);
        self.known.retain(|wire, _| ends.contains(wire));
    }

    /// Begins a graph that computes `wanted` for a batch, with the layers that `dress` gives: the graph, its inputs with
    /// their values for all samples, and where every wire that was met is in it.
    #[expect(
        clippy::type_complexity,
        reason = "a graph with its wires, taken apart at once by each of two callers"
    )]
    pub(crate) fn graph(
        &self,
        prepared: &Prepared,
        batch: usize,
        wanted: &[WireId],
        dress: Dresser<'_>,
    ) -> Result<(Graph, Vec<(WireId, Tensor)>, BTreeMap<WireId, WireId>), QuantError> {
        let mut graph = Graph::new();
        let (_, ends) = part::between(prepared, &|wire| self.known.contains_key(&wire), wanted);
        let (mut known, mut sources) = (BTreeMap::new(), Vec::new());
        for wire in ends {
            if let Some(value) = self.known.get(&wire) {
                let input = graph.input(&prepared.graph.wire(wire).name, batch_of(batch, value));
                known.insert(wire, input);
                sources.push((input, value.clone()));
            }
        }
        let wires = part::copy(&mut graph, prepared, &known, wanted, dress)?;
        Ok((graph, sources, wires))
    }

    /// Prepares to compute `wanted` with the layers that `dress` gives.
    pub(crate) async fn fill(
        &self,
        backend: &dyn Backend,
        prepared: &Prepared,
        wanted: &[WireId],
        dress: Dresser<'_>,
    ) -> Result<Fill, QuantError> {
        let samples = self.known.values().next().and_then(|value| value.shape().first().copied());
        let samples = samples.unwrap_or(0);
        let batch = prepared.face()?.batch(BATCH.min(samples));
        let (mut graph, sources, wires) = self.graph(prepared, batch, wanted, dress)?;
        graph.outputs = wanted.iter().filter_map(|wire| wires.get(wire).copied()).collect();
        Fill::new(backend, &graph, sources, (samples, batch)).await
    }
}

/// The shape of a batch of rows of `value`.
pub(crate) fn batch_of(batch: usize, value: &Tensor) -> Vec<Dim> {
    let row = value.shape().iter().skip(1).copied();
    std::iter::once(batch).chain(row).map(Dim::Known).collect()
}

/// A graph run over all samples, a batch at a time, its outputs put together.
pub(crate) struct Fill {
    plan: Box<dyn Plan>,
    /// The graph's inputs, and their values for all samples.
    sources: Vec<(WireId, Tensor)>,
    /// The graph's outputs, and their values so far.
    targets: Vec<(WireId, Vec<f32>)>,
    samples: usize,
    batch: usize,
    done: usize,
}

impl Fill {
    /// Prepares `graph`, which computes batches of `batch` of `samples` samples.
    pub(crate) async fn new(
        backend: &dyn Backend,
        graph: &Graph,
        sources: Vec<(WireId, Tensor)>,
        (samples, batch): (usize, usize),
    ) -> Result<Self, QuantError> {
        let plan = backend.prepare(graph, &Bindings::new(), Keep::Outputs).await?;
        let targets = graph.outputs.iter().map(|&wire| (wire, Vec::new())).collect();
        Ok(Self { plan, sources, targets, samples, batch, done: 0 })
    }

    /// Computes the next batch. Gives whether all is done.
    pub(crate) async fn advance(&mut self, control: &Control<'_>) -> Result<bool, QuantError> {
        if self.done < self.samples {
            // A last batch that is not full begins earlier, so that one plan serves all.
            let end = (self.done + self.batch).min(self.samples);
            for (wire, value) in &self.sources {
                self.plan.set(*wire, &value.rows(end - self.batch, end))?;
            }
            self.plan.run(&[], control).await?;
            let targets: Vec<WireId> = self.targets.iter().map(|&(wire, _)| wire).collect();
            let values = self.plan.read(&targets).await?;
            let fresh = end - self.done;
            for ((_, all), value) in self.targets.iter_mut().zip(&values) {
                all.extend_from_slice(value.rows(self.batch - fresh, self.batch).as_f32()?);
            }
            self.done = end;
        }
        Ok(self.done == self.samples)
    }

    /// The outputs for all samples.
    pub(crate) fn finish(self) -> Result<Vec<Tensor>, QuantError> {
        let tensor = |(wire, values): (WireId, Vec<f32>)| {
            let row = self.plan.facts().shape(wire).iter().skip(1).copied();
            let shape: Vec<usize> = std::iter::once(self.samples).chain(row).collect();
            Ok(Tensor::f32(shape, values)?)
        };
        self.targets.into_iter().map(tensor).collect()
    }
}
