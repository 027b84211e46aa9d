//! A person's own data: their screen is loaded when it is first asked for.

use fewbit_data::Wanted;
use fewbit_experiment::Failure;
use leptos::prelude::*;

use super::Desk;
use crate::data::protocol::{Call, Reply};
use crate::platform::file::{File, Given};
use crate::platform::port::Heard;

/// The module's name, and the id of the element that it shows itself in.
const MODULE: &str = "data";

impl Desk {
    /// Shows the screen of data, with files if any are given.
    pub fn show_data(self, given: Vec<Given>) {
        self.tell_data_screen(given);
        self.data.set(Some(true));
    }

    /// Tells the screen of data, if there is one, what the model on the bench takes.
    pub(super) fn tell_wanted(self) {
        if self.data.with_untracked(Option::is_some) {
            self.tell_data_screen(Vec::new());
        }
    }

    fn tell_data_screen(self, given: Vec<Given>) {
        let (paths, files): (Vec<String>, Vec<File>) =
            given.into_iter().map(|given| (given.path, given.file)).unzip();
        let model = self.results.facts.with_untracked(|facts| facts.as_ref().map(|facts| facts.name.clone()));
        let wanted = self.results.data.with_untracked(|data| {
            let data = data.as_ref().filter(|data| !data.sample_shape.is_empty())?;
            Some(Wanted {
                sample_shape: data.sample_shape.clone(),
                vocabulary: data.vocabulary,
                classes: data.classes.clone(),
            })
        });
        let call = Call { paths, model: model.zip(wanted) };
        if let Err(failure) = self.call(MODULE, &call, &files, move |heard| self.hear_data(heard)) {
            self.tell(failure, true);
        }
    }

    fn hear_data(self, heard: Result<Heard<Reply>, Failure>) {
        let Heard { message, blobs, .. } = match heard {
            Ok(heard) => heard,
            Err(failure) => return self.tell(failure, true),
        };
        match (message, blobs.into_iter().next()) {
            (Reply::Data { name, classes }, Some(bytes)) => {
                self.data.set(Some(false));
                self.open_data(name, bytes, classes);
            }
            (Reply::Data { .. }, None) => {}
            (Reply::Tell(failure), _) => self.tell(failure, false),
        }
    }
}
