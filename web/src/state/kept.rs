//! Files that are read where they lie: the screen of files is loaded with the first of them.

use std::collections::btree_map::Entry;

use fewbit_experiment::Failure;
use leptos::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Desk;
use crate::files::protocol::{Call, Reply};
use crate::platform::file::{self, File};
use crate::platform::module;
use crate::platform::port::{Heard, Port};

/// The module's name, and the id of the element that it shows itself in.
const MODULE: &str = "files";

impl Desk {
    /// Shows the tensors of the model on the bench, one that has `focus` in its name first.
    pub fn look_into(self, focus: String) {
        let file = self.hidden.with_value(|hidden| {
            let hidden = hidden.borrow();
            let (name, bytes) = hidden.files.model.as_ref()?;
            file::of_bytes(name, bytes)
        });
        if let Some(file) = file {
            self.show_files(&[file], focus);
        }
    }

    fn hear_files(self, heard: Result<Heard<Reply>, Failure>) {
        let Heard { message, blobs, .. } = match heard {
            Ok(heard) => heard,
            Err(failure) => return self.tell(failure, true),
        };
        match (message, blobs.into_iter().next()) {
            (Reply::Model { name }, Some(bytes)) => {
                self.files.set(Some(false));
                self.open_model(name, bytes);
            }
            (Reply::Model { .. }, None) => {}
            (Reply::Tell(failure), _) => self.tell(failure, false),
        }
    }

    /// Shows files on their screen; the first tensor with `focus` in its name is looked at.
    pub(super) fn show_files(self, files: &[File], focus: String) {
        match self.call(MODULE, &Call::Open { focus }, files, move |heard| self.hear_files(heard)) {
            Ok(()) => self.files.set(Some(true)),
            Err(failure) => self.tell(failure, true),
        }
    }

    /// Says something to a screen that is a module of its own, which is loaded first if it was not; then `hear` hears it.
    pub(super) fn call<C: Serialize, R: DeserializeOwned>(
        self,
        module: &'static str,
        call: &C,
        files: &[File],
        hear: impl Fn(Result<Heard<R>, Failure>) + 'static,
    ) -> Result<(), Failure> {
        self.hidden.with_value(|hidden| {
            let ports = &mut hidden.borrow_mut().ports;
            let port = match ports.entry(module) {
                Entry::Occupied(port) => port.into_mut(),
                Entry::Vacant(place) => {
                    let port = module::load(module, move |failure| self.tell(failure, true))?;
                    place.insert(Port::new(port, hear))
                }
            };
            port.send_files(call, files)
        })
    }
}
