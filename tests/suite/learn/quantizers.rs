//! Quantizers: the staircase has no slope, so each estimator is compared with the function whose slope it takes.

use fewbit_graph::op::{Estimator, Mask, Op, ScaleSlope, Slope};
use fewbit_graph::{Graph, Node, Tensor, WireId};
use fewbit_tests::naive::{self, Grid};
use fewbit_tests::{Array, Rng, gradient};

use crate::cases;
use crate::difference::check;

const SLOPES: [Slope; 3] = [Slope::Straight, Slope::Ewgs { delta: 0.2 }, Slope::Dsq { alpha: 0.3 }];

fn estimators() -> impl Iterator<Item = Estimator> {
    let masks = [Mask::Value, Mask::Rounded].into_iter();
    masks.flat_map(|mask| {
        [ScaleSlope::Lsq, ScaleSlope::Pact]
            .into_iter()
            .flat_map(move |scale| SLOPES.into_iter().map(move |slope| Estimator { mask, slope, scale }))
    })
}

/// What stands for the quantizer near a point: what x̂ would be if codes moved with x as the estimator has it, and if
/// clipped elements stayed clipped.
struct Surrogate {
    estimator: Estimator,
    axis: usize,
    /// The quantizer's inputs at the point, and the gradient of x̂ there.
    point: Vec<Array>,
    g: Array,
}

impl Surrogate {
    fn value(&self, inputs: &[&Array]) -> Array {
        let point: Vec<&Array> = self.point.iter().collect();
        Array::from_fn(&inputs[0].shape, |index| {
            let (at, now) =
                (Grid::of(&point[1..], index, self.axis), Grid::of(&inputs[1..], index, self.axis));
            let (x_0, x) = (point[0].at(index), inputs[0].at(index));
            let code = at.code(x_0);
            if at.clips(x_0, self.estimator.mask) {
                return now.scale * (code - now.zero_point);
            }
            let step = code - at.zero_point;
            let along_scale = match self.estimator.scale {
                ScaleSlope::Lsq => (now.scale - at.scale) * (step - x_0 / at.scale),
                ScaleSlope::Pact => 0.0,
            };
            along_scale + at.scale * (self.moved(at, x_0, x, self.g.at(index)) - at.zero_point)
        })
    }

    /// Where the code of x₀ is if it moves with x.
    fn moved(&self, at: Grid, x_0: f64, x: f64, g: f64) -> f64 {
        let (code, by) = (at.code(x_0), (x - x_0) / at.scale);
        match self.estimator.slope {
            Slope::Straight => code + by,
            Slope::Ewgs { delta } => {
                code + by * (1.0 + f64::from(delta) * g.signum() * (at.place(x_0) - code))
            }
            Slope::Dsq { alpha } => {
                let alpha = f64::from(alpha);
                let (c, middle) = ((2.0 / alpha - 1.0).ln(), at.place(x_0).floor() + 0.5);
                middle + (c * (at.place(x) - middle)).tanh() / (2.0 * (1.0 - alpha))
            }
        }
    }
}

/// The value of the graph's loss with the surrogate in the quantizer's place.
fn loss_with(graph: &Graph, loss: WireId, surrogate: &Surrogate, feeds: &[(WireId, Array)]) -> f64 {
    let replaced = |node: &Node, inputs: &[&Array]| {
        matches!(node.op, Op::FakeQuantize { .. }).then(|| surrogate.value(inputs))
    };
    naive::evaluate_with(graph, feeds, &replaced)[loss.0 as usize].values[0]
}

#[test]
fn each_estimator_is_the_slope_of_what_it_stands_for() {
    for estimator in estimators() {
        for seed in 0..4 {
            let found = gradient::differentiate(cases::quantizer(seed, estimator), seed);
            let graph = &found.problem.graph;
            let feeds = found.off_corners(seed);
            let values = naive::evaluate(graph, &feeds);
            let quantizer = graph.nodes().map(|(_, node)| node).find(|node| node.name == "y").unwrap();
            let surrogate = Surrogate {
                estimator,
                axis: 1,
                point: quantizer.inputs.iter().map(|wire| values[wire.0 as usize].clone()).collect(),
                g: values[graph.find("loss.weights").unwrap().0 as usize].clone(),
            };
            let f = |feeds: &[(WireId, Array)]| loss_with(graph, found.loss, &surrogate, feeds);
            let names: Vec<&str> =
                found.pairs.iter().map(|(wire, _)| graph.wire(*wire).name.as_str()).collect();
            assert_eq!(names, ["x", "scale", "zero_point"]);
            let mut rng = Rng::new(seed);
            for &(wire, g) in &found.pairs {
                let name = &graph.wire(wire).name;
                check(&f, &feeds, wire, &values[g.0 as usize], &mut rng)
                    .unwrap_or_else(|error| panic!("{estimator:?}, seed {seed}, `{name}`: {error}"));
            }
        }
    }
}

#[test]
fn a_quantizer_that_is_off_lets_the_gradient_pass_to_x_alone() {
    let mut problem = cases::quantizer(0, Estimator::default());
    let scale = problem.graph.find("scale").unwrap();
    problem.feeds.push((scale, Tensor::vector(vec![0.0])));
    let found = gradient::differentiate(problem, 0);
    let graph = &found.problem.graph;
    let feeds: Vec<(WireId, Array)> =
        found.problem.feeds.iter().map(|(wire, value)| (*wire, Array::of(value))).collect();
    let values = naive::evaluate(graph, &feeds);
    let weights = &values[graph.find("loss.weights").unwrap().0 as usize];
    let [x, scale, zero_point] = [0, 1, 2].map(|i| &values[found.pairs[i].1.0 as usize]);
    assert_eq!(x.values, weights.values);
    assert_eq!((scale.values.as_slice(), zero_point.values.as_slice()), (&[0.0][..], &[0.0][..]));
}
