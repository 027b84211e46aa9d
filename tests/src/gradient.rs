//! From a problem to the problem of its gradients.

use fewbit_graph::op::{Binary, Reduce, Reducer};
use fewbit_graph::{DType, GradError, Graph, Op, Source, Tensor, WireId, gradients};

use crate::array::Array;
use crate::naive;
use crate::problem::{Expected, Problem};
use crate::rng::Rng;
use crate::tolerance::Tolerance;

/// A problem with a loss, and its gradients along all inputs and parameters.
#[derive(Clone, Debug)]
pub struct Differentiated {
    /// The problem: its graph has the loss and what computes the gradients, and no outputs.
    pub problem: Problem,
    /// Σ of all outputs, each element times a random number.
    pub loss: WireId,
    /// Each input and parameter that the loss has a slope along, with its gradient.
    pub pairs: Vec<(WireId, WireId)>,
    /// The inputs and parameters that the loss has no slope along.
    pub flat: Vec<WireId>,
}

/// Gives a problem a loss, and the graph the gradients of that.
pub fn differentiate(problem: Problem, seed: u64) -> Differentiated {
    let mut problem = problem;
    let mut rng = Rng::new(seed);
    let facts = fewbit_graph::infer(&problem.graph, &problem.bindings).expect("problems are well formed");
    let (mut wrt, mut flat) = (sources(&problem.graph), Vec::new());
    let outputs = std::mem::take(&mut problem.graph.outputs);
    problem.expected.clear();
    let terms = outputs.iter().map(|&wire| {
        let shape = facts.shape(wire);
        let weights =
            Tensor::f32(shape, rng.floats(facts.of(wire).len())).expect("a number for each element");
        weighted_sum(&mut problem.graph, wire, weights)
    });
    let loss = terms.collect::<Vec<WireId>>().into_iter();
    let loss = loss.reduce(|a, b| problem.graph.node("loss", Op::Binary(Binary::Add), &[a, b]));
    let loss = loss.expect("a problem has an output");
    loop {
        let mut graph = problem.graph.clone();
        match gradients(&mut graph, &problem.bindings, loss, &wrt) {
            Ok(found) => {
                problem.graph = graph;
                return Differentiated { problem, loss, pairs: std::iter::zip(wrt, found).collect(), flat };
            }
            Err(GradError::Independent { wire, .. }) => {
                let wire = graph.find(&wire).expect("the error names a wire");
                wrt.retain(|&other| other != wire);
                flat.push(wire);
            }
            Err(error) => unreachable!("{}: {error}", problem.name),
        }
    }
}

impl Differentiated {
    /// The problem of computing the gradients, with the answers of the naive evaluator to the problem's own feeds.
    pub fn expecting(mut self, tolerance: Tolerance) -> Problem {
        let feeds: Vec<(WireId, Array)> =
            self.problem.feeds.iter().map(|(wire, value)| (*wire, Array::of(value))).collect();
        let values = naive::evaluate(&self.problem.graph, &feeds);
        for (_, wire) in self.pairs {
            self.problem.graph.outputs.push(wire);
            self.problem.expected.push(Expected { wire, array: values[wire.0 as usize].clone() });
        }
        self.problem.name = format!("gradient of {}", self.problem.name);
        self.problem.tolerance = tolerance;
        self.problem
    }

    /// Values for every input and parameter: the problem's own, moved a little, so that none lies on a corner.
    pub fn off_corners(&self, seed: u64) -> Vec<(WireId, Array)> {
        let mut rng = Rng::new(seed);
        let graph = &self.problem.graph;
        let own =
            |wire: WireId| self.problem.feeds.iter().find(|(fed, _)| *fed == wire).map(|(_, value)| value);
        self.pairs
            .iter()
            .map(|(wire, _)| *wire)
            .chain(self.flat.iter().copied())
            .filter_map(|wire| Some((wire, Array::of(own(wire).or(graph.value(wire))?))))
            .map(|(wire, value)| (wire, value.map(|x| x * (1.0 + f64::from(rng.float(0.001, 0.01))))))
            .collect()
    }
}

/// All inputs, and the parameters that some node reads.
fn sources(graph: &Graph) -> Vec<WireId> {
    let uses = graph.uses();
    let wires = graph.wires().filter(|(id, wire)| match &wire.source {
        Source::Input(_) => true,
        Source::Parameter(value) => uses[id.0 as usize] > 0 && value.dtype() == DType::F32,
        Source::Node(_) => false,
    });
    wires.map(|(id, _)| id).collect()
}

fn weighted_sum(graph: &mut Graph, wire: WireId, weights: Tensor) -> WireId {
    let axes = (0..weights.shape().len()).collect();
    let weights = graph.parameter("loss.weights", weights);
    let products = graph.node("loss.products", Op::Binary(Binary::Mul), &[wire, weights]);
    let sum = Reduce { kind: Reducer::Sum, axes, keep_dims: false };
    graph.node("loss", Op::Reduce(sum), &[products])
}
