//! Every rule against finite differences.

use std::collections::BTreeSet;

use fewbit_graph::op::{Binary, Op, Reduce, Reducer, Unary};
use fewbit_graph::{Bindings, Dim, GradError, Graph, Tensor, WireId, gradients, infer};
use fewbit_tests::problem::Problem;
use fewbit_tests::problems::{self, Generator};
use fewbit_tests::{Rng, gradient, naive};

use crate::cases;
use crate::difference::{check, loss_of};
use crate::indexed;

/// The problems of all operators whose gradient is a slope, with the number of seeds to try.
pub(crate) const DIFFERENTIABLE: &[(Generator, u64)] = &[
    (problems::conv, 10),
    (problems::conv_1d, 10),
    (problems::conv_depthwise, 10),
    (problems::conv_pointwise, 5),
    (problems::matmul, 10),
    (problems::gemm, 10),
    (problems::batch_norm, 10),
    // One for each function.
    (problems::unary, 22),
    (problems::binary, 21),
    (problems::pool, 20),
    (problems::pool_1d, 20),
    (problems::reduce, 20),
    (problems::softmax, 10),
    (problems::log_softmax, 10),
    (problems::concat, 10),
    (problems::pad, 20),
    (problems::slice, 20),
    (problems::reshape, 10),
    (problems::transpose, 10),
    (problems::network, 2),
    (cases::shared, 5),
    (cases::pad_and_crop, 20),
    (cases::matmul_broadcast, 6),
    (cases::expand, 20),
    (cases::gather, 20),
    // Those that are no questions.
    (problems::function, 12),
    (problems::cum_sum, 20),
    (indexed::choice, 10),
    (indexed::top_k, 10),
    (indexed::product, 12),
    (indexed::remainder, 10),
    (indexed::gather_elements, 10),
    (indexed::gather_nd, 20),
    (indexed::scatter_elements, 20),
    (indexed::scatter_nd, 20),
];

/// Where finite differences find another slope than the gradient has. A wire along which the graph should have none is
/// compared with zeros if `all` are asked for.
fn faults(problem: Problem, seed: u64, all: bool) -> Vec<String> {
    let name = problem.name.clone();
    let found = gradient::differentiate(problem, seed);
    let feeds = found.off_corners(seed);
    let graph = &found.problem.graph;
    let values = naive::evaluate(graph, &feeds);
    let value = |wire: WireId| values[wire.0 as usize].clone();
    let loss = loss_of(graph, found.loss);
    let mut rng = Rng::new(seed);
    let flat = found.flat.iter().filter(|&&wire| all && graph.wire(wire).name != "indices");
    let flat = flat.map(|&wire| (wire, value(wire).map(|_| 0.0)));
    let pairs = found.pairs.iter().map(|&(wire, g)| (wire, value(g)));
    pairs
        .chain(flat)
        .filter_map(|(wire, g)| {
            let error = check(&loss, &feeds, wire, &g, &mut rng).err()?;
            Some(format!("{name}, `{}`: {error}\n{graph}", graph.wire(wire).name))
        })
        .collect()
}

#[test]
fn every_rule_gives_the_slope_that_finite_differences_find() {
    for &(problem, seeds) in DIFFERENTIABLE {
        let wrong: Vec<String> = (0..seeds).flat_map(|seed| faults(problem(seed), seed, true)).collect();
        assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    }
}

#[test]
fn soft_rounding_has_a_slope_along_its_variables_and_its_scale() {
    let wrong: Vec<String> = (0..20).flat_map(|seed| faults(cases::soft_round(seed), seed, false)).collect();
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    let found = gradient::differentiate(cases::soft_round(0), 0);
    let names: Vec<&str> =
        found.pairs.iter().map(|(wire, _)| found.problem.graph.wire(*wire).name.as_str()).collect();
    assert_eq!(names, ["v", "scale"]);
}

/// x [4] → y, and Σ y as the loss.
fn small(op: impl FnOnce(&mut Graph, WireId) -> WireId) -> (Graph, WireId, WireId) {
    let mut graph = Graph::new();
    let x = graph.input("x", vec![Dim::Known(4)]);
    let y = op(&mut graph, x);
    let rank = infer(&graph, &Bindings::new()).unwrap().shape(y).len();
    let loss = cases::total(&mut graph, y, rank);
    (graph, x, loss)
}

fn gradient_at(graph: &mut Graph, x: WireId, loss: WireId, at: [f32; 4]) -> Vec<f64> {
    let wires = gradients(graph, &Bindings::new(), loss, &[x]).unwrap();
    let at = fewbit_tests::Array::of(&Tensor::vector(at.to_vec()));
    naive::evaluate(graph, &[(x, at)])[wires[0].0 as usize].values.clone()
}

#[test]
fn equal_extremes_share() {
    for kind in [Reducer::Max, Reducer::Min] {
        let reduce = Op::Reduce(Reduce { kind, axes: vec![0], keep_dims: false });
        let (mut graph, x, loss) = small(|graph, x| graph.node("y", reduce, &[x]));
        let sign = if kind == Reducer::Max { 1.0 } else { -1.0 };
        let found = gradient_at(&mut graph, x, loss, [0.5, 2.0 * sign, -sign, 2.0 * sign]);
        assert_eq!(found, [0.0, 0.5, 0.0, 0.5], "{kind:?}");
    }
    for binary in [Binary::Max, Binary::Min] {
        let (mut graph, x, loss) = small(|graph, x| {
            let one = graph.parameter("one", Tensor::scalar(1.0));
            graph.node("y", Op::Binary(binary), &[x, one])
        });
        let found = gradient_at(&mut graph, x, loss, [0.0, 1.0, 2.0, 1.0]);
        let (below, above) = if binary == Binary::Max { (0.0, 1.0) } else { (1.0, 0.0) };
        assert_eq!(found, [below, 0.5, above, 0.5], "{binary:?}");
    }
}

#[test]
fn only_what_lies_between_is_differentiated() {
    let problem = problems::network(3);
    let facts = infer(&problem.graph, &problem.bindings).unwrap();
    let mut graph = problem.graph.clone();
    let loss =
        cases::total(&mut graph, problem.graph.outputs[0], facts.shape(problem.graph.outputs[0]).len());
    let before = graph.nodes().len();
    let head = graph.find("head.weight").unwrap();
    gradients(&mut graph, &problem.bindings, loss, &[head]).unwrap();
    let added: Vec<&str> = graph.nodes().skip(before).map(|(_, node)| node.op.name()).collect();
    assert_eq!(added, ["Reshape", "Expand", "Gemm"]);

    let stem = graph.find("stem.weight").unwrap();
    let before = graph.nodes().len();
    gradients(&mut graph, &problem.bindings, loss, &[stem]).unwrap();
    let added: Vec<&str> = graph.nodes().skip(before).map(|(_, node)| node.op.name()).collect();
    let count = |name: &str| added.iter().filter(|op| **op == name).count();
    assert_eq!((count("ConvWeightGrad"), count("ConvInputGrad")), (1, 2));
}

#[test]
fn a_frozen_graph_stays_as_it_is_before_its_gradient() {
    let found = gradient::differentiate(problems::network(1), 1);
    let forward = problems::network(1).graph;
    for ((_, old), (_, new)) in std::iter::zip(forward.nodes(), found.problem.graph.nodes()) {
        assert_eq!(old, new);
    }
    found.problem.graph.check().unwrap();
    infer(&found.problem.graph, &found.problem.bindings).unwrap();
    let names: BTreeSet<&str> = found.problem.graph.wires().map(|(_, wire)| wire.name.as_str()).collect();
    for name in ["stem.grad.w", "stem.grad.bias", "body.grad.x", "stem_bn.grad.scale", "head.grad.c"] {
        assert!(names.contains(name), "{name} is not among {names:?}");
    }
}

#[test]
fn what_has_no_slope_is_named() {
    let errors = |op: fn(&mut Graph, WireId) -> WireId| {
        let (mut graph, x, loss) = small(op);
        gradients(&mut graph, &Bindings::new(), loss, &[x]).unwrap_err().to_string()
    };
    let rounded = errors(|graph, x| graph.node("y", Op::Unary(Unary::Round), &[x]));
    assert_eq!(
        rounded,
        "`total` has no slope along `x`: it does not depend on it, or only through steps and constants"
    );
    let observed = errors(|graph, x| graph.node("seen", Op::Moments { axis: None }, &[x]));
    assert_eq!(
        observed,
        "no gradient passes through Moments `seen`: it observes; sum and multiply to make a loss"
    );
    let twice = errors(|graph, x| {
        let g = graph.node("slope", Op::UnaryGrad(Unary::Tanh), &[x, x]);
        graph.node("y", Op::Unary(Unary::Neg), &[g])
    });
    assert_eq!(
        twice,
        "no gradient passes through UnaryGrad `slope`: it is part of a gradient, and there are no second derivatives"
    );
}

#[test]
fn a_loss_is_one_number() {
    let (mut graph, x, _) = small(|graph, x| graph.node("y", Op::Unary(Unary::Tanh), &[x]));
    let y = graph.find("y").unwrap();
    let error = gradients(&mut graph, &Bindings::new(), y, &[x]).unwrap_err();
    assert_eq!(error.to_string(), "`y` is f32[4], but a loss has one element: sum or average it");
    assert!(matches!(error, GradError::Loss { .. }));
}

#[test]
fn the_loss_itself_and_wires_within_have_gradients() {
    let (mut graph, x, loss) = small(|graph, x| graph.node("y", Op::Unary(Unary::Tanh), &[x]));
    let y = graph.find("y").unwrap();
    let wires = gradients(&mut graph, &Bindings::new(), loss, &[loss, y, x]).unwrap();
    let at = fewbit_tests::Array::of(&Tensor::vector(vec![0.0; 4]));
    let values = naive::evaluate(&graph, &[(x, at)]);
    let found: Vec<&[f64]> = wires.iter().map(|wire| values[wire.0 as usize].values.as_slice()).collect();
    assert_eq!(found, [&[1.0][..], &[1.0; 4], &[1.0; 4]]);
}
