//! The engine: what the page, the command line and the tests set to work.
//!
//! It does one unit of work at a time. [`Engine::receive`] takes a request, which changes what is to be done;
//! [`Engine::advance`] does the next unit of it and says whether there is more. Between two units, and inside long ones
//! through [`Control`], the host gets its thread back. So the newest request wins without a queue to prune, a slider never
//! waits for numbers that nobody needs any more, and whatever was computed stays computed.

mod adopt;
mod bench;
mod data;
mod estimate;
mod export;
mod goal;
mod kept;
mod learn;
mod picture;
mod preflight;
mod runs;
mod timing;

use std::collections::BTreeMap;
use std::rc::Rc;

use fewbit_quant::QuantError;
use fewbit_runtime::cpu::Cpu;
use fewbit_runtime::{Backend, Control, RunError};

use crate::failure::{Code, Failure};
use crate::protocol::{Event, ExportForm, Focus, Request, Stage, ToolFile};

use estimate::{Estimating, Paces};
use goal::{Goal, Reached};
use kept::Kept;
use learn::{Learning, Mode};

pub use bench::Bench;
pub use timing::Timing;

/// What an engine needs of the place it runs in.
pub trait Host {
    /// A clock, in milliseconds from any origin.
    fn now_millis(&self) -> f64;

    /// Hands an event over, with a file if it carries one.
    fn emit(&self, event: Event, blob: Option<Vec<u8>>);
}

struct Sweep {
    revision: u64,
    samples: u32,
    next: usize,
}

struct Timed {
    timing: Timing,
    batch: u32,
    runs: u32,
    /// When its progress was last told of, by the host's clock.
    told: f64,
}

/// While the model is timed, progress is told of no sooner than after so many milliseconds: showing it takes the
/// processor from what is timed.
const TIMING_TOLD_EVERY: f64 = 250.0;

/// An engine with what is on its bench.
pub struct Engine {
    backend: Rc<dyn Backend>,
    /// Observes, whichever engine does the rest: the same scales on every machine.
    cpu: Cpu,
    host: Rc<dyn Host>,
    bench: Option<Bench>,
    goal: Option<Goal>,
    /// A run that is not finished, while something else is wanted.
    shelved: Option<Box<Learning>>,
    kept: Kept,
    paces: Paces,
    estimate: Option<Estimating>,
    sweep: Option<Sweep>,
    timed: Option<Timed>,
    /// Whether a run was at work when the device was lost.
    interrupted: bool,
}

impl Engine {
    /// An engine on `backend` with nothing on its bench.
    pub fn new(backend: Rc<dyn Backend>, host: Rc<dyn Host>) -> Self {
        Self {
            backend,
            cpu: Cpu::new(),
            host,
            bench: None,
            goal: None,
            shelved: None,
            kept: Kept::default(),
            paces: Paces::default(),
            estimate: None,
            sweep: None,
            timed: None,
            interrupted: false,
        }
    }

    /// Goes on with another engine: the one before was lost. Everything on the bench stays, and so does a run: if it was at
    /// work, it goes on from its last checkpoint.
    pub fn replace_backend(&mut self, backend: Rc<dyn Backend>) {
        self.backend = backend;
        self.paces = Paces::default();
        self.timed = None;
        self.sweep = None;
        if let Some(bench) = &mut self.bench {
            bench.forget_plans();
        }
        if let Some(goal) = &mut self.goal {
            goal.reached = Reached::Nothing;
        }
        if std::mem::take(&mut self.interrupted) {
            self.take_up_run();
        }
    }

    /// What is on the bench.
    pub fn bench(&self) -> Option<&Bench> {
        self.bench.as_ref()
    }

    /// Takes a request. Short ones are answered at once; long ones become work for [`Self::advance`].
    pub async fn receive(&mut self, request: Request, blobs: Vec<Vec<u8>>, control: &Control<'_>) {
        let result = match request {
            // The host has opened us already.
            Request::Open { .. } => Ok(()),
            Request::Load { name, test, calibration, classes, lengths } => {
                self.load(&name, blobs, [test, calibration], classes, &lengths)
            }
            Request::LoadData { name, classes } => self.load_data(&name, classes, blobs),
            Request::LoadCalibration => self.load_calibration(&blobs),
            Request::Update { revision, recipe, focus } => {
                self.update(revision, recipe, focus);
                Ok(())
            }
            Request::Look { revision: _, focus } => self.look(focus),
            Request::Sweep { revision, samples } => {
                self.sweep = Some(Sweep { revision, samples, next: 0 });
                Ok(())
            }
            Request::Predict { id, values } => self.predict(id, values, control).await,
            Request::Bench { batch, runs } => self.time(batch, runs),
            Request::Export { form } => self.export(form),
            Request::Estimate { id, recipe } => {
                self.estimate = self.bench.is_some().then_some(Estimating { id, recipe });
                self.bench.as_ref().map(drop).ok_or_else(nothing_there)
            }
            Request::Run { revision, id, recipe, focus } => self.begin_run(revision, id, recipe, focus),
            Request::Pause => {
                self.pause_run();
                Ok(())
            }
            Request::Resume { revision } => self.continue_run(revision, Mode::Running),
            Request::Step { revision } => self.continue_run(revision, Mode::Stepping),
            Request::Stop { revision, keep } => {
                self.stop_run(revision, keep);
                Ok(())
            }
            Request::Show { revision, id, focus } => self.show_run(revision, id, focus),
            Request::Cancel => {
                self.stop();
                self.emit(Event::Cancelled);
                Ok(())
            }
        };
        if let Err(failure) = result {
            self.emit(Event::Failed(failure));
        }
    }

    /// Does the next unit of work. Returns whether there is more to do.
    ///
    /// A unit that is interrupted through `control` is done again, from where it was, by the next call. What is short comes
    /// before what learns.
    pub async fn advance(&mut self, control: &Control<'_>) -> bool {
        let goal = self.goal.as_ref();
        let done = if goal.is_some_and(|goal| goal.has_work() && !goal.learns()) {
            self.work_on_goal(control).await
        } else if self.sweep.is_some() {
            self.sweep_one(control).await
        } else if self.timed.is_some() {
            self.time_once(control).await
        } else if self.estimate.is_some() {
            self.make_estimate(control).await
        } else if goal.is_some_and(Goal::has_work) {
            self.learn_one(control).await
        } else {
            return false;
        };
        match done {
            Ok(()) | Err(QuantError::Run(RunError::Cancelled)) => {}
            Err(error) => self.fail(&error),
        }
        self.has_work()
    }

    /// Whether [`Self::advance`] would find something to do.
    pub fn has_work(&self) -> bool {
        self.sweep.is_some()
            || self.timed.is_some()
            || self.estimate.is_some()
            || self.goal.as_ref().is_some_and(Goal::has_work)
    }

    /// Leaves everything as it is now. A run can go on later.
    fn stop(&mut self) {
        self.pause_run();
        self.settle();
        self.estimate = None;
        self.sweep = None;
        self.timed = None;
    }

    /// Stops, and says why.
    fn fail(&mut self, error: &QuantError) {
        let failure = failure_of(error);
        let is_lost = failure.code == Code::DeviceLost;
        self.interrupted = is_lost && self.is_learning();
        let failure = match self.spare_run(is_lost) {
            Some(what) => failure.hint(what),
            None => failure,
        };
        self.stop();
        self.emit(Event::Failed(failure));
    }

    fn emit(&self, event: Event) {
        self.host.emit(event, None);
    }

    fn load(
        &mut self,
        name: &str,
        blobs: Vec<Vec<u8>>,
        [test, calibration]: [bool; 2],
        classes: Vec<String>,
        lengths: &BTreeMap<String, usize>,
    ) -> Result<(), Failure> {
        self.emit(Event::Progress { stage: Stage::Reading, done: 0, total: 1 });
        let mut blobs = blobs.into_iter();
        let model = blobs.next().unwrap_or_default();
        let test = if test { blobs.next() } else { None };
        let calibration = if calibration { blobs.next() } else { None };
        let data = [test.as_deref(), calibration.as_deref()];
        let read = Bench::read(name, &model, lengths, data, classes, &self.cpu);
        self.emit(Event::Progress { stage: Stage::Reading, done: 1, total: 1 });
        let bench = read?;
        self.stop();
        self.forget_runs();
        self.paces = Paces::default();
        self.goal = None;
        for warning in bench.warnings() {
            self.emit(Event::Warning(warning.clone()));
        }
        self.emit(Event::Loaded { facts: bench.prepared.facts.clone(), data: bench.data_facts() });
        self.bench = Some(bench);
        Ok(())
    }

    fn load_data(&mut self, name: &str, classes: Vec<String>, blobs: Vec<Vec<u8>>) -> Result<(), Failure> {
        let bench = self.bench.as_mut().ok_or_else(nothing_there)?;
        let note = bench.replace_data(name, blobs.first().map_or(&[], Vec::as_slice), classes)?;
        let (facts, data) = (bench.prepared.facts.clone(), bench.data_facts());
        self.stop();
        self.forget_runs();
        if let Some(note) = note {
            self.emit(Event::Warning(note));
        }
        self.emit(Event::Loaded { facts, data });
        Ok(())
    }

    fn load_calibration(&mut self, blobs: &[Vec<u8>]) -> Result<(), Failure> {
        let bench = self.bench.as_mut().ok_or_else(nothing_there)?;
        bench.extend_calibration(blobs.first().map_or(&[], Vec::as_slice))?;
        let data = bench.data_facts();
        self.emit(Event::Data(data));
        Ok(())
    }

    fn look(&mut self, focus: Focus) -> Result<(), Failure> {
        let Some(goal) = &mut self.goal else { return Ok(()) };
        goal.focus = focus;
        if goal.reached > Reached::Nothing {
            self.view()?;
        }
        Ok(())
    }

    /// Tells about the layer that is looked at.
    fn view(&self) -> Result<(), Failure> {
        let (Some(goal), Some(bench)) = (&self.goal, &self.bench) else { return Ok(()) };
        if let Some(view) = bench.view(goal.focus).map_err(|error| failure_of(&error))? {
            self.emit(Event::Viewed { revision: goal.revision, view });
        }
        Ok(())
    }

    /// Measures one more layer of a sweep.
    async fn sweep_one(&mut self, control: &Control<'_>) -> Result<(), QuantError> {
        let (Some(sweep), Some(bench)) = (&mut self.sweep, &mut self.bench) else {
            self.sweep = None;
            return Ok(());
        };
        let total = bench.layers().len() as u32;
        let progress = |done: usize| Event::Progress { stage: Stage::Sweep, done: done as u32, total };
        self.host.emit(progress(sweep.next), None);
        match bench.sensitivity(&*self.backend, sweep.samples, sweep.next, control).await? {
            Some(row) => {
                sweep.next += 1;
                self.host.emit(Event::Swept { revision: sweep.revision, row }, None);
                self.host.emit(progress(sweep.next), None);
            }
            None => self.sweep = None,
        }
        Ok(())
    }

    fn time(&mut self, batch: u32, runs: u32) -> Result<(), Failure> {
        let bench = self.bench.as_ref().ok_or_else(nothing_there)?;
        let (batch, runs) = (batch.max(1), runs.max(1));
        let timing = Timing::new(&bench.prepared, batch as usize).map_err(|error| failure_of(&error))?;
        self.timed = Some(Timed { timing, batch, runs, told: self.host.now_millis() });
        Ok(())
    }

    /// Times one more run.
    async fn time_once(&mut self, control: &Control<'_>) -> Result<(), QuantError> {
        let (Some(timed), Some(bench)) = (&mut self.timed, &self.bench) else {
            self.timed = None;
            return Ok(());
        };
        let host = &*self.host;
        let now = || host.now_millis();
        timed.timing.run(&*self.backend, &bench.prepared, &now, control).await?;
        let (done, total) = (timed.timing.millis.len() as u32, timed.runs + 1);
        if done == total || now() - timed.told >= TIMING_TOLD_EVERY {
            timed.told = now();
            host.emit(Event::Progress { stage: Stage::Timing, done, total }, None);
        }
        let (batch, runs) = (timed.batch, timed.runs);
        if let Some((first_millis, median_millis, min_millis)) =
            timed.timing.summary().filter(|_| done == total)
        {
            host.emit(Event::Benched { batch, runs, first_millis, median_millis, min_millis }, None);
            self.timed = None;
        }
        Ok(())
    }

    async fn predict(&mut self, id: u64, values: Vec<f32>, control: &Control<'_>) -> Result<(), Failure> {
        let bench = self.bench.as_mut().ok_or_else(nothing_there)?;
        let [float, quantized] =
            bench.predict(&*self.backend, values, control).await.map_err(|error| failure_of(&error))?;
        self.emit(Event::Predicted { id, float, quantized });
        Ok(())
    }

    fn export(&self, form: ExportForm) -> Result<(), Failure> {
        let (Some(bench), Some(goal)) = (&self.bench, &self.goal) else { return Err(nothing_there()) };
        let stem = bench.prepared.facts.name.trim_end_matches(".onnx");
        let mut notes = Vec::new();
        let (name, mime, bytes) = match form {
            ExportForm::Onnx { layers } => {
                let written = export::onnx(bench, &goal.recipe, layers)?;
                notes = written.notes;
                (format!("{stem}-fewbit.onnx"), "application/octet-stream", written.bytes)
            }
            ExportForm::Safetensors => {
                let bytes = export::weights(bench, &goal.recipe)?;
                (format!("{stem}-fewbit.safetensors"), "application/octet-stream", bytes)
            }
            ExportForm::Gguf => {
                let (bytes, told) = export::gguf(bench, &goal.recipe)?;
                notes = told;
                (format!("{stem}-fewbit.gguf"), "application/octet-stream", bytes)
            }
            ExportForm::Page => {
                (format!("{stem}-fewbit.html"), "text/html", export::page(bench, &goal.recipe)?)
            }
            ExportForm::Tool(tool) => {
                let mime = if tool == ToolFile::TensorTypes { "text/plain" } else { "application/json" };
                (format!("{stem}-fewbit.{}", tool.ending()), mime, export::file(bench, tool))
            }
            ExportForm::Report => {
                (format!("{stem}-fewbit.json"), "application/json", export::report(bench, &goal.recipe)?)
            }
        };
        if !notes.is_empty() {
            self.emit(Event::Warning(Failure::new(Code::Export, notes.join("; "))));
        }
        self.host.emit(Event::Exported { name, mime: mime.to_owned() }, Some(bytes));
        Ok(())
    }
}

fn nothing_there() -> Failure {
    Failure::new(Code::Engine, "there is no model on the bench yet").hint("choose or open a model first")
}

/// An error as a person should read it.
pub fn failure_of(error: &QuantError) -> Failure {
    let code = match error {
        QuantError::Run(RunError::Lost(_)) => Code::DeviceLost,
        QuantError::Recipe(_) | QuantError::Pipeline(_) | QuantError::Method { .. } => Code::BadRecipe,
        QuantError::Unsupported { .. } | QuantError::Face { .. } | QuantError::Infer(_) => {
            Code::UnsupportedModel
        }
        QuantError::Samples { .. } | QuantError::Labels { .. } => Code::UnreadableData,
        _ => Code::Engine,
    };
    Failure::new(code, error)
}
