//! Constants, and integers that follow from shapes.

use std::iter::repeat_n;
use std::sync::Arc;

use fewbit_graph::{DType, Tensor};

use crate::error::{Place, Problem};
use crate::onnx::call::{Call, Fault, unsupported};
use crate::onnx::importer::Value;
use crate::onnx::proto::data_type;
use crate::onnx::{Diagnostic, DiagnosticKind, tensor};

type Built = Result<(), Fault>;

pub(super) fn constant(call: &mut Call<'_, '_>) -> Built {
    let attributes = call.attributes;
    let tensor = if let Some(proto) = attributes.tensor("value")? {
        let name = call.output(0);
        let place = || Place::Tensor(name.to_owned());
        let Some(read) = tensor::read(proto).map_err(|problem| place().error(problem))? else {
            return unsupported(format!(
                "elements of type {} are not read",
                data_type::name(proto.data_type())
            ));
        };
        if let Some(from) = read.converted {
            converted(call, format!("its {from} values are read as float32"));
        }
        Ok(read.tensor)
    } else if let Some(value) = attributes.float("value_float")? {
        Ok(Tensor::scalar(value))
    } else if let Some(values) = attributes.floats("value_floats")? {
        Ok(Tensor::vector(values))
    } else if let Some(value) = attributes.int("value_int")? {
        Tensor::i64([], [value])
    } else if let Some(values) = attributes.ints("value_ints")? {
        Tensor::i64([values.len()], values)
    } else if attributes.has("value_string") || attributes.has("value_strings") {
        return unsupported("it is a text");
    } else if attributes.has("sparse_value") {
        return unsupported("sparse tensors are not read");
    } else {
        return Err(
            Problem::Missing { what: "its attribute", name: "value".to_owned(), found: Vec::new() }.into()
        );
    };
    let tensor = tensor.map_err(|why| Problem::Syntax(why.to_string()))?;
    call.importer.bind_constant(call.output(0), tensor);
    Ok(())
}

fn converted(call: &mut Call<'_, '_>, reason: String) {
    call.importer.diagnostics.push(Diagnostic {
        kind: DiagnosticKind::Converted,
        name: call.name.clone(),
        operator: call.node.op_type().to_owned(),
        domain: String::new(),
        reason,
    });
}

/// One value, many times. Small ones are worked out in [`crate::onnx::fold`].
pub(super) fn constant_of_shape(call: &mut Call<'_, '_>) -> Built {
    let lengths = call.fixed_integers(0)?.unwrap_or_default();
    if let Some(&negative) = lengths.iter().find(|n| **n < 0) {
        return Err(Problem::NegativeLength(negative).into());
    }
    let overflow = || Problem::ShapeOverflow(lengths.iter().map(|n| n.unsigned_abs()).collect());
    let shape =
        lengths.iter().map(|&n| usize::try_from(n)).collect::<Result<Vec<_>, _>>().map_err(|_| overflow())?;
    let count = shape.iter().try_fold(1usize, |product, &n| product.checked_mul(n)).ok_or_else(overflow)?;
    call.importer.fill(count as u64)?;
    let value = match call.attributes.tensor("value")? {
        Some(proto) => match tensor::read(proto)? {
            Some(read) => read.tensor,
            None => return unsupported("elements of its type are not read"),
        },
        None => Tensor::scalar(0.0),
    };
    let filled = match value.dtype() {
        DType::F32 => match value.as_f32() {
            Ok([value]) => Tensor::f32(shape, repeat_n(*value, count).collect::<Arc<[f32]>>()),
            _ => return unsupported("its value is not one number"),
        },
        DType::I64 => match value.as_i64() {
            Ok([value]) => Tensor::i64(shape, repeat_n(*value, count).collect::<Arc<[i64]>>()),
            _ => return unsupported("its value is not one number"),
        },
    };
    call.one_output()?;
    call.importer.bind_constant(call.output(0), filled.map_err(|why| Problem::Syntax(why.to_string()))?);
    Ok(())
}

/// The lengths of a tensor, as integers.
pub(super) fn shape(call: &mut Call<'_, '_>) -> Built {
    let start = call.attributes.int("start")?.unwrap_or(0);
    let end = call.attributes.int("end")?.unwrap_or(i64::MAX);
    let shapes = call.shape(0)?;
    let part = |shape: &Vec<usize>| {
        let (first, count) = fewbit_graph::infer::slice_axis(shape.len(), start, end, 1);
        let lengths: Vec<i64> = shape.iter().skip(first).take(count).map(|&n| n as i64).collect();
        Tensor::i64([lengths.len()], lengths)
    };
    bind_both(call, shapes.each_ref().map(part))
}

/// The number of elements of a tensor, as an integer.
pub(super) fn size(call: &mut Call<'_, '_>) -> Built {
    let shapes = call.shape(0)?;
    let size = |shape: &Vec<usize>| {
        let size = shape.iter().try_fold(1i64, |product, &n| product.checked_mul(i64::try_from(n).ok()?));
        Tensor::i64([], [size.unwrap_or(i64::MAX)])
    };
    bind_both(call, shapes.each_ref().map(size))
}

fn bind_both(
    call: &mut Call<'_, '_>,
    [first, second]: [Result<Tensor, fewbit_graph::TensorError>; 2],
) -> Built {
    call.one_output()?;
    let (Ok(first), Ok(second)) = (first, second) else { return unsupported("its shape cannot be listed") };
    call.importer.bind_both(call.output(0), call.index, [first, second]);
    Ok(())
}

/// A tensor that is computed is f32 already; its rounding to 16 bits, if that is asked for, is left away and told.
pub(super) fn cast(call: &mut Call<'_, '_>) -> Built {
    let to = call.attributes.int("to")?.ok_or_else(|| Problem::Missing {
        what: "its attribute",
        name: "to".to_owned(),
        found: Vec::new(),
    })?;
    let to = i32::try_from(to).unwrap_or_default();
    let is_float = match call.value(0)? {
        Value::Wire(_) => true,
        Value::Constant(constant) => constant.tensor.dtype() == DType::F32,
        Value::Varying(_) => false,
    };
    match to {
        data_type::FLOAT | data_type::DOUBLE if is_float => call.pass(0),
        data_type::FLOAT16 | data_type::BFLOAT16 if is_float => {
            converted(call, format!("{} is computed as float32", data_type::name(to)));
            call.pass(0)
        }
        _ => unsupported(format!("values that are computed are float32, not {}", data_type::name(to))),
    }
}

/// An operator that is worked out where all its inputs follow from shapes ([`crate::onnx::fold`]), and else is not computed.
pub(super) fn only_shapes(_: &mut Call<'_, '_>) -> Built {
    unsupported("it is computed on shapes alone")
}
