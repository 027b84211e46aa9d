//! What the builder of an operator may ask of its node, and how it answers.

use fewbit_graph::{DType, Op, Tensor, WireId};

use crate::error::{Place, Problem, ReadError};
use crate::onnx::attributes::Attributes;
use crate::onnx::importer::{Importer, Value};
use crate::onnx::probe::Both;
use crate::onnx::proto::NodeProto;

/// Turns one node into nodes of our graph, and binds its outputs.
pub(super) type Build = fn(&mut Call<'_, '_>) -> Result<(), Fault>;

/// Why a node was not built.
pub(super) enum Fault {
    /// The file contradicts itself.
    Malformed(Problem),
    /// The file is well formed, but this cannot be computed here, because of this.
    Unsupported(String),
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
        match self.value(i)? {
            Value::Constant(constant) if constant.tensor.dtype() == DType::F32 => {}
            Value::Wire(_) => {}
            Value::Varying(_) => {
                return unsupported(format!("its input {i} follows from the size of the model's input"));
            }
            Value::Constant(_) => {
                return unsupported(format!("its input {i} holds integers, and only floats are computed"));
            }
        }
        self.importer.wire(name)?.ok_or_else(|| self.no_value(name))
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
            Some(_) => unsupported(format!("its input {i} depends on the size of the model's input")),
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
        match tensor.as_f32() {
            Ok([value]) => Ok(Some(*value)),
            Ok(_) => Err(Problem::Field {
                what: format!("its input {i}"),
                found: format!("of shape {:?}", tensor.shape()),
                needed: "one number".to_owned(),
            }
            .into()),
            Err(_) => unsupported(format!("its input {i} is an integer")),
        }
    }

    /// The shape of input `i` under both bindings.
    pub(super) fn shape(&self, i: usize) -> Result<Both<Vec<usize>>, Fault> {
        match self.importer.shape(self.required(i)?) {
            Some(shape) => Ok(shape),
            None => unsupported(format!("the shape of its input {i} is not known")),
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
            _ => unsupported(format!("the length of axis {axis} of its input depends on the model's input")),
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
