//! A graph that grows while the shapes of its wires are known.

use crate::graph::{Graph, WireId};
use crate::infer::{Bindings, InferError, infer, output_shape};
use crate::op::{Binary, Op, Reduce, Reducer, Reshape, Unary};
use crate::tensor::{Fact, Tensor};

/// A graph with the shape of every wire, also of those that are added.
pub(crate) struct Shaped<'g> {
    pub(crate) graph: &'g mut Graph,
    shapes: Vec<Vec<usize>>,
}

impl<'g> Shaped<'g> {
    pub(crate) fn new(graph: &'g mut Graph, bindings: &Bindings) -> Result<Self, InferError> {
        let facts = infer(graph, bindings)?;
        let shapes = facts.iter().map(|(_, fact)| fact.shape.clone()).collect();
        Ok(Self { graph, shapes })
    }

    pub(crate) fn shape(&self, wire: WireId) -> &[usize] {
        &self.shapes[wire.0 as usize]
    }

    /// The number of elements of a wire.
    pub(crate) fn len(&self, wire: WireId) -> usize {
        self.shape(wire).iter().product()
    }

    /// Adds a parameter.
    pub(crate) fn parameter(&mut self, name: impl Into<String>, value: Tensor) -> WireId {
        self.shapes.push(value.shape().to_vec());
        self.graph.parameter(name, value)
    }

    /// Adds a node.
    pub(crate) fn node(&mut self, name: &str, op: Op, inputs: &[WireId]) -> Result<WireId, InferError> {
        let shapes: Vec<&[usize]> = inputs.iter().map(|&wire| self.shape(wire)).collect();
        let shape = output_shape(&op, &shapes).map_err(|why| InferError::Shapes {
            node: name.to_owned(),
            op: op.name().to_owned(),
            why,
            inputs: shapes.iter().map(|&shape| Fact::f32(shape).to_string()).collect::<Vec<_>>().join(", "),
        })?;
        self.shapes.push(shape);
        Ok(self.graph.node(name, op, inputs))
    }

    pub(crate) fn unary(&mut self, name: &str, unary: Unary, x: WireId) -> Result<WireId, InferError> {
        self.node(name, Op::Unary(unary), &[x])
    }

    pub(crate) fn binary(
        &mut self,
        name: &str,
        binary: Binary,
        a: WireId,
        b: WireId,
    ) -> Result<WireId, InferError> {
        self.node(name, Op::Binary(binary), &[a, b])
    }

    /// `wire` in this shape of as many elements.
    pub(crate) fn reshaped(
        &mut self,
        name: &str,
        wire: WireId,
        shape: &[usize],
    ) -> Result<WireId, InferError> {
        if self.shape(wire) == shape {
            return Ok(wire);
        }
        let to = shape.iter().map(|&n| n as i64).collect();
        self.node(name, Op::Reshape(Reshape::To(to)), &[wire])
    }

    /// `wire` broadcast to this shape.
    pub(crate) fn expanded(
        &mut self,
        name: &str,
        wire: WireId,
        shape: &[usize],
    ) -> Result<WireId, InferError> {
        if self.shape(wire) == shape {
            return Ok(wire);
        }
        self.node(name, Op::Expand { shape: shape.to_vec() }, &[wire])
    }

    /// The sums over these axes, which stay with length 1.
    pub(crate) fn summed(
        &mut self,
        name: &str,
        wire: WireId,
        axes: Vec<usize>,
    ) -> Result<WireId, InferError> {
        if axes.is_empty() {
            return Ok(wire);
        }
        self.node(name, Op::Reduce(Reduce { kind: Reducer::Sum, axes, keep_dims: true }), &[wire])
    }

    /// What broadcasting from `shape` made of one element is summed again.
    pub(crate) fn summed_to(
        &mut self,
        name: &str,
        wire: WireId,
        shape: &[usize],
    ) -> Result<WireId, InferError> {
        let wide = self.shape(wire);
        let new = wide.len().saturating_sub(shape.len());
        let repeats = |axis: usize| axis < new || shape[axis - new] == 1;
        let axes = (0..wide.len()).filter(|&axis| wide[axis] != 1 && repeats(axis)).collect();
        let sums = self.summed(name, wire, axes)?;
        self.reshaped(name, sums, shape)
    }

    /// The sums of each channel: of `shape`, which is \[1\] or \[C\] with C the length of `axis`.
    pub(crate) fn summed_to_channels(
        &mut self,
        name: &str,
        wire: WireId,
        axis: usize,
        shape: &[usize],
    ) -> Result<WireId, InferError> {
        let one = shape == [1];
        let axes = (0..self.shape(wire).len()).filter(|&other| one || other != axis).collect();
        let sums = self.summed(name, wire, axes)?;
        self.reshaped(name, sums, shape)
    }

    /// A vector of channels in a shape that broadcasts along `axis` of `rank` axes.
    pub(crate) fn along(
        &mut self,
        name: &str,
        channels: WireId,
        axis: usize,
        rank: usize,
    ) -> Result<WireId, InferError> {
        let mut shape = vec![1; rank];
        shape[axis] = self.len(channels);
        self.reshaped(name, channels, &shape)
    }
}
