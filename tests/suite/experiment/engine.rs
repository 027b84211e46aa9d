//! The engine, unit by unit, on `fashion-lenet` and a few images.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::rc::Rc;

use fewbit_experiment::engine::{Engine, Host};
use fewbit_experiment::failure::Code;
use fewbit_experiment::protocol::{Event, ExportForm, Focus, Request};
use fewbit_formats::{Array, Limits, Values, npz};
use fewbit_quant::{Choice, Recipe, Rule};
use fewbit_runtime::cpu::Cpu;
use fewbit_runtime::{Backend, Cancel, Control, LocalFuture, NeverPause, Pace};
use pollster::block_on;

use super::documents::choice;

pub(crate) const FOCUS: Focus = Focus { layer: 0, channel: None, bins: 16 };

/// Keeps what the engine says.
#[derive(Default)]
pub(crate) struct Notes {
    events: RefCell<Vec<Event>>,
    blobs: RefCell<Vec<Vec<u8>>>,
}

impl Host for Notes {
    fn now_millis(&self) -> f64 {
        0.0
    }

    fn emit(&self, event: Event, blob: Option<Vec<u8>>) {
        self.events.borrow_mut().push(event);
        self.blobs.borrow_mut().extend(blob);
    }
}

impl Notes {
    /// The files that were handed over.
    pub(crate) fn blobs(&self) -> Vec<Vec<u8>> {
        self.blobs.take()
    }

    /// What was said since the last call, progress apart.
    pub(crate) fn take(&self) -> Vec<Event> {
        let is_news = |event: &Event| !matches!(event, Event::Progress { .. });
        self.events.take().into_iter().filter(is_news).collect()
    }
}

/// Asks to stop at the step with this number.
pub(crate) struct StopAt {
    left: Cell<u32>,
    cancel: Cancel,
}

impl Pace for StopAt {
    fn is_due(&self) -> bool {
        match self.left.get() {
            0 => self.cancel.cancel(),
            left => self.left.set(left - 1),
        }
        false
    }

    fn breathe(&self) -> LocalFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// An engine with what it says.
pub(crate) struct Bench {
    pub(crate) engine: Engine,
    pub(crate) notes: Rc<Notes>,
}

impl Bench {
    pub(crate) fn empty() -> Self {
        Self::on(Rc::new(Cpu::new()))
    }

    fn on(backend: Rc<dyn Backend>) -> Self {
        let notes = Rc::new(Notes::default());
        Self { engine: Engine::new(backend, Rc::<Notes>::clone(&notes)), notes }
    }

    /// With `fashion-lenet` and 96 images.
    pub(crate) fn loaded() -> Self {
        Self::loaded_on(Rc::new(Cpu::new()))
    }

    pub(crate) fn loaded_on(backend: Rc<dyn Backend>) -> Self {
        let mut bench = Self::on(backend);
        let events = bench.load("fashion-lenet", vec![asset("models/fashion-lenet.onnx"), images(96)]);
        assert!(matches!(events.as_slice(), [Event::Loaded { .. }]), "{events:?}");
        bench
    }

    pub(crate) fn receive(&mut self, request: Request, blobs: Vec<Vec<u8>>) -> Vec<Event> {
        let cancel = Cancel::default();
        block_on(self.engine.receive(request, blobs, &Control { cancel: &cancel, pace: &NeverPause }));
        self.notes.take()
    }

    fn load(&mut self, name: &str, blobs: Vec<Vec<u8>>) -> Vec<Event> {
        let test = blobs.len() > 1;
        let request = Request::Load {
            name: name.to_owned(),
            test,
            calibration: false,
            classes: Vec::new(),
            lengths: BTreeMap::new(),
        };
        self.receive(request, blobs)
    }

    pub(crate) fn update(&mut self, revision: u64, recipe: &Recipe) -> Vec<Event> {
        self.receive(Request::Update { revision, recipe: recipe.clone(), focus: FOCUS }, Vec::new())
    }

    /// One unit of work; returns whether there is more.
    pub(crate) fn advance(&mut self) -> bool {
        let cancel = Cancel::default();
        block_on(self.engine.advance(&Control { cancel: &cancel, pace: &NeverPause }))
    }

    /// One unit of work, interrupted at its step `at` if it has so many. Returns whether it was.
    pub(crate) fn advance_until(&mut self, at: u32) -> bool {
        let cancel = Cancel::default();
        let pace = StopAt { left: Cell::new(at), cancel: cancel.clone() };
        block_on(self.engine.advance(&Control { cancel: &cancel, pace: &pace }));
        cancel.is_cancelled()
    }

    pub(crate) fn settle(&mut self) -> Vec<Event> {
        while self.advance() {}
        self.notes.take()
    }

    /// Everything that was found, to the bit.
    pub(crate) fn result(&self) -> Vec<u8> {
        let bench = self.engine.bench().unwrap();
        let codes: Vec<_> =
            bench.layers().iter().map(|layer| &layer.codes).map(|c| format!("{c:?}")).collect();
        let found = (bench.reports(), bench.size(), bench.evaluation(), bench.answers(), codes);
        fewbit_experiment::wire::encode(&found).unwrap()
    }
}

pub(crate) fn asset(path: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets").join(path)).unwrap()
}

/// The first `n` test images, labelled.
fn images(n: usize) -> Vec<u8> {
    let all = npz::read(&asset("data/fashion-test.npz"), &Limits::default()).unwrap();
    let (Values::U8(x), Values::I64(y)) = (all["x"].values(), all["y"].values()) else {
        panic!("other types")
    };
    let x = Array::new([n, 1, 28, 28], Values::U8(x[..n * 784].to_vec())).unwrap();
    let y = Array::new([n], Values::I64(y[..n].to_vec())).unwrap();
    npz::write(&[("x", &x), ("y", &y)]).unwrap()
}

pub(crate) fn recipe(bits: u8) -> Recipe {
    Recipe { weights: choice(&format!("int{bits}@channel")), calibration_samples: 32, ..Recipe::default() }
}

fn name(event: &Event) -> &'static str {
    match event {
        Event::Viewed { .. } => "viewed",
        Event::Applied { .. } => "applied",
        Event::Layers { .. } => "layers",
        Event::Evaluated { .. } => "evaluated",
        Event::Settled { .. } => "settled",
        other => panic!("{other:?}"),
    }
}

fn revision(event: &Event) -> Option<u64> {
    match event {
        Event::Viewed { revision, .. }
        | Event::Applied { revision, .. }
        | Event::Layers { revision, .. }
        | Event::Evaluated { revision, .. }
        | Event::Settled { revision } => Some(*revision),
        _ => None,
    }
}

#[test]
fn what_is_quick_to_know_is_told_first() {
    let mut bench = Bench::loaded();
    bench.update(1, &recipe(4));
    let events = bench.settle();
    let names: Vec<_> = events.iter().map(name).collect();
    assert_eq!(
        names,
        ["viewed", "applied", "layers", "evaluated", "evaluated", "viewed", "settled"],
        "96 images are two pieces"
    );
    let Some(Event::Evaluated { evaluation, answers, .. }) = events.get(4) else { panic!("{events:?}") };
    assert_eq!((evaluation.n, evaluation.of), (96, 96));
    assert!(evaluation.correct.unwrap() > 70 && !answers.is_empty());
}

#[test]
fn the_newest_update_wins_and_the_older_is_not_heard_of_again() {
    let mut straight = Bench::loaded();
    straight.update(1, &recipe(3));
    straight.settle();
    for units in 0..6 {
        let mut bench = Bench::loaded();
        bench.update(1, &recipe(6));
        for _ in 0..units {
            bench.advance();
        }
        bench.notes.take();
        bench.update(2, &recipe(3));
        let events = bench.settle();
        assert!(events.iter().all(|event| revision(event) == Some(2)), "after {units} units");
        assert!(matches!(events.last(), Some(Event::Settled { revision: 2 })));
        assert!(bench.result() == straight.result(), "after {units} units of another recipe");
    }
}

#[test]
fn an_interrupted_unit_is_done_again_with_the_same_result() {
    let mut straight = Bench::loaded();
    straight.update(1, &recipe(4));
    straight.settle();
    for at in [0, 1, 2, 5, 9] {
        let mut bench = Bench::loaded();
        bench.update(1, &recipe(4));
        let mut interrupted = 0;
        while bench.engine.has_work() {
            interrupted += u32::from(bench.advance_until(at));
            bench.advance();
        }
        let events = bench.notes.take();
        assert!(!events.iter().any(|event| matches!(event, Event::Failed(_))), "{events:?}");
        assert!(interrupted > 0, "nothing was interrupted at step {at}");
        assert!(bench.result() == straight.result(), "interrupted at step {at}");
    }
}

#[test]
fn two_runs_give_the_same_bits() {
    let results = [(); 2].map(|()| {
        let mut bench = Bench::loaded();
        bench.update(1, &recipe(2));
        bench.settle();
        bench.result()
    });
    assert!(results[0] == results[1]);
}

#[test]
fn a_recipe_tried_in_between_leaves_no_trace() {
    let mut bench = Bench::loaded();
    bench.update(1, &recipe(4));
    bench.settle();
    let before = bench.result();
    bench.update(2, &Recipe { activations: Choice::Float, ..recipe(2) });
    bench.settle();
    assert!(bench.result() != before);
    bench.update(3, &recipe(4));
    bench.settle();
    assert!(bench.result() == before);
}

#[test]
fn data_with_other_axes_are_arranged_for_the_model_and_that_is_said() {
    let mut bench = Bench::loaded();
    let pixels: Vec<u8> = (0..2 * 28 * 28).map(|i| (i % 251) as u8).collect();
    for (shape, fits) in [
        (vec![2, 28, 28], true),
        (vec![2, 28, 28, 1], true),
        (vec![2, 1, 28, 28], true),
        (vec![2, 784], false),
    ] {
        let x = Array::new(shape.clone(), Values::U8(pixels.clone())).unwrap();
        let file = npz::write(&[("x", &x)]).unwrap();
        let events =
            bench.receive(Request::LoadData { name: "x.npz".to_owned(), classes: Vec::new() }, vec![file]);
        let failed = events.iter().any(|event| matches!(event, Event::Failed(_)));
        assert_eq!(failed, !fits, "{shape:?}");
        let arranged = events
            .iter()
            .any(|event| matches!(event, Event::Warning(failure) if failure.code == Code::ArrangedData));
        assert_eq!(arranged, fits && shape != [2, 1, 28, 28], "{shape:?}");
    }
}

#[test]
fn calibration_samples_that_come_later_give_what_they_would_have_given_at_once() {
    let load = |calibration: &str| {
        let mut bench = Bench::empty();
        let request = Request::Load {
            name: "fashion-lenet".to_owned(),
            test: true,
            calibration: true,
            classes: Vec::new(),
            lengths: BTreeMap::new(),
        };
        let files = vec![asset("models/fashion-lenet.onnx"), images(96), asset(calibration)];
        bench.receive(request, files);
        bench
    };
    let quantized =
        |samples| Recipe { activations: choice("uint8@tensor"), calibration_samples: samples, ..recipe(4) };
    let whole = "data/fashion-calibration.npz";
    let (mut early, mut late) = (load(whole), load("data/fashion-calibration-first.npz"));
    for samples in [32, 512] {
        for bench in [&mut early, &mut late] {
            bench.update(1, &quantized(samples));
            bench.settle();
        }
        assert_eq!(early.result() == late.result(), samples == 32, "{samples} samples");
    }
    let before = late.result();
    let events = late.receive(Request::LoadCalibration, vec![images(300)]);
    assert!(matches!(events.as_slice(), [Event::Failed(_)]), "other samples: {events:?}");
    let events = late.receive(Request::LoadCalibration, vec![asset(whole)]);
    assert!(matches!(events.as_slice(), [Event::Data(data)] if data.calibration == 1024), "{events:?}");
    assert!(late.result() == before, "nothing is computed before it is asked for");
    late.update(2, &quantized(512));
    late.settle();
    assert!(late.result() == early.result());
}

#[test]
fn a_failed_load_leaves_the_bench_as_it_was() {
    let mut bench = Bench::loaded();
    bench.update(1, &recipe(4));
    bench.settle();
    let before = bench.result();
    let model = asset("models/fashion-lenet.onnx");
    for blob in [b"no model".to_vec(), Vec::new(), model[..model.len() / 2].to_vec()] {
        let events = bench.load("other.onnx", vec![blob]);
        let [Event::Failed(failure)] = events.as_slice() else { panic!("{events:?}") };
        assert_eq!(failure.code, Code::UnreadableModel);
        assert_eq!(failure.place.as_deref(), Some("other.onnx"));
        assert_eq!(bench.engine.bench().unwrap().prepared.facts.name, "fashion-lenet");
        assert!(bench.result() == before);
    }
    let events = bench
        .receive(Request::LoadData { name: "x.npz".to_owned(), classes: Vec::new() }, vec![b"PK".to_vec()]);
    assert!(matches!(events.as_slice(), [Event::Failed(f)] if f.code == Code::UnreadableData), "{events:?}");
    assert!(bench.result() == before);
}

#[test]
fn a_rule_that_matches_nothing_fails_and_the_next_update_works() {
    let mut bench = Bench::loaded();
    let rule = Rule { pattern: "conv9".to_owned(), weights: Some(Choice::Float), activations: None };
    bench.update(1, &Recipe { rules: vec![rule], ..recipe(4) });
    let events = bench.settle();
    let [Event::Failed(failure)] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(failure.code, Code::BadRecipe);
    assert!(failure.message.contains("conv1, conv2, fc1, fc2"), "{failure}");
    bench.update(2, &recipe(4));
    assert!(matches!(bench.settle().last(), Some(Event::Settled { revision: 2 })));
}

#[test]
fn cancel_stops_and_keeps_what_is_there() {
    let mut bench = Bench::loaded();
    bench.update(1, &recipe(4));
    bench.advance();
    bench.notes.take();
    let events = bench.receive(Request::Cancel, Vec::new());
    assert!(matches!(events.as_slice(), [Event::Cancelled]));
    assert!(!bench.engine.has_work());
    assert_eq!(bench.engine.bench().unwrap().reports().len(), 4);
}

#[test]
fn a_sweep_measures_each_layer_alone() {
    let mut bench = Bench::loaded();
    bench.update(1, &recipe(3));
    bench.settle();
    bench.receive(Request::Sweep { revision: 1, samples: 32 }, Vec::new());
    let events = bench.settle();
    let rows: Vec<_> = events
        .iter()
        .map(|event| match event {
            Event::Swept { revision: 1, row } => (row.layer, row.n),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(rows, [(0, 32), (1, 32), (2, 32), (3, 32)]);
}

#[test]
fn an_input_is_answered_by_both_models() {
    let mut bench = Bench::loaded();
    bench.update(1, &recipe(8));
    bench.settle();
    let events = bench.receive(Request::Predict { id: 5, values: vec![0.25; 784] }, Vec::new());
    let [Event::Predicted { id: 5, float, quantized }] = events.as_slice() else { panic!("{events:?}") };
    for probabilities in [float, quantized] {
        assert_eq!(probabilities.len(), 10);
        assert!((probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-5);
    }
    let events = bench.receive(Request::Predict { id: 6, values: vec![0.25; 3] }, Vec::new());
    assert!(matches!(events.as_slice(), [Event::Failed(_)]), "{events:?}");
}

#[test]
fn the_quantized_model_is_written_as_safetensors_and_as_a_report() {
    let mut bench = Bench::loaded();
    bench.update(1, &recipe(4));
    bench.settle();
    for form in [ExportForm::Safetensors, ExportForm::Report] {
        let events = bench.receive(Request::Export { form }, Vec::new());
        assert!(matches!(events.as_slice(), [Event::Exported { .. }]), "{events:?}");
    }
    let blobs = bench.notes.blobs();
    let [weights, report] = blobs.as_slice() else { panic!("{} files", blobs.len()) };
    // 4-bit codes: half a byte for each weight, and little else.
    let count = 8 * 25 + 16 * 200 + 120 * 400 + 10 * 120;
    assert!(weights.len() > count / 2 && weights.len() < count / 2 + 4096, "{} bytes", weights.len());
    let report: serde_json::Value = serde_json::from_slice(report).unwrap();
    assert_eq!(report["layers"].as_array().unwrap().len(), 4);
}

#[test]
fn a_model_without_layers_is_no_failure() {
    let mut bench = Bench::empty();
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/onnx/relu_7.onnx");
    bench.load("relu_7.onnx", vec![fs::read(model).unwrap()]);
    bench.update(1, &Recipe::default());
    let events = bench.settle();
    assert!(matches!(events.last(), Some(Event::Settled { revision: 1 })), "{events:?}");
}

#[test]
fn without_data_inputs_stay_in_float_and_that_is_told() {
    let mut bench = Bench::empty();
    bench.load("fashion-lenet", vec![asset("models/fashion-lenet.onnx")]);
    bench.update(1, &Recipe { activations: choice("uint8@tensor"), ..recipe(4) });
    let events = bench.settle();
    assert!(matches!(events.last(), Some(Event::Settled { revision: 1 })), "{events:?}");
    for report in bench.engine.bench().unwrap().reports() {
        assert_eq!(report.activations.done, Choice::Float);
        assert!(report.activations.reason.unwrap().contains("no calibration samples"));
        assert!(report.weight.is_some());
    }
}

#[test]
fn data_that_do_not_fit_are_told_with_the_set_they_are_of() {
    let mut bench = Bench::empty();
    let x = Array::new([2, 3, 4, 4], Values::U8(vec![0; 96])).unwrap();
    let odd = npz::write(&[("x", &x)]).unwrap();
    let request = Request::Load {
        name: "m".to_owned(),
        test: true,
        calibration: true,
        classes: Vec::new(),
        lengths: BTreeMap::new(),
    };
    let events = bench.receive(request, vec![asset("models/fashion-lenet.onnx"), images(8), odd]);
    let [Event::Warning(warning), Event::Loaded { data, .. }] = events.as_slice() else {
        panic!("{events:?}")
    };
    assert_eq!(warning.place.as_deref(), Some("calibration set"));
    assert!(data.calibration_from_test && data.test == 8);
}
