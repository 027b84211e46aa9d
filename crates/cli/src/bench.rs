//! An engine at work in a terminal.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Instant;

use anyhow::bail;
use fewbit_experiment::engine::{Engine, Host};
use fewbit_experiment::protocol::{Event, Focus, Request};
use fewbit_gpu::{Gpu, Options};
use fewbit_quant::Recipe;
use fewbit_quant::report::{Evaluation, LayerReport, Size};
use fewbit_runtime::cpu::Cpu;
use fewbit_runtime::{Backend, Cancel, Control, NeverPause};

use crate::args;
use crate::source::Source;

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

/// Keeps what the engine says.
struct Collect {
    start: Instant,
    events: RefCell<Vec<Event>>,
}

impl Host for Collect {
    fn now_millis(&self) -> f64 {
        self.start.elapsed().as_secs_f64() * 1e3
    }

    fn emit(&self, event: Event, _: Option<Vec<u8>>) {
        self.events.borrow_mut().push(event);
    }
}

/// What came of a recipe.
pub(crate) struct Outcome {
    pub(crate) layers: Vec<LayerReport>,
    pub(crate) size: Size,
    pub(crate) evaluation: Option<Evaluation>,
    pub(crate) notes: Vec<String>,
}

/// An engine with a model on its bench.
pub(crate) struct Bench {
    pub(crate) engine: Engine,
    host: Rc<Collect>,
    cancel: Cancel,
    notes: Vec<String>,
}

impl Bench {
    /// Puts `source` on the bench of `backend`.
    pub(crate) async fn load(backend: Rc<dyn Backend>, source: Source) -> anyhow::Result<Self> {
        let host = Rc::new(Collect { start: Instant::now(), events: RefCell::default() });
        let engine = Engine::new(backend, Rc::<Collect>::clone(&host));
        let mut bench = Self { engine, host, cancel: Cancel::default(), notes: Vec::new() };
        let request = Request::Load {
            name: source.name,
            test: source.test.is_some(),
            calibration: source.calibration.is_some(),
            classes: source.classes,
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
            if data.test == 0 {
                bench
                    .notes
                    .push("there are no test samples: nothing but sizes and weights is measured".to_owned());
            } else if !data.labelled {
                bench.notes.push(
                    "the data have no labels: agreement with float is measured, not accuracy".to_owned(),
                );
            }
            if data.calibration_from_test {
                bench.notes.push("there are no calibration samples: the first test samples serve".to_owned());
            }
        }
        Ok(bench)
    }

    async fn receive(&mut self, request: Request, blobs: Vec<Vec<u8>>) -> anyhow::Result<()> {
        let control = Control { cancel: &self.cancel, pace: &NeverPause };
        self.engine.receive(request, blobs, &control).await;
        self.take_failures()
    }

    fn take_failures(&mut self) -> anyhow::Result<()> {
        for event in self.host.events.borrow().iter() {
            match event {
                Event::Failed(failure) => bail!(failure.clone()),
                Event::Warning(failure) => self.notes.push(failure.to_string()),
                _ => {}
            }
        }
        self.host.events.borrow_mut().retain(|event| !matches!(event, Event::Warning(_)));
        Ok(())
    }

    /// Makes `recipe` true and measures it.
    pub(crate) async fn run(&mut self, recipe: &Recipe) -> anyhow::Result<Outcome> {
        self.host.events.borrow_mut().clear();
        let focus = Focus { layer: 0, channel: None, bins: 32 };
        self.receive(Request::Update { revision: 1, recipe: recipe.clone(), focus }, Vec::new()).await?;
        let control = Control { cancel: &self.cancel, pace: &NeverPause };
        while self.engine.advance(&control).await {}
        self.take_failures()?;
        let Some(bench) = self.engine.bench() else { bail!("there is no model on the bench") };
        let evaluation = bench.evaluation();
        Ok(Outcome { layers: bench.reports(), size: bench.size(), evaluation, notes: self.notes.clone() })
    }
}
