//! Runs of a pipeline: what the engine says of them, and what a person may ask.

use std::sync::Arc;

use fewbit_experiment::link::Linked;
use fewbit_experiment::protocol::{Event, Request};
use fewbit_experiment::replay::{Expectation, Verdict};
use fewbit_experiment::runs::{Estimate, Outcome, Phase};
use fewbit_quant::Recipe;
use fewbit_quant::methods::Frame;
use leptos::prelude::*;

use super::Desk;

/// Most pictures of one run that are kept to be looked at again.
const MOST_SHOTS: usize = 4_000;

/// A run that is not finished.
#[derive(Clone, Debug, PartialEq)]
pub struct Running {
    /// The run.
    pub id: u64,
    /// Where it stands.
    pub phase: Phase,
    /// The recipe that is run.
    pub recipe: Recipe,
    /// The step of the pipeline, from 0.
    pub step: u32,
    /// The layer or block that is worked on.
    pub place: String,
    /// Units of the step that are done.
    pub done: u32,
    /// Units of the step in all.
    pub total: u32,
    /// What it took so far, in milliseconds.
    pub millis: f64,
}

/// A picture of an algorithm at work, and where it was taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Shot {
    /// The step of the pipeline, from 0.
    pub step: u32,
    /// The layer or block.
    pub place: String,
    /// The picture.
    pub frame: Arc<Frame>,
}

/// What is known of runs.
#[derive(Clone, Copy)]
pub struct Learning {
    /// The run that is not finished.
    pub running: RwSignal<Option<Running>>,
    /// Pictures of the newest run, in order.
    pub shots: RwSignal<Vec<Shot>>,
    /// What a run of the recipe would need and take.
    pub estimate: RwSignal<Option<Estimate>>,
    /// What came of the runs so far, in order.
    pub outcomes: RwSignal<Vec<Outcome>>,
    /// The finished run whose network is on the bench.
    pub shown: RwSignal<Option<u64>>,
    /// The recipe of the link that was opened, and what it says came of it.
    pub expected: RwSignal<Option<(Recipe, Expectation)>>,
    /// What came of replaying it.
    pub verdict: RwSignal<Option<Verdict>>,
    counter: StoredValue<u64>,
}

impl Learning {
    pub(super) fn new() -> Self {
        Self {
            running: RwSignal::new(None),
            shots: RwSignal::new(Vec::new()),
            estimate: RwSignal::new(None),
            outcomes: RwSignal::new(Vec::new()),
            shown: RwSignal::new(None),
            expected: RwSignal::new(None),
            verdict: RwSignal::new(None),
            counter: StoredValue::new(0),
        }
    }

    /// Another model: nothing that was said is true of it.
    pub(super) fn clear(self) {
        self.running.set(None);
        self.shots.set(Vec::new());
        self.estimate.set(None);
        self.outcomes.set(Vec::new());
        self.shown.set(None);
        self.verdict.set(None);
    }

    fn next(self) -> u64 {
        self.counter.update_value(|count| *count += 1);
        self.counter.get_value()
    }

    /// Takes in what the engine said of a run.
    pub(super) fn hear(self, event: Event) {
        match event {
            Event::Estimated { id, estimate } if id == self.counter.get_value() => {
                self.estimate.set(Some(estimate));
            }
            Event::Run { id, phase } => self.running.update(|running| {
                if phase == Phase::Dropped {
                    running.take_if(|running| running.id == id);
                } else if let Some(running) = running.as_mut().filter(|running| running.id == id) {
                    running.phase = phase;
                }
            }),
            Event::Learning { id, step, place, done, total, millis, frames, .. } => {
                self.running.update(|running| {
                    if let Some(running) = running.as_mut().filter(|running| running.id == id) {
                        *running =
                            Running { step, place: place.clone(), done, total, millis, ..running.clone() };
                    }
                });
                if !frames.is_empty() {
                    self.shots.update(|shots| {
                        shots.extend(frames.into_iter().map(|frame| Shot {
                            step,
                            place: place.clone(),
                            frame: Arc::new(frame),
                        }));
                        let surplus = shots.len().saturating_sub(MOST_SHOTS);
                        shots.drain(..surplus);
                    });
                }
            }
            Event::Learned(outcome) => self.learned(*outcome),
            _ => {}
        }
    }

    fn learned(self, outcome: Outcome) {
        let id = outcome.id;
        let finished = self.running.with_untracked(|running| running.as_ref().is_some_and(|r| r.id == id));
        if finished {
            self.running.set(None);
        }
        if let Some((recipe, expected)) = self.expected.get_untracked()
            && outcome.complete
            && outcome.recipe == recipe
        {
            self.verdict.set(Some(expected.compare(&expectation(&outcome))));
        }
        self.outcomes.update(|outcomes| match outcomes.iter_mut().find(|known| known.id == id) {
            Some(known) => *known = outcome,
            None => outcomes.push(outcome),
        });
        self.shown.set(Some(id));
    }
}

/// What a link says of a run.
pub fn expectation(outcome: &Outcome) -> Expectation {
    let correct = outcome.evaluation.as_ref().and_then(|e| Some((e.correct?, e.n)));
    Expectation { layers: outcome.fingerprint.clone(), correct }
}

impl Desk {
    /// Keeps what a link says came of it, for a replay to be compared with.
    pub fn expect(self, linked: &Linked) {
        let recipe = linked.document.recipe.clone();
        self.results
            .learning
            .expected
            .set(linked.expectation.clone().map(|expectation| (recipe, expectation)));
        self.results.learning.verdict.set(None);
    }

    /// Whether a run now would replay the link that was opened, tracked.
    pub fn would_replay(self) -> bool {
        let recipe = self.document().recipe;
        self.results
            .learning
            .expected
            .with(|expected| expected.as_ref().is_some_and(|(expected, _)| recipe == *expected))
    }

    /// Asks what a run of the recipe would need and take.
    pub fn estimate(self) {
        let learning = self.results.learning;
        let (id, recipe) = (learning.next(), self.recipe_now());
        self.send(Request::Estimate { id, recipe }, Vec::new());
    }

    /// Runs the recipe's pipeline.
    pub fn run(self) {
        let learning = self.results.learning;
        let (id, recipe) = (learning.next(), self.recipe_now());
        learning.shots.set(Vec::new());
        learning.verdict.set(None);
        learning.running.set(Some(Running {
            id,
            phase: Phase::Learning,
            recipe: recipe.clone(),
            step: 0,
            place: String::new(),
            done: 0,
            total: 0,
            millis: 0.0,
        }));
        let revision = self.next_revision();
        self.send(Request::Run { revision, id, recipe, focus: self.focus() }, Vec::new());
    }

    /// Lets the run stand still.
    pub fn pause_run(self) {
        self.send(Request::Pause, Vec::new());
    }

    /// Lets the run go on.
    pub fn resume_run(self) {
        self.return_to_run();
        self.send(Request::Resume { revision: self.next_revision() }, Vec::new());
    }

    /// Lets the run do one unit of work.
    pub fn step_run(self) {
        self.return_to_run();
        self.send(Request::Step { revision: self.next_revision() }, Vec::new());
    }

    /// Ends the run; what it learned so far is kept if asked.
    pub fn stop_run(self, keep: bool) {
        if keep {
            self.return_to_run();
        }
        self.send(Request::Stop { revision: self.next_revision(), keep }, Vec::new());
        if !keep {
            self.results.learning.running.set(None);
        }
    }

    /// Puts a finished run's network on the bench again, and its recipe.
    pub fn show_run(self, id: u64) {
        let learning = self.results.learning;
        let recipe = learning.outcomes.with_untracked(|outcomes| {
            outcomes.iter().find(|outcome| outcome.id == id).map(|outcome| outcome.recipe.clone())
        });
        let Some(recipe) = recipe else { return };
        self.set_recipe_quietly(recipe);
        learning.shown.set(Some(id));
        let revision = self.next_revision();
        self.send(Request::Show { revision, id, focus: self.focus() }, Vec::new());
    }

    /// The run's recipe may have been changed while it stood still.
    fn return_to_run(self) {
        let recipe = self
            .results
            .learning
            .running
            .with_untracked(|running| running.as_ref().map(|r| r.recipe.clone()));
        if let Some(recipe) = recipe {
            self.set_recipe_quietly(recipe);
        }
    }
}
