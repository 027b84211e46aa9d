//! Steps that assign to parameters.

use fewbit_graph::op::{Binary, Conv, ConvInputGrad, Reshape, Unary, Update};
use fewbit_graph::{Bindings, Dim, Graph, Op, Tensor, WireId};
use fewbit_runtime::{Backend, Cancel, Control, Cpu, Keep, NeverPause, Plan, RunError};
use fewbit_tests::Rng;
use pollster::block_on;

use super::{CancelAt, bits};
use std::cell::Cell;

fn prepare(graph: &Graph, keep: Keep) -> Box<dyn Plan> {
    block_on(Cpu::new().prepare(graph, &Bindings::new(), keep)).unwrap()
}

fn step(plan: &mut dyn Plan, sampled: &[WireId]) -> Vec<Tensor> {
    block_on(plan.step(sampled, &Control { cancel: &Cancel::default(), pace: &NeverPause })).unwrap()
}

fn read(plan: &mut dyn Plan, wire: WireId) -> Vec<f32> {
    block_on(plan.read(&[wire])).unwrap()[0].as_f32().unwrap().to_vec()
}

/// p and q exchange their values in each step; s is their sum.
fn exchange() -> (Graph, [WireId; 3]) {
    let mut graph = Graph::new();
    let p = graph.parameter("p", Tensor::vector(vec![1.0, 2.0]));
    let q = graph.parameter("q", Tensor::vector(vec![-5.0, 7.0]));
    let one = graph.parameter("one", Tensor::scalar(1.0));
    let times = |graph: &mut Graph, name: &str, x| graph.node(name, Op::Binary(Binary::Mul), &[x, one]);
    let (of_p, of_q) = (times(&mut graph, "of_p", p), times(&mut graph, "of_q", q));
    let s = graph.node("s", Op::Binary(Binary::Sub), &[p, q]);
    graph.outputs.push(s);
    graph.assign(p, of_q);
    graph.assign(q, of_p);
    (graph, [p, q, s])
}

#[test]
fn all_values_are_assigned_at_once() {
    for keep in [Keep::All, Keep::Outputs] {
        let (graph, [p, q, s]) = exchange();
        let mut plan = prepare(&graph, keep);
        let sampled = step(&mut *plan, &[s]);
        assert_eq!(sampled[0].as_f32().unwrap(), [6.0, -5.0], "what is sampled is computed before");
        assert_eq!((read(&mut *plan, p), read(&mut *plan, q)), (vec![-5.0, 7.0], vec![1.0, 2.0]));
        assert_eq!(step(&mut *plan, &[]), []);
        assert_eq!((read(&mut *plan, p), read(&mut *plan, q)), (vec![1.0, 2.0], vec![-5.0, 7.0]));
    }
}

#[test]
fn parameters_that_are_laid_out_anew_are_exchanged_as_well() {
    let mut graph = Graph::new();
    let p = graph.parameter("p", Tensor::f32([1, 2], vec![1.0, 2.0]).unwrap());
    let q = graph.parameter("q", Tensor::f32([2, 1], vec![3.0, 4.0]).unwrap());
    let to = |shape: [i64; 2]| Op::Reshape(Reshape::To(shape.to_vec()));
    let of_p = graph.node("of_p", to([2, 1]), &[p]);
    let of_q = graph.node("of_q", to([1, 2]), &[q]);
    graph.assign(p, of_q);
    graph.assign(q, of_p);
    for keep in [Keep::All, Keep::Outputs] {
        let mut plan = prepare(&graph, keep);
        step(&mut *plan, &[]);
        assert_eq!((read(&mut *plan, p), read(&mut *plan, q)), (vec![3.0, 4.0], vec![1.0, 2.0]));
    }
}

#[test]
fn what_was_read_or_given_does_not_change_with_later_steps() {
    let (graph, [p, ..]) = exchange();
    let mut plan = prepare(&graph, Keep::Outputs);
    let given = Tensor::vector(vec![8.0, 9.0]);
    plan.set(p, &given).unwrap();
    let before = block_on(plan.read(&[p])).unwrap();
    step(&mut *plan, &[]);
    step(&mut *plan, &[]);
    step(&mut *plan, &[]);
    assert_eq!(given.as_f32().unwrap(), [8.0, 9.0]);
    assert_eq!(before[0].as_f32().unwrap(), [8.0, 9.0]);
    assert_eq!(graph.value(p), Some(&Tensor::vector(vec![1.0, 2.0])));
    assert_eq!(read(&mut *plan, p), [-5.0, 7.0]);
}

#[test]
fn a_parameter_that_was_assigned_can_be_set_again() {
    let (graph, [p, q, _]) = exchange();
    let mut plan = prepare(&graph, Keep::Outputs);
    step(&mut *plan, &[]);
    plan.set(p, &Tensor::vector(vec![1.0, 2.0])).unwrap();
    step(&mut *plan, &[]);
    assert_eq!(read(&mut *plan, q), [1.0, 2.0]);
}

/// A matrix product that is learned by descent with momentum, and a convolution beside it, so that there are many places to
/// stop at.
fn lesson() -> (Graph, [WireId; 3]) {
    let mut graph = Graph::new();
    let mut rng = Rng::new(3);
    let mut values = |shape: &[usize]| Tensor::f32(shape, rng.floats(shape.iter().product())).unwrap();
    let x = graph.input("x", [4, 3].map(Dim::Known).to_vec());
    let w = graph.parameter("w", values(&[3, 5]));
    let m = graph.parameter("m", values(&[3, 5]));
    let rates = graph.parameter("rates", Tensor::vector(vec![0.01, 0.1]));
    let y = graph.node("y", Op::MatMul, &[x, w]);
    let relu = graph.node("relu", Op::Unary(Unary::Relu), &[y]);
    // The gradient of ½Σrelu².
    let g = graph.node("g", Op::UnaryGrad(Unary::Relu), &[relu, y]);
    let turned = graph.node("turned", Op::Transpose { perm: vec![1, 0] }, &[x]);
    let slope = graph.node("slope", Op::MatMul, &[turned, g]);
    let next_m = graph.node("next_m", Op::Update(Update::Momentum { momentum: 0.9 }), &[m, slope]);
    let next_w = graph.node("next_w", Op::Update(Update::Descend), &[w, next_m, rates]);
    graph.assign(w, next_w);
    graph.assign(m, next_m);
    let kernel = graph.parameter("kernel", values(&[2, 3, 3, 3]));
    let plane = graph.parameter("plane", values(&[4, 2, 9, 9]));
    let conv = Conv {
        groups: 1,
        strides: vec![2; 2],
        dilations: vec![1; 2],
        pads_begin: vec![1; 2],
        pads_end: vec![1; 2],
    };
    let grad = ConvInputGrad { conv, spatial: vec![17; 2] };
    let other = graph.node("other", Op::ConvInputGrad(grad), &[plane, kernel]);
    graph.outputs.extend([relu, other]);
    (graph, [x, w, m])
}

fn feed() -> Tensor {
    Tensor::f32([4, 3], Rng::new(9).floats(12)).unwrap()
}

#[test]
fn learning_twice_gives_the_same_bits_whatever_is_kept() {
    let (graph, [x, w, m]) = lesson();
    let learn = |cpu: Cpu, keep: Keep| {
        let mut plan = block_on(cpu.prepare(&graph, &Bindings::new(), keep)).unwrap();
        plan.set(x, &feed()).unwrap();
        (0..20).for_each(|_| drop(step(&mut *plan, &[])));
        bits(&block_on(plan.read(&[w, m])).unwrap())
    };
    let first = learn(Cpu::new(), Keep::Outputs);
    assert_eq!(first, learn(Cpu::new(), Keep::Outputs));
    assert_eq!(first, learn(Cpu::new(), Keep::All));
    assert_eq!(first, learn(Cpu::baseline(), Keep::All));
    assert_ne!(first[0], bits(&[graph.value(w).unwrap().clone()])[0]);
}

#[test]
fn a_step_that_is_stopped_assigns_nothing_and_can_be_taken_again() {
    let (graph, [x, w, m]) = lesson();
    for keep in [Keep::All, Keep::Outputs] {
        let right = {
            let mut plan = prepare(&graph, keep);
            plan.set(x, &feed()).unwrap();
            step(&mut *plan, &[]);
            bits(&block_on(plan.read(&[w, m])).unwrap())
        };
        let mut stopped = 0;
        for steps in 0.. {
            let mut plan = prepare(&graph, keep);
            plan.set(x, &feed()).unwrap();
            let pace = CancelAt { cancel: Cancel::default(), steps_left: Cell::new(steps) };
            let first = block_on(plan.step(&[], &Control { cancel: &pace.cancel, pace: &pace }));
            if first.is_ok() {
                break;
            }
            assert_eq!(first, Err(RunError::Cancelled));
            stopped += 1;
            for wire in [w, m] {
                assert_eq!(&block_on(plan.read(&[wire])).unwrap()[0], graph.value(wire).unwrap());
            }
            step(&mut *plan, &[]);
            assert_eq!(bits(&block_on(plan.read(&[w, m])).unwrap()), right);
        }
        assert!(stopped > 8, "there are steps between nodes and within them");
    }
}

#[test]
fn a_step_that_samples_what_is_not_there_assigns_nothing() {
    let (graph, [x, w, _]) = lesson();
    let mut plan = prepare(&graph, Keep::Outputs);
    plan.set(x, &feed()).unwrap();
    let slope = graph.find("slope").unwrap();
    let control = Control { cancel: &Cancel::default(), pace: &NeverPause };
    assert!(matches!(block_on(plan.step(&[slope], &control)), Err(RunError::NotKept(_))));
    assert_eq!(&block_on(plan.read(&[w])).unwrap()[0], graph.value(w).unwrap());
}

#[test]
fn later_steps_take_no_more_memory() {
    let (graph, [x, ..]) = lesson();
    for keep in [Keep::All, Keep::Outputs] {
        let mut plan = prepare(&graph, keep);
        plan.set(x, &feed()).unwrap();
        step(&mut *plan, &[]);
        let bytes = plan.bytes();
        step(&mut *plan, &[]);
        assert_eq!(plan.bytes(), bytes);
    }
}
