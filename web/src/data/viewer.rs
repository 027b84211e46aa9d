//! What the screen knows: the files, the model, what was asked, and how the data are read.

use std::cell::RefCell;
use std::rc::Rc;

use fewbit_data::tokenizer::Named;
use fewbit_data::{Asked, Wanted};
use fewbit_experiment::Failure;
use js_sys::Uint8Array;
use leptos::prelude::*;

use super::protocol::{Ask, Call, Found, Planned, Purpose, Reply, Told};
use super::screen::PLACE;
use crate::platform::file::{self, File, Given};
use crate::platform::helper::Helper;

/// What every part of the screen may ask for. `Copy`, so that closures stay simple.
#[derive(Clone, Copy)]
pub struct Viewer {
    /// The model on the bench, and what it takes.
    pub model: RwSignal<Option<(String, Wanted)>>,
    /// The files.
    pub found: RwSignal<Option<Found>>,
    /// What is known beforehand.
    pub asked: RwSignal<Asked>,
    /// How the data are read; of older questions while [`Self::planning`].
    pub planned: RwSignal<Option<Planned>>,
    /// The columns of a table.
    pub columns: RwSignal<Vec<String>>,
    /// Whether an answer to the newest question is awaited.
    pub planning: RwSignal<bool>,
    /// How much was read, while something is.
    pub progress: RwSignal<Option<f64>>,
    /// What went wrong last.
    pub failure: RwSignal<Option<Failure>>,
    hidden: StoredValue<Rc<RefCell<Hidden>>, LocalStorage>,
}

type Bench = Box<dyn Fn(Reply, &[Uint8Array])>;

struct Hidden {
    /// The way to the app.
    bench: Bench,
    reader: Option<Helper<Ask>>,
    /// Questions that were asked.
    questions: u64,
}

impl Viewer {
    /// A viewer without files, which tells the app what is for it.
    pub fn provide(bench: impl Fn(Reply, &[Uint8Array]) + 'static) -> Self {
        let hidden = Hidden { bench: Box::new(bench), reader: None, questions: 0 };
        let viewer = Self {
            model: RwSignal::new(None),
            found: RwSignal::new(None),
            asked: RwSignal::new(Asked::default()),
            planned: RwSignal::new(None),
            columns: RwSignal::new(Vec::new()),
            planning: RwSignal::new(false),
            progress: RwSignal::new(None),
            failure: RwSignal::new(None),
            hidden: StoredValue::new_local(Rc::new(RefCell::new(hidden))),
        };
        provide_context(viewer);
        viewer
    }

    /// The viewer of this screen.
    pub fn here() -> Self {
        expect_context()
    }

    /// Takes over what the app says.
    pub fn called(self, call: Call, files: &[File]) {
        let is_new = self.model.with_untracked(|model| *model != call.model);
        self.model.set(call.model);
        if !call.paths.is_empty() {
            self.ask(&Ask::Open { paths: call.paths, beside: false }, files);
        } else if is_new && self.found.with_untracked(Option::is_some) {
            self.asked.set(Asked::default());
            self.plan();
        }
    }

    /// Takes files that were picked here.
    pub fn give(self, given: Vec<Given>) {
        self.open(given, false);
    }

    /// Takes a tokenizer's file, for the text that is there.
    pub fn add_tokenizer(self, given: Vec<Given>) {
        if let Some(first) = given.first() {
            let named = Named::File(first.path.clone());
            self.asked.update(|asked| asked.text.tokenizer = Some(named));
            self.open(given, true);
        }
    }

    fn open(self, given: Vec<Given>, beside: bool) {
        let (paths, files): (Vec<String>, Vec<File>) =
            given.into_iter().map(|given| (given.path, given.file)).unzip();
        if !paths.is_empty() {
            self.ask(&Ask::Open { paths, beside }, &files);
        }
    }

    /// Corrects how the data are read.
    pub fn correct(self, change: impl FnOnce(&mut Asked)) {
        self.asked.update(change);
        self.plan();
    }

    /// Reads all samples.
    pub fn read(self, purpose: Purpose) {
        self.progress.set(Some(0.0));
        self.failure.set(None);
        self.ask(&Ask::Read { purpose }, &[]);
    }

    /// Stops reading.
    pub fn cancel(self) {
        self.ask(&Ask::Cancel, &[]);
    }

    /// Whether there is something that can be read, tracked.
    pub fn is_ready(self) -> bool {
        self.planned.with(Option::is_some)
            && !self.planning.get()
            && self.failure.with(Option::is_none)
            && self.progress.with(Option::is_none)
    }

    fn plan(self) {
        let wanted = self.model.with_untracked(|model| model.as_ref().map(|(_, wanted)| wanted.clone()));
        let has_kind =
            self.found.with_untracked(|found| found.as_ref().is_some_and(|found| found.kind.is_some()));
        self.failure.set(None);
        self.progress.set(None);
        let (Some(wanted), true) = (wanted, has_kind) else { return self.planned.set(None) };
        let asked = Box::new(self.asked.get_untracked());
        let id = self.with(|hidden| {
            hidden.questions += 1;
            hidden.questions
        });
        self.planning.set(true);
        self.ask(&Ask::Plan { id, wanted, asked }, &[]);
    }

    fn ask(self, ask: &Ask, files: &[File]) {
        let asked = self.with(|hidden| {
            if hidden.reader.is_none() {
                let hear = move |told: Result<_, _>, blobs: Vec<_>| {
                    self.hear(told.unwrap_or_else(Told::Died), &blobs);
                };
                hidden.reader = Some(Helper::start(PLACE, hear)?);
            }
            hidden.reader.as_ref().map_or(Ok(()), |reader| reader.ask(ask, files))
        });
        if let Err(failure) = asked {
            self.hear(Told::Failed(failure), &[]);
        }
    }

    fn hear(self, told: Told, blobs: &[Uint8Array]) {
        match told {
            Told::Opened(found) => {
                let is_same =
                    self.found.with_untracked(|old| old.as_ref().map(|old| old.kind)) == Some(found.kind);
                self.found.set(Some(found));
                if !is_same {
                    self.asked.set(Asked::default());
                    self.planned.set(None);
                }
                self.plan();
            }
            Told::Planned { id, plan, columns } => {
                if self.with(|hidden| hidden.questions) != id {
                    return;
                }
                self.planning.set(false);
                self.columns.set(columns);
                match plan {
                    Ok(planned) => self.planned.set(Some(*planned)),
                    Err(failure) => self.failure.set(Some(failure)),
                }
            }
            Told::Progress(share) => self.progress.set(Some(share)),
            Told::Read { purpose, classes } => {
                self.progress.set(None);
                self.finished(purpose, classes, blobs);
            }
            Told::Failed(failure) => {
                self.progress.set(None);
                self.planning.set(false);
                self.failure.set(Some(failure));
            }
            Told::Cancelled => self.progress.set(None),
            Told::Died(failure) => {
                self.progress.set(None);
                self.planning.set(false);
                self.planned.set(None);
                self.found.set(None);
                self.failure.set(Some(failure));
                // Not from within the dead worker's own listener.
                leptos::task::spawn_local(async move { drop(self.with(|hidden| hidden.reader.take())) });
            }
        }
    }

    fn finished(self, purpose: Purpose, classes: Vec<String>, blobs: &[Uint8Array]) {
        let name = self.found.with_untracked(|found| found.as_ref().map(|found| found.name.clone()));
        let name = name.unwrap_or_default();
        match (purpose, blobs.first()) {
            (Purpose::Use, _) => self.with(|hidden| (hidden.bench)(Reply::Data { name, classes }, blobs)),
            (Purpose::Save, Some(bytes)) => {
                let stem = name.rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem);
                if let Err(failure) = file::offer(&format!("{stem}.npz"), "application/zip", bytes) {
                    self.failure.set(Some(failure));
                }
            }
            (Purpose::Save, None) => {}
        }
    }

    fn with<T>(self, of: impl FnOnce(&mut Hidden) -> T) -> T {
        self.hidden.with_value(|hidden| of(&mut hidden.borrow_mut()))
    }
}
