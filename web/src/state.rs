//! What the page knows: the document, what the engine said of it, and what is under way.
//!
//! The document has one writer, [`Desk::dispatch`]. Everything the engine says lands in [`Results`], each value with
//! the revision that it is true of; a value of an older revision is shown, marked stale. Nothing else is global.

use std::cell::RefCell;
use std::rc::Rc;

use fewbit_experiment::failure::Code;
use fewbit_experiment::protocol::{
    Answer, DataFacts, Effort, EngineChoice, EngineInfo, Event, ExportForm, Focus, Request, Stage,
};
use fewbit_experiment::{Command, Document, Failure, History, ModelRef, gallery};
use fewbit_quant::Recipe;
use fewbit_quant::report::{Evaluation, LayerReport, LayerView, ModelFacts, Sensitivity, Size};
use js_sys::Uint8Array;
use leptos::prelude::*;

use self::files::{Files, Shelf};
pub use self::learning::{Learning, Running, Shot, expectation};
use crate::platform::engine::Engine;
use crate::platform::{fetch, file};

mod files;
mod learning;

/// Bins of the histograms that the bench draws.
const BINS: u32 = 96;
/// Most configurations that the scatter keeps.
const MOST_TRIED: usize = 400;
/// How often a dead worker is started again without being asked.
const MOST_RESTARTS: u32 = 3;

/// A value with the revision that it is true of.
#[derive(Clone, Debug, PartialEq)]
pub struct Of<T> {
    /// The revision.
    pub revision: u64,
    /// The value.
    pub value: T,
}

/// A configuration that was tried, and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Tried {
    /// Counts up.
    pub id: u64,
    /// The document, to return to.
    pub document: Document,
    /// What the model takes then.
    pub size: Size,
    /// Its answers, over all samples.
    pub evaluation: Evaluation,
}

/// Long work under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is done.
    pub stage: Stage,
    /// Steps done.
    pub done: u32,
    /// Steps in all.
    pub total: u32,
}

/// A message to the person, until dismissed.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// Counts up.
    pub id: u64,
    /// What happened.
    pub failure: Failure,
    /// Whether something went wrong, or is only worth knowing.
    pub grave: bool,
}

/// What one input drawn by hand was taken for.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// Probabilities of the classes, by the float model.
    pub float: Vec<f32>,
    /// By the quantized model.
    pub quantized: Vec<f32>,
}

/// How long the float model takes on this engine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speed {
    /// Samples in a run.
    pub batch: u32,
    /// Runs after the first.
    pub runs: u32,
    /// The first run, with the making of the plan, in milliseconds.
    pub first_millis: f64,
    /// The median of the others.
    pub median_millis: f64,
    /// The least of the others.
    pub min_millis: f64,
}

/// What the engine said.
#[derive(Clone, Copy)]
pub struct Results {
    /// Which engine runs; `None` until it is open.
    pub engine: RwSignal<Option<EngineInfo>>,
    /// The model on the bench.
    pub facts: RwSignal<Option<ModelFacts>>,
    /// The data beside it.
    pub data: RwSignal<Option<DataFacts>>,
    /// The layer looked at.
    pub view: RwSignal<Option<Of<LayerView>>>,
    /// What was applied, layer by layer, with weight errors.
    pub applied: RwSignal<Option<Of<Vec<LayerReport>>>>,
    /// The same with local and cumulative errors.
    pub layers: RwSignal<Option<Of<Vec<LayerReport>>>>,
    /// Samples behind the errors of the layers.
    pub layer_samples: RwSignal<u32>,
    /// What the model takes.
    pub size: RwSignal<Option<Of<Size>>>,
    /// The model's answers.
    pub evaluation: RwSignal<Option<Of<Evaluation>>>,
    /// Test samples with both answers, changed ones first.
    pub answers: RwSignal<Vec<Answer>>,
    /// What each layer alone means, by layer.
    pub sensitivity: RwSignal<Option<Of<Vec<Sensitivity>>>>,
    /// What the drawn input was taken for.
    pub prediction: RwSignal<Option<Prediction>>,
    /// How fast the engine is with this model, once it was timed.
    pub speed: RwSignal<Option<Speed>>,
    /// What the last answer took.
    pub effort: RwSignal<Option<Effort>>,
    /// Runs of pipelines.
    pub learning: Learning,
    /// Everything tried so far with this model.
    pub tried: RwSignal<Vec<Tried>>,
    /// Long work under way.
    pub progress: RwSignal<Option<Progress>>,
    /// Messages to the person.
    pub notices: RwSignal<Vec<Notice>>,
    /// The newest revision that everything has been said about.
    pub settled: RwSignal<u64>,
}

impl Results {
    fn new() -> Self {
        Self {
            engine: RwSignal::new(None),
            facts: RwSignal::new(None),
            data: RwSignal::new(None),
            view: RwSignal::new(None),
            applied: RwSignal::new(None),
            layers: RwSignal::new(None),
            layer_samples: RwSignal::new(0),
            size: RwSignal::new(None),
            evaluation: RwSignal::new(None),
            answers: RwSignal::new(Vec::new()),
            sensitivity: RwSignal::new(None),
            prediction: RwSignal::new(None),
            speed: RwSignal::new(None),
            effort: RwSignal::new(None),
            learning: Learning::new(),
            tried: RwSignal::new(Vec::new()),
            progress: RwSignal::new(None),
            notices: RwSignal::new(Vec::new()),
            settled: RwSignal::new(0),
        }
    }

    /// Another model: nothing that was said is true of it.
    fn clear(self) {
        self.facts.set(None);
        self.data.set(None);
        self.view.set(None);
        self.applied.set(None);
        self.layers.set(None);
        self.size.set(None);
        self.evaluation.set(None);
        self.answers.set(Vec::new());
        self.sensitivity.set(None);
        self.prediction.set(None);
        self.speed.set(None);
        self.effort.set(None);
        self.tried.set(Vec::new());
        self.learning.clear();
    }
}

#[derive(Default)]
struct Hidden {
    engine: Option<Engine>,
    files: Files,
    /// The files of a person's own models.
    shelf: Shelf<Files>,
    /// A person's file that is being tried: it replaces the model on the bench only once it is read.
    candidate: Option<(ModelRef, Files)>,
    notices: u64,
    gestures: u64,
    restarts: u32,
    predictions: u64,
}

/// What every part of the page may ask for. `Copy`, so that closures stay simple.
#[derive(Clone, Copy)]
pub struct Desk {
    history: RwSignal<History>,
    /// Counts the changes of the recipe.
    pub revision: RwSignal<u64>,
    /// What the engine said.
    pub results: Results,
    /// Which engine was asked for.
    choice: StoredValue<EngineChoice>,
    hidden: StoredValue<Rc<RefCell<Hidden>>, LocalStorage>,
}

impl Desk {
    /// Sets the desk up for `document` and starts the engine.
    pub fn provide(document: Document, choice: EngineChoice) -> Self {
        let desk = Self {
            history: RwSignal::new(History::new(document)),
            revision: RwSignal::new(1),
            results: Results::new(),
            choice: StoredValue::new(choice),
            hidden: StoredValue::new_local(Rc::default()),
        };
        provide_context(desk);
        desk.start_engine(choice);
        desk.load_from_document();
        desk
    }

    /// The desk of this page.
    pub fn here() -> Self {
        expect_context()
    }

    /// The document, tracked.
    pub fn document(self) -> Document {
        self.history.with(|history| history.now().clone())
    }

    /// A part of the document that changes only if it does.
    pub fn part<T: PartialEq + Clone + Send + Sync + 'static>(
        self,
        of: impl Fn(&Document) -> T + Send + Sync + 'static,
    ) -> Memo<T> {
        Memo::new(move |_| self.history.with(|history| of(history.now())))
    }

    /// Whether there is a step back, tracked.
    pub fn can_undo(self) -> bool {
        self.history.with(History::can_undo)
    }

    /// Whether there is a step forward, tracked.
    pub fn can_redo(self) -> bool {
        self.history.with(History::can_redo)
    }

    /// Whether a value of `revision` is out of date, tracked.
    pub fn is_stale(self, revision: u64) -> bool {
        revision < self.revision.get()
    }

    /// A number for the commands of one drag, so that they are one step back.
    pub fn new_gesture(self) -> u64 {
        self.hidden.with_value(|hidden| {
            let mut hidden = hidden.borrow_mut();
            hidden.gestures += 1;
            hidden.gestures
        })
    }

    /// Changes the document: the only writer.
    pub fn dispatch(self, command: Command) {
        self.change(|history| history.dispatch(&command, None));
    }

    /// Changes the document as a part of a drag.
    pub fn dispatch_in(self, gesture: u64, command: Command) {
        self.change(|history| history.dispatch(&command, Some(gesture)));
    }

    /// One step back.
    pub fn undo(self) {
        self.change(History::undo);
    }

    /// One step forward.
    pub fn redo(self) {
        self.change(History::redo);
    }

    fn change(self, change: impl FnOnce(&mut History)) {
        let before = self.history.with_untracked(|history| history.now().clone());
        self.history.update(change);
        let now = self.history.with_untracked(|history| history.now().clone());
        if now.model != before.model {
            self.load_from_document();
        } else if now.recipe != before.recipe {
            self.next_revision();
            self.results.sensitivity.set(None);
            self.results.learning.shown.set(None);
            self.ask_update();
        } else if now.view.layer != before.view.layer || now.view.channel != before.view.channel {
            self.send(
                Request::Look { revision: self.revision.get_untracked(), focus: self.focus() },
                Vec::new(),
            );
        }
    }

    fn next_revision(self) -> u64 {
        self.revision.update(|revision| *revision += 1);
        self.revision.get_untracked()
    }

    fn recipe_now(self) -> Recipe {
        self.history.with_untracked(|history| history.now().recipe.clone())
    }

    /// Makes `recipe` the document's, as a change that can be undone, without asking the engine for anything.
    fn set_recipe_quietly(self, recipe: Recipe) {
        if self.recipe_now() != recipe {
            self.history.update(|history| history.dispatch(&Command::SetRecipe(recipe), None));
        }
    }

    fn focus(self) -> Focus {
        self.history.with_untracked(|history| {
            let view = &history.now().view;
            Focus { layer: view.layer, channel: view.channel, bins: BINS }
        })
    }

    /// Without a model on the bench there is nothing to update; [`Self::loaded`] asks again.
    fn ask_update(self) {
        if self.results.facts.with_untracked(Option::is_none) {
            return;
        }
        let recipe = self.recipe_now();
        let revision = self.revision.get_untracked();
        self.send(Request::Update { revision, recipe, focus: self.focus() }, Vec::new());
    }

    /// Measures what each layer alone means.
    pub fn sweep(self, samples: u32) {
        let revision = self.revision.get_untracked();
        self.results.sensitivity.set(Some(Of { revision, value: Vec::new() }));
        self.send(Request::Sweep { revision, samples }, Vec::new());
    }

    /// Asks both models about an input.
    pub fn predict(self, values: Vec<f32>) {
        let id = self.hidden.with_value(|hidden| {
            let mut hidden = hidden.borrow_mut();
            hidden.predictions += 1;
            hidden.predictions
        });
        self.send(Request::Predict { id, values }, Vec::new());
    }

    /// Times the float model on this engine.
    pub fn time_engine(self, batch: u32, runs: u32) {
        self.results.speed.set(None);
        self.send(Request::Bench { batch, runs }, Vec::new());
    }

    /// Writes the quantized model out; the file is offered for saving when it is there.
    pub fn export(self, form: ExportForm) {
        self.send(Request::Export { form }, Vec::new());
    }

    /// Stops what is running.
    pub fn cancel(self) {
        self.send(Request::Cancel, Vec::new());
    }

    /// Opens a file that a person gave us: data if its name says npz, else a model.
    pub fn open_file(self, picked: file::Picked) {
        match picked.bytes {
            Ok(bytes) if picked.name.ends_with(".npz") => self.open_data(picked.name, bytes),
            Ok(bytes) => self.open_model(picked.name, bytes),
            Err(failure) => self.tell(failure, true),
        }
    }

    /// Opens the file at an address of this page's server.
    pub fn fetch_file(self, address: String, name: String) {
        leptos::task::spawn_local(async move {
            self.open_file(file::Picked { bytes: fetch::bytes(&address).await, name });
        });
    }

    /// Opens a person's own model. The bench stays as it is until the file is read.
    pub fn open_model(self, name: String, bytes: Uint8Array) {
        let reference = ModelRef::File { name: name.clone(), id: String::new() };
        let mut files = self.hidden.with_value(|hidden| hidden.borrow().files.clone());
        files.model = Some((name, bytes));
        self.try_files(reference, files);
    }

    /// Opens a person's own labelled data, beside the model that is there.
    pub fn open_data(self, name: String, bytes: Uint8Array) {
        self.hidden.with_value(|hidden| {
            let files = &mut hidden.borrow_mut().files;
            files.test = Some((name.clone(), copy(&bytes)));
            files.calibration = None;
            files.classes.clear();
        });
        self.send(Request::LoadData { name }, vec![bytes]);
    }

    /// Tells the person something.
    pub fn tell(self, failure: Failure, grave: bool) {
        let id = self.hidden.with_value(|hidden| {
            let mut hidden = hidden.borrow_mut();
            hidden.notices += 1;
            hidden.notices
        });
        self.results.notices.update(|notices| {
            notices.retain(|notice| notice.failure != failure);
            notices.push(Notice { id, failure, grave });
        });
    }

    /// Takes a message away.
    pub fn dismiss(self, id: u64) {
        self.results.notices.update(|notices| notices.retain(|notice| notice.id != id));
    }

    /// Starts a new engine with the files that are there: after a crash, or on another backend.
    pub fn restart(self, choice: EngineChoice) {
        self.choice.set_value(choice);
        self.results.engine.set(None);
        self.results.speed.set(None);
        self.results.progress.set(None);
        self.start_engine(choice);
        let files = self.hidden.with_value(|hidden| hidden.borrow().files.clone());
        if files.model.is_some() {
            self.send_files(&files);
        } else {
            self.load_from_document();
        }
    }

    /// Opens another engine in the same worker, which goes on with it.
    fn reopen(self) {
        self.results.engine.set(None);
        self.results.speed.set(None);
        self.send(Request::Open { choice: self.choice.get_value(), spoil: None }, Vec::new());
    }

    fn start_engine(self, choice: EngineChoice) {
        let started = Engine::start(choice, move |event, blobs| self.hear(event, blobs));
        match started {
            Ok(engine) => self.hidden.with_value(|hidden| hidden.borrow_mut().engine = Some(engine)),
            Err(failure) => self.tell(failure, true),
        }
    }

    fn send(self, request: Request, blobs: Vec<Uint8Array>) {
        self.hidden.with_value(|hidden| {
            if let Some(engine) = &hidden.borrow().engine {
                engine.send(request, blobs);
            }
        });
    }

    /// Gives the engine the model that the document names: fetched from the gallery, or as it was opened before.
    fn load_from_document(self) {
        let model = self.history.with_untracked(|history| history.now().model.clone());
        let exhibit = match &model {
            ModelRef::Gallery(id) => gallery::find(id),
            ModelRef::File { name, id } => {
                let kept = self.hidden.with_value(|hidden| hidden.borrow().shelf.get(id).cloned());
                let was_there = self.results.facts.with_untracked(Option::is_some);
                self.results.clear();
                if let Some(files) = kept {
                    self.hidden.with_value(|hidden| hidden.borrow_mut().files = files.clone());
                    self.send_files(&files);
                } else {
                    self.hidden.with_value(|hidden| hidden.borrow_mut().files.model = None);
                    if was_there {
                        self.cancel();
                    }
                    let failure = Failure::new(
                        Code::UnreadableModel,
                        format!("this work is about your own file `{name}`"),
                    )
                    .hint("open that file: nothing of it is in the link");
                    self.tell(failure, false);
                }
                return;
            }
        };
        let Some(exhibit) = exhibit else {
            let failure =
                Failure::new(Code::BadLink, format!("there is no model `{}` in the gallery", model.name()))
                    .hint("choose one of the models in the list");
            return self.tell(failure, true);
        };
        self.results.clear();
        self.results.progress.set(Some(Progress { stage: Stage::Reading, done: 0, total: 1 }));
        leptos::task::spawn_local(async move {
            let fetched = futures_util::future::try_join3(
                fetch::bytes(exhibit.model),
                fetch::bytes(exhibit.test),
                fetch::bytes(exhibit.calibration),
            )
            .await;
            // Another model may have been chosen meanwhile.
            if self.history.with_untracked(|history| history.now().model != model) {
                return;
            }
            match fetched {
                Ok((bytes, test, calibration)) => {
                    let files = Files {
                        model: Some((exhibit.id.to_owned(), bytes)),
                        test: Some((exhibit.test.to_owned(), test)),
                        calibration: Some(calibration),
                        classes: exhibit.classes.iter().map(|&class| class.to_owned()).collect(),
                    };
                    self.hidden.with_value(|hidden| hidden.borrow_mut().files = files.clone());
                    self.send_files(&files);
                }
                Err(failure) => {
                    self.results.progress.set(None);
                    self.tell(failure, true);
                }
            }
        });
    }

    fn try_files(self, reference: ModelRef, files: Files) {
        self.hidden.with_value(|hidden| hidden.borrow_mut().candidate = Some((reference, files.clone())));
        self.send_files(&files);
    }

    /// Copies go out: the originals stay for a worker that has to be started again.
    fn send_files(self, files: &Files) {
        let Some((name, model)) = &files.model else { return };
        let mut blobs = vec![copy(model)];
        blobs.extend(files.test.iter().map(|(_, bytes)| copy(bytes)));
        blobs.extend(files.calibration.iter().map(copy));
        let request = Request::Load {
            name: name.clone(),
            test: files.test.is_some(),
            calibration: files.calibration.is_some(),
            classes: files.classes.clone(),
        };
        self.send(request, blobs);
    }

    fn hear(self, event: Event, blobs: Vec<Uint8Array>) {
        let results = self.results;
        match event {
            Event::Ready(info) => results.engine.set(Some(info)),
            Event::Loaded { facts, data } => self.loaded(facts, data),
            Event::Progress { stage, done, total } => {
                results.progress.set((done < total).then_some(Progress { stage, done, total }));
            }
            Event::Viewed { revision, view } => newer(results.view, revision, view),
            Event::Applied { revision, layers, size, effort, .. } => {
                newer(results.applied, revision, layers);
                newer(results.size, revision, size);
                results.effort.set(Some(effort));
            }
            Event::Layers { revision, layers, samples, effort } => {
                results.layer_samples.set(samples);
                newer(results.applied, revision, layers.clone());
                newer(results.layers, revision, layers);
                results.effort.set(Some(effort));
            }
            Event::Evaluated { revision, evaluation, answers, effort } => {
                results.effort.set(Some(effort));
                self.evaluated(revision, &evaluation);
                if !answers.is_empty() {
                    results.answers.set(answers);
                }
                newer(results.evaluation, revision, evaluation);
            }
            Event::Settled { revision } => {
                results.settled.set(revision);
                results.progress.set(None);
                self.hidden.with_value(|hidden| hidden.borrow_mut().restarts = 0);
            }
            Event::Swept { revision, row } => results.sensitivity.update(|rows| match rows {
                Some(rows) if rows.revision == revision => rows.value.push(row),
                _ => *rows = Some(Of { revision, value: vec![row] }),
            }),
            Event::Predicted { id, float, quantized } => {
                if id == self.hidden.with_value(|hidden| hidden.borrow().predictions) {
                    results.prediction.set(Some(Prediction { float, quantized }));
                }
            }
            Event::Benched { batch, runs, first_millis, median_millis, min_millis } => {
                results.speed.set(Some(Speed { batch, runs, first_millis, median_millis, min_millis }));
            }
            Event::Exported { name, mime } => {
                let bytes = blobs.first().cloned().unwrap_or_default();
                if let Err(failure) = file::offer(&name, &mime, &bytes) {
                    self.tell(failure, true);
                }
            }
            event @ (Event::Estimated { .. }
            | Event::Run { .. }
            | Event::Learning { .. }
            | Event::Learned(_)) => results.learning.hear(event),
            Event::Cancelled => results.progress.set(None),
            Event::Warning(failure) => self.tell(failure, false),
            Event::Failed(failure) => self.failed(failure),
        }
    }

    fn loaded(self, facts: ModelFacts, data: DataFacts) {
        let candidate = self.hidden.with_value(|hidden| {
            let mut hidden = hidden.borrow_mut();
            hidden.restarts = 0;
            hidden.candidate.take()
        });
        if let Some((ModelRef::File { name, .. }, files)) = candidate {
            self.hidden.with_value(|hidden| hidden.borrow_mut().files = files);
            self.results.clear();
            // The engine has the file already: the document follows without loading again. If it is what a link was
            // about, its recipe holds.
            let is_awaited = self.history.with_untracked(
                |history| matches!(&history.now().model, ModelRef::File { id, .. } if *id == facts.id),
            );
            if !is_awaited {
                let model = ModelRef::File { name, id: facts.id.clone() };
                self.history.update(|history| history.dispatch(&Command::Open(model), None));
            }
        }
        self.hidden.with_value(|hidden| {
            let Hidden { shelf, files, .. } = &mut *hidden.borrow_mut();
            let is_own = |model: &ModelRef| matches!(model, ModelRef::File { id, .. } if *id == facts.id);
            if self.history.with_untracked(|history| is_own(&history.now().model)) {
                shelf.put(&facts.id, files.bytes(), files.clone());
            }
        });
        self.results.progress.set(None);
        let is_same = self.results.facts.with_untracked(|now| now.as_ref() == Some(&facts))
            && self.results.data.with_untracked(|now| now.as_ref() == Some(&data));
        if !is_same {
            self.results.tried.set(Vec::new());
        }
        self.results.facts.set(Some(facts));
        self.results.data.set(Some(data));
        self.revision.update(|revision| *revision += 1);
        self.ask_update();
    }

    fn evaluated(self, revision: u64, evaluation: &Evaluation) {
        let size =
            self.results.size.with_untracked(|size| size.clone()).filter(|size| size.revision == revision);
        if let Some(size) =
            size.filter(|_| evaluation.n == evaluation.of && revision == self.revision.get_untracked())
        {
            let document = self.history.with_untracked(|history| history.now().clone());
            self.results.tried.update(|tried| {
                tried.retain(|other| other.document.recipe != document.recipe);
                let id = tried.last().map_or(0, |last| last.id + 1);
                tried.push(Tried { id, document, size: size.value, evaluation: evaluation.clone() });
                if tried.len() > MOST_TRIED {
                    tried.remove(0);
                }
            });
        }
    }

    fn failed(self, failure: Failure) {
        self.results.progress.set(None);
        self.hidden.with_value(|hidden| hidden.borrow_mut().candidate = None);
        let code = failure.code;
        let is_over = matches!(code, Code::WorkerLost | Code::DeviceLost);
        let restarts = self.hidden.with_value(|hidden| {
            let mut hidden = hidden.borrow_mut();
            hidden.restarts += u32::from(is_over);
            if code == Code::WorkerLost {
                hidden.engine = None;
            }
            hidden.restarts
        });
        self.tell(failure, true);
        if !is_over || restarts > MOST_RESTARTS {
            return;
        }
        match code {
            // The worker lives, with all that is on its bench.
            Code::DeviceLost => self.reopen(),
            // Not from within the dead worker's own listener.
            _ => leptos::task::spawn_local(async move { self.restart(self.choice.get_value()) }),
        }
    }
}

fn newer<T: Send + Sync + 'static>(slot: RwSignal<Option<Of<T>>>, revision: u64, value: T) {
    let is_news = slot.with_untracked(|now| now.as_ref().is_none_or(|now| now.revision <= revision));
    if is_news {
        slot.set(Some(Of { revision, value }));
    }
}

fn copy(bytes: &Uint8Array) -> Uint8Array {
    bytes.slice(0, bytes.length())
}
