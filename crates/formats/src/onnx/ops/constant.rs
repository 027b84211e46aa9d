//! Constants, and integers that follow from shapes.

use std::iter::repeat_n;
use std::sync::Arc;

use fewbit_graph::op::Binary;
use fewbit_graph::{DType, Op, Tensor};

use crate::error::{Place, Problem};
use crate::onnx::call::{Built, Call, dynamic, unsupported};
use crate::onnx::element::default_of;
use crate::onnx::proto::data_type;
use crate::onnx::{Diagnostic, DiagnosticKind, tensor};

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
        call.importer.declare(name, Some(read.element));
        if let Some(reason) = read.conversion() {
            converted(call, reason);
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
    let element = call.importer.element(call.output(0)).unwrap_or_else(|| default_of(&tensor));
    call.importer.bind_constant(call.output(0), tensor, element);
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
    let filled = filled.map_err(|why| Problem::Syntax(why.to_string()))?;
    let element = call.output_element(0);
    call.importer.bind_constant(call.output(0), filled, element);
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

/// Numbers from a start on, below a limit. Short ones of integers are worked out in [`crate::onnx::fold`].
pub(super) fn range(call: &mut Call<'_, '_>) -> Built {
    let (start, limit, step) = (call.scalar(0)?, call.scalar(1)?, call.scalar(2)?);
    let (Some(start), Some(limit), Some(step)) = (start, limit, step) else {
        return unsupported("it has a start, a limit and a step");
    };
    let count = ((f64::from(limit) - f64::from(start)) / f64::from(step)).ceil().max(0.0);
    if !count.is_finite() {
        return unsupported(format!("from {start} to {limit} in steps of {step} is no range"));
    }
    call.importer.fill(count as u64)?;
    let element = call.element(0);
    let values = (0..count as u64).map(|i| f64::from(start) + i as f64 * f64::from(step));
    let tensor = if element.is_integer() {
        let integers: Vec<i64> = values.map(|x| x as i64).collect();
        Tensor::i64([integers.len()], integers)
    } else {
        let floats: Vec<f32> = values.map(|x| x as f32).collect();
        Tensor::f32([floats.len()], floats)
    };
    let tensor = tensor.map_err(|why| Problem::Syntax(why.to_string()))?;
    call.one_output()?;
    call.importer.bind_constant(call.output(0), tensor, element);
    Ok(())
}

/// Ones on a diagonal of a matrix of the input's shape.
pub(super) fn eye_like(call: &mut Call<'_, '_>) -> Built {
    let k = call.attributes.int("k")?.unwrap_or(0);
    let shape = call.fixed_shape(0)?;
    let &[rows, columns] = shape.as_slice() else {
        return unsupported(format!("its input has {} axes, not 2", shape.len()));
    };
    call.importer.fill((rows as u64).saturating_mul(columns as u64))?;
    let ones = mask(rows, columns, |row, column| column - row == k);
    let eye = call.given("eye", ones.map_err(|why| Problem::Syntax(why.to_string()))?);
    call.done(eye)
}

/// A matrix with a 1 where `holds` of row and column, and else 0.
pub(super) fn mask(
    rows: usize,
    columns: usize,
    holds: impl Fn(i64, i64) -> bool,
) -> Result<Tensor, fewbit_graph::TensorError> {
    let all = (0..rows as i64).flat_map(|row| (0..columns as i64).map(move |column| (row, column)));
    Tensor::f32([rows, columns], all.map(|(row, column)| f32::from(holds(row, column))).collect::<Vec<_>>())
}

/// The upper or the lower triangle of a matrix, and zeros.
pub(super) fn trilu(call: &mut Call<'_, '_>) -> Built {
    let upper = call.attributes.flag("upper")?.unwrap_or(true);
    let k = call.fixed_integers(1)?.and_then(|list| list.first().copied()).unwrap_or(0);
    let shape = call.shape(0)?;
    let [[.., rows, columns], [.., other_rows, other_columns]] = shape.each_ref().map(Vec::as_slice) else {
        return unsupported("its input is no matrix");
    };
    let (rows, columns) = (*rows, *columns);
    if (rows, columns) != (*other_rows, *other_columns) {
        return dynamic("the size of its matrix depends on the model's input");
    }
    call.importer.fill((rows as u64).saturating_mul(columns as u64))?;
    let holds = |row: i64, column: i64| if upper { column - row >= k } else { column - row <= k };
    let kept = mask(rows, columns, holds).map_err(|why| Problem::Syntax(why.to_string()))?;
    let kept = call.given("kept", kept);
    let x = call.wire(0)?;
    call.finish(Op::Binary(Binary::Mul), &[x, kept])
}

/// A branch that is known takes the place of the node when the graph is read again.
pub(super) fn branch(call: &mut Call<'_, '_>) -> Built {
    let truth = |list: &Vec<i64>| list.first().is_some_and(|&value| value != 0);
    match call.integers(0)?.as_ref().map(|both| both.each_ref().map(truth)) {
        Some([first, second]) if first == second => {
            call.importer.branches.push((call.index, first));
            unsupported("it is replaced by a branch")
        }
        _ => dynamic("its condition depends on the model's input"),
    }
}
