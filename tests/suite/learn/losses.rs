//! Losses against their formulas, and their gradients against finite differences.

use fewbit_graph::{Bindings, Dim, Graph, InferError, Tensor, WireId, gradients, loss};
use fewbit_tests::{Array, Rng, naive};

use crate::difference::{check, loss_of};

type Feeds = Vec<(WireId, Array)>;

/// A graph with inputs of these shapes, and values for them.
fn inputs<const N: usize>(shapes: [&[usize]; N], seed: u64) -> (Graph, [WireId; N], Feeds) {
    let (mut graph, mut rng) = (Graph::new(), Rng::new(seed));
    let wires = shapes.map(|shape| graph.input("x", shape.iter().copied().map(Dim::Known).collect()));
    let arrays = shapes.map(|shape| {
        Array::of(&Tensor::f32(shape, rng.floats(shape.iter().product())).unwrap()).map(|x| x + 1e-3)
    });
    (graph, wires, std::iter::zip(wires, arrays).collect())
}

/// Checks the value of a loss, and its slope along the first `learned` inputs.
fn assert_loss<const N: usize>(
    shapes: [&[usize]; N],
    learned: usize,
    build: impl Fn(&mut Graph, [WireId; N]) -> Result<WireId, InferError>,
    formula: impl Fn([&Array; N]) -> f64,
) {
    for seed in 0..5 {
        let (mut graph, wires, feeds) = inputs(shapes, seed);
        let loss = build(&mut graph, wires).unwrap();
        let found = gradients(&mut graph, &Bindings::new(), loss, &wires[..learned]).unwrap();
        let values = naive::evaluate(&graph, &feeds);
        let value = values[loss.0 as usize].clone();
        assert_eq!(value.shape, [0usize; 0], "a loss is a number");
        let expected = formula(std::array::from_fn(|i| &feeds[i].1));
        let distance = (value.values[0] - expected).abs();
        assert!(distance <= 1e-6 * expected.abs().max(1.0), "{} for {expected}", value.values[0]);
        let f = loss_of(&graph, loss);
        for (&wire, g) in std::iter::zip(&wires, found) {
            check(&f, &feeds, wire, &values[g.0 as usize], &mut Rng::new(seed)).unwrap();
        }
    }
}

#[test]
fn squared_errors_are_summed_over_channels_and_averaged_over_the_rest() {
    assert_loss(
        [&[2, 3, 4, 5], &[2, 3, 4, 5]],
        1,
        |graph, [a, b]| loss::squared_error(graph, &Bindings::new(), a, b, 1),
        |[a, b]| std::iter::zip(&a.values, &b.values).map(|(a, b)| (a - b).powi(2)).sum::<f64>() / 40.0,
    );
    assert_loss(
        [&[6, 3], &[6, 3]],
        2,
        |graph, [a, b]| loss::squared_error(graph, &Bindings::new(), a, b, 1),
        |[a, b]| std::iter::zip(&a.values, &b.values).map(|(a, b)| (a - b).powi(2)).sum::<f64>() / 6.0,
    );
}

#[test]
fn fisher_weighs_each_error_by_the_square_of_the_slope() {
    assert_loss(
        [&[2, 3, 4], &[2, 3, 4], &[2, 3, 4]],
        1,
        |graph, [a, b, slope]| loss::fisher_squared_error(graph, &Bindings::new(), a, b, slope, 1),
        |[a, b, slope]| {
            let each = (0..24).map(|i| ((a.values[i] - b.values[i]) * slope.values[i]).powi(2));
            each.sum::<f64>() / 8.0
        },
    );
}

fn log_softmax(row: &[f64], t: f64) -> Vec<f64> {
    let sum: f64 = row.iter().map(|x| (x / t).exp()).sum();
    row.iter().map(|x| x / t - sum.ln()).collect()
}

#[test]
fn cross_entropy_is_the_mean_of_the_surprise() {
    assert_loss(
        [&[4, 5], &[4, 5]],
        1,
        |graph, [logits, labels]| loss::cross_entropy(graph, &Bindings::new(), logits, labels),
        |[logits, labels]| {
            let rows = std::iter::zip(logits.values.chunks(5), labels.values.chunks(5));
            let row = |(x, p): (&[f64], &[f64])| -> f64 {
                std::iter::zip(log_softmax(x, 1.0), p).map(|(ln_q, p)| -p * ln_q).sum()
            };
            rows.map(row).sum::<f64>() / 4.0
        },
    );
}

#[test]
fn distillation_is_the_divergence_of_softened_predictions() {
    assert_loss(
        [&[4, 5], &[4, 5]],
        1,
        |graph, [student, teacher]| loss::distillation(graph, &Bindings::new(), student, teacher, 3.0, 0.5),
        |[student, teacher]| {
            let rows = std::iter::zip(student.values.chunks(5), teacher.values.chunks(5));
            let row = |(q, p): (&[f64], &[f64])| -> f64 {
                let (ln_q, ln_p) = (log_softmax(q, 3.0), log_softmax(p, 3.0));
                std::iter::zip(ln_q, ln_p).map(|(ln_q, ln_p)| ln_p.exp() * (ln_p - ln_q)).sum()
            };
            0.5 * 9.0 * rows.map(row).sum::<f64>() / 4.0
        },
    );
}

#[test]
fn the_regularizer_counts_what_is_undecided() {
    for (lambda, beta) in [(0.01f32, 20.0f32), (0.1, 2.0), (1.0, 3.5)] {
        assert_loss(
            [&[3, 4], &[5]],
            2,
            |graph, variables| {
                let lambda = graph.parameter("lambda", Tensor::scalar(lambda));
                let beta = graph.parameter("beta", Tensor::vector(vec![beta]));
                let loss = loss::rounding_regularizer(graph, &Bindings::new(), &variables, lambda, beta)?;
                loss::sum(graph, &Bindings::new(), &[loss])
            },
            |variables| {
                let h = |v: f64| (1.2 / (1.0 + (-v).exp()) - 0.1).clamp(0.0, 1.0);
                let each = variables.iter().flat_map(|array| &array.values);
                let undecided = each.map(|&v| 1.0 - (2.0 * h(v) - 1.0).abs().powf(beta.into()));
                f64::from(lambda) * undecided.sum::<f64>()
            },
        );
    }
}

#[test]
fn decided_variables_cost_nothing_and_have_no_slope() {
    let mut graph = Graph::new();
    let v = graph.input("v", vec![Dim::Known(2)]);
    let lambda = graph.parameter("lambda", Tensor::scalar(1.0));
    let beta = graph.parameter("beta", Tensor::scalar(2.0));
    let loss = loss::rounding_regularizer(&mut graph, &Bindings::new(), &[v], lambda, beta).unwrap();
    let g = gradients(&mut graph, &Bindings::new(), loss, &[v]).unwrap()[0];
    let values = naive::evaluate(&graph, &[(v, Array { shape: vec![2], values: vec![-9.0, 9.0] })]);
    assert_eq!(values[loss.0 as usize].values, [0.0]);
    assert_eq!(values[g.0 as usize].values, [0.0, 0.0]);
}

#[test]
fn several_losses_add_up() {
    assert_loss(
        [&[1], &[]],
        2,
        |graph, [a, b]| loss::sum(graph, &Bindings::new(), &[a, b, a]),
        |[a, b]| 2.0 * a.values[0] + b.values[0],
    );
}
