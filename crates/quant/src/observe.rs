//! Observing what flows into every layer of the float network.
//!
//! Two passes over the calibration samples: [`Observations::ranges`], which is enough for min-max and the moving
//! average, and [`Observations::distributions`] for everything else and for looking at. The engine only runs
//! the network; what comes out of it is counted here, value by value in a fixed order.
//!
//! Give these functions the CPU engine, whichever engine does the rest: it computes the same bits on every machine, and
//! so everybody who opens the same experiment gets the same scales and codes.

use std::sync::Arc;

use fewbit_graph::{Graph, Patch, Tensor, WireId};
use fewbit_numeric::Range;
use fewbit_runtime::{Backend, Control};

use crate::batches::{Batches, batches};
use crate::error::QuantError;
use crate::observation::{self, Observation, positions};
use crate::prepare::{Face, LayerWires, Prepared};
use crate::range::Magnitudes;

/// How many samples a batch has. It is part of what the moving average means.
pub const BATCH: usize = 32;

/// Told after each batch: how many are done, and how many there are in all.
pub type Progress<'a> = &'a mut dyn FnMut(usize, usize);

/// What was seen of the input of every layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Observations {
    /// Shared by copies: there may be many values.
    wires: Arc<Vec<Observation>>,
    /// For each layer the place of its input among `wires`.
    of_layer: Vec<usize>,
}

impl Observations {
    /// What was seen of the input of layer `index`.
    pub fn layer(&self, index: usize) -> Option<&Observation> {
        self.wires.get(*self.of_layer.get(index)?)
    }

    /// Whether the second pass was made.
    pub fn have_distributions(&self) -> bool {
        self.wires.iter().all(|wire| wire.magnitudes.is_some())
    }

    /// The first pass: the range of every channel in every batch of `samples` (N first). `seed` chooses which values
    /// the second pass will keep.
    ///
    /// # Errors
    /// [`QuantError::Samples`] if the samples do not fit the model, [`QuantError::Run`] if it could not run.
    pub async fn ranges(
        backend: &dyn Backend,
        prepared: &Prepared,
        samples: &Tensor,
        seed: u64,
        control: &Control<'_>,
        progress: Progress<'_>,
    ) -> Result<Self, QuantError> {
        let n = prepared.check_samples(samples)?;
        let face = prepared.face()?;
        let taps = Taps::new(prepared, face)?;
        let mut wires: Vec<Observation> = taps.inputs.iter().map(|input| unseen(input, seed)).collect();
        let mut runner = Batches::new(backend, &taps.graph, face, taps.input);
        let parts = batches(n, face.batch(BATCH));
        let count = parts.len();
        for (done, part) in parts.enumerate() {
            let values = taps.values(&mut runner, &samples.rows(part.start, part.end), control).await?;
            for (wire, values) in wires.iter_mut().zip(&values) {
                see_ranges(wire, values.as_f32()?);
                control.step().await?;
            }
            progress(done + 1, count);
        }
        Ok(Self { wires: Arc::new(wires), of_layer: taps.of_layer })
    }

    /// The second pass: distributions and kept values, of the same `samples`. If it is stopped or fails, what the first
    /// pass has seen stays.
    ///
    /// # Errors
    /// As for [`Self::ranges`].
    pub async fn distributions(
        &mut self,
        backend: &dyn Backend,
        prepared: &Prepared,
        samples: &Tensor,
        control: &Control<'_>,
        progress: Progress<'_>,
    ) -> Result<(), QuantError> {
        let n = prepared.check_samples(samples)?;
        let face = prepared.face()?;
        let taps = Taps::new(prepared, face)?;
        let mut seen: Vec<Distribution> = self.wires.iter().map(Distribution::new).collect();
        let mut runner = Batches::new(backend, &taps.graph, face, taps.input);
        let parts = batches(n, face.batch(BATCH));
        let count = parts.len();
        for (done, part) in parts.enumerate() {
            let values = taps.values(&mut runner, &samples.rows(part.start, part.end), control).await?;
            for (wire, values) in seen.iter_mut().zip(&values) {
                wire.see(values.as_f32()?);
                control.step().await?;
            }
            progress(done + 1, count);
        }
        for (wire, seen) in Arc::make_mut(&mut self.wires).iter_mut().zip(seen) {
            wire.magnitudes = Some(seen.magnitudes);
            wire.sample = seen.sample;
        }
        Ok(())
    }
}

/// The network cut off after the last layer's input, with every layer's input for an output.
struct Taps {
    graph: Graph,
    input: WireId,
    inputs: Vec<LayerWires>,
    of_layer: Vec<usize>,
    /// For each of `inputs` its place among the graph's outputs; none for the network's own input.
    outputs: Vec<Option<usize>>,
}

impl Taps {
    fn new(prepared: &Prepared, face: &Face) -> Result<Self, QuantError> {
        let mut inputs: Vec<LayerWires> = Vec::new();
        let mut of_layer = Vec::new();
        for layer in &face.layers {
            // Two layers may read the same wire, but see other channels in it.
            let same = |known: &LayerWires| {
                (known.input, known.input_axis, known.input_channels)
                    == (layer.input, layer.input_axis, layer.input_channels)
            };
            let at = inputs.iter().position(same).unwrap_or(inputs.len());
            if at == inputs.len() {
                inputs.push(*layer);
            }
            of_layer.push(at);
        }
        let mut graph = prepared.graph.clone();
        graph.outputs.clear();
        let mut outputs = Vec::new();
        for input in &inputs {
            outputs.push((input.input != face.input).then_some(graph.outputs.len()));
            if input.input != face.input {
                graph.outputs.push(input.input);
            }
        }
        let pruned = Patch::new(&graph, "what layers read").apply(&graph)?;
        let input = pruned.wire(face.input).unwrap_or(face.input);
        Ok(Self { graph: pruned.graph, input, inputs, of_layer, outputs })
    }

    /// The values of each of `inputs`.
    async fn values(
        &self,
        runner: &mut Batches<'_>,
        samples: &Tensor,
        control: &Control<'_>,
    ) -> Result<Vec<Tensor>, QuantError> {
        let read = match self.graph.outputs.is_empty() {
            true => Vec::new(),
            false => runner.run(samples, control).await?,
        };
        let value = |place: &Option<usize>| place.and_then(|at| read.get(at)).unwrap_or(samples).clone();
        Ok(self.outputs.iter().map(value).collect())
    }
}

fn unseen(input: &LayerWires, seed: u64) -> Observation {
    Observation {
        channels: input.input_channels,
        inner: input.input_inner,
        n: 0,
        not_finite: 0,
        batch_ranges: Vec::new(),
        magnitudes: None,
        sample: Vec::new(),
        seed,
    }
}

/// Adds the ranges of one batch.
fn see_ranges(wire: &mut Observation, values: &[f32]) {
    let nothing = Range { min: f32::INFINITY, max: f32::NEG_INFINITY };
    let mut ranges = vec![nothing; wire.channels];
    for (row, run) in values.chunks(wire.inner.max(1)).enumerate() {
        let Range { mut min, mut max } = nothing;
        for &x in run {
            if x.is_finite() {
                min = min.min(x);
                max = max.max(x);
            } else {
                wire.not_finite += 1;
            }
        }
        let channel = &mut ranges[row % wire.channels];
        *channel = channel.union(Range { min, max });
    }
    wire.n += values.len() as u64;
    // A channel without one finite value.
    let known = |range: Range| if range.min <= range.max { range } else { Range { min: 0.0, max: 0.0 } };
    wire.batch_ranges.extend(ranges.into_iter().map(known));
}

/// The second pass over one wire.
struct Distribution {
    magnitudes: Magnitudes,
    sample: Vec<Vec<f32>>,
    inner: u64,
    /// The places of the values to keep, and the number of values that went by.
    places: std::iter::Peekable<Box<dyn Iterator<Item = u64>>>,
    passed: u64,
}

impl Distribution {
    fn new(wire: &Observation) -> Self {
        let places: Box<dyn Iterator<Item = u64>> = Box::new(positions(wire.n, wire.seed));
        Self {
            magnitudes: Magnitudes::new(wire.range().max_abs(), observation::BINS),
            sample: vec![Vec::new(); wire.channels.max(1)],
            inner: wire.inner.max(1) as u64,
            places: places.peekable(),
            passed: 0,
        }
    }

    fn see(&mut self, values: &[f32]) {
        self.magnitudes.add(values);
        let end = self.passed + values.len() as u64;
        while let Some(place) = self.places.next_if(|&place| place < end) {
            let channel = (place / self.inner) as usize % self.sample.len();
            self.sample[channel].extend(values.get((place - self.passed) as usize));
        }
        self.passed = end;
    }
}
