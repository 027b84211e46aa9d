//! What flows through a network over the calibration samples: the values of its wires, a batch at a time.
//!
//! Methods compare the float network with the quantized one, or learn from what the layers before leave of their input.
//! Give a capture the CPU engine where codes or grids follow from what it sees: they must be the same on every machine.

use fewbit_graph::{Tensor, WireId};
use fewbit_runtime::{Backend, Control, Keep, Plan, RunError};

use crate::batches::batches;
use crate::error::QuantError;
use crate::layer::QuantizedLayer;
use crate::network::Network;
use crate::observe::BATCH;
use crate::prepare::Prepared;
use crate::quantized::{Knobs, QuantizedGraph};

/// Bytes that a capture may take, where nobody says otherwise.
pub const MEMORY: usize = 256 << 20;

/// Where to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A wire of [`Prepared::graph`].
    Wire(WireId),
    /// What a layer reads, after the quantizer of its input.
    Input(usize),
    /// A layer's own output, before any activation function.
    Output(usize),
}

/// A network, ready to be looked into while it sees its samples.
///
/// Its plans keep all values. If the plans of all batches fit into memory, only what lies behind a changed layer runs again;
/// if not, one plan serves all batches, and what was asked for is computed each time.
pub struct Capture {
    graph: QuantizedGraph,
    knobs: Knobs,
    batches: Vec<Batch>,
    plans: Vec<Box<dyn Plan>>,
    /// For each wire of the prepared graph the one that holds its value.
    wires: Vec<Option<WireId>>,
}

struct Batch {
    samples: Tensor,
    /// Its place among the plans.
    plan: usize,
}

impl Capture {
    /// The network in float over `samples` (N first), with about `memory` bytes for its values.
    ///
    /// # Errors
    /// [`QuantError::Samples`] if the samples do not fit the model, [`QuantError::Run`] if the engine refuses it.
    pub async fn float(
        backend: &dyn Backend,
        prepared: &Prepared,
        samples: &Tensor,
        memory: usize,
    ) -> Result<Self, QuantError> {
        let n = prepared.check_samples(samples)?;
        let face = prepared.face()?;
        let graph = QuantizedGraph::new(prepared)?;
        // Each layer's input, quantized, comes on top of what the float model computes.
        let per_sample = 2 * 4 * face.values_per_sample.max(1);
        let len = face.batch(BATCH.min((memory / per_sample).max(1)));
        let live = n.saturating_mul(per_sample) <= memory;
        let mut capture = Self {
            knobs: Knobs::new(prepared, &graph.layers)?,
            batches: Vec::new(),
            plans: Vec::new(),
            wires: wires(prepared, &graph),
            graph,
        };
        let mut shared: Vec<usize> = Vec::new();
        for part in batches(n, len) {
            let known = shared.iter().position(|&len| len == part.len()).filter(|_| !live);
            let plan = known.unwrap_or(capture.plans.len());
            if known.is_none() {
                let bindings = face.bindings(part.len());
                capture.plans.push(backend.prepare(&capture.graph.graph, &bindings, Keep::All).await?);
                shared.push(part.len());
            }
            capture.batches.push(Batch { samples: samples.rows(part.start, part.end), plan });
        }
        Ok(capture)
    }

    /// The network as it is now, over `samples`; see [`Self::float`]. What changes later is told by
    /// [`Self::set_layer`].
    ///
    /// # Errors
    /// Those of [`Self::float`].
    pub async fn quantized(
        backend: &dyn Backend,
        network: &Network,
        samples: &Tensor,
        memory: usize,
    ) -> Result<Self, QuantError> {
        let mut capture = Self::float(backend, network.prepared(), samples, memory).await?;
        capture.set_layers(network.layers())?;
        Ok(capture)
    }

    /// Makes a layer what `quantized` is.
    ///
    /// # Errors
    /// [`QuantError::Layer`] and [`QuantError::Weights`].
    pub fn set_layer(&mut self, layer: usize, quantized: &QuantizedLayer) -> Result<(), QuantError> {
        self.knobs.set_layer(layer, quantized)
    }

    /// Makes all layers what `quantized` are.
    ///
    /// # Errors
    /// [`QuantError::Layer`] and [`QuantError::Weights`].
    pub fn set_layers(&mut self, quantized: &[QuantizedLayer]) -> Result<(), QuantError> {
        quantized.iter().enumerate().try_for_each(|(i, layer)| self.set_layer(i, layer))
    }

    /// Makes a layer what it is in float.
    ///
    /// # Errors
    /// [`QuantError::Layer`].
    pub fn set_float(&mut self, layer: usize) -> Result<(), QuantError> {
        self.knobs.set_float(layer)
    }

    /// How many batches there are. All have the same number of samples but the last, which may have fewer.
    pub fn batches(&self) -> usize {
        self.batches.len()
    }

    /// The values at `places` for the samples of `batch`, in order; only what they depend on is computed.
    ///
    /// # Errors
    /// [`QuantError::Run`], also if stopped; [`QuantError::Layer`] for a place that is not there. A batch that is not
    /// there has no values.
    pub async fn batch(
        &mut self,
        batch: usize,
        places: &[Place],
        control: &Control<'_>,
    ) -> Result<Vec<Tensor>, QuantError> {
        let wires = places.iter().map(|&place| self.wire(place)).collect::<Result<Vec<_>, _>>()?;
        let Some(batch) = self.batches.get(batch) else { return Ok(Vec::new()) };
        let Some(plan) = self.plans.get_mut(batch.plan) else { return Ok(Vec::new()) };
        self.knobs.feed(plan.as_mut())?;
        plan.set(self.graph.input, &batch.samples)?;
        plan.run(&wires, control).await?;
        Ok(plan.read(&wires).await?)
    }

    /// The values at `places` for all samples. They lie in memory all at once: see [`Self::batch`] for a stream.
    ///
    /// # Errors
    /// Those of [`Self::batch`].
    pub async fn all(&mut self, places: &[Place], control: &Control<'_>) -> Result<Vec<Tensor>, QuantError> {
        let mut parts = vec![Vec::new(); places.len()];
        for batch in 0..self.batches() {
            let values = self.batch(batch, places, control).await?;
            parts.iter_mut().zip(values).for_each(|(parts, values)| parts.push(values));
        }
        parts.iter().map(|parts| joined(parts)).collect()
    }

    fn wire(&self, place: Place) -> Result<WireId, QuantError> {
        let layer = |index: usize| {
            let count = self.graph.layers.len();
            self.graph.layers.get(index).ok_or(QuantError::Layer { index, count })
        };
        match place {
            Place::Input(index) => Ok(layer(index)?.input),
            Place::Output(index) => Ok(layer(index)?.output),
            Place::Wire(wire) => {
                let found = self.wires.get(wire.0 as usize).copied().flatten();
                found.ok_or_else(|| RunError::NotKept(format!("wire {}", wire.0)).into())
            }
        }
    }
}

/// Where each wire of the prepared graph is in the quantized one: wires that stay keep their names.
fn wires(prepared: &Prepared, quantized: &QuantizedGraph) -> Vec<Option<WireId>> {
    prepared.graph.wires().map(|(_, wire)| quantized.graph.find(&wire.name)).collect()
}

/// Batches one after another along the first axis.
fn joined(parts: &[Tensor]) -> Result<Tensor, QuantError> {
    let mut shape = parts.first().map_or_else(Vec::new, |part| part.shape().to_vec());
    let mut values = Vec::with_capacity(parts.iter().map(Tensor::len).sum());
    for part in parts {
        values.extend_from_slice(part.as_f32()?);
    }
    if let Some(first) = shape.first_mut() {
        *first = parts.iter().filter_map(|part| part.shape().first()).sum();
    }
    Ok(Tensor::f32(shape, values)?)
}
