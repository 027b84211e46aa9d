//! BatchNorm with the statistics of the batch.

use fewbit_graph::grad::unfold_batch_norm;
use fewbit_graph::{Graph, Tensor, WireId};
use fewbit_tests::array::indices;
use fewbit_tests::{Array, Rng, gradient, naive, problems};

use crate::difference::{check, loss_of};

/// The mean and the variance (over n) of each channel.
fn statistics(x: &Array) -> (Vec<f64>, Vec<f64>) {
    let each = |channel: usize| -> Vec<f64> {
        indices(&x.shape).iter().filter(|index| index[1] == channel).map(|index| x.at(index)).collect()
    };
    let channels = (0..x.shape[1]).map(each);
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    channels
        .map(|x| {
            let center = mean(&x);
            (center, mean(&x.iter().map(|x| (x - center).powi(2)).collect::<Vec<_>>()))
        })
        .unzip()
}

fn fed(feeds: &[(WireId, Tensor)]) -> Vec<(WireId, Array)> {
    feeds.iter().map(|(wire, value)| (*wire, Array::of(value))).collect()
}

fn parameter(graph: &Graph, name: &str) -> Array {
    Array::of(graph.value(graph.find(name).unwrap()).unwrap())
}

#[test]
fn the_batch_is_normalized_with_its_own_mean_and_variance() {
    for seed in 0..10 {
        let problem = problems::batch_norm(seed);
        let unfolded = unfold_batch_norm(&problem.graph, &problem.bindings).unwrap();
        let feeds = fed(&problem.feeds);
        let x = &feeds[0].1;
        let (means, variances) = statistics(x);
        let (scale, bias) = (parameter(&problem.graph, "scale"), parameter(&problem.graph, "bias"));
        let values = naive::evaluate(&unfolded.graph, &feeds);
        let [statistics] = unfolded.statistics.as_slice() else { panic!("{:?}", unfolded.statistics) };
        assert_eq!(statistics.name, "y");
        assert_eq!(statistics.count, x.values.len() / x.shape[1]);
        let near = |found: &[f64], expected: &[f64]| {
            assert_eq!(found.len(), expected.len());
            std::iter::zip(found, expected).for_each(|(a, b)| assert!((a - b).abs() < 1e-9, "{a} for {b}"));
        };
        near(&values[statistics.mean.0 as usize].values, &means);
        near(&values[statistics.variance.0 as usize].values, &variances);
        let y = Array::from_fn(&x.shape, |index| {
            let c = index[1];
            let deviation = (variances[c] + f64::from(1e-5f32)).sqrt();
            scale.values[c] * (x.at(index) - means[c]) / deviation + bias.values[c]
        });
        near(&values[unfolded.graph.outputs[0].0 as usize].values, &y.values);
        assert_eq!(unfolded.graph.outputs.len(), 1);
        assert_eq!(unfolded.graph.wire(unfolded.graph.outputs[0]).name, "y");
        assert_eq!(unfolded.wire(problem.graph.outputs[0]), Some(unfolded.graph.outputs[0]));
    }
}

#[test]
fn gradients_pass_through_the_statistics() {
    for seed in 0..4 {
        let mut problem = problems::network(seed);
        let unfolded = unfold_batch_norm(&problem.graph, &problem.bindings).unwrap();
        problem.feeds.iter_mut().for_each(|(wire, _)| *wire = unfolded.wire(*wire).unwrap());
        problem.graph = unfolded.graph;
        let found = gradient::differentiate(problem, seed);
        let graph = &found.problem.graph;
        let feeds = found.off_corners(seed);
        let values = naive::evaluate(graph, &feeds);
        let loss = loss_of(graph, found.loss);
        for &(wire, g) in &found.pairs {
            let name = &graph.wire(wire).name;
            check(&loss, &feeds, wire, &values[g.0 as usize], &mut Rng::new(seed))
                .unwrap_or_else(|error| panic!("seed {seed}, `{name}`: {error}"));
        }
    }
}

#[test]
fn running_statistics_follow_the_batches() {
    let problem = problems::batch_norm(4);
    let unfolded = unfold_batch_norm(&problem.graph, &problem.bindings).unwrap();
    let (mut graph, statistics) = (unfolded.graph, &unfolded.statistics[0]);
    statistics.track(&mut graph, &problem.bindings, 0.75).unwrap();
    graph.check().unwrap();
    let mut feeds = fed(&problem.feeds);
    let (means, variances) = self::statistics(&feeds[0].1);
    naive::step(&graph, &mut feeds);
    let n = statistics.count as f64;
    for (wire, name, batch) in [
        (statistics.running_mean, "mean", means),
        (statistics.running_variance, "variance", variances.iter().map(|v| v * n / (n - 1.0)).collect()),
    ] {
        let old = parameter(&problem.graph, name);
        let (_, new) = feeds.iter().find(|(fed, _)| *fed == wire).unwrap();
        for ((new, old), batch) in new.values.iter().zip(&old.values).zip(&batch) {
            assert!((new - (0.75 * old + 0.25 * batch)).abs() < 1e-6, "{new}");
        }
    }
}
