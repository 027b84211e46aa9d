//! Adding the nodes of one formula to a graph, all named after what they belong to.

use fewbit_graph::op::{Binary, Op, Reduce, Reducer, Unary};
use fewbit_graph::{Graph, Tensor, WireId};

/// Nodes with names that begin alike.
pub(super) struct Nodes<'a> {
    pub(super) graph: &'a mut Graph,
    name: String,
}

impl<'a> Nodes<'a> {
    pub(super) fn new(graph: &'a mut Graph, name: String) -> Self {
        Self { graph, name }
    }

    pub(super) fn node(&mut self, what: &str, op: Op, inputs: &[WireId]) -> WireId {
        self.graph.node(format!("{}.{what}", self.name), op, inputs)
    }

    pub(super) fn unary(&mut self, what: &str, op: Unary, x: WireId) -> WireId {
        self.node(what, Op::Unary(op), &[x])
    }

    pub(super) fn binary(&mut self, what: &str, op: Binary, a: WireId, b: WireId) -> WireId {
        self.node(what, Op::Binary(op), &[a, b])
    }

    pub(super) fn at_least(&mut self, what: &str, min: f32, x: WireId) -> WireId {
        self.unary(what, Unary::Clip { min, max: f32::MAX }, x)
    }

    pub(super) fn reduce(&mut self, what: &str, kind: Reducer, keep_dims: bool, rows: WireId) -> WireId {
        self.node(what, Op::Reduce(Reduce { kind, axes: vec![1], keep_dims }), &[rows])
    }

    pub(super) fn constant(&mut self, what: &str, value: f32) -> WireId {
        self.graph.parameter(format!("{}.{what}", self.name), Tensor::vector([value]))
    }

    /// What the step itself assigns; zeros at first.
    pub(super) fn state(&mut self, what: &str, shape: &[usize]) -> WireId {
        self.graph.parameter(format!("{}.{what}", self.name), Tensor::zeros(shape))
    }

    /// mean + m·(x − mean).
    pub(super) fn running(&mut self, what: &str, mean: WireId, x: WireId, momentum: WireId) -> WireId {
        let far = self.binary(what, Binary::Sub, x, mean);
        let step = self.binary(what, Binary::Mul, far, momentum);
        self.binary(what, Binary::Add, mean, step)
    }

    /// The wire less the mean of its row.
    pub(super) fn centred(&mut self, what: &str, wire: WireId) -> WireId {
        let mean = self.reduce(what, Reducer::Mean, true, wire);
        self.binary(what, Binary::Sub, wire, mean)
    }
}
