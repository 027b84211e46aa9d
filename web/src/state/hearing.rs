//! What the engine says, put where it belongs.

use fewbit_experiment::failure::Code;
use fewbit_experiment::protocol::{DataFacts, Event};
use fewbit_experiment::{Command, Failure, ModelRef};
use fewbit_quant::report::{Evaluation, ModelFacts};
use js_sys::Uint8Array;
use leptos::prelude::*;

use super::results::newer;
use super::{Desk, Hidden, Of, Prediction, Progress, Speed, Tried};
use crate::platform::file;

/// Most configurations that the scatter keeps.
const MOST_TRIED: usize = 400;
/// How often a dead worker is started again without being asked.
const MOST_RESTARTS: u32 = 3;

impl Desk {
    pub(super) fn hear(self, event: Event, blobs: Vec<Uint8Array>) {
        let results = self.results;
        match event {
            Event::Ready(info) => results.engine.set(Some(info)),
            Event::Loaded { facts, data } => {
                self.loaded(facts, data);
                self.tell_wanted();
            }
            Event::Data(data) => self.extended(data),
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
                if evaluation.n == evaluation.of && effort.ran == effort.needed && effort.millis > 0.0 {
                    let macs = results.facts.with_untracked(|facts| facts.as_ref().map(|facts| facts.macs));
                    let pace = macs.map(|macs| macs as f64 * f64::from(evaluation.n) / effort.millis);
                    results.pace.set(pace.filter(|pace| *pace > 0.0));
                }
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
                self.fetch_calibration();
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
            // That the gallery's data do not fit a model of one's own is no surprise.
            Event::Warning(failure) if failure.code == Code::UnreadableData && self.has_gallery_data() => {}
            Event::Warning(failure) => self.tell(failure, false),
            Event::Failed(failure) => self.failed(failure),
        }
    }

    /// Whether the data that are there, or come with a model that is being opened, are the gallery's.
    fn has_gallery_data(self) -> bool {
        self.hidden.with_value(|hidden| {
            let hidden = hidden.borrow();
            let coming = hidden.candidate.as_ref().map(|(_, files)| files);
            coming.unwrap_or(&hidden.files).from_gallery
        })
    }

    fn loaded(self, facts: ModelFacts, data: DataFacts) {
        let candidate = self.hidden.with_value(|hidden| {
            let mut hidden = hidden.borrow_mut();
            hidden.restarts = 0;
            hidden.candidate.take()
        });
        let is_new = candidate.is_some();
        if let Some((ModelRef::File { name, .. }, files)) = candidate {
            self.hidden.with_value(|hidden| hidden.borrow_mut().files = files);
            self.results.clear();
            // The engine has the file already: the document follows without loading again. If it is what a link was
            // about, its recipe holds, and so do its lengths.
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
        let lengths = self.lengths();
        let is_as_told = |(name, length): (&String, &usize)| facts.lengths.get(name) == Some(&Some(*length));
        if is_new && !lengths.iter().all(is_as_told) {
            let files = self.hidden.with_value(|hidden| hidden.borrow().files.clone());
            return self.send_files(&files, lengths);
        }
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

    /// There are more calibration samples. A recipe that asks for more than there were is not true yet.
    fn extended(self, data: DataFacts) {
        let before =
            self.results.data.with_untracked(|data| data.as_ref().map_or(0, |data| data.calibration));
        self.results.data.set(Some(data));
        if self.recipe_now().calibration_samples > before {
            self.next_revision();
            self.ask_update();
        }
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
