//! What a rule works with.

use crate::graph::{Node, WireId};
use crate::infer::InferError;
use crate::op::{Binary, Op, Unary};
use crate::shaped::Shaped;
use crate::tensor::Tensor;

pub(super) type Gradient = Result<WireId, InferError>;

/// One input of one node, along which the loss is to be differentiated.
///
/// What a rule adds is named after the node and its input, as `conv1.grad.w`.
pub(super) struct Site<'a, 'g> {
    build: &'a mut Shaped<'g>,
    /// The node.
    pub(super) node: &'a Node,
    /// The gradient of its output.
    pub(super) g: WireId,
    /// The place of the input among the node's.
    pub(super) input: usize,
    name: String,
}

impl<'a, 'g> Site<'a, 'g> {
    pub(super) fn new(build: &'a mut Shaped<'g>, node: &'a Node, g: WireId, input: usize) -> Self {
        let name = format!("{}.grad.{}", node.name, input_name(node, input));
        Self { build, node, g, input, name }
    }

    /// The input.
    pub(super) fn wire(&self) -> WireId {
        self.node.inputs[self.input]
    }

    /// The shape of the input, and so of the gradient.
    pub(super) fn shape(&self) -> Vec<usize> {
        self.shape_of(self.wire())
    }

    pub(super) fn shape_of(&self, wire: WireId) -> Vec<usize> {
        self.build.shape(wire).to_vec()
    }

    pub(super) fn add(&mut self, op: Op, inputs: &[WireId]) -> Gradient {
        self.build.node(&self.name, op, inputs)
    }

    pub(super) fn unary(&mut self, unary: Unary, x: WireId) -> Gradient {
        self.build.unary(&self.name, unary, x)
    }

    pub(super) fn binary(&mut self, binary: Binary, a: WireId, b: WireId) -> Gradient {
        self.build.binary(&self.name, binary, a, b)
    }

    pub(super) fn constant(&mut self, value: f32) -> WireId {
        self.parameter(Tensor::scalar(value))
    }

    pub(super) fn parameter(&mut self, value: Tensor) -> WireId {
        self.build.parameter(self.name.as_str(), value)
    }

    pub(super) fn reshaped(&mut self, wire: WireId, shape: &[usize]) -> Gradient {
        self.build.reshaped(&self.name, wire, shape)
    }

    pub(super) fn expanded(&mut self, wire: WireId, shape: &[usize]) -> Gradient {
        self.build.expanded(&self.name, wire, shape)
    }

    pub(super) fn summed(&mut self, wire: WireId, axes: Vec<usize>) -> Gradient {
        self.build.summed(&self.name, wire, axes)
    }

    pub(super) fn summed_to(&mut self, wire: WireId, shape: &[usize]) -> Gradient {
        self.build.summed_to(&self.name, wire, shape)
    }

    pub(super) fn summed_to_channels(&mut self, wire: WireId, axis: usize) -> Gradient {
        let shape = self.shape();
        self.build.summed_to_channels(&self.name, wire, axis, &shape)
    }

    pub(super) fn along(&mut self, channels: WireId, axis: usize, rank: usize) -> Gradient {
        self.build.along(&self.name, channels, axis, rank)
    }
}

/// The letter that [`Op`]'s comment gives to an input.
fn input_name(node: &Node, input: usize) -> String {
    let names: &[&str] = match node.op {
        Op::Conv(_) => &["x", "w", "bias"],
        Op::MatMul | Op::Gemm(_) | Op::Binary(_) => &["a", "b", "c"],
        Op::BatchNorm { .. } => &["x", "scale", "bias", "mean", "variance"],
        Op::FakeQuantize { .. } => &["x", "scale", "zero_point"],
        Op::SoftRound { .. } => &["base", "v", "scale"],
        Op::Where => &["condition", "a", "b"],
        Op::ScatterElements { .. } | Op::ScatterNd { .. } => &["x", "indices", "updates"],
        Op::Concat { .. } => &[],
        _ => &["x"],
    };
    names.get(input).map_or_else(|| format!("x{input}"), |&name| name.to_owned())
}
