//! Runs of a pipeline, unit by unit, on `fashion-lenet` and a few images.

use std::cell::Cell;
use std::rc::Rc;

use fewbit_experiment::failure::Code;
use fewbit_experiment::protocol::{Event, ExportForm, Request};
use fewbit_experiment::replay::{Expectation, Verdict, fingerprint};
use fewbit_experiment::runs::{Outcome, PaceSource, Phase};
use fewbit_experiment::{Document, ModelRef, link};
use fewbit_graph::{Bindings, Graph};
use fewbit_quant::{Paired, Recipe};
use fewbit_runtime::cpu::Cpu;
use fewbit_runtime::{Backend, BackendInfo, Keep, LocalFuture, Plan, RunError};

use super::documents::choice;
use super::engine::{Bench, FOCUS, recipe};

/// Two bits for weights, and a pipeline.
fn with(pipeline: &str) -> Recipe {
    Recipe { weights: choice("int2@channel"), pipeline: pipeline.parse().unwrap(), ..recipe(2) }
}

/// A pipeline of two steps, the first of which takes many units.
fn long() -> Recipe {
    with("adaround(iterations=8),bias-correct")
}

impl Bench {
    fn run(&mut self, id: u64, recipe: &Recipe) -> Vec<Event> {
        let request = Request::Run { revision: 100 + id, id, recipe: recipe.clone(), focus: FOCUS };
        self.receive(request, Vec::new())
    }

    /// Units until one has learned `count` times.
    fn learn(&mut self, count: usize) {
        let mut seen = 0;
        while seen < count {
            assert!(self.advance(), "it ended after {seen} units");
            seen += self.notes.take().iter().filter(|event| matches!(event, Event::Learning { .. })).count();
        }
    }

    /// Runs to the end.
    fn outcome(&mut self, id: u64, recipe: &Recipe) -> Box<Outcome> {
        self.run(id, recipe);
        learned(&self.settle())
    }

    fn hashes(&self) -> Vec<u32> {
        fingerprint(self.engine.bench().unwrap().layers())
    }

    fn adopted(&self) -> Option<u64> {
        self.engine.bench().unwrap().run()
    }
}

fn learned(events: &[Event]) -> Box<Outcome> {
    let mut outcomes = events.iter().filter_map(|event| match event {
        Event::Learned(outcome) => Some(outcome.clone()),
        Event::Failed(failure) => panic!("{failure}"),
        _ => None,
    });
    let outcome = outcomes.next().unwrap_or_else(|| panic!("nothing was learned: {events:?}"));
    assert!(outcomes.next().is_none(), "told twice");
    outcome
}

fn phases(events: &[Event]) -> Vec<Phase> {
    let phase = |event: &Event| match event {
        Event::Run { phase, .. } => Some(*phase),
        _ => None,
    };
    events.iter().filter_map(phase).collect()
}

/// The hashes of the recipe rounded to nearest.
fn nearest(recipe: &Recipe) -> Vec<u32> {
    let mut bench = Bench::loaded();
    bench.update(1, recipe);
    bench.settle();
    bench.hashes()
}

#[test]
fn a_run_learns_and_is_measured_like_anything_else() {
    let mut bench = Bench::loaded();
    let events = bench.run(7, &long());
    assert_eq!(phases(&events), [Phase::Learning]);
    let events = bench.settle();
    let steps: Vec<u32> = events
        .iter()
        .filter_map(|event| match event {
            Event::Learning { id: 7, step, of: 2, done, total, .. } => {
                assert!(done <= total);
                Some(*step)
            }
            _ => None,
        })
        .collect();
    assert!(steps.is_sorted() && steps.contains(&0) && steps.contains(&1), "{steps:?}");
    let runs: Vec<Option<u64>> = events
        .iter()
        .filter_map(|event| match event {
            Event::Applied { revision: 107, run, .. } => Some(*run),
            _ => None,
        })
        .collect();
    assert_eq!(runs, [None, Some(7)], "rounded to nearest first, then the run's network");
    assert!(matches!(events.last(), Some(Event::Settled { revision: 107 })));
    let outcome = learned(&events);
    let names: Vec<&str> = outcome.steps.iter().map(|step| step.step.as_str()).collect();
    assert_eq!(names, ["adaround(iterations=8)", "bias-correct"]);
    assert!(outcome.complete && outcome.steps.iter().all(|step| step.complete && !step.findings.is_empty()));
    assert_eq!((outcome.id, outcome.recipe), (7, long()));
    let evaluation = outcome.evaluation.unwrap();
    assert_eq!((outcome.correct.len(), Some(outcome.correct.count())), (96, evaluation.correct));
    assert!(outcome.layers.iter().all(|layer| layer.cumulative.is_some()));
    assert_eq!(outcome.fingerprint, bench.hashes());
    assert_ne!(outcome.fingerprint, nearest(&long()));
}

#[test]
fn one_seed_gives_one_network_and_a_replay_says_so() {
    let outcomes = [0, 1].map(|_| Bench::loaded().outcome(1, &long()));
    assert_eq!(outcomes[0].fingerprint, outcomes[1].fingerprint);
    let expectation = |outcome: &Outcome| Expectation {
        layers: outcome.fingerprint.clone(),
        correct: Some((outcome.correct.count(), outcome.correct.len())),
    };
    let document = Document { recipe: long(), ..Document::of(ModelRef::Gallery("fashion-lenet".to_owned())) };
    let text = link::write_with(&document, Some(&expectation(&outcomes[0]))).unwrap();
    let linked = link::open(&text).unwrap();
    assert_eq!(linked.document, document);
    let expected = linked.expectation.unwrap();
    assert_eq!(expected.compare(&expectation(&outcomes[1])), Verdict::Reproduced);
    let paired = Paired::of(&outcomes[0].correct, &outcomes[1].correct).unwrap();
    assert_eq!((paired.only_first, paired.only_second), (0, 0));

    let other = Bench::loaded().outcome(1, &with("adaround(iterations=40)"));
    let Verdict::Differs { layers, accuracy } = expected.compare(&expectation(&other)) else {
        panic!("it was not the same pipeline");
    };
    assert!(!layers.is_empty() && accuracy.is_some());
}

#[test]
fn pausing_stepping_and_interrupting_change_nothing_of_the_result() {
    let straight = Bench::loaded().outcome(1, &long());
    let mut bench = Bench::loaded();
    bench.run(1, &long());
    bench.learn(3);
    assert_eq!(phases(&bench.receive(Request::Pause, Vec::new())), [Phase::Paused]);
    assert!(!bench.engine.has_work() && !bench.advance(), "a paused run does nothing");
    for _ in 0..4 {
        bench.receive(Request::Step { revision: 101 }, Vec::new());
        let events = bench.settle();
        let units = events.iter().filter(|event| matches!(event, Event::Learning { .. })).count();
        assert_eq!((units, phases(&events)), (1, vec![Phase::Paused]));
    }
    bench.receive(Request::Resume { revision: 101 }, Vec::new());
    // A cancel in the middle of a unit pauses it.
    assert!(bench.advance_until(2) || bench.engine.has_work());
    let events = bench.receive(Request::Cancel, Vec::new());
    assert!(matches!(events.last(), Some(Event::Cancelled)), "{events:?}");
    assert!(!bench.engine.has_work());
    bench.receive(Request::Resume { revision: 101 }, Vec::new());
    let outcome = learned(&bench.settle());
    assert_eq!(outcome.fingerprint, straight.fingerprint);
    assert_eq!(outcome.evaluation, straight.evaluation);
}

#[test]
fn a_stopped_run_is_kept_as_it_is_or_dropped() {
    for keep in [true, false] {
        let mut bench = Bench::loaded();
        bench.run(3, &with("bias-correct"));
        bench.learn(2);
        let events = bench.receive(Request::Stop { revision: 9, keep }, Vec::new());
        assert_eq!(phases(&events), [if keep { Phase::Measuring } else { Phase::Dropped }]);
        let events = bench.settle();
        assert!(matches!(events.last(), Some(Event::Settled { revision: 9 })));
        let bare = Recipe { pipeline: Default::default(), ..with("bias-correct") };
        if keep {
            let outcome = learned(&events);
            assert!(!outcome.complete && outcome.evaluation.is_some());
            assert_eq!(outcome.fingerprint.len(), 4);
            let (now, before) = (bench.hashes(), nearest(&bare));
            assert!(now[..2] != before[..2] && now[2..] == before[2..], "two layers were corrected");
        } else {
            assert!(!events.iter().any(|event| matches!(event, Event::Learned(_))));
            assert_eq!((bench.adopted(), bench.hashes()), (None, nearest(&bare)));
        }
        // Neither is there to go on.
        let events = bench.receive(Request::Resume { revision: 9 }, Vec::new());
        assert!(matches!(events.as_slice(), [Event::Failed(_)]), "{events:?}");
    }
}

#[test]
fn another_recipe_puts_a_run_aside_and_its_own_brings_it_back() {
    let straight = Bench::loaded().outcome(1, &long());
    let mut bench = Bench::loaded();
    bench.run(1, &long());
    bench.learn(3);
    assert_eq!(phases(&bench.update(2, &recipe(4))), [Phase::Paused]);
    let events = bench.settle();
    assert!(matches!(events.last(), Some(Event::Settled { revision: 2 })));
    assert!(events.iter().all(|event| !matches!(event, Event::Applied { run: Some(_), .. })));
    assert_eq!(bench.hashes(), nearest(&recipe(4)));

    bench.update(3, &long());
    let events = bench.settle();
    assert!(matches!(events.last(), Some(Event::Applied { revision: 3, run: None, .. })), "{events:?}");
    bench.receive(Request::Resume { revision: 3 }, Vec::new());
    assert_eq!(learned(&bench.settle()).fingerprint, straight.fingerprint);
}

#[test]
fn an_update_returns_to_nearest_and_a_finished_run_comes_back_with_its_recipe() {
    let mut bench = Bench::loaded();
    bench.update(1, &recipe(4));
    bench.settle();
    let before = bench.result();
    let float = bench.engine.bench().unwrap().evaluation().unwrap().float_correct;
    // Equalized: the model itself is another one while the run's network lies there, but computes the same in float.
    let outcome = bench.outcome(5, &with("equalize,bias-correct"));
    let after = bench.result();
    assert_eq!((bench.adopted(), outcome.evaluation.unwrap().float_correct), (Some(5), float));

    bench.update(2, &with("equalize,bias-correct"));
    bench.settle();
    assert!(bench.adopted() == Some(5) && bench.result() == after, "the same recipe: its network stays");

    bench.update(3, &recipe(4));
    bench.settle();
    assert!(bench.adopted().is_none() && bench.result() == before, "nothing of the run is left");

    bench.update(4, &with("equalize,bias-correct"));
    bench.settle();
    assert!(bench.adopted() == Some(5) && bench.result() == after, "it need not learn again");

    bench.update(5, &recipe(4));
    bench.settle();
    bench.receive(Request::Show { revision: 6, id: 5, focus: FOCUS }, Vec::new());
    let events = bench.settle();
    assert!(bench.hashes() == outcome.fingerprint && bench.result() == after);
    assert!(!events.iter().any(|event| matches!(event, Event::Learned(_))), "told already");
    let events = bench.receive(Request::Show { revision: 7, id: 8, focus: FOCUS }, Vec::new());
    assert!(matches!(events.as_slice(), [Event::Failed(_)]), "{events:?}");
}

#[test]
fn a_recipe_whose_pipeline_was_not_run_is_rounded_to_nearest_and_says_so() {
    let mut bench = Bench::loaded();
    bench.update(1, &long());
    let events = bench.settle();
    assert!(events.iter().any(|event| matches!(event, Event::Applied { run: None, .. })));
    bench.receive(Request::Export { form: ExportForm::Report }, Vec::new());
    let report = bench.notes.blobs().pop().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&report).unwrap();
    assert_eq!((&report["recipe"]["pipeline"], &report["run"]), (&"".into(), &serde_json::Value::Null));
    bench.receive(Request::Export { form: ExportForm::Page }, Vec::new());
    let page = String::from_utf8(bench.notes.blobs().pop().unwrap()).unwrap();
    assert!(!page.contains("Methods") && page.contains("&quot;pipeline&quot;:&quot;&quot;"));
}

#[test]
fn a_run_that_was_not_measured_is_told_without_answers_and_again_with_them() {
    let mut bench = Bench::loaded();
    bench.run(2, &with("bias-correct"));
    while bench.adopted().is_none() {
        bench.advance();
    }
    bench.notes.take();
    let outcome = learned(&bench.update(3, &recipe(4)));
    assert!(outcome.evaluation.is_none() && outcome.correct.is_empty());
    bench.settle();
    bench.receive(Request::Show { revision: 4, id: 2, focus: FOCUS }, Vec::new());
    let again = learned(&bench.settle());
    assert!(again.evaluation.is_some() && again.fingerprint == outcome.fingerprint);
}

#[test]
fn an_estimate_says_what_is_needed_and_what_is_in_the_way() {
    let mut bench = Bench::loaded();
    bench.update(1, &recipe(4));
    bench.settle();
    let before = bench.result();
    let ask = |bench: &mut Bench, recipe: &Recipe| {
        bench.receive(Request::Estimate { id: 4, recipe: recipe.clone() }, Vec::new());
        match bench.settle().as_slice() {
            [Event::Estimated { id: 4, estimate }] => estimate.clone(),
            other => panic!("{other:?}"),
        }
    };
    let estimate = ask(&mut bench, &long());
    assert_eq!((estimate.steps.len(), estimate.samples, estimate.obstacle), (2, 32, None));
    assert!(estimate.caveat.is_some(), "it would learn from test samples");
    assert!(estimate.steps.iter().all(|step| step.macs > 0.0 && step.pace == PaceSource::Forward));
    assert!(bench.result() == before, "an estimate leaves everything as it is");

    let float = Recipe { weights: choice("float"), activations: choice("float"), ..long() };
    let wrong = Recipe { rules: vec![rule("conv9")], ..long() };
    for (recipe, is_refused) in [(float, false), (wrong, true)] {
        let estimate = ask(&mut bench, &recipe);
        assert_eq!(estimate.obstacle.is_some_and(|o| o.code == Code::BadRecipe), is_refused);
    }
    let events = Bench::empty().receive(Request::Estimate { id: 1, recipe: long() }, Vec::new());
    assert!(matches!(events.as_slice(), [Event::Failed(_)]), "{events:?}");
}

fn rule(pattern: &str) -> fewbit_quant::Rule {
    fewbit_quant::Rule { pattern: pattern.to_owned(), weights: Some(choice("int4")), activations: None }
}

/// A CPU engine whose device can be lost.
struct Fragile {
    cpu: Cpu,
    lost: Rc<Cell<bool>>,
}

struct FragilePlan {
    plan: Box<dyn Plan>,
    lost: Rc<Cell<bool>>,
}

fn alive(lost: &Cell<bool>) -> Result<(), RunError> {
    if lost.get() { Err(RunError::Lost("it was unplugged".to_owned())) } else { Ok(()) }
}

impl Backend for Fragile {
    fn info(&self) -> BackendInfo {
        self.cpu.info()
    }

    fn prepare<'a>(
        &'a self,
        graph: &'a Graph,
        bindings: &'a Bindings,
        keep: Keep,
    ) -> LocalFuture<'a, Result<Box<dyn Plan>, RunError>> {
        Box::pin(async move {
            alive(&self.lost)?;
            let plan = self.cpu.prepare(graph, bindings, keep).await?;
            Ok(Box::new(FragilePlan { plan, lost: Rc::clone(&self.lost) }) as Box<dyn Plan>)
        })
    }
}

impl Plan for FragilePlan {
    fn facts(&self) -> &fewbit_graph::Facts {
        self.plan.facts()
    }

    fn set(&mut self, wire: fewbit_graph::WireId, value: &fewbit_graph::Tensor) -> Result<(), RunError> {
        self.plan.set(wire, value)
    }

    fn run<'a>(
        &'a mut self,
        wanted: &'a [fewbit_graph::WireId],
        control: &'a fewbit_runtime::Control<'a>,
    ) -> LocalFuture<'a, Result<fewbit_runtime::RunReport, RunError>> {
        Box::pin(async move {
            alive(&self.lost)?;
            self.plan.run(wanted, control).await
        })
    }

    fn step<'a>(
        &'a mut self,
        sampled: &'a [fewbit_graph::WireId],
        control: &'a fewbit_runtime::Control<'a>,
    ) -> LocalFuture<'a, Result<Vec<fewbit_graph::Tensor>, RunError>> {
        Box::pin(async move {
            alive(&self.lost)?;
            self.plan.step(sampled, control).await
        })
    }

    fn read<'a>(
        &'a mut self,
        wires: &'a [fewbit_graph::WireId],
    ) -> LocalFuture<'a, Result<Vec<fewbit_graph::Tensor>, RunError>> {
        Box::pin(async move {
            alive(&self.lost)?;
            self.plan.read(wires).await
        })
    }

    fn bytes(&self) -> usize {
        self.plan.bytes()
    }
}

#[test]
fn a_lost_device_interrupts_a_run_and_another_engine_takes_it_up() {
    let straight = Bench::loaded().outcome(1, &long());
    for units in [1, 6, 30] {
        let lost = Rc::new(Cell::new(false));
        let mut bench = Bench::loaded_on(Rc::new(Fragile { cpu: Cpu::new(), lost: Rc::clone(&lost) }));
        bench.run(1, &long());
        bench.learn(units);
        lost.set(true);
        let events = bench.settle();
        let Some(Event::Failed(failure)) = events.last() else { panic!("{events:?}") };
        assert_eq!((failure.code, phases(&events)), (Code::DeviceLost, vec![Phase::Paused]));
        assert!(failure.hints.iter().any(|hint| hint.contains("checkpoint")), "{failure}");
        bench.engine.replace_backend(Rc::new(Cpu::new()));
        let outcome = learned(&bench.settle());
        assert_eq!(outcome.fingerprint, straight.fingerprint, "lost after {units} units");
    }
}
