//! What the builder of an operator may ask of its node, and how it answers.

use fewbit_graph::op::{Binary, Reduce, Reducer, Reshape, Unary};
use fewbit_graph::{Op, Tensor, WireId};

use crate::error::{Place, Problem, ReadError};
use crate::onnx::attributes::Attributes;
use crate::onnx::element::Element;
use crate::onnx::importer::{Importer, Value};
use crate::onnx::probe::Both;
use crate::onnx::proto::NodeProto;

/// How one node is turned into nodes of our graph, to which its outputs are bound.
#[derive(Clone, Copy)]
pub(super) enum Build {
    /// By a function that asks the node.
    By(fn(&mut Call<'_, '_>) -> Built),
    /// A function of the elements of its first input.
    Unary(Unary),
    /// A function of the elements of its two inputs; `true` swaps them.
    Binary(Binary, bool),
}

/// Whether a node was built.
pub(super) type Built = Result<(), Fault>;

impl Build {
    pub(super) fn run(self, call: &mut Call<'_, '_>) -> Built {
        match self {
            Self::By(build) => build(call),
            Self::Unary(function) => {
                let x = call.wire(0)?;
                call.finish(Op::Unary(function), &[x])
            }
            Self::Binary(function, swapped) => {
                let (a, b) = (call.wire(usize::from(swapped))?, call.wire(usize::from(!swapped))?);
                call.finish(Op::Binary(function), &[a, b])
            }
        }
    }
}

/// Why a node was not built.
pub(super) enum Fault {
    /// The file contradicts itself.
    Malformed(Problem),
    /// The file is well formed, but this cannot be computed here, because of this.
    Unsupported(String),
    /// The same, but it could be computed if no length of the model's inputs were free.
    Dynamic(String),
    /// What was found wrong elsewhere on the way.
    Read(ReadError),
}

impl From<Problem> for Fault {
    fn from(problem: Problem) -> Self {
        Self::Malformed(problem)
    }
}

impl From<ReadError> for Fault {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

/// A node that cannot be computed here, because of `reason`.
pub(super) fn unsupported<T>(reason: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::Unsupported(reason.into()))
}

/// The same, but it could be computed if no length were free.
pub(super) fn dynamic<T>(reason: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::Dynamic(reason.into()))
}

/// Kernels, steps and paddings beyond this are absurd.
const MAX_WINDOW: i64 = 1 << 16;

/// A node while it is built.
pub(super) struct Call<'c, 'm> {
    pub(super) importer: &'c mut Importer<'m>,
    pub(super) node: &'m NodeProto,
    /// The node's place in the file.
    pub(super) index: usize,
    /// The node's name, which no other node has.
    pub(super) name: String,
    pub(super) attributes: Attributes<'m>,
    /// The operator set.
    pub(super) opset: i64,
}

impl<'m> Call<'_, 'm> {
    /// The name of input `i`, if it is given.
    pub(super) fn input(&self, i: usize) -> Option<&'m str> {
        self.node.input.get(i).map(String::as_str).filter(|name| !name.is_empty())
    }

    fn required(&self, i: usize) -> Result<&'m str, Problem> {
        self.input(i).ok_or_else(|| Problem::Missing {
            what: "its input number",
            name: i.to_string(),
            found: self.node.input.clone(),
        })
    }

    /// The wire of input `i`, which has to be given.
    pub(super) fn wire(&mut self, i: usize) -> Result<WireId, Fault> {
        let name = self.required(i)?;
        if let Value::Varying(_) = self.value(i)? {
            return dynamic(format!("its input {i} follows from the size of the model's input"));
        }
        self.importer.float_wire(name)?.ok_or_else(|| self.no_value(name))
    }

    /// The wires of all inputs, at least one.
    pub(super) fn wires(&mut self) -> Result<Vec<WireId>, Fault> {
        (0..self.node.input.len().max(1)).map(|i| self.wire(i)).collect()
    }

    /// The wire of input `i`, if it is given.
    pub(super) fn optional_wire(&mut self, i: usize) -> Result<Option<WireId>, Fault> {
        if self.input(i).is_some() { self.wire(i).map(Some) } else { Ok(None) }
    }

    /// The value of input `i`, which has to be given.
    pub(super) fn value(&self, i: usize) -> Result<Value, Fault> {
        let name = self.required(i)?;
        self.importer.value(name).cloned().ok_or_else(|| self.no_value(name))
    }

    fn no_value(&self, name: &str) -> Fault {
        Problem::Missing { what: "its input", name: name.to_owned(), found: Vec::new() }.into()
    }

    /// The value of input `i` if it is the same for every input of the model.
    pub(super) fn constant(&self, i: usize) -> Option<&Tensor> {
        match self.importer.value(self.input(i)?)? {
            Value::Constant(constant) => Some(&constant.tensor),
            _ => None,
        }
    }

    /// The integers of input `i` under both bindings, or `None` if the input is not given.
    pub(super) fn integers(&self, i: usize) -> Result<Option<Both<Vec<i64>>>, Fault> {
        if self.input(i).is_none() {
            return Ok(None);
        }
        let integers = |tensor: &Tensor| tensor.as_i64().map(<[i64]>::to_vec);
        let both = match self.value(i)? {
            Value::Constant(constant) => integers(&constant.tensor).map(|list| [list.clone(), list]),
            Value::Varying(varying) => {
                let [first, second] = &varying.values;
                integers(first).and_then(|first| Ok([first, integers(second)?]))
            }
            Value::Wire(_) => return unsupported(format!("its input {i} is only known when it runs")),
        };
        both.map(Some).map_err(|_| {
            Fault::Malformed(Problem::Field {
                what: format!("its input {i}"),
                found: "a list of floats".to_owned(),
                needed: "a list of integers".to_owned(),
            })
        })
    }

    /// The integers of input `i`, which have to be the same for every input of the model.
    pub(super) fn fixed_integers(&self, i: usize) -> Result<Option<Vec<i64>>, Fault> {
        match self.integers(i)? {
            None => Ok(None),
            Some([first, second]) if first == second => Ok(Some(first)),
            Some(_) => dynamic(format!("its input {i} depends on the size of the model's input")),
        }
    }

    /// The single float of input `i`, if it is given and a constant.
    pub(super) fn scalar(&self, i: usize) -> Result<Option<f32>, Fault> {
        if self.input(i).is_none() {
            return Ok(None);
        }
        let Some(tensor) = self.constant(i) else {
            return unsupported(format!("its input {i} is only known when it runs"));
        };
        match (tensor.as_f32(), tensor.as_i64()) {
            (Ok([value]), _) => Ok(Some(*value)),
            (_, Ok([value])) => Ok(Some(*value as f32)),
            _ => Err(Problem::Field {
                what: format!("its input {i}"),
                found: format!("of shape {:?}", tensor.shape()),
                needed: "one number".to_owned(),
            }
            .into()),
        }
    }

    /// The shape of input `i` under both bindings.
    pub(super) fn shape(&self, i: usize) -> Result<Both<Vec<usize>>, Fault> {
        match self.importer.shape(self.required(i)?) {
            Some(shape) => Ok(shape),
            None => unsupported(format!("the shape of its input {i} is not known")),
        }
    }

    /// The shape of input `i`, which has to be the same for every input of the model.
    pub(super) fn fixed_shape(&self, i: usize) -> Result<Vec<usize>, Fault> {
        let [shape, other] = self.shape(i)?;
        if shape == other {
            Ok(shape)
        } else {
            dynamic(format!("the shape of its input {i} depends on the model's input"))
        }
    }

    /// The shape of a wire that this node has made, which has to be the same for every input of the model.
    pub(super) fn shape_of(&self, wire: WireId) -> Result<Vec<usize>, Fault> {
        match self.importer.shape_of_wire(wire) {
            Some([shape, other]) if shape == other => Ok(shape.clone()),
            Some(_) => dynamic("a shape on the way depends on the model's input"),
            None => unsupported("a shape on the way is not known"),
        }
    }

    /// The number of axes of a wire that this node has made.
    pub(super) fn rank_of(&self, wire: WireId) -> Result<usize, Fault> {
        match self.importer.shape_of_wire(wire) {
            Some([shape, _]) => Ok(shape.len()),
            None => unsupported("a shape on the way is not known"),
        }
    }

    /// The element type of input `i`; float if that is not known.
    pub(super) fn element(&self, i: usize) -> Element {
        self.input(i).and_then(|name| self.importer.element(name)).unwrap_or(Element::F32)
    }

    /// The element type of output `i`; float if that is not known.
    pub(super) fn output_element(&self, i: usize) -> Element {
        self.importer.element(self.output(i)).unwrap_or(Element::F32)
    }

    /// The integer attribute `name`, which has to be there.
    pub(super) fn required_int(&self, name: &str) -> Result<i64, Fault> {
        let missing = || Problem::Missing { what: "its attribute", name: name.to_owned(), found: Vec::new() };
        Ok(self.attributes.int(name)?.ok_or_else(missing)?)
    }

    /// The list of integers that an attribute has until operator set `until`, and input `i` from then on.
    pub(super) fn listed(&self, name: &str, i: usize, until: i64) -> Result<Option<Vec<i64>>, Fault> {
        if self.opset < until {
            Ok(self.attributes.ints(name)?.map(<[i64]>::to_vec))
        } else {
            self.fixed_integers(i)
        }
    }

    /// The number of axes of input `i`.
    pub(super) fn rank(&self, i: usize) -> Result<usize, Fault> {
        let [first, _] = self.shape(i)?;
        Ok(first.len())
    }

    /// The length of an axis of input `i`, if it is the same for every input of the model.
    pub(super) fn fixed_length(&self, i: usize, axis: usize) -> Result<usize, Fault> {
        let [first, second] = self.shape(i)?;
        match (first.get(axis), second.get(axis)) {
            (Some(a), Some(b)) if a == b => Ok(*a),
            _ => dynamic(format!("the length of axis {axis} of its input depends on the model's input")),
        }
    }

    /// An axis of input `i`, where negative ones count from the end.
    pub(super) fn axis(&self, i: usize, axis: i64) -> Result<usize, Fault> {
        Ok(axis_in(axis, self.rank(i)?)?)
    }

    /// A list of lengths or steps, each at least `least`.
    pub(super) fn window(&self, name: &str, least: i64) -> Result<Option<Vec<usize>>, Fault> {
        let Some(list) = self.attributes.ints(name)? else { return Ok(None) };
        if let Some(absurd) = list.iter().find(|n| !(least..=MAX_WINDOW).contains(n)) {
            return Err(Problem::Field {
                what: format!("attribute `{name}`"),
                found: absurd.to_string(),
                needed: format!("a number from {least} to {MAX_WINDOW}"),
            }
            .into());
        }
        Ok(Some(list.iter().filter_map(|&n| usize::try_from(n).ok()).collect()))
    }

    /// The name of output `i`; empty if it is not asked for.
    pub(super) fn output(&self, i: usize) -> &'m str {
        self.node.output.get(i).map(String::as_str).unwrap_or_default()
    }

    /// Refuses a node of whose outputs more than the first is used.
    pub(super) fn one_output(&self) -> Result<(), Fault> {
        match self.node.output.iter().skip(1).find(|name| !name.is_empty() && self.importer.is_used(name)) {
            Some(name) => unsupported(format!("its output `{name}` is used, but only the first is computed")),
            None => Ok(()),
        }
    }

    /// Adds a node on the way to the output; `what` tells it from others of this node.
    pub(super) fn step(&mut self, what: &str, op: Op, inputs: &[WireId]) -> WireId {
        let name = format!("{}/{what}", self.name);
        self.importer.emit(&name, &name, op, inputs)
    }

    /// Adds a function of the elements of `x`.
    pub(super) fn unary(&mut self, what: &str, function: Unary, x: WireId) -> WireId {
        self.step(what, Op::Unary(function), &[x])
    }

    /// Adds a function of the elements of `a` and `b`.
    pub(super) fn binary(&mut self, what: &str, function: Binary, a: WireId, b: WireId) -> WireId {
        self.step(what, Op::Binary(function), &[a, b])
    }

    /// Adds a function of the elements of `a` and one number.
    pub(super) fn with_number(&mut self, what: &str, function: Binary, a: WireId, number: f32) -> WireId {
        let number = self.number(&format!("{what}.by"), number);
        self.binary(what, function, a, number)
    }

    /// Adds `x` in another shape; 0 copies a length, and −1 takes what is left.
    pub(super) fn reshape(&mut self, what: &str, x: WireId, lengths: &[i64]) -> WireId {
        self.step(what, Op::Reshape(Reshape::To(lengths.to_vec())), &[x])
    }

    /// Adds `x` with its axes in another order.
    pub(super) fn transpose(&mut self, what: &str, x: WireId, perm: Vec<usize>) -> WireId {
        self.step(what, Op::Transpose { perm }, &[x])
    }

    /// Adds a reduction over axes, which stay with length 1.
    pub(super) fn reduce(&mut self, what: &str, x: WireId, kind: Reducer, axes: Vec<usize>) -> WireId {
        self.step(what, Op::Reduce(Reduce { kind, axes, keep_dims: true }), &[x])
    }

    /// Adds `x` rounded toward zero: sign(x)·⌊|x|⌋.
    pub(super) fn truncate(&mut self, what: &str, x: WireId) -> WireId {
        let sign = self.unary(&format!("{what}.sign"), Unary::Sign, x);
        let size = self.unary(&format!("{what}.abs"), Unary::Abs, x);
        let whole = self.unary(&format!("{what}.floor"), Unary::Floor, size);
        self.binary(what, Binary::Mul, sign, whole)
    }

    /// Makes `wire` output `i`, whose name it takes if this node has made it.
    pub(super) fn give(&mut self, i: usize, wire: WireId) {
        let output = self.output(i);
        if output.is_empty() {
            return;
        }
        let made = format!("{}/", self.name);
        if self.importer.graph.wire(wire).name.starts_with(&made)
            && self.importer.graph.producer(wire).is_some()
        {
            self.importer.rename(wire, output);
        }
        self.importer.bind(output, Value::Wire(wire));
    }

    /// Makes `wire` the first and only output.
    pub(super) fn done(&mut self, wire: WireId) -> Built {
        self.one_output()?;
        self.give(0, wire);
        Ok(())
    }

    /// Adds a number that the node's formula needs.
    pub(super) fn number(&mut self, what: &str, value: f32) -> WireId {
        self.given(what, Tensor::scalar(value))
    }

    /// Adds a tensor that the node's formula needs.
    pub(super) fn given(&mut self, what: &str, tensor: Tensor) -> WireId {
        self.importer.parameter(&format!("{}/{what}", self.name), tensor)
    }

    /// Adds the node that makes the first and only output. It has to be the last thing that a builder does.
    pub(super) fn finish(&mut self, op: Op, inputs: &[WireId]) -> Result<(), Fault> {
        self.one_output()?;
        let name = self.name.clone();
        self.finish_output(0, &name, op, inputs);
        Ok(())
    }

    /// Adds the node that makes output `i`.
    pub(super) fn finish_output(&mut self, i: usize, name: &str, op: Op, inputs: &[WireId]) {
        let output = self.output(i);
        let wire_name = if output.is_empty() { name } else { output };
        let wire = self.importer.emit(name, wire_name, op, inputs);
        self.importer.bind(output, Value::Wire(wire));
    }

    /// Makes input `i` the first and only output.
    pub(super) fn pass(&mut self, i: usize) -> Result<(), Fault> {
        self.one_output()?;
        let value = self.value(i)?;
        self.importer.bind(self.output(0), value);
        Ok(())
    }

    /// An error at this node.
    pub(super) fn place(&self) -> Place {
        Place::Node(self.name.clone())
    }
}

/// An axis among `rank`, where negative ones count from the end.
pub(super) fn axis_in(axis: i64, rank: usize) -> Result<usize, Problem> {
    let from_front = if axis < 0 { axis.checked_add_unsigned(rank as u64) } else { Some(axis) };
    let known = from_front.and_then(|axis| usize::try_from(axis).ok()).filter(|axis| *axis < rank);
    known.ok_or_else(|| Problem::Field {
        what: "an axis".to_owned(),
        found: axis.to_string(),
        needed: format!("a number from -{rank} to below {rank}"),
    })
}

/// Axes among `rank`, ascending.
pub(super) fn axes_in(axes: &[i64], rank: usize) -> Result<Vec<usize>, Problem> {
    let mut known = axes.iter().map(|&axis| axis_in(axis, rank)).collect::<Result<Vec<_>, _>>()?;
    known.sort_unstable();
    match known.iter().zip(known.iter().skip(1)).find(|(a, b)| a == b) {
        Some((twice, _)) => Err(Problem::Field {
            what: "the list of axes".to_owned(),
            found: format!("{axes:?}, with axis {twice} twice"),
            needed: "without repetition".to_owned(),
        }),
        None => Ok(known),
    }
}
