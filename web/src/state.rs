//! What the page knows: the document, what the engine said of it, and what is under way.
//!
//! The document has one writer, [`Desk::dispatch`]. Everything the engine says lands in [`Results`], each value with
//! the revision that it is true of; a value of an older revision is shown, marked stale. Nothing else is global.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use fewbit_experiment::protocol::{EngineChoice, ExportForm, Focus, Request};
use fewbit_experiment::{Command, Document, Failure, History, ModelRef};
use fewbit_quant::Recipe;
use js_sys::Uint8Array;
use leptos::prelude::*;

use self::files::{Files, Shelf};
pub use self::learning::{Learning, Running, Shot, expectation};
pub use self::results::{Notice, Of, Prediction, Progress, Results, Speed, Tried};
use crate::platform::engine::Engine;
use crate::platform::port::Port;
use crate::ui::tell::Tell;

mod files;
mod hearing;
mod kept;
mod learning;
mod opening;
mod own_data;
mod results;

/// Bins of the histograms that the bench draws.
const BINS: u32 = 96;

#[derive(Default)]
struct Hidden {
    engine: Option<Engine>,
    files: Files,
    /// The files of a person's own models.
    shelf: Shelf<Files>,
    /// A person's file that is being tried: it replaces the model on the bench only once it is read.
    candidate: Option<(ModelRef, Files)>,
    /// The ways to the screens that were loaded.
    ports: BTreeMap<&'static str, Port>,
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
    /// Whether files were opened on their screen, or left for the bench; none before the first.
    pub files: RwSignal<Option<bool>>,
    /// Whether the screen of data was asked for, or left for the bench; none before the first time.
    pub data: RwSignal<Option<bool>>,
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
            files: RwSignal::new(None),
            data: RwSignal::new(None),
            hidden: StoredValue::new_local(Rc::default()),
        };
        provide_context(desk);
        Tell::provide(move |failure, grave| desk.tell(failure, grave));
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
        if now.model != before.model || now.lengths != before.lengths {
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

    fn lengths(self) -> BTreeMap<String, usize> {
        self.history.with_untracked(|history| history.now().lengths.clone())
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

    /// Takes away what was worth knowing of files that others replace. What went wrong stays.
    fn forget_advice(self) {
        self.results.notices.update(|notices| notices.retain(|notice| notice.grave));
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
            self.send_files(&files, self.lengths());
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
}
