//! Arithmetic on what is known while a model is read: shapes, most of all.
//!
//! Exporters compute the target of a Reshape from the shape of another tensor, with a chain of Gather, Mul, Concat and
//! the like on integers. Such a node is worked out here if all its inputs are known, under both bindings of the
//! symbols (`super::probe`), and then it is no node of our graph. Only small tensors are touched: weights are folded,
//! if at all, by the passes of the graph.

mod elements;

use fewbit_graph::infer::slice_axis;
use fewbit_graph::op::Reshape;
use fewbit_graph::{DType, Op, Tensor};

use crate::error::Problem;
use crate::onnx::attributes::Attributes;
use crate::onnx::call::{axes_in, axis_in};
use crate::onnx::fold::elements::{binary, dot, expand, select, strides, unary, view};
use crate::onnx::importer::{Importer, Value};
use crate::onnx::probe::Both;
use crate::onnx::proto::data_type;

/// The most elements of a tensor that is worked out. Shapes have some; products of longer ones are for the engines.
const SMALL: usize = 1024;

/// Works out node `index` if all its inputs are known, and says whether it did.
pub(super) fn fold(
    importer: &mut Importer<'_>,
    index: usize,
    attributes: &Attributes<'_>,
    opset: i64,
) -> Result<bool, Problem> {
    let proto = importer.proto;
    let Some(node) = proto.node.get(index) else { return Ok(false) };
    let output = node.output.first().map(String::as_str).unwrap_or_default();
    if node.input.is_empty() || node.output.iter().skip(1).any(|output| importer.is_used(output)) {
        return Ok(false);
    }
    let Some([first, second]) = known_inputs(importer, &node.input) else { return Ok(false) };
    if node.op_type() == "Cast" {
        let Some(x) = first.first().cloned().flatten() else { return Ok(false) };
        if x.len() > SMALL {
            importer.fill(x.len() as u64)?;
        }
    }
    let evaluate = |inputs: &[Option<Tensor>]| {
        let folding = Folding { op: node.op_type(), attributes, opset, inputs };
        Ok(folding.evaluate()?.filter(|tensor| tensor.len() <= SMALL.max(largest(inputs))))
    };
    let Some(a) = evaluate(&first)? else { return Ok(false) };
    let Some(b) = (if first == second { Some(a.clone()) } else { evaluate(&second)? }) else {
        return Ok(false);
    };
    // Floats whose number depends on the model's input are no shape: they are data, and for the engines.
    if a.dtype() == DType::F32 && a.shape() != b.shape() {
        return Ok(false);
    }
    importer.bind_both(output, index, [a, b]);
    Ok(true)
}

fn largest(inputs: &[Option<Tensor>]) -> usize {
    inputs.iter().flatten().map(Tensor::len).max().unwrap_or_default()
}

/// The inputs under both bindings, if every one that is given is known.
fn known_inputs(importer: &Importer<'_>, names: &[String]) -> Option<Both<Vec<Option<Tensor>>>> {
    let mut both = [Vec::new(), Vec::new()];
    for name in names {
        let tensors = match importer.value(name) {
            None if name.is_empty() => [None, None],
            Some(Value::Constant(constant)) => [Some(constant.tensor.clone()), Some(constant.tensor.clone())],
            Some(Value::Varying(varying)) => varying.values.clone().map(Some),
            _ => return None,
        };
        for (list, tensor) in both.iter_mut().zip(tensors) {
            list.push(tensor);
        }
    }
    Some(both)
}

/// A node with its inputs under one binding.
struct Folding<'a> {
    op: &'a str,
    attributes: &'a Attributes<'a>,
    opset: i64,
    inputs: &'a [Option<Tensor>],
}

/// The result of a folding; `None` if this is not folded.
type Folded = Result<Option<Tensor>, Problem>;

impl Folding<'_> {
    fn evaluate(&self) -> Folded {
        let Some(x) = self.input(0) else { return Ok(None) };
        match self.op {
            // These share the values, so any size will do.
            "Reshape" => return self.reshape(x),
            "Squeeze" => return self.squeeze(x),
            "Unsqueeze" => return self.unsqueeze(x),
            "Cast" => return Ok(cast(x, self.attributes.int("to")?)),
            _ => {}
        }
        if largest(self.inputs) > SMALL {
            return Ok(None);
        }
        let y = self.input(1);
        match self.op {
            "Gather" => self.gather(x, y),
            "Slice" => self.slice(x),
            "Concat" => self.concat(),
            "Transpose" => self.transpose(x),
            "Expand" => Ok(y.and_then(lengths).and_then(|target| expand(x, &target))),
            "ConstantOfShape" => self.constant_of_shape(x),
            "Range" => Ok(self.range()),
            "ReduceProd" | "ReduceSum" | "ReduceMax" | "ReduceMin" => self.reduce(x),
            "Where" => Ok(y.zip(self.input(2)).and_then(|(y, z)| select(x, y, z))),
            "Neg" | "Abs" | "Floor" | "Ceil" | "Not" | "Sqrt" => Ok(unary(self.op, x)),
            "Mod" if self.attributes.flag("fmod")?.unwrap_or(false) => Ok(None),
            _ => Ok(y.filter(|_| self.inputs.len() == 2).and_then(|y| binary(self.op, x, y))),
        }
    }

    fn input(&self, i: usize) -> Option<&Tensor> {
        self.inputs.get(i)?.as_ref()
    }

    fn integers(&self, i: usize) -> Option<&[i64]> {
        self.input(i)?.as_i64().ok()
    }

    fn reshape(&self, x: &Tensor) -> Folded {
        let Some(target) = self.integers(1) else { return Ok(None) };
        if self.attributes.flag("allowzero")?.unwrap_or(false) && target.contains(&0) {
            return Ok(None);
        }
        Ok(reshaped(x, Reshape::To(target.to_vec())))
    }

    /// The axes of a Squeeze or Unsqueeze: an attribute before operator set 13, then an input.
    fn axes(&self) -> Result<Option<Vec<i64>>, Problem> {
        Ok(if self.opset < 13 {
            self.attributes.ints("axes")?.map(<[i64]>::to_vec)
        } else {
            self.integers(1).map(<[i64]>::to_vec)
        })
    }

    fn squeeze(&self, x: &Tensor) -> Folded {
        let axes = axes_in(&self.axes()?.unwrap_or_default(), x.shape().len())?;
        Ok(reshaped(x, Reshape::Squeeze { axes }))
    }

    fn unsqueeze(&self, x: &Tensor) -> Folded {
        let Some(axes) = self.axes()? else { return Ok(None) };
        let axes = axes_in(&axes, x.shape().len() + axes.len())?;
        Ok(reshaped(x, Reshape::Unsqueeze { axes }))
    }

    fn gather(&self, x: &Tensor, indices: Option<&Tensor>) -> Folded {
        let axis = axis_in(self.attributes.int("axis")?.unwrap_or(0), x.shape().len())?;
        let Some((indices, list)) = indices.and_then(|tensor| Some((tensor.shape(), tensor.as_i64().ok()?)))
        else {
            return Ok(None);
        };
        let (Some(before), Some(after), Some(&length)) =
            (x.shape().get(..axis), x.shape().get(axis + 1..), x.shape().get(axis))
        else {
            return Ok(None);
        };
        let shape = [before, indices, after].concat();
        let index_strides = strides(indices);
        Ok(view(x, shape, |at| {
            let (outer, rest) = at.split_at_checked(axis)?;
            let (middle, inner) = rest.split_at_checked(indices.len())?;
            let raw = *list.get(dot(middle, &index_strides))?;
            let i = axis_in(raw, length).ok()?;
            Some([outer, &[i], inner].concat())
        }))
    }

    fn slice(&self, x: &Tensor) -> Folded {
        let rank = x.shape().len();
        let lists = if self.opset < 10 {
            (
                self.attributes.ints("starts")?,
                self.attributes.ints("ends")?,
                self.attributes.ints("axes")?,
                None,
            )
        } else {
            (self.integers(1), self.integers(2), self.integers(3), self.integers(4))
        };
        let (Some(starts), Some(ends), axes, steps) = lists else { return Ok(None) };
        let mut parts: Vec<(usize, i64, usize)> = x.shape().iter().map(|&n| (0, 1, n)).collect();
        for (i, (&start, &end)) in starts.iter().zip(ends).enumerate() {
            let axis = axis_in(axes.and_then(|axes| axes.get(i).copied()).unwrap_or(i as i64), rank)?;
            let step = steps.and_then(|steps| steps.get(i).copied()).unwrap_or(1);
            if let (Some(part), Some(&n)) = (parts.get_mut(axis), x.shape().get(axis)) {
                if step == 0 {
                    return Ok(None);
                }
                let (first, count) = slice_axis(n, start, end, step);
                *part = (first, step, count);
            }
        }
        let shape = parts.iter().map(|(_, _, count)| *count).collect();
        Ok(view(x, shape, |at| {
            at.iter()
                .zip(&parts)
                .map(|(&i, &(first, step, _))| first.checked_add_signed(i as isize * step as isize))
                .collect()
        }))
    }

    /// Along the first axis alone, where shapes are put together.
    fn concat(&self) -> Folded {
        let parts: Option<Vec<&Tensor>> = self.inputs.iter().map(Option::as_ref).collect();
        let (Some(parts), Some(x)) = (parts, self.input(0)) else { return Ok(None) };
        let Some(axis) = self.attributes.int("axis")? else { return Ok(None) };
        let ranks_fit = parts.iter().all(|part| part.shape().len() == 1);
        if !ranks_fit || axis_in(axis, 1)? != 0 {
            return Ok(None);
        }
        let length = parts.iter().map(|part| part.len()).sum::<usize>();
        if length > SMALL {
            return Ok(None);
        }
        Ok(match x.dtype() {
            DType::F32 => {
                let values: Result<Vec<&[f32]>, _> = parts.iter().map(|part| part.as_f32()).collect();
                values.ok().and_then(|values| Tensor::f32([length], values.concat()).ok())
            }
            DType::I64 => {
                let values: Result<Vec<&[i64]>, _> = parts.iter().map(|part| part.as_i64()).collect();
                values.ok().and_then(|values| Tensor::i64([length], values.concat()).ok())
            }
        })
    }

    fn transpose(&self, x: &Tensor) -> Folded {
        let rank = x.shape().len();
        let perm = match self.attributes.ints("perm")? {
            Some(perm) => perm.iter().map(|&axis| axis_in(axis, rank)).collect::<Result<Vec<_>, _>>()?,
            None => (0..rank).rev().collect(),
        };
        axes_in(&perm.iter().map(|&axis| axis as i64).collect::<Vec<_>>(), rank)?;
        let shape: Option<Vec<usize>> = perm.iter().map(|&axis| x.shape().get(axis).copied()).collect();
        Ok(shape.filter(|shape| shape.len() == rank).and_then(|shape| {
            view(x, shape, |at| {
                let mut from = vec![0; rank];
                for (&axis, &i) in perm.iter().zip(at) {
                    *from.get_mut(axis)? = i;
                }
                Some(from)
            })
        }))
    }

    fn constant_of_shape(&self, x: &Tensor) -> Folded {
        let value = match self.attributes.tensor("value")? {
            Some(proto) => crate::onnx::tensor::read(proto)?.map(|read| read.tensor),
            None => Some(Tensor::scalar(0.0)),
        };
        let Some(value) = value.filter(|value| value.len() == 1) else { return Ok(None) };
        let scalar = reshaped(&value, Reshape::To(Vec::new()));
        Ok(scalar.zip(lengths(x)).and_then(|(scalar, target)| expand(&scalar, &target)))
    }

    fn range(&self) -> Option<Tensor> {
        let scalar = |i: usize| self.integers(i)?.first().copied();
        let (start, limit, step) = (scalar(0)?, scalar(1)?, scalar(2)?);
        let mut values = Vec::new();
        let mut next = start;
        while step != 0 && values.len() <= SMALL && if step > 0 { next < limit } else { next > limit } {
            values.push(next);
            next = next.checked_add(step)?;
        }
        Tensor::i64([values.len()], values).ok()
    }

    /// Over all of a vector of integers.
    fn reduce(&self, x: &Tensor) -> Folded {
        let keep = self.attributes.flag("keepdims")?.unwrap_or(true);
        let (Ok(values), [_]) = (x.as_i64(), x.shape()) else { return Ok(None) };
        let result = match self.op {
            "ReduceProd" => values.iter().try_fold(1i64, |product, &n| product.checked_mul(n)),
            "ReduceSum" => values.iter().try_fold(0i64, |sum, &n| sum.checked_add(n)),
            "ReduceMax" => values.iter().copied().max(),
            _ => values.iter().copied().min(),
        };
        let shape = if keep { vec![1] } else { Vec::new() };
        Ok(result.and_then(|result| Tensor::i64(shape, [result]).ok()))
    }
}

/// The lengths that a tensor of integers lists.
fn lengths(tensor: &Tensor) -> Option<Vec<usize>> {
    tensor.as_i64().ok()?.iter().map(|&n| usize::try_from(n).ok()).collect()
}

fn reshaped(x: &Tensor, reshape: Reshape) -> Option<Tensor> {
    let shape = fewbit_graph::infer::output_shape(&Op::Reshape(reshape), &[x.shape()]).ok()?;
    x.reshaped(shape).ok()
}

fn cast(x: &Tensor, to: Option<i64>) -> Option<Tensor> {
    use data_type::{
        BFLOAT16, BOOL, DOUBLE, FLOAT, FLOAT16, INT8, INT16, INT32, INT64, UINT8, UINT16, UINT32,
    };
    let to = i32::try_from(to?).ok()?;
    match (x.as_f32(), x.as_i64(), to) {
        (Ok(_), _, FLOAT | DOUBLE) => Some(x.clone()),
        (Ok(values), _, INT64 | INT32) if values.iter().all(|x| x.abs() < 2f32.powi(31)) => {
            Tensor::i64(x.shape(), values.iter().map(|&x| x as i64).collect::<Vec<_>>()).ok()
        }
        (_, Ok(values), FLOAT | DOUBLE | FLOAT16 | BFLOAT16) => {
            Tensor::f32(x.shape(), values.iter().map(|&x| x as f32).collect::<Vec<_>>()).ok()
        }
        (Ok(values), _, BOOL) => {
            Tensor::i64(x.shape(), values.iter().map(|&x| i64::from(x != 0.0)).collect::<Vec<_>>()).ok()
        }
        (_, Ok(_), INT64) => Some(x.clone()),
        (_, Ok(values), BOOL) => {
            Tensor::i64(x.shape(), values.iter().map(|&x| i64::from(x != 0)).collect::<Vec<_>>()).ok()
        }
        (_, Ok(values), INT8 | INT16 | INT32 | UINT8 | UINT16 | UINT32) => {
            let fits = |x: i64| match to {
                INT8 => i8::try_from(x).is_ok(),
                INT16 => i16::try_from(x).is_ok(),
                INT32 => i32::try_from(x).is_ok(),
                UINT8 => u8::try_from(x).is_ok(),
                UINT16 => u16::try_from(x).is_ok(),
                _ => u32::try_from(x).is_ok(),
            };
            values.iter().all(|&x| fits(x)).then(|| x.clone())
        }
        _ => None,
    }
}
