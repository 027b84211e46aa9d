//! Learning on the CPU engine.

use fewbit_graph::op::{Estimator, Gemm, Op, Unary};
use fewbit_graph::optimize::{Learned, Optimizer};
use fewbit_graph::{Bindings, Dim, Graph, Tensor, WireId, gradients, infer, loss};
use fewbit_runtime::{Backend, Cancel, Control, Cpu, Keep, NeverPause};
use fewbit_tests::{Rng, Tolerance, gradient, problems};
use pollster::block_on;

use crate::cases;
use crate::gradients::DIFFERENTIABLE;

#[test]
fn the_engine_and_the_naive_evaluator_agree_on_every_gradient() {
    let rules =
        DIFFERENTIABLE.iter().flat_map(|&(problem, seeds)| (0..seeds).map(move |seed| (problem(seed), seed)));
    let quantizers = (0..4).flat_map(|seed| {
        [(cases::quantizer(seed, Estimator::default()), seed), (cases::soft_round(seed), seed)]
    });
    let networks = (0..4).map(|seed| (problems::quantized_network(seed), seed));
    let wrong: Vec<String> = rules
        .chain(quantizers)
        .chain(networks)
        .filter_map(|(problem, seed)| {
            let problem = gradient::differentiate(problem, seed).expecting(Tolerance::Relative(1e-4));
            let found = block_on(problem.solve(&Cpu::new(), Keep::Outputs))
                .unwrap_or_else(|error| panic!("{}: {error}", problem.name));
            problem.check(&found).err()
        })
        .collect();
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// 16×6 inputs, a hidden layer of 8, three outputs; its loss, and Adam on all four parameters.
fn network() -> (Graph, WireId, WireId, fewbit_graph::optimize::Group, Vec<WireId>) {
    let (mut graph, mut rng) = (Graph::new(), Rng::new(7));
    let none = Bindings::new();
    let x = graph.input("x", vec![Dim::Known(16), Dim::Known(6)]);
    let target = graph.parameter("target", Tensor::f32([16, 3], rng.floats(48)).unwrap());
    let mut parameters = Vec::new();
    let mut linear = |graph: &mut Graph, name: &str, x, inputs: usize, outputs: usize| {
        let weights = rng.floats(inputs * outputs).iter().map(|w| w * 0.2).collect::<Vec<_>>();
        let w = graph.parameter(format!("{name}.weight"), Tensor::f32([outputs, inputs], weights).unwrap());
        let b = graph.parameter(format!("{name}.bias"), Tensor::zeros([outputs]));
        parameters.extend([w, b]);
        graph.node(name, Op::Gemm(Gemm { alpha: 1.0, beta: 1.0, trans_a: false, trans_b: true }), &[x, w, b])
    };
    let hidden = linear(&mut graph, "fc1", x, 6, 8);
    let hidden = graph.node("relu", Op::Unary(Unary::Relu), &[hidden]);
    let y = linear(&mut graph, "fc2", hidden, 8, 3);
    let loss = loss::squared_error(&mut graph, &none, y, target, 1).unwrap();
    let found = gradients(&mut graph, &none, loss, &parameters).unwrap();
    let learned: Vec<Learned> = std::iter::zip(&parameters, found)
        .map(|(&parameter, gradient)| Learned { parameter, gradient, within: None })
        .collect();
    let group = Optimizer::ADAM.attach(&mut graph, &none, "adam", &learned).unwrap();
    graph.outputs.push(loss);
    (graph, x, loss, group, parameters)
}

/// The losses of some steps, and the parameters after them.
fn learn(steps: u32) -> (Vec<f32>, Vec<Vec<u32>>) {
    let (graph, x, loss, group, parameters) = network();
    let control = Control { cancel: &Cancel::default(), pace: &NeverPause };
    let mut plan = block_on(Cpu::new().prepare(&graph, &Bindings::new(), Keep::Outputs)).unwrap();
    plan.set(x, &Tensor::f32([16, 6], Rng::new(1).floats(96)).unwrap()).unwrap();
    let losses = (0..steps)
        .map(|step| {
            plan.set(group.rates, &group.rates(step, 0.02)).unwrap();
            block_on(plan.step(&[loss], &control)).unwrap()[0].as_f32().unwrap()[0]
        })
        .collect();
    let values = block_on(plan.read(&parameters)).unwrap();
    (losses, values.iter().map(|t| t.as_f32().unwrap().iter().map(|x| x.to_bits()).collect()).collect())
}

#[test]
fn fifty_steps_of_adam_lower_a_loss_and_do_so_again_bit_by_bit() {
    let (losses, parameters) = learn(50);
    assert!(losses[49] < 0.5 * losses[0], "{losses:?}");
    let again = learn(50);
    assert_eq!(losses, again.0);
    assert_eq!(parameters, again.1);
}

#[test]
fn the_gradient_graph_of_a_small_network() {
    let (graph, ..) = network();
    assert_eq!(graph.to_string(), include_str!("small_network.txt"));
}

#[test]
fn the_gradient_graph_of_a_quantized_network() {
    let problem = gradient::differentiate(problems::quantized_network(0), 0).problem;
    let facts = infer(&problem.graph, &problem.bindings).unwrap();
    assert_eq!(problem.graph.dump(&facts).to_string(), include_str!("quantized_network.txt"));
}
