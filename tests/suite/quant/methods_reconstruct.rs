//! Methods that learn roundings by reconstruction: on small networks, against rounding to nearest, stopped and gone on with.

use std::cell::Cell;

use fewbit_formats::{Limits, onnx};
use fewbit_graph::{Bindings, Facts, Graph, Tensor, WireId};
use fewbit_quant::learn::units::{self, Unit};
use fewbit_quant::methods::{Advance, Calibration, Fact, Finding, Frame, Progression, Scene};
use fewbit_quant::{Network, Prepared, QuantError};
use fewbit_runtime::cpu::Cpu;
use fewbit_runtime::{
    Backend, BackendInfo, Cancel, Control, Keep, LocalFuture, NeverPause, Pace, Plan, RunError, RunReport,
};
use fewbit_tests::Rng;
use pollster::block_on;

use crate::methods_correct::{network, run};
use crate::nets::{perceptron, prepare, random, residual, tensor};

fn gallery(name: &str) -> Prepared {
    let path = format!("{}/../assets/models/{name}.onnx", env!("CARGO_MANIFEST_DIR"));
    prepare(&onnx::read(&std::fs::read(path).unwrap(), &Limits::default()).unwrap().0)
}

/// The names of units with those of their layers, and the node that each ends with.
fn told(prepared: &Prepared, units: Vec<Unit>) -> Vec<String> {
    let names = prepared.layer_names();
    let tell = |unit: Unit| {
        let layers: Vec<&str> = unit.layers.iter().map(|&layer| names[layer].as_str()).collect();
        let end = prepared.graph.producer(unit.output).unwrap();
        format!("{}: {} → {}", unit.name, layers.join(" "), prepared.graph.node_of(end).op.name())
    };
    units.into_iter().map(tell).collect()
}

#[test]
fn blocks_are_what_a_person_would_cut() {
    let resnet = gallery("fashion-resnet");
    assert_eq!(
        told(&resnet, units::blocks(&resnet).unwrap()),
        [
            "stem: stem → Relu",
            "stage1: stage1.conv1 stage1.conv2 → Relu",
            "stage2: stage2.conv1 stage2.skip stage2.conv2 → Relu",
            "stage3: stage3.conv1 stage3.skip stage3.conv2 → Relu",
            "head: head → Gemm",
        ]
    );
    let lenet = gallery("fashion-lenet");
    assert_eq!(
        told(&lenet, units::blocks(&lenet).unwrap()),
        told(&lenet, units::layers(&lenet).unwrap()),
        "a chain has no blocks"
    );
    let mobilenet = gallery("fashion-mobilenet");
    let blocks = units::blocks(&mobilenet).unwrap();
    let layers: Vec<usize> = blocks.iter().flat_map(|unit| unit.layers.clone()).collect();
    assert_eq!(layers, (0..mobilenet.layers.len()).collect::<Vec<_>>(), "each layer is in one unit");
    for (one, next) in blocks.iter().zip(blocks.iter().skip(1)) {
        let upstream = |wire: WireId| mobilenet.graph.producer(wire).map(|node| node.0);
        assert!(upstream(one.output) <= upstream(next.input), "units follow one another");
    }
}

#[test]
fn layers_end_behind_their_activation_functions() {
    let resnet = gallery("fashion-resnet");
    let layers = told(&resnet, units::layers(&resnet).unwrap());
    assert_eq!(layers[1], "stage1.conv1: stage1.conv1 → Relu");
    assert_eq!(layers[2], "stage1.conv2: stage1.conv2 → Conv", "behind it is an Add");
    assert_eq!(layers[9], "head: head → Gemm");
    let whole = units::whole(&resnet).unwrap();
    assert_eq!(whole.layers.len(), 10);
}

fn errors(findings: &[Finding]) -> Vec<(f64, f64)> {
    let error = |finding: &Finding| match finding.what {
        Fact::Error { before, after, .. } => Some((before, after)),
        _ => None,
    };
    findings.iter().filter_map(error).collect()
}

#[test]
fn autoround_that_moves_nothing_is_rounding_to_nearest() {
    let samples = random(&mut Rng::new(3), &[16, 2, 6, 6]);
    let prepared = prepare(&residual(5));
    for weights in ["uint4@channel", "int2@channel", "uint3@group5", "uint4@tensor", "int1@channel"] {
        let before = network(&prepared, &samples, weights, "uint4@tensor");
        let mut after = before.clone();
        run("autoround(rate=0,iterations=3,batch=8)", &mut after, &samples);
        for (before, after) in before.layers().iter().zip(after.layers()) {
            assert_eq!(before.codes, after.codes, "{weights}");
        }
    }
}

#[test]
fn every_method_lowers_the_error_of_units() {
    let samples = random(&mut Rng::new(4), &[64, 2, 6, 6]);
    let prepared = prepare(&residual(6));
    let methods = [
        "adaround(iterations=200,rate=0.1)",
        "brecq(iterations=200,rate=0.1,learn-inputs=1)",
        "qdrop(iterations=200,rate=0.1)",
        "autoround(iterations=100)",
        "autoround(iterations=100,layerwise=1)",
    ];
    for method in methods {
        for (weights, inputs) in [("int3@channel", "uint4@tensor"), ("uint3@group6", "uint8@channel")] {
            let mut quantized = network(&prepared, &samples, weights, inputs);
            let findings = run(method, &mut quantized, &samples);
            let errors = errors(&findings);
            let [before, after] =
                [errors.iter().map(|e| e.0).sum::<f64>(), errors.iter().map(|e| e.1).sum::<f64>()];
            assert!(after < before, "{method} {weights} {inputs}: {before} → {after}");
            assert!(findings.iter().any(|found| matches!(found.what, Fact::Flipped { .. })));
        }
    }
}

#[test]
fn adaround_gives_a_layer_less_error_than_nearest() {
    // Inputs that are not centred: errors of a row of weights add up, and roundings have to make up for one another.
    let centred = random(&mut Rng::new(8), &[64, 2, 6, 6]);
    let values: Vec<f32> = centred.as_f32().unwrap().iter().map(|x| x + 1.0).collect();
    let samples = tensor(centred.shape(), values);
    let prepared = prepare(&residual(8));
    let mut quantized = network(&prepared, &samples, "int3@channel", "float");
    let findings = run("adaround(iterations=300,rate=0.1)", &mut quantized, &samples);
    // The first layer reads the same as in float: what has changed are its roundings alone.
    let (before, after) = errors(&findings)[0];
    assert!(after < 0.95 * before, "{before} → {after}");
}

#[test]
fn what_errors_cost_the_answer_changes_what_is_learned() {
    let samples = random(&mut Rng::new(4), &[32, 2, 6, 6]);
    let prepared = prepare(&residual(6));
    let first = network(&prepared, &samples, "int2@channel", "float");
    let [mut squared, mut weighted] = [first.clone(), first];
    run("brecq(iterations=100,rate=0.1)", &mut squared, &samples);
    let findings = run("brecq(iterations=100,rate=0.1,fisher=1)", &mut weighted, &samples);
    assert_eq!(errors(&findings).len(), 3);
    assert_ne!(squared.layers(), weighted.layers());
}

#[test]
fn learned_steps_of_weights_are_set() {
    let samples = random(&mut Rng::new(4), &[32, 2, 6, 6]);
    let prepared = prepare(&residual(6));
    for weights in ["int3@channel", "uint3@group6"] {
        let before = network(&prepared, &samples, weights, "float");
        let mut after = before.clone();
        run("brecq(iterations=50,learn-scale=1)", &mut after, &samples);
        for (before, after) in before.layers().iter().zip(after.layers()) {
            let (before, after) = (before.codes.as_ref().unwrap(), after.codes.as_ref().unwrap());
            assert_ne!(before.grids, after.grids, "{weights}");
            let moved = |(a, b): (&fewbit_numeric::Affine, &fewbit_numeric::Affine)| b.scale / a.scale;
            let factors: Vec<f32> = before.grids.iter().zip(&after.grids).map(moved).collect();
            assert!(factors.iter().all(|factor| (0.8..1.25).contains(factor)), "{factors:?}");
        }
    }
}

#[test]
fn learned_steps_of_inputs_are_set() {
    let samples = random(&mut Rng::new(4), &[32, 2, 6, 6]);
    let prepared = prepare(&residual(6));
    let before = network(&prepared, &samples, "int4@channel", "uint2@tensor");
    let mut after = before.clone();
    let findings = run("qdrop(iterations=50)", &mut after, &samples);
    let scale = |network: &Network| network.layers()[1].input.as_ref().unwrap()[0].scale;
    assert_ne!(scale(&before), scale(&after));
    assert!(findings.iter().any(|found| matches!(found.what, Fact::Grid { .. })));
}

#[test]
fn a_layer_in_float_is_told() {
    let samples = random(&mut Rng::new(4), &[8, 3]);
    let prepared = prepare(&perceptron(2, true));
    let mut float = network(&prepared, &samples, "float", "uint4@tensor");
    let findings = run("adaround(iterations=5)", &mut float, &samples);
    assert_eq!(findings.len(), 2);
    assert!(findings.iter().all(|found| matches!(found.what, Fact::NotApplied { .. })));
}

/// Runs a method to its end, going on after every error that `forgive` allows.
fn persist(
    text: &str,
    network: &mut Network,
    samples: &Tensor,
    backend: &dyn Backend,
    pace: &dyn Fn(&Cancel) -> Box<dyn Pace>,
) -> (Vec<Advance>, usize) {
    let cpu = Cpu::new();
    let calibration = Calibration { samples: samples.clone(), labels: None };
    let mut progression = Progression::new(text.parse().unwrap());
    let (mut advances, mut stopped) = (Vec::new(), 0);
    loop {
        let cancel = Cancel::default();
        let pace = pace(&cancel);
        let control = Control { cancel: &cancel, pace: &*pace };
        let mut scene = Scene { backend, cpu: &cpu, network, calibration: &calibration, seed: 7, control };
        match block_on(progression.advance(&mut scene)) {
            Ok(Some(advance)) => advances.push(advance),
            Ok(None) => return (advances, stopped),
            Err(QuantError::Run(RunError::Cancelled | RunError::Lost(_))) => stopped += 1,
            Err(error) => panic!("{error}"),
        }
    }
}

fn patient(_: &Cancel) -> Box<dyn Pace> {
    Box::new(NeverPause)
}

/// Stops after so many looks.
struct Impatient {
    cancel: Cancel,
    looks: Cell<u32>,
}

impl Pace for Impatient {
    fn is_due(&self) -> bool {
        self.looks.set(self.looks.get().saturating_sub(1));
        if self.looks.get() == 0 {
            self.cancel.cancel();
        }
        false
    }

    fn breathe(&self) -> LocalFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

const QDROP: &str = "qdrop(iterations=40,batch=8,learn-scale=1)";

#[test]
fn two_runs_with_one_seed_give_the_same_bits() {
    let samples = random(&mut Rng::new(4), &[32, 2, 6, 6]);
    let prepared = prepare(&residual(6));
    for method in [QDROP, "brecq(iterations=40,fisher=1)", "autoround(iterations=40)"] {
        let first = network(&prepared, &samples, "int3@channel", "uint3@tensor");
        let [mut a, mut b] = [first.clone(), first];
        let (frames, _) = persist(method, &mut a, &samples, &Cpu::new(), &patient);
        let (again, _) = persist(method, &mut b, &samples, &Cpu::new(), &patient);
        assert_eq!(a.layers(), b.layers());
        assert_eq!(frames, again);
    }
}

#[test]
fn a_run_that_is_stopped_again_and_again_ends_like_one_that_is_not() {
    let samples = random(&mut Rng::new(4), &[32, 2, 6, 6]);
    let prepared = prepare(&residual(6));
    let first = network(&prepared, &samples, "int3@channel", "uint3@tensor");
    let [mut straight, mut stopped] = [first.clone(), first];
    persist(QDROP, &mut straight, &samples, &Cpu::new(), &patient);
    let looks = Cell::new(150);
    let impatient = |cancel: &Cancel| -> Box<dyn Pace> {
        looks.set(looks.get() + 1);
        Box::new(Impatient { cancel: cancel.clone(), looks: Cell::new(looks.get()) })
    };
    let (_, stops) = persist(QDROP, &mut stopped, &samples, &Cpu::new(), &impatient);
    assert!(stops > 20, "it was stopped {stops} times");
    assert_eq!(straight.layers(), stopped.layers());
}

/// An engine whose device is lost at some steps.
struct Fragile {
    steps: std::rc::Rc<Cell<u32>>,
}

struct FragilePlan {
    plan: Box<dyn Plan>,
    steps: std::rc::Rc<Cell<u32>>,
}

impl Backend for Fragile {
    fn info(&self) -> BackendInfo {
        Cpu::new().info()
    }

    fn prepare<'a>(
        &'a self,
        graph: &'a Graph,
        bindings: &'a Bindings,
        keep: Keep,
    ) -> LocalFuture<'a, Result<Box<dyn Plan>, RunError>> {
        Box::pin(async move {
            let plan = Cpu::new().prepare(graph, bindings, keep).await?;
            Ok(Box::new(FragilePlan { plan, steps: self.steps.clone() }) as Box<dyn Plan>)
        })
    }
}

impl Plan for FragilePlan {
    fn facts(&self) -> &Facts {
        self.plan.facts()
    }

    fn set(&mut self, wire: WireId, value: &Tensor) -> Result<(), RunError> {
        self.plan.set(wire, value)
    }

    fn run<'a>(
        &'a mut self,
        wanted: &'a [WireId],
        control: &'a Control<'a>,
    ) -> LocalFuture<'a, Result<RunReport, RunError>> {
        self.plan.run(wanted, control)
    }

    fn step<'a>(
        &'a mut self,
        sampled: &'a [WireId],
        control: &'a Control<'a>,
    ) -> LocalFuture<'a, Result<Vec<Tensor>, RunError>> {
        self.steps.set(self.steps.get() + 1);
        if self.steps.get().is_multiple_of(333) {
            return Box::pin(std::future::ready(Err(RunError::Lost("pulled out".to_owned()))));
        }
        self.plan.step(sampled, control)
    }

    fn read<'a>(&'a mut self, wires: &'a [WireId]) -> LocalFuture<'a, Result<Vec<Tensor>, RunError>> {
        self.plan.read(wires)
    }

    fn bytes(&self) -> usize {
        self.plan.bytes()
    }
}

#[test]
fn a_lost_device_costs_the_steps_since_the_last_checkpoint_alone() {
    let samples = random(&mut Rng::new(4), &[16, 3]);
    let prepared = prepare(&perceptron(6, true));
    let first = network(&prepared, &samples, "int3@channel", "uint3@tensor");
    let [mut straight, mut fragile] = [first.clone(), first];
    let method = "qdrop(iterations=500,batch=8)";
    persist(method, &mut straight, &samples, &Cpu::new(), &patient);
    let steps = std::rc::Rc::new(Cell::new(0));
    let engine = Fragile { steps: steps.clone() };
    let (_, lost) = persist(method, &mut fragile, &samples, &engine, &patient);
    assert!(lost >= 2 && steps.get() < 1000 + 201 * lost as u32, "{lost} times, {} steps", steps.get());
    assert_eq!(straight.layers(), fragile.layers());
}

#[test]
fn a_unit_shows_at_most_sixty_pictures_that_add_up() {
    let samples = random(&mut Rng::new(4), &[16, 3]);
    let prepared = prepare(&perceptron(6, true));
    let mut quantized = network(&prepared, &samples, "int3@channel", "float");
    let method = "adaround(iterations=130,batch=8)";
    let (advances, _) = persist(method, &mut quantized, &samples, &Cpu::new(), &patient);
    let frames: Vec<&Frame> = advances.iter().flat_map(|advance| &advance.frames).collect();
    assert!(frames.len() <= 120, "{}", frames.len());
    for frame in frames {
        let Frame::Rounding { layers, soft, map, of, loss, .. } = frame else { panic!("{frame:?}") };
        let weights = if layers == &[0] { 12 } else { 8 };
        assert_eq!((soft.iter().sum::<u32>(), map.len(), *of), (weights, weights as usize, 130));
        assert!(loss.is_finite());
    }
    let last = advances.last().unwrap();
    assert!(last.is_finished() && advances[..advances.len() - 1].iter().all(|a| !a.is_finished()));
}
