//! A problem: a graph, its inputs and the right answers.

use fewbit_graph::{Bindings, Dim, Graph, Op, Tensor, WireId};
use fewbit_runtime::{Backend, Cancel, Control, Keep, NeverPause, Plan, RunError};

use crate::array::Array;
use crate::rng::Rng;
use crate::tolerance::Tolerance;

/// What the oracle says of a wire.
#[derive(Clone, Debug, PartialEq)]
pub struct Expected {
    /// The wire.
    pub wire: WireId,
    /// Its values.
    pub array: Array,
}

/// A graph with inputs and the right answers.
#[derive(Clone, Debug)]
pub struct Problem {
    /// What it is, for messages: `conv, seed 7`.
    pub name: String,
    /// The graph; its outputs are the wires that are expected.
    pub graph: Graph,
    /// Numbers for the symbols of its inputs.
    pub bindings: Bindings,
    /// Values for its inputs.
    pub feeds: Vec<(WireId, Tensor)>,
    /// The right answers, in the order of the graph's outputs.
    pub expected: Vec<Expected>,
    /// How near is right. An engine with laxer arithmetic passes its own to [`Problem::check_within`].
    pub tolerance: Tolerance,
}

impl Problem {
    /// Prepares the graph on `backend`, feeds it, runs it and reads its outputs.
    ///
    /// # Errors
    /// Whatever the engine says.
    pub async fn solve(&self, backend: &dyn Backend, keep: Keep) -> Result<Vec<Tensor>, RunError> {
        let mut plan = backend.prepare(&self.graph, &self.bindings, keep).await?;
        self.run(plan.as_mut()).await
    }

    /// Feeds a plan of the graph, runs it and reads its outputs.
    ///
    /// # Errors
    /// Whatever the engine says.
    pub async fn run(&self, plan: &mut dyn Plan) -> Result<Vec<Tensor>, RunError> {
        for (wire, value) in &self.feeds {
            plan.set(*wire, value)?;
        }
        plan.run(&[], &Control { cancel: &Cancel::default(), pace: &NeverPause }).await?;
        plan.read(&self.graph.outputs).await
    }

    /// Whether `found` (the outputs, in order) are the right answers.
    ///
    /// # Errors
    /// The worst element of the first wrong output, its index and both values.
    pub fn check(&self, found: &[Tensor]) -> Result<(), String> {
        self.check_within(found, self.tolerance)
    }

    /// [`Problem::check`] with another tolerance.
    ///
    /// # Errors
    /// The worst element of the first wrong output, its index and both values.
    pub fn check_within(&self, found: &[Tensor], tolerance: Tolerance) -> Result<(), String> {
        let place = |wire: WireId| format!("{}, wire `{}`", self.name, self.graph.wire(wire).name);
        if found.len() != self.expected.len() {
            return Err(format!("{}: {} outputs, expected {}", self.name, found.len(), self.expected.len()));
        }
        for (Expected { wire, array }, found) in self.expected.iter().zip(found) {
            if found.shape() != array.shape {
                return Err(format!(
                    "{}: shape {:?}, expected {:?}",
                    place(*wire),
                    found.shape(),
                    array.shape
                ));
            }
            let values = found.as_f32().map_err(|error| format!("{}: {error}", place(*wire)))?;
            let worst = values
                .iter()
                .zip(&array.values)
                .map(|(&found, &expected)| tolerance.distance(expected, found))
                .enumerate()
                .max_by(|a, b| a.1.total_cmp(&b.1));
            if let Some((at, distance)) = worst
                && distance > 1.0
            {
                return Err(format!(
                    "{}: {distance:.3e} times {tolerance:?} at {:?} of {:?}: found {:e}, expected {:e}\n{:?}",
                    place(*wire),
                    index_of(at, &array.shape),
                    array.shape,
                    values[at],
                    array.values[at],
                    self.graph.nodes().map(|(_, node)| &node.op).collect::<Vec<_>>(),
                ));
            }
        }
        Ok(())
    }
}

fn index_of(mut place: usize, shape: &[usize]) -> Vec<usize> {
    let mut index: Vec<usize> = shape.iter().rev().map(|&n| (place % n, place /= n).0).collect();
    index.reverse();
    index
}

/// Makes a problem step by step.
#[derive(Clone, Debug)]
pub struct Builder {
    /// Draws shapes and values.
    pub rng: Rng,
    problem: Problem,
}

impl Builder {
    /// A problem with nothing in it.
    pub fn new(name: &str, seed: u64, tolerance: Tolerance) -> Self {
        let salt =
            name.bytes().fold(seed, |hash, byte| hash.wrapping_mul(0x0100_0000_01B3) ^ u64::from(byte));
        let problem = Problem {
            name: format!("{name}, seed {seed}"),
            graph: Graph::new(),
            bindings: Bindings::new(),
            feeds: Vec::new(),
            expected: Vec::new(),
            tolerance,
        };
        Self { rng: Rng::new(salt), problem }
    }

    /// Says how near is right, where that depends on what was drawn.
    pub fn tolerate(&mut self, tolerance: Tolerance) {
        self.problem.tolerance = tolerance;
    }

    /// An input of random values. Its first axis is the symbol `N` if that is not bound to another number.
    pub fn input(&mut self, name: &str, shape: &[usize]) -> (WireId, Array) {
        let values = self.rng.floats(shape.iter().product());
        self.input_of(name, shape, values)
    }

    /// An input of these values.
    pub fn input_of(&mut self, name: &str, shape: &[usize], values: Vec<f32>) -> (WireId, Array) {
        let mut dims: Vec<Dim> = shape.iter().map(|&n| Dim::Known(n)).collect();
        if let [first, ..] = dims.as_mut_slice()
            && *self.problem.bindings.entry("N".to_owned()).or_insert(shape[0]) == shape[0]
        {
            *first = Dim::Symbol("N".to_owned());
        }
        let wire = self.problem.graph.input(name, dims);
        let tensor = Tensor::f32(shape, values).expect("as many values as the shape has");
        let array = Array::of(&tensor);
        self.problem.feeds.push((wire, tensor));
        (wire, array)
    }

    /// A parameter of random values.
    pub fn parameter(&mut self, name: &str, shape: &[usize]) -> (WireId, Array) {
        let values = self.rng.floats(shape.iter().product());
        self.parameter_of(name, shape, values)
    }

    /// A parameter of these values.
    pub fn parameter_of(&mut self, name: &str, shape: &[usize], values: Vec<f32>) -> (WireId, Array) {
        let tensor = Tensor::f32(shape, values).expect("as many values as the shape has");
        let array = Array::of(&tensor);
        (self.problem.graph.parameter(name, tensor), array)
    }

    /// A node.
    pub fn node(&mut self, name: &str, op: Op, inputs: &[WireId]) -> WireId {
        self.problem.graph.node(name, op, inputs)
    }

    /// Makes `wire` an output with this right answer.
    pub fn expect(&mut self, wire: WireId, array: Array) {
        self.problem.graph.outputs.push(wire);
        self.problem.expected.push(Expected { wire, array });
    }

    /// The problem.
    pub fn build(self) -> Problem {
        self.problem
    }

    /// A batch size: 1 to 3.
    pub fn batch(&mut self) -> usize {
        self.rng.between(1, 3)
    }

    /// A shape of `low ..= high` axes, each 1 to 5 long, now and then one of 40.
    pub fn shape(&mut self, low: usize, high: usize) -> Vec<usize> {
        let rank = self.rng.between(low, high);
        let mut shape: Vec<usize> = (0..rank).map(|_| self.rng.between(1, 5)).collect();
        if rank > 0 && self.rng.one_in(5) {
            let axis = self.rng.between(0, rank - 1);
            shape[axis] = 40;
        }
        shape
    }
}
