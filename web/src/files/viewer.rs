//! What the screen knows: the files, the tensor that is looked at, and what was seen of it.

use std::cell::RefCell;
use std::rc::Rc;

use fewbit_experiment::Failure;
use fewbit_experiment::inspect::{Inspected, Target};
use fewbit_numeric::{Format, Granularity};
use fewbit_quant::Quantizer;
use js_sys::Uint8Array;
use leptos::prelude::*;

use super::protocol::{Ask, FileFacts, Reply, TensorFacts, Told};
use super::screen::PLACE;
use super::worker::is_text;
use crate::platform::file::File;
use crate::platform::helper::Helper;

/// What a tensor is quantized to unless something else is chosen: `int4@channel`.
pub fn usual() -> Quantizer {
    Quantizer::new(Format::INT8.with_bits(4).unwrap_or(Format::INT8), Granularity::Channel)
}

/// What says how a model is built goes with the weights that are open, if it comes without any.
fn with_companions(open: &[File], files: &[File]) -> Vec<File> {
    if files.iter().any(|file| !is_text(file)) {
        return files.to_vec();
    }
    let is_replaced = |open: &&File| files.iter().any(|file| file.name() == open.name());
    open.iter().filter(|open| !is_replaced(open)).chain(files).cloned().collect()
}

/// What was seen of a tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// Its place among all.
    pub tensor: u32,
    /// What it was to become.
    pub asked: Target,
    /// It.
    pub inspected: Inspected,
    /// How long that took.
    pub millis: f64,
}

/// What every part of the screen may ask for. `Copy`, so that closures stay simple.
#[derive(Clone, Copy)]
pub struct Viewer {
    /// The files that are open.
    pub facts: RwSignal<Option<FileFacts>>,
    /// Whether files are being opened.
    pub opening: RwSignal<bool>,
    /// Whether a model is being made of them.
    pub building: RwSignal<bool>,
    /// What went wrong last.
    pub failure: RwSignal<Option<Failure>>,
    /// The tensor that is looked at.
    pub chosen: RwSignal<Option<u32>>,
    /// What it is to become.
    pub target: RwSignal<Target>,
    /// What was seen, of whichever tensor.
    pub seen: RwSignal<Option<Seen>>,
    /// How far a look is, while one is under way.
    pub progress: RwSignal<Option<f64>>,
    /// The most bytes of memory that the worker ever took.
    pub memory: RwSignal<u64>,
    hidden: StoredValue<Rc<RefCell<Hidden>>, LocalStorage>,
}

type Bench = Box<dyn Fn(Reply, &[Uint8Array])>;

struct Hidden {
    /// The way to the app.
    bench: Bench,
    reader: Option<Helper<Ask>>,
    /// The files that are open.
    given: Vec<File>,
    /// Those that are being opened.
    coming: Vec<File>,
    /// Questions that were asked.
    asked: u64,
    /// What the newest is about.
    about: Option<(u32, Target)>,
    /// What is looked at first in the files that are being opened.
    focus: String,
}

impl Hidden {
    fn new(bench: Bench) -> Self {
        Self {
            bench,
            reader: None,
            given: Vec::new(),
            coming: Vec::new(),
            asked: 0,
            about: None,
            focus: String::new(),
        }
    }
}

impl Viewer {
    /// A viewer without files, which tells the app what is for it.
    pub fn provide(bench: impl Fn(Reply, &[Uint8Array]) + 'static) -> Self {
        let viewer = Self {
            facts: RwSignal::new(None),
            opening: RwSignal::new(false),
            building: RwSignal::new(false),
            failure: RwSignal::new(None),
            chosen: RwSignal::new(None),
            target: RwSignal::new(Target::Grid(usual())),
            seen: RwSignal::new(None),
            progress: RwSignal::new(None),
            memory: RwSignal::new(0),
            hidden: StoredValue::new_local(Rc::new(RefCell::new(Hidden::new(Box::new(bench))))),
        };
        provide_context(viewer);
        viewer
    }

    /// The viewer of this screen.
    pub fn here() -> Self {
        expect_context()
    }

    /// Opens files. What is open stays until they are read.
    pub fn open(self, files: &[File], focus: String) {
        self.opening.set(true);
        self.failure.set(None);
        let files = self.with(|hidden| {
            hidden.focus = focus;
            hidden.coming = with_companions(&hidden.given, files);
            hidden.coming.clone()
        });
        self.ask(&Ask::Open, &files);
    }

    /// Looks at a tensor.
    pub fn choose(self, tensor: u32) {
        if self.chosen.get_untracked() != Some(tensor) {
            self.chosen.set(Some(tensor));
            self.look();
        }
    }

    /// Makes the tensor another thing.
    pub fn aim(self, target: Target) {
        if self.target.get_untracked() != target {
            self.target.set(target);
            self.look();
        }
    }

    /// Makes a model of the files, and hands it to the bench.
    pub fn build(self) {
        self.building.set(true);
        self.failure.set(None);
        self.ask(&Ask::Build, &[]);
    }

    /// Ends the worker that makes a model, which hears nothing meanwhile, and opens the files in another.
    pub fn cancel_build(self) {
        let (reader, given) = self.with(|hidden| (hidden.reader.take(), hidden.given.clone()));
        drop(reader);
        self.building.set(false);
        self.open(&given, String::new());
    }

    /// Stops looking.
    pub fn cancel(self) {
        self.ask(&Ask::Cancel, &[]);
    }

    /// A tensor's facts, tracked.
    pub fn tensor(self, index: u32) -> Option<TensorFacts> {
        self.facts.with(|facts| facts.as_ref()?.tensors.get(index as usize).cloned())
    }

    /// Whether what was seen is of another tensor, or of another target, than is chosen now; tracked.
    pub fn is_stale(self) -> bool {
        let now = (self.chosen.get(), self.target.get());
        self.seen.with(|seen| seen.as_ref().is_some_and(|seen| now != (Some(seen.tensor), seen.asked)))
    }

    fn look(self) {
        let Some(tensor) = self.chosen.get_untracked() else { return };
        let target = self.target.get_untracked();
        let is_readable = self.facts.with_untracked(|facts| {
            let tensor = facts.as_ref().and_then(|facts| facts.tensors.get(tensor as usize));
            tensor.is_some_and(|tensor| tensor.is_readable)
        });
        if !is_readable {
            return self.seen.set(None);
        }
        let id = self.with(|hidden| {
            hidden.asked += 1;
            hidden.about = Some((tensor, target));
            hidden.asked
        });
        self.failure.set(None);
        self.progress.set(Some(0.0));
        self.ask(&Ask::Look { id, tensor, target }, &[]);
    }

    fn ask(self, ask: &Ask, files: &[File]) {
        let asked = self.with(|hidden| {
            if hidden.reader.is_none() {
                hidden.reader = Some(Helper::start(PLACE, move |told, blobs| {
                    self.hear(told.unwrap_or_else(Told::Died), &blobs)
                })?);
            }
            hidden.reader.as_ref().map_or(Ok(()), |reader| reader.ask(ask, files))
        });
        if let Err(failure) = asked {
            self.hear(Told::Refused(failure), &[]);
        }
    }

    fn hear(self, told: Told, blobs: &[Uint8Array]) {
        let is_news = |id: u64| self.with(|hidden| hidden.asked == id);
        match told {
            Told::Opened(facts) => self.opened(*facts),
            Told::Refused(failure) => {
                self.opening.set(false);
                self.failure.set(Some(failure));
            }
            Told::Progress { id, share } if is_news(id) => self.progress.set(Some(share)),
            Told::Looked { id, inspected, millis, memory } if is_news(id) => {
                self.memory.set(memory);
                self.progress.set(None);
                if let Some((tensor, asked)) = self.with(|hidden| hidden.about) {
                    self.seen.set(Some(Seen { tensor, asked, inspected: *inspected, millis }));
                }
            }
            Told::Failed { id, failure } if is_news(id) => {
                self.progress.set(None);
                self.failure.set(Some(failure));
            }
            Told::Progress { .. } | Told::Looked { .. } | Told::Failed { .. } => {}
            Told::Cancelled => self.progress.set(None),
            Told::Built => {
                self.building.set(false);
                let name = self.facts.with_untracked(|facts| facts.as_ref()?.names.first().cloned());
                let model = Reply::Model { name: name.unwrap_or_default() };
                self.with(|hidden| (hidden.bench)(model, blobs));
            }
            Told::Unbuilt(failure) => {
                self.building.set(false);
                self.failure.set(Some(failure));
            }
            Told::Died(failure) => {
                self.opening.set(false);
                self.building.set(false);
                self.progress.set(None);
                self.facts.set(None);
                self.failure.set(Some(failure));
                // Not from within the dead worker's own listener.
                leptos::task::spawn_local(async move { drop(self.with(|hidden| hidden.reader.take())) });
            }
        }
    }

    fn opened(self, facts: FileFacts) {
        let focus = self.with(|hidden| {
            hidden.given = std::mem::take(&mut hidden.coming);
            std::mem::take(&mut hidden.focus)
        });
        let first = |is: &dyn Fn(&TensorFacts) -> bool| facts.tensors.iter().position(is);
        let first = first(&|tensor| !focus.is_empty() && tensor.name.contains(&focus))
            .or_else(|| first(&|tensor| tensor.is_readable && tensor.shape.len() > 1))
            .or_else(|| first(&|tensor| tensor.is_readable));
        self.opening.set(false);
        self.memory.set(facts.memory);
        self.seen.set(None);
        self.progress.set(None);
        self.facts.set(Some(facts));
        self.chosen.set(first.map(|first| first as u32));
        self.look();
    }

    fn with<T>(self, of: impl FnOnce(&mut Hidden) -> T) -> T {
        self.hidden.with_value(|hidden| of(&mut hidden.borrow_mut()))
    }
}
