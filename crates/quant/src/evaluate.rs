//! The quantized model's answers against the float model's, over a test set.

use fewbit_graph::{Op, Tensor, WireId};
use fewbit_numeric::Affine;
use fewbit_runtime::{Backend, Control, Keep, Plan, RunError, RunReport};

use crate::answers::{Classes, Part, Prediction, Scores, evaluation};
use crate::batches::{Batches, batches};
use crate::error::QuantError;
use crate::layer::QuantizedLayer;
use crate::observe::Progress;
use crate::prepare::Prepared;
use crate::quantized::{Knobs, QuantizedGraph};
use crate::report::Evaluation;

/// Values of the float model's outputs for one chunk, at most: a language model's are many.
const CHUNK_VALUES: usize = 1 << 23;

/// How an evaluation goes about its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EvaluatorOptions {
    /// Samples in a chunk, at most: after each there is a partial result.
    pub chunk: usize,
    /// Bytes for chunks that keep all values, so that they run again only behind a change. The first chunks are such, as
    /// many as fit; all others share one plan and run from the start. 0 for none.
    pub live_memory: usize,
}

impl Default for EvaluatorOptions {
    /// Chunks of 64; 256 MiB of live ones.
    fn default() -> Self {
        Self { chunk: 64, live_memory: 256 << 20 }
    }
}

/// A test set with the float model's answers, ready to hear the quantized model's.
pub struct Evaluator {
    chunks: Vec<Chunk>,
    labels: Option<Vec<i64>>,
    classes: Option<Classes>,
    knobs: Knobs,
    graph: QuantizedGraph,
    plans: Vec<Box<dyn Plan>>,
    live_samples: usize,
    /// Answers of all samples.
    of: usize,
}

struct Chunk {
    first: usize,
    samples: Tensor,
    float: Tensor,
    /// Its place among the plans.
    plan: usize,
    result: Option<Part>,
}

impl Evaluator {
    /// Computes the float model's answers to `samples` (N first) and prepares plans for the quantized model. `labels` are one for
    /// each sample, or for each token of a language model; without them there is no accuracy, but everything else.
    ///
    /// # Errors
    /// [`QuantError::Samples`] and [`QuantError::Labels`] if the data do not fit, [`QuantError::Run`] if an engine
    /// refuses or somebody stops it.
    pub async fn prepare(
        backend: &dyn Backend,
        prepared: &Prepared,
        samples: &Tensor,
        labels: Option<&[i64]>,
        options: EvaluatorOptions,
        control: &Control<'_>,
        progress: Progress<'_>,
    ) -> Result<Self, QuantError> {
        let n = prepared.check_samples(samples)?;
        let face = prepared.face()?;
        let classes = face.answers().map(|(per_sample, count)| Classes {
            scores: scores(prepared, face.output),
            count,
            per_sample,
        });
        let of = n * classes.map_or(1, |classes| classes.per_sample);
        if let Some(labels) = labels.filter(|labels| labels.len() != of) {
            return Err(QuantError::Labels { labels: labels.len(), samples: of });
        }
        let fits = CHUNK_VALUES / face.answer_shape.iter().product::<usize>().max(1);
        let parts = batches(n, face.batch(options.chunk.min(fits)));
        let count = parts.len();
        let mut float = prepared.graph.clone();
        float.outputs = vec![face.output];
        let mut runner = Batches::new(backend, &float, face, face.input);
        let mut chunks = Vec::with_capacity(count);
        for (done, part) in parts.enumerate() {
            let (first, samples) = (part.start, samples.rows(part.start, part.end));
            let answers = runner.run(&samples, control).await?;
            let float = first_of(answers, &prepared.graph.wire(face.output).name)?;
            chunks.push(Chunk { first, samples, float, plan: 0, result: None });
            progress(done + 1, count);
        }
        let mut graph = QuantizedGraph::new(prepared)?;
        graph.graph.outputs = vec![graph.output];
        let mut evaluator = Self {
            knobs: Knobs::new(prepared, &graph.layers)?,
            classes,
            labels: labels.map(<[i64]>::to_vec),
            chunks,
            graph,
            plans: Vec::new(),
            live_samples: 0,
            of,
        };
        evaluator.plan(backend, prepared, options.live_memory).await?;
        Ok(evaluator)
    }

    /// Hears another model from now on, against the same float answers: one that was rewritten so that it computes the
    /// same in float.
    ///
    /// # Errors
    /// [`QuantError::Run`] if an engine refuses; this has to be done again then, before anything is heard.
    pub async fn rewrite(
        &mut self,
        backend: &dyn Backend,
        prepared: &Prepared,
        options: EvaluatorOptions,
    ) -> Result<(), QuantError> {
        let mut graph = QuantizedGraph::new(prepared)?;
        graph.graph.outputs = vec![graph.output];
        self.knobs = Knobs::new(prepared, &graph.layers)?;
        self.graph = graph;
        self.plans.clear();
        self.live_samples = 0;
        self.forget();
        self.plan(backend, prepared, options.live_memory).await
    }

    /// Makes live plans while they fit, then one for each length of the other chunks.
    async fn plan(
        &mut self,
        backend: &dyn Backend,
        prepared: &Prepared,
        live_memory: usize,
    ) -> Result<(), QuantError> {
        let face = prepared.face()?;
        let graph = &self.graph.graph;
        let mut room = live_memory;
        let mut shared: Vec<(usize, usize)> = Vec::new();
        for chunk in &mut self.chunks {
            let n = chunk.len();
            chunk.plan = self.plans.len();
            // Each layer's input, quantized, comes on top of what the float model computes.
            if room > 0 && 2 * 4 * n * face.values_per_sample <= room {
                let plan = backend.prepare(graph, &face.bindings(n), Keep::All).await?;
                room = room.saturating_sub(plan.bytes());
                self.live_samples += n;
                self.plans.push(plan);
                continue;
            }
            room = 0;
            match shared.iter().find(|&&(len, _)| len == n) {
                Some(&(_, plan)) => chunk.plan = plan,
                None => {
                    shared.push((n, self.plans.len()));
                    self.plans.push(backend.prepare(graph, &face.bindings(n), Keep::Outputs).await?);
                }
            }
        }
        Ok(())
    }

    /// Whether answers are one score for each class. If not, only [`Evaluation::logits`] and the counts of samples
    /// mean anything.
    pub fn classifies(&self) -> bool {
        self.classes.is_some()
    }

    /// The number of samples that run again only behind a change.
    pub fn live_samples(&self) -> usize {
        self.live_samples
    }

    /// Makes a layer what `quantized` is.
    ///
    /// # Errors
    /// [`QuantError::Layer`] and [`QuantError::Weights`].
    pub fn set_layer(&mut self, layer: usize, quantized: &QuantizedLayer) -> Result<(), QuantError> {
        self.forget();
        self.knobs.set_layer(layer, quantized)
    }

    /// Makes a layer what it is in float.
    ///
    /// # Errors
    /// [`QuantError::Layer`].
    pub fn set_float(&mut self, layer: usize) -> Result<(), QuantError> {
        self.forget();
        self.knobs.set_float(layer)
    }

    /// Gives a layer other weights, of the same shape.
    ///
    /// # Errors
    /// [`QuantError::Layer`] and [`QuantError::Weights`].
    pub fn set_weights(&mut self, layer: usize, weights: &Tensor) -> Result<(), QuantError> {
        self.forget();
        self.knobs.set_weights(layer, weights)
    }

    /// Gives a layer's input other grids: none for float, one for the tensor, or one for each channel.
    ///
    /// # Errors
    /// [`QuantError::Layer`].
    pub fn set_input_grids(&mut self, layer: usize, grids: Option<&[Affine]>) -> Result<(), QuantError> {
        self.forget();
        self.knobs.set_input(layer, grids)
    }

    /// What was heard is of another model than the one that is there now.
    fn forget(&mut self) {
        for chunk in &mut self.chunks {
            chunk.result = None;
        }
    }

    /// Hears the quantized model on the next chunk of samples. None if all were heard since the last change.
    ///
    /// # Errors
    /// [`QuantError::Run`], also if stopped; what was heard stays.
    pub async fn next(&mut self, control: &Control<'_>) -> Result<Option<RunReport>, QuantError> {
        match self.chunks.iter().position(|chunk| chunk.result.is_none()) {
            None => Ok(None),
            Some(at) => self.run_chunk(at, control).await.map(Some),
        }
    }

    /// Hears the quantized model on all samples that were not heard since the last change. `on_partial` is told the
    /// result so far after each chunk, the last one included.
    ///
    /// # Errors
    /// [`QuantError::Run`], also if stopped; what was heard stays.
    pub async fn run(
        &mut self,
        control: &Control<'_>,
        on_partial: &mut dyn FnMut(&Evaluation),
    ) -> Result<(Evaluation, RunReport), QuantError> {
        let mut total = RunReport::default();
        while let Some(report) = self.next(control).await? {
            total.ran += report.ran;
            total.needed += report.needed;
            on_partial(&self.evaluation());
        }
        Ok((self.evaluation(), total))
    }

    async fn run_chunk(&mut self, at: usize, control: &Control<'_>) -> Result<RunReport, QuantError> {
        let Some(chunk) = self.chunks.get_mut(at) else { return Ok(RunReport::default()) };
        let Some(plan) = self.plans.get_mut(chunk.plan) else { return Ok(RunReport::default()) };
        self.knobs.feed(plan.as_mut())?;
        plan.set(self.graph.input, &chunk.samples)?;
        let report = plan.run(&[], control).await?;
        let answers = plan.read(&[self.graph.output]).await?;
        let quantized = first_of(answers, "output")?;
        let labels = self.labels.as_deref();
        chunk.result = Some(Part::compare(&chunk.float, &quantized, self.classes, labels, chunk.first)?);
        Ok(report)
    }

    /// The result so far: of the chunks heard since the last change.
    pub fn evaluation(&self) -> Evaluation {
        let parts = self.chunks.iter().filter_map(|chunk| chunk.result.as_ref());
        evaluation(parts, self.of, self.labels.is_some(), self.classes)
    }

    /// What both models say of each sample heard since the last change, in order; nothing unless they classify.
    pub fn predictions(&self) -> impl Iterator<Item = &Prediction> {
        self.chunks.iter().filter_map(|chunk| chunk.result.as_ref()).flat_map(|part| &part.predictions)
    }
}

impl Chunk {
    fn len(&self) -> usize {
        self.samples.shape().first().copied().unwrap_or(0)
    }
}

/// The only value of a read.
pub(crate) fn first_of(values: Vec<Tensor>, name: &str) -> Result<Tensor, RunError> {
    values.into_iter().next().ok_or_else(|| RunError::NotKept(name.to_owned()))
}

/// Softmax at the end of the model leaves nothing for another to do.
pub(crate) fn scores(prepared: &Prepared, output: WireId) -> Scores {
    let producer = prepared.graph.producer(output).map(|node| &prepared.graph.node_of(node).op);
    match producer {
        Some(Op::Softmax { .. }) => Scores::Probabilities,
        _ => Scores::Logits,
    }
}
