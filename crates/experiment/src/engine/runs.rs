//! Runs: begun, paused, continued, stopped, shown again.

use fewbit_quant::{QuantError, Recipe};
use fewbit_runtime::Control;

use super::goal::{Goal, Reached, Way};
use super::kept::KeptRun;
use super::learn::{self, Learning, Mode, Tools};
use super::{Engine, nothing_there};
use crate::failure::{Code, Failure};
use crate::protocol::{Event, Focus};
use crate::runs::Phase;

impl Engine {
    /// Begins a run.
    pub(super) fn begin_run(
        &mut self,
        revision: u64,
        id: u64,
        recipe: Recipe,
        focus: Focus,
    ) -> Result<(), Failure> {
        let bench = self.bench.as_ref().ok_or_else(nothing_there)?;
        if let Some(caveat) = learn::caveat(bench, &recipe) {
            self.emit(Event::Warning(caveat));
        }
        self.put_aside();
        self.drop_shelved();
        self.sweep = None;
        self.emit(Event::Run { id, phase: Phase::Learning });
        let way = Way::Learn(Box::new(Learning::new(id, recipe.clone())));
        self.goal = Some(Goal::new(revision, recipe, focus, way));
        Ok(())
    }

    /// The run that is worked on.
    fn learning(&mut self) -> Option<&mut Learning> {
        match &mut self.goal.as_mut()?.way {
            Way::Learn(learning) => Some(learning),
            Way::Nearest | Way::Kept(_) => None,
        }
    }

    pub(super) fn pause_run(&mut self) {
        if let Some(learning) = self.learning().filter(|learning| learning.mode != Mode::Paused) {
            learning.mode = Mode::Paused;
            let id = learning.id;
            self.emit(Event::Run { id, phase: Phase::Paused });
        }
    }

    /// Whether a run is at work.
    pub(super) fn is_learning(&mut self) -> bool {
        self.learning().is_some_and(|learning| learning.mode == Mode::Running)
    }

    /// Lets the run that stands still go on, as what it was for before.
    pub(super) fn take_up_run(&mut self) {
        if let Some(learning) = self.learning() {
            learning.mode = Mode::Running;
            let id = learning.id;
            self.emit(Event::Run { id, phase: Phase::Learning });
        }
    }

    /// Lets the run go on, for good or for one unit.
    pub(super) fn continue_run(&mut self, revision: u64, mode: Mode) -> Result<(), Failure> {
        if let Some(learning) = self.shelved.take() {
            self.put_aside();
            let focus = self.goal.as_ref().map_or(Focus::default(), |goal| goal.focus);
            let recipe = learning.recipe.clone();
            self.goal = Some(Goal::new(revision, recipe, focus, Way::Learn(learning)));
        }
        let Some(learning) = self.learning() else {
            return Err(Failure::new(Code::Engine, "there is no run that could go on").hint("begin one"));
        };
        learning.mode = mode;
        let id = learning.id;
        if let Some(goal) = self.goal.as_mut().filter(|goal| goal.revision != revision) {
            (goal.revision, goal.reached) = (revision, Reached::Nothing);
        }
        self.emit(Event::Run { id, phase: Phase::Learning });
        Ok(())
    }

    /// Ends the run; nothing if it has ended by itself.
    pub(super) fn stop_run(&mut self, revision: u64, keep: bool) {
        if self.learning().is_none() {
            let Some(shelved) = self.shelved.take() else { return };
            if !(keep && shelved.has_begun()) {
                let id = shelved.id;
                return self.emit(Event::Run { id, phase: Phase::Dropped });
            }
            self.put_aside();
            let focus = self.goal.as_ref().map_or(Focus::default(), |goal| goal.focus);
            self.goal = Some(Goal::new(revision, shelved.recipe.clone(), focus, Way::Learn(shelved)));
        }
        self.end_run(revision, keep);
    }

    /// What becomes of the run that is worked on: it is kept and measured, or it is dropped and rounding to nearest is.
    fn end_run(&mut self, revision: u64, keep: bool) {
        let Some(goal) = &mut self.goal else { return };
        let Way::Learn(learning) = std::mem::replace(&mut goal.way, Way::Nearest) else { return };
        let id = learning.id;
        let ended = if keep { learning.finish() } else { None };
        (goal.revision, goal.reached) = (revision, Reached::Nothing);
        let phase = match ended {
            Some((outcome, network)) => {
                goal.way = Way::Kept(id);
                self.kept.push(KeptRun { outcome, network, told: false });
                Phase::Measuring
            }
            None => Phase::Dropped,
        };
        self.emit(Event::Run { id, phase });
    }

    /// Puts the network of a finished run on the bench again.
    pub(super) fn show_run(&mut self, revision: u64, id: u64, focus: Focus) -> Result<(), Failure> {
        let Some(run) = self.kept.get(id) else {
            return Err(Failure::new(Code::Engine, format!("the network of run {id} is no longer kept"))
                .hint("run its recipe again: the same seed gives the same network"));
        };
        let recipe = run.outcome.recipe.clone();
        self.put_aside();
        self.sweep = None;
        self.goal = Some(Goal::new(revision, recipe, focus, Way::Kept(id)));
        Ok(())
    }

    /// Makes room for another goal: a run is paused and put aside, a finished one is told as it is.
    pub(super) fn put_aside(&mut self) {
        self.pause_run();
        let Some(goal) = &mut self.goal else { return };
        match std::mem::replace(&mut goal.way, Way::Nearest) {
            Way::Learn(learning) => self.shelved = Some(learning),
            Way::Kept(id) => self.tell_run(id),
            Way::Nearest => {}
        }
    }

    fn drop_shelved(&mut self) {
        if let Some(learning) = self.shelved.take() {
            self.emit(Event::Run { id: learning.id, phase: Phase::Dropped });
        }
    }

    /// Another model or other data: no run is about them.
    pub(super) fn forget_runs(&mut self) {
        self.put_aside();
        self.drop_shelved();
        self.kept.clear();
    }

    /// The goal goes no further. A run that has not begun to learn is put aside for later.
    pub(super) fn settle(&mut self) {
        let Some(goal) = &mut self.goal else { return };
        if goal.learns() {
            return;
        }
        match goal.way {
            Way::Learn(_) => self.put_aside(),
            Way::Kept(id) => self.tell_run(id),
            Way::Nearest => {}
        }
        if let Some(goal) = &mut self.goal {
            goal.reached = Reached::Settled;
        }
    }

    /// Tells what came of a run, if nobody was told.
    fn tell_run(&mut self, id: u64) {
        if let Some(run) = self.kept.get_mut(id).filter(|run| !run.told) {
            run.told = true;
            let outcome = Box::new(run.outcome.clone());
            self.emit(Event::Learned(outcome));
        }
    }

    /// All is measured: tells what came of the run that is on the bench, if that is news.
    pub(super) fn conclude(&mut self) {
        let (Some(Goal { way: Way::Kept(id), .. }), Some(bench)) = (&self.goal, &self.bench) else { return };
        let Some(run) = self.kept.get_mut(*id) else { return };
        if run.outcome.evaluation.is_none() {
            run.outcome.layers = bench.reports();
            run.outcome.evaluation = bench.evaluation();
            run.outcome.correct = bench.correctness();
            run.told &= run.outcome.evaluation.is_none();
        }
        let id = run.outcome.id;
        self.tell_run(id);
    }

    /// Lets the run do one unit.
    pub(super) async fn learn_one(&mut self, control: &Control<'_>) -> Result<(), QuantError> {
        let (Some(goal), Some(bench)) = (&mut self.goal, &self.bench) else { return Ok(()) };
        let (revision, Way::Learn(learning)) = (goal.revision, &mut goal.way) else { return Ok(()) };
        let host = &*self.host;
        let (now_millis, control) = (&|| host.now_millis(), *control);
        let tools = Tools { backend: &*self.backend, cpu: &self.cpu, now_millis, control };
        if let Some(unit) = learning.advance(bench, &tools).await? {
            if let Some((method, rate)) = unit.pace {
                self.paces.learned(method, rate);
            }
            let advance = unit.advance;
            let (id, phase) = (learning.id, Phase::Paused);
            host.emit(
                Event::Learning {
                    id,
                    step: unit.step as u32,
                    of: learning.recipe.pipeline.steps().len() as u32,
                    place: advance.place,
                    done: advance.done,
                    total: advance.total,
                    millis: learning.millis(),
                    frames: advance.frames,
                    findings: advance.findings,
                },
                None,
            );
            if learning.mode == Mode::Paused && !learning.is_finished() {
                host.emit(Event::Run { id, phase }, None);
            }
        }
        if learning.is_finished() {
            self.end_run(revision, true);
        }
        Ok(())
    }

    /// After a failure: a run that has learned something stands still where it was, and so does one whose device is lost; with
    /// another device its method goes on from its own last checkpoint. Another one is dropped. Says what became of it.
    pub(super) fn spare_run(&mut self, device_is_lost: bool) -> Option<&'static str> {
        let has_begun = self.learning()?.has_begun();
        if device_is_lost {
            return Some("a run goes on from its last checkpoint once there is an engine again");
        }
        if has_begun {
            return Some("the run is paused: keep what it learned, or drop it");
        }
        let revision = self.goal.as_ref()?.revision;
        self.end_run(revision, false);
        if let Some(goal) = &mut self.goal {
            goal.reached = Reached::Settled;
        }
        None
    }
}
