//! What is to be made true of the bench, and how far it is.

use fewbit_quant::{QuantError, Recipe};
use fewbit_runtime::{Control, RunReport};

use super::Engine;
use super::learn::{Learning, Mode};
use crate::protocol::{Effort, Event, Focus, Stage};

/// While answers come in, samples are shown anew after about so many.
const SHOWN_EVERY: u32 = 512;
/// Samples between two partial results.
const CHUNK: u32 = 64;
/// Partial results without samples follow one another no sooner than after so many milliseconds: a page that shows
/// more of them than that takes the processor from the one who computes them.
const TOLD_EVERY: f64 = 80.0;

/// What is to be made true.
pub(super) struct Goal {
    pub(super) revision: u64,
    pub(super) recipe: Recipe,
    pub(super) focus: Focus,
    /// Where the layers come from.
    pub(super) way: Way,
    /// How far it is.
    pub(super) reached: Reached,
    /// What its answers took so far.
    effort: Effort,
    /// When answers were last told of, by the host's clock.
    told: Option<f64>,
}

/// Where the layers of a goal come from.
pub(super) enum Way {
    /// They are rounded to nearest.
    Nearest,
    /// They are rounded to nearest, and learn from there.
    Learn(Box<Learning>),
    /// They are those of a finished run.
    Kept(u64),
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reached {
    /// Asked for.
    Nothing,
    /// Codes and grids are made, their errors and the size told.
    Applied,
    /// The layers are measured.
    Layers,
    /// The quantized model has been given what it has to have, and is being heard.
    Asked,
    /// All answers are in.
    Answers,
    /// There is nothing more to tell.
    Settled,
}

impl Goal {
    pub(super) fn new(revision: u64, recipe: Recipe, focus: Focus, way: Way) -> Self {
        Self {
            revision,
            recipe,
            focus,
            way,
            reached: Reached::Nothing,
            effort: Effort::default(),
            told: None,
        }
    }

    /// Whether the next unit is one of learning. Nothing is measured before the run has ended.
    pub(super) fn learns(&self) -> bool {
        self.reached == Reached::Applied && matches!(self.way, Way::Learn(_))
    }

    pub(super) fn has_work(&self) -> bool {
        match &self.way {
            Way::Learn(learning) if self.learns() => learning.mode != Mode::Paused,
            _ => self.reached < Reached::Settled,
        }
    }
}

impl Engine {
    /// Takes another recipe for the goal.
    pub(super) fn update(&mut self, revision: u64, recipe: Recipe, focus: Focus) {
        self.sweep = None;
        let learns_already = self
            .goal
            .as_mut()
            .filter(|goal| matches!(&goal.way, Way::Learn(learning) if learning.recipe == recipe));
        if let Some(goal) = learns_already {
            // Told anew; what was learned stays.
            (goal.revision, goal.focus, goal.reached) = (revision, focus, Reached::Nothing);
            return;
        }
        self.put_aside();
        let adopted = self.bench.as_ref().and_then(|bench| bench.adopted.as_ref());
        let there = adopted.filter(|run| run.recipe == recipe).map(|run| run.id);
        let way = match self.shelved.take_if(|learning| learning.recipe == recipe) {
            Some(learning) => Way::Learn(learning),
            None => there.or_else(|| self.kept.of(&recipe)).map_or(Way::Nearest, Way::Kept),
        };
        self.goal = Some(Goal::new(revision, recipe, focus, way));
    }

    /// Brings the goal one step nearer.
    pub(super) async fn work_on_goal(&mut self, control: &Control<'_>) -> Result<(), QuantError> {
        let (Some(goal), Some(bench)) = (&mut self.goal, &mut self.bench) else {
            self.stop();
            return Ok(());
        };
        let host = &*self.host;
        let tell = |event: Event| host.emit(event, None);
        let progress = |stage: Stage| {
            move |done: usize, total: usize| {
                tell(Event::Progress { stage, done: done as u32, total: total as u32 });
            }
        };
        let (revision, started) = (goal.revision, host.now_millis());
        let effort = |report: RunReport| Effort {
            ran: report.ran as u32,
            needed: report.needed as u32,
            millis: host.now_millis() - started,
        };
        match goal.reached {
            Reached::Nothing => {
                let seen = &mut progress(Stage::Calibrating);
                let run = match goal.way {
                    Way::Kept(id) => self.kept.get(id),
                    Way::Nearest | Way::Learn(_) => None,
                };
                let ran = match run {
                    _ if matches!(goal.way, Way::Kept(id) if bench.run() == Some(id)) => 0,
                    Some(run) => {
                        bench.leave_run();
                        if !run.network.is_rewritten() {
                            bench.observe(&self.cpu, &goal.recipe, control, seen).await?;
                        }
                        bench.adopt(&run.outcome, &run.network);
                        run.network.layers().len()
                    }
                    None => {
                        bench.leave_run();
                        bench.observe(&self.cpu, &goal.recipe, control, seen).await?;
                        bench.apply(&goal.recipe)?
                    }
                };
                goal.reached = Reached::Applied;
                if let Some(view) = bench.view(goal.focus)? {
                    tell(Event::Viewed { revision, view });
                }
                let (layers, size) = (bench.reports(), bench.size());
                let effort = effort(RunReport { ran, needed: layers.len() });
                tell(Event::Applied { revision, run: bench.run(), layers, size, effort });
            }
            Reached::Applied => {
                let report = bench.measure_layers(&*self.backend, control).await?;
                goal.reached = Reached::Layers;
                let (layers, samples) = (bench.reports(), bench.layer_samples());
                tell(Event::Layers { revision, layers, samples, effort: effort(report) });
            }
            Reached::Layers => {
                let backend = &*self.backend;
                let any = bench.prepare_answers(backend, control, &mut progress(Stage::FloatAnswers)).await?;
                goal.reached = if any { Reached::Asked } else { Reached::Answers };
                (goal.effort, goal.told) = (Effort::default(), None);
            }
            Reached::Asked => {
                let Some(report) = bench.next_answers(control).await? else {
                    goal.reached = Reached::Answers;
                    return Ok(());
                };
                let step = effort(report);
                goal.effort.ran += step.ran;
                goal.effort.needed += step.needed;
                goal.effort.millis += step.millis;
                let Some(evaluation) = bench.evaluation() else { return Ok(()) };
                let is_worth_showing = evaluation.n == evaluation.of || evaluation.n % SHOWN_EVERY < CHUNK;
                let now = host.now_millis();
                if is_worth_showing || goal.told.is_none_or(|last| now - last >= TOLD_EVERY) {
                    goal.told = Some(now);
                    tell(Event::Progress { stage: Stage::Answers, done: evaluation.n, total: evaluation.of });
                    let answers = if is_worth_showing { bench.answers() } else { Vec::new() };
                    tell(Event::Evaluated { revision, evaluation, answers, effort: goal.effort });
                }
            }
            Reached::Answers | Reached::Settled => {
                let seen = &mut progress(Stage::Calibrating);
                let is_news = bench.observe_distributions(&self.cpu, control, seen).await?;
                goal.reached = Reached::Settled;
                if let Some(view) = if is_news { bench.view(goal.focus)? } else { None } {
                    tell(Event::Viewed { revision, view });
                }
                self.conclude();
                self.emit(Event::Settled { revision });
            }
        }
        Ok(())
    }
}
