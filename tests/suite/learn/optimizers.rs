//! Optimizers against their papers' algorithms, written out; schedules.

use fewbit_graph::op::{Binary, Op};
use fewbit_graph::optimize::{Curve, Group, Learned, Optimizer, Schedule};
use fewbit_graph::{Bindings, Dim, Graph, Tensor, WireId};
use fewbit_tests::{Array, naive};

const START: [f32; 4] = [1.5, -0.5, 0.25, 2.0];

/// p, and a gradient of x·p with x fed.
fn graph(optimizer: Optimizer, within: Option<[f32; 2]>) -> (Graph, WireId, WireId, Group) {
    let mut graph = Graph::new();
    let x = graph.input("x", vec![Dim::Known(4)]);
    let p = graph.parameter("p", Tensor::vector(START.to_vec()));
    let g = graph.node("g", Op::Binary(Binary::Mul), &[p, x]);
    let learned = Learned { parameter: p, gradient: g, within };
    let group = optimizer.attach(&mut graph, &Bindings::new(), "group", &[learned]).unwrap();
    graph.check().unwrap();
    (graph, x, p, group)
}

/// The parameter after each of some steps with other inputs each.
fn learn(optimizer: Optimizer, within: Option<[f32; 2]>) -> Vec<Vec<f64>> {
    let (graph, x, p, group) = graph(optimizer, within);
    let mut feeds = Vec::new();
    (0..5)
        .map(|step| {
            feeds.retain(|(wire, _)| *wire != x && *wire != group.rates);
            feeds.push((x, Array { shape: vec![4], values: input(step).to_vec() }));
            feeds.push((group.rates, Array::of(&group.rates(step, 0.1))));
            naive::step(&graph, &mut feeds);
            let (_, value) = feeds.iter().find(|(wire, _)| *wire == p).unwrap();
            value.values.clone()
        })
        .collect()
}

fn input(step: u32) -> [f64; 4] {
    [0.0, 1.0, 2.0, 3.0].map(|i| f64::from(step).mul_add(0.3, i) - 1.0)
}

/// The same, element by element, by a rule (step, p, g) → p.
fn by_hand<S: Default>(mut rule: impl FnMut(&mut S, u32, f64, f64) -> f64) -> Vec<Vec<f64>> {
    let mut elements: Vec<(f64, S)> = START.iter().map(|&p| (p.into(), S::default())).collect();
    let mut steps = Vec::new();
    for step in 0..5 {
        for ((p, state), x) in elements.iter_mut().zip(input(step)) {
            *p = rule(state, step, *p, *p * x);
        }
        steps.push(elements.iter().map(|(p, _)| *p).collect());
    }
    steps
}

fn assert_same(found: &[Vec<f64>], expected: &[Vec<f64>]) {
    for (found, expected) in found.iter().flatten().zip(expected.iter().flatten()) {
        // Rates are rounded to f32.
        assert!((found - expected).abs() < 3e-7, "{found} for {expected}");
    }
}

#[test]
fn descent_with_momentum_and_decay() {
    let plain = learn(Optimizer::Sgd { momentum: 0.0, weight_decay: 0.25 }, None);
    assert_same(&plain, &by_hand(|(): &mut (), _, p, g| p - 0.1 * (g + 0.25 * p)));
    for weight_decay in [0.0, 0.25] {
        let found = learn(Optimizer::Sgd { momentum: 0.5, weight_decay }, None);
        let expected = by_hand(|m: &mut f64, _, p, g| {
            *m = 0.5 * *m + g + f64::from(weight_decay) * p;
            p - 0.1 * *m
        });
        assert_same(&found, &expected);
    }
}

#[test]
fn adam_and_its_decoupled_decay() {
    for weight_decay in [0.0, 0.25] {
        let Optimizer::Adam { beta_1, beta_2, epsilon, .. } = Optimizer::ADAM else { panic!() };
        let found = learn(Optimizer::Adam { beta_1, beta_2, epsilon, weight_decay }, None);
        let (beta_1, beta_2) = (f64::from(beta_1), f64::from(beta_2));
        let expected = by_hand(|(m, v): &mut (f64, f64), step, p, g| {
            let t = step as i32 + 1;
            *m = beta_1 * *m + (1.0 - beta_1) * g;
            *v = beta_2 * *v + (1.0 - beta_2) * g * g;
            let (mean, square) = (*m / (1.0 - beta_1.powi(t)), *v / (1.0 - beta_2.powi(t)));
            p - 0.1 * (mean / (square.sqrt() + f64::from(epsilon)) + f64::from(weight_decay) * p)
        });
        assert_same(&found, &expected);
    }
}

#[test]
fn signs_alone_and_a_range_to_stay_in() {
    let found = learn(Optimizer::SignSgd, Some([-0.5, 1.45]));
    let expected = by_hand(|(): &mut (), _, p, g| {
        let sign = if g == 0.0 { 0.0 } else { g.signum() };
        (p - 0.1 * sign).clamp(-0.5, f64::from(1.45f32))
    });
    assert_same(&found, &expected);
}

#[test]
fn state_and_rates_have_the_names_of_what_they_are_of() {
    let (graph, ..) = graph(Optimizer::ADAM, Some([0.0, 1.0]));
    assert_eq!(
        graph.to_string(),
        "input x: f32[4]\nparameter p: f32[4]\nparameter group.rates: f32[4]\nparameter p.mean: f32[4]\n\
         parameter p.square: f32[4]\ng = Mul(p, x)\np.mean.next = RunningMean(p.mean, g) decay=0.9\n\
         p.square.next = RunningSquare(p.square, g) decay=0.999\n\
         p.next = Adam(p, p.mean.next, p.square.next, group.rates) epsilon=1e-8\n\
         p.clipped = Clip(p.next) min=0.0 max=1.0\nassign p.mean = p.mean.next\n\
         assign p.square = p.square.next\nassign p = p.clipped\n"
    );
}

#[test]
fn schedules() {
    let at = |schedule: Schedule, steps: &[u32]| -> Vec<f64> {
        steps.iter().map(|&step| (schedule.at(step) * 1e9).round() / 1e9).collect()
    };
    assert_eq!(at(Schedule::constant(0.5), &[0, 7, 1000]), [0.5, 0.5, 0.5]);
    let linear = Schedule::falling(1.0, Curve::Linear, 10);
    assert_eq!(at(linear, &[0, 1, 5, 10, 11]), [1.0, 0.9, 0.5, 0.0, 0.0]);
    let cosine = Schedule { warm_up: 4, ..Schedule::falling(2.0, Curve::Cosine, 12) };
    assert_eq!(at(cosine, &[0, 1, 3, 4, 8, 12]), [0.5, 1.0, 2.0, 2.0, 1.0, 0.0]);
    let beta = Schedule { start: 20.0, end: 2.0, curve: Curve::Linear, warm_up: 0, hold: 20, steps: 100 };
    assert_eq!(at(beta, &[0, 19, 20, 60, 100]), [20.0, 20.0, 20.0, 11.0, 2.0]);
}
