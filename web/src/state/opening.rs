//! Files on their way to the engine: of the gallery, or a person's own.

use std::collections::BTreeMap;

use fewbit_experiment::failure::Code;
use fewbit_experiment::protocol::{Request, Stage};
use fewbit_experiment::{Failure, ModelRef, gallery};
use js_sys::Uint8Array;
use leptos::prelude::*;

use super::files::Files;
use super::{Desk, Progress};
use crate::platform::{fetch, file};

impl Desk {
    /// Opens what a person gave us: data if its name says npz, files of tensors on a screen of their own, else a model.
    pub fn open_file(self, picked: file::Picked) {
        match picked {
            file::Picked::Kept(files) => self.show_files(&files, String::new()),
            file::Picked::Data(given) => self.show_data(given),
            file::Picked::Read(name, Ok(bytes)) if name.ends_with(".npz") => {
                self.open_data(name, bytes, Vec::new());
            }
            file::Picked::Read(name, Ok(bytes)) => self.open_model(name, bytes),
            file::Picked::Read(_, Err(failure)) => self.tell(failure, true),
        }
    }

    /// Opens the file at an address of this page's server.
    pub fn fetch_file(self, address: String, name: String) {
        leptos::task::spawn_local(async move {
            let fetched = fetch::bytes(&address).await;
            match fetched.as_ref().ok().and_then(|bytes| file::of_bytes(&name, bytes)) {
                Some(file) => file::take(vec![file::Given::new(file)], move |picked| self.open_file(picked)),
                None => self.open_file(file::Picked::Read(name, fetched)),
            }
        });
    }

    /// Opens a person's own model. The bench stays as it is until the file is read.
    pub fn open_model(self, name: String, bytes: Uint8Array) {
        let reference = ModelRef::File { name: name.clone(), id: String::new() };
        let mut files = self.hidden.with_value(|hidden| hidden.borrow().files.clone());
        files.model = Some((name, bytes));
        self.try_files(reference, files);
    }

    /// Opens a person's own data, beside the model that is there. `classes` are the names of its labels, if they have any.
    pub fn open_data(self, name: String, bytes: Uint8Array, classes: Vec<String>) {
        self.hidden.with_value(|hidden| {
            let files = &mut hidden.borrow_mut().files;
            files.test = Some((name.clone(), copy(&bytes)));
            files.calibration = None;
            files.from_gallery = false;
            files.more_calibration = None;
            files.classes.clone_from(&classes);
        });
        self.forget_advice();
        self.send(Request::LoadData { name, classes }, vec![bytes]);
    }

    /// Gives the engine the model that the document names: fetched from the gallery, or as it was opened before.
    pub(super) fn load_from_document(self) {
        let model = self.history.with_untracked(|history| history.now().model.clone());
        let exhibit = match &model {
            ModelRef::Gallery(id) => gallery::find(id),
            ModelRef::File { name, id } => {
                let kept = self.hidden.with_value(|hidden| hidden.borrow().shelf.get(id).cloned());
                let was_there = self.results.facts.with_untracked(Option::is_some);
                self.results.clear();
                if let Some(files) = kept {
                    self.hidden.with_value(|hidden| hidden.borrow_mut().files = files.clone());
                    self.send_files(&files, self.lengths());
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
        let begins = self.recipe_now().calibration_samples <= gallery::FIRST_CALIBRATION;
        leptos::task::spawn_local(async move {
            let fetched = futures_util::future::try_join3(
                fetch::bytes(exhibit.model),
                fetch::bytes(exhibit.test),
                fetch::bytes(if begins { exhibit.first_calibration } else { exhibit.calibration }),
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
                        from_gallery: true,
                        more_calibration: begins.then_some(exhibit.calibration),
                    };
                    self.hidden.with_value(|hidden| hidden.borrow_mut().files = files.clone());
                    self.send_files(&files, self.lengths());
                }
                Err(failure) => {
                    self.results.progress.set(None);
                    self.tell(failure, true);
                }
            }
        });
    }

    /// Fetches the rest of the calibration samples, where only the first are there.
    pub(super) fn fetch_calibration(self) {
        let address = self.hidden.with_value(|hidden| hidden.borrow_mut().files.more_calibration.take());
        let Some(address) = address else { return };
        let model = self.results.facts.with_untracked(Clone::clone);
        leptos::task::spawn_local(async move {
            match fetch::bytes(address).await {
                // Another model may be there meanwhile, with data of its own.
                _ if self.results.facts.with_untracked(|now| *now != model) => {}
                Ok(bytes) => {
                    self.hidden.with_value(|hidden| {
                        hidden.borrow_mut().files.calibration = Some(copy(&bytes));
                    });
                    self.send(Request::LoadCalibration, vec![bytes]);
                }
                Err(failure) => {
                    // The next result asks again.
                    self.hidden
                        .with_value(|hidden| hidden.borrow_mut().files.more_calibration = Some(address));
                    self.tell(failure, false);
                }
            }
        });
    }

    fn try_files(self, reference: ModelRef, files: Files) {
        self.hidden.with_value(|hidden| hidden.borrow_mut().candidate = Some((reference, files.clone())));
        self.send_files(&files, BTreeMap::new());
    }

    /// Copies go out: the originals stay for a worker that has to be started again.
    pub(super) fn send_files(self, files: &Files, lengths: BTreeMap<String, usize>) {
        let Some((name, model)) = &files.model else { return };
        self.forget_advice();
        let mut blobs = vec![copy(model)];
        blobs.extend(files.test.iter().map(|(_, bytes)| copy(bytes)));
        blobs.extend(files.calibration.iter().map(copy));
        let request = Request::Load {
            name: name.clone(),
            test: files.test.is_some(),
            calibration: files.calibration.is_some(),
            classes: files.classes.clone(),
            lengths,
        };
        self.send(request, blobs);
    }
}

fn copy(bytes: &Uint8Array) -> Uint8Array {
    bytes.slice(0, bytes.length())
}
