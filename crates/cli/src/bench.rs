//! An engine at work in a terminal.

use std::cell::RefCell;
use std::io::Write;
use std::rc::Rc;
use std::time::Instant;

use anyhow::bail;
use fewbit_experiment::engine::{Engine, Host};
use fewbit_experiment::protocol::{Event, ExportForm, Focus, Request};
use fewbit_experiment::replay::{Expectation, fingerprint};
use fewbit_experiment::runs;
use fewbit_gpu::{Gpu, Options};
use fewbit_quant::report::{Evaluation, LayerReport, Size};
use fewbit_quant::{Correctness, Recipe};
use fewbit_runtime::cpu::Cpu;
use fewbit_runtime::{Backend, Cancel, Control, NeverPause};
use serde_json::Value;

use crate::args;
use crate::source::Source;

/// Seconds between two lines about the same layer.
const LINE_EVERY: f64 = 5.0;

/// Opens an engine.
pub(crate) async fn backend(engine: args::Engine) -> anyhow::Result<Rc<dyn Backend>> {
    Ok(match engine {
        args::Engine::Cpu => Rc::new(Cpu::new()),
        args::Engine::Gpu => Rc::new(Gpu::open(Options::default()).await?),
    })
}

/// What an engine is called in answers.
pub(crate) fn backend_name(backend: &dyn Backend) -> String {
    let info = backend.info();
    match info.kind {
        fewbit_runtime::BackendKind::Cpu => "cpu".to_owned(),
        fewbit_runtime::BackendKind::Gpu => format!("gpu: {}", info.device),
    }
}

/// Keeps what the engine says until it is looked at.
struct Collect {
    start: Instant,
    heard: RefCell<Vec<(Event, Option<Vec<u8>>)>>,
}

impl Host for Collect {
    fn now_millis(&self) -> f64 {
        self.start.elapsed().as_secs_f64() * 1e3
    }

    fn emit(&self, event: Event, blob: Option<Vec<u8>>) {
        self.heard.borrow_mut().push((event, blob));
    }
}

/// What came of a recipe.
pub(crate) struct Measured {
    pub(crate) layers: Vec<LayerReport>,
    pub(crate) size: Size,
    pub(crate) evaluation: Option<Evaluation>,
    /// On which test samples the model is right; empty without labels.
    pub(crate) correct: Correctness,
    /// What came of the recipe's pipeline, if it has one.
    pub(crate) steps: Vec<runs::StepOutcome>,
    /// What a replay should give.
    pub(crate) expectation: Expectation,
    pub(crate) notes: Vec<String>,
}

/// An engine with a model on its bench.
pub(crate) struct Bench {
    pub(crate) engine: Engine,
    host: Rc<Collect>,
    cancel: Cancel,
    notes: Vec<String>,
    /// How data of one's own were read.
    pub(crate) own: Option<Value>,
    /// Counts recipes.
    revision: u64,
}

impl Bench {
    /// Puts `source` on the bench of `backend`.
    pub(crate) async fn load(backend: Rc<dyn Backend>, source: Source) -> anyhow::Result<Self> {
        let host = Rc::new(Collect { start: Instant::now(), heard: RefCell::default() });
        let engine = Engine::new(backend, Rc::<Collect>::clone(&host));
        let own = source.own;
        let mut bench =
            Self { engine, host, cancel: Cancel::default(), notes: source.notes, own, revision: 0 };
        let request = Request::Load {
            name: source.name,
            test: source.test.is_some(),
            calibration: source.calibration.is_some(),
            classes: source.classes,
            lengths: source.lengths,
        };
        let brought = [source.test.is_some(), source.calibration.is_some()];
        let blobs = [Some(source.model), source.test, source.calibration].into_iter().flatten().collect();
        bench.receive(request, blobs).await?;
        if let Some(loaded) = bench.engine.bench() {
            let data = loaded.data_facts();
            let lacks = [data.test == 0, data.calibration_from_test || data.calibration == 0];
            if brought.into_iter().zip(lacks).any(|(brought, lacks)| brought && lacks) {
                bail!("{}", bench.notes.join("\n"));
            }
            let mut note = |text: &str| bench.notes.push(text.to_owned());
            if data.test == 0 {
                note("there are no test samples: nothing but sizes and weights is measured");
            } else if !data.labelled {
                note("the data have no labels: agreement with float is measured, not accuracy");
            }
            if data.calibration_from_test {
                note("there are no calibration samples: the first test samples serve");
            }
        }
        Ok(bench)
    }

    /// The names of the layers.
    pub(crate) fn layer_names(&self) -> Vec<String> {
        self.engine.bench().map(|bench| bench.prepared.layer_names()).unwrap_or_default()
    }

    async fn receive(
        &mut self,
        request: Request,
        blobs: Vec<Vec<u8>>,
    ) -> anyhow::Result<Vec<(Event, Option<Vec<u8>>)>> {
        let control = Control { cancel: &self.cancel, pace: &NeverPause };
        self.engine.receive(request, blobs, &control).await;
        self.take()
    }

    /// What was said since the last call; an error if something failed. Warnings become notes.
    fn take(&mut self) -> anyhow::Result<Vec<(Event, Option<Vec<u8>>)>> {
        let heard = self.host.heard.take();
        for (event, _) in &heard {
            match event {
                Event::Failed(failure) => bail!(failure.clone()),
                Event::Warning(failure) => self.notes.push(failure.to_string()),
                _ => {}
            }
        }
        Ok(heard)
    }

    /// Makes `recipe` true, its pipeline too, and measures it. Tells `messages` how learning goes on.
    pub(crate) async fn run(
        &mut self,
        recipe: &Recipe,
        messages: &mut dyn Write,
    ) -> anyhow::Result<Measured> {
        self.revision += 1;
        let (revision, recipe) = (self.revision, recipe.clone());
        let focus = Focus { layer: 0, channel: None, bins: 32 };
        let notes = self.notes.len();
        let request = match recipe.pipeline.is_empty() {
            true => Request::Update { revision, recipe, focus },
            false => Request::Run { revision, id: revision, recipe, focus },
        };
        self.receive(request, Vec::new()).await?;
        let mut progress = Progress::default();
        let mut steps = Vec::new();
        loop {
            let control = Control { cancel: &self.cancel, pace: &NeverPause };
            let more = self.engine.advance(&control).await;
            for (event, _) in self.take()? {
                match event {
                    Event::Learning { .. } => progress.tell(&event, messages),
                    Event::Learned(outcome) => steps = outcome.steps,
                    _ => {}
                }
            }
            if !more {
                break;
            }
        }
        let Some(bench) = self.engine.bench() else { bail!("there is no model on the bench") };
        let (evaluation, correct) = (bench.evaluation(), bench.correctness());
        let measured = Measured {
            layers: bench.reports(),
            size: bench.size(),
            steps,
            expectation: Expectation {
                layers: fingerprint(bench.layers()),
                correct: (!correct.is_empty()).then(|| (correct.count(), correct.len())),
            },
            evaluation,
            correct,
            notes: self.notes.clone(),
        };
        // What is worth knowing about this recipe is not about the next one.
        self.notes.truncate(notes);
        Ok(measured)
    }

    /// The quantized model as a file, and what is worth knowing of it.
    pub(crate) async fn export(&mut self, form: ExportForm) -> anyhow::Result<(Vec<u8>, Vec<String>)> {
        let before = self.notes.len();
        let heard = self.receive(Request::Export { form }, Vec::new()).await?;
        match heard.into_iter().find_map(|(_, blob)| blob) {
            Some(bytes) => Ok((bytes, self.notes.split_off(before))),
            None => bail!("the engine wrote no file"),
        }
    }

    /// Times the float model: the first run, and the median and the least of the others, in milliseconds.
    pub(crate) async fn time(&mut self, batch: u32, runs: u32) -> anyhow::Result<(f64, f64, f64)> {
        self.receive(Request::Bench { batch, runs }, Vec::new()).await?;
        loop {
            let control = Control { cancel: &self.cancel, pace: &NeverPause };
            let more = self.engine.advance(&control).await;
            for (event, _) in self.take()? {
                if let Event::Benched { first_millis, median_millis, min_millis, .. } = event {
                    return Ok((first_millis, median_millis, min_millis));
                }
            }
            if !more {
                bail!("the engine told no times");
            }
        }
    }
}

/// A line for each layer, and not too many.
#[derive(Default)]
struct Progress {
    step: Option<u32>,
    place: String,
    seconds: f64,
}

impl Progress {
    fn tell(&mut self, event: &Event, messages: &mut dyn Write) {
        let Event::Learning { step, of, place, done, total, millis, .. } = event else { return };
        let seconds = millis / 1e3;
        let is_news = self.step != Some(*step) || self.place != *place || done == total;
        if is_news || seconds - self.seconds >= LINE_EVERY {
            writeln!(messages, "step {}/{of} · {done}/{total} {place} · {seconds:.1} s", step + 1).ok();
            (self.step, self.seconds) = (Some(*step), seconds);
            self.place.clone_from(place);
        }
    }
}
