//! Parts of a tensor.

use fewbit_graph::op::{Reshape, Slice};
use fewbit_graph::{Op, Tensor};

use crate::error::Problem;
use crate::onnx::call::{Built, Call, axis_in, dynamic};
use crate::onnx::probe::Both;

/// A slice that takes everything of `rank` axes.
pub(super) fn everything(rank: usize) -> Slice {
    Slice { starts: vec![0; rank], ends: vec![i64::MAX; rank], steps: vec![1; rank] }
}

/// Makes `slice` take `start..end` with `step` of an axis.
pub(super) fn cut(slice: &mut Slice, axis: usize, start: i64, end: i64, step: i64) {
    let parts = [(&mut slice.starts, start), (&mut slice.ends, end), (&mut slice.steps, step)];
    for (list, value) in parts {
        list.get_mut(axis).into_iter().for_each(|entry| *entry = value);
    }
}

pub(super) fn slice_attributes(call: &mut Call<'_, '_>) -> Built {
    let list = |name: &str| -> Result<Both<Vec<i64>>, Problem> {
        let list = call.attributes.ints(name)?.ok_or_else(|| missing(name))?.to_vec();
        Ok([list.clone(), list])
    };
    let (starts, ends) = (list("starts")?, list("ends")?);
    let axes = call.attributes.ints("axes")?.map(<[i64]>::to_vec);
    slice(call, starts, ends, axes, None)
}

pub(super) fn slice_inputs(call: &mut Call<'_, '_>) -> Built {
    let starts = call.integers(1)?.ok_or_else(|| missing("starts"))?;
    let ends = call.integers(2)?.ok_or_else(|| missing("ends"))?;
    let (axes, steps) = (call.fixed_integers(3)?, call.fixed_integers(4)?);
    slice(call, starts, ends, axes, steps)
}

fn missing(name: &str) -> Problem {
    Problem::Missing { what: "its list", name: name.to_owned(), found: Vec::new() }
}

fn slice(
    call: &mut Call<'_, '_>,
    starts: Both<Vec<i64>>,
    ends: Both<Vec<i64>>,
    axes: Option<Vec<i64>>,
    steps: Option<Vec<i64>>,
) -> Built {
    let [first_shape, second_shape] = call.shape(0)?;
    let rank = first_shape.len();
    let count = starts.first().map_or(0, Vec::len);
    let axes = axes.unwrap_or_else(|| (0..count).map(|axis| axis as i64).collect());
    let steps = steps.unwrap_or_else(|| vec![1; count]);
    let others = [starts.each_ref(), ends.each_ref(), [&axes, &steps]].into_iter().flatten().map(Vec::len);
    if let Some(other) = others.into_iter().find(|other| *other != count) {
        return Err(Problem::Field {
            what: "one of its lists".to_owned(),
            found: format!("of {other} numbers"),
            needed: format!("of {count}, as the others are"),
        }
        .into());
    }
    let mut slice = everything(rank);
    let [starts, other_starts] = starts;
    let [ends, other_ends] = ends;
    let seconds = other_starts.iter().zip(&other_ends);
    for ((((axis, &step), &start), &end), (&other_start, &other_end)) in
        axes.iter().zip(&steps).zip(&starts).zip(&ends).zip(seconds)
    {
        let axis = axis_in(*axis, rank)?;
        if step == 0 {
            let (what, found) = ("a step".to_owned(), "0".to_owned());
            return Err(Problem::Field { what, found, needed: "another number".to_owned() }.into());
        }
        if start != other_start {
            return dynamic("where it starts depends on the model's input");
        }
        let length = |shape: &[usize]| shape.get(axis).and_then(|&n| i64::try_from(n).ok());
        let to_the_end = length(&first_shape) == Some(end) && length(&second_shape) == Some(other_end);
        let end = match () {
            () if end == other_end => end,
            () if to_the_end && step > 0 => i64::MAX,
            () => return dynamic("where it ends depends on the model's input"),
        };
        cut(&mut slice, axis, start, end, step);
    }
    // Empty tensors are no wires, but a Concat may take one that is known.
    let op = Op::Slice(slice);
    let made = [&first_shape, &second_shape].map(|shape| fewbit_graph::infer::output_shape(&op, &[shape]));
    if let [Ok(shape), Ok(other)] = &made
        && shape == other
        && shape.contains(&0)
    {
        call.one_output()?;
        let element = call.element(0);
        call.importer.bind_constant(call.output(0), Tensor::zeros(shape.clone()), element);
        return Ok(());
    }
    let x = call.wire(0)?;
    call.finish(op, &[x])
}

/// One known index, or several in a row, are a slice.
pub(super) fn gather(call: &mut Call<'_, '_>) -> Built {
    let axis = call.axis(0, call.attributes.int("axis")?.unwrap_or(0))?;
    if let Some((first, last)) = call.constant(1).and_then(in_a_row) {
        let [shape, other] = call.shape(0)?;
        for shape in [shape, other] {
            let length = shape.get(axis).copied().unwrap_or_default();
            axis_in(first, length)?;
            axis_in(last, length)?;
        }
        let index_rank = call.rank(1)?;
        let rank = call.rank(0)?;
        let x = call.wire(0)?;
        let mut slice = everything(rank);
        let end = if last == -1 { i64::MAX } else { last + 1 };
        cut(&mut slice, axis, first, end, 1);
        if index_rank == 1 {
            return call.finish(Op::Slice(slice), &[x]);
        }
        let picked = call.step("picked", Op::Slice(slice), &[x]);
        return call.finish(Op::Reshape(Reshape::Squeeze { axes: vec![axis] }), &[picked]);
    }
    let (x, indices) = (call.wire(0)?, call.wire(1)?);
    call.finish(Op::Gather { axis }, &[x, indices])
}

/// The first and the last of a list of indices that follow each other, or of a single one.
fn in_a_row(indices: &Tensor) -> Option<(i64, i64)> {
    let list = indices.as_i64().ok().filter(|_| indices.shape().len() < 2)?;
    let follow = list.iter().zip(list.iter().skip(1)).all(|(a, b)| a.checked_add(1) == Some(*b));
    let same_sign = list.iter().all(|i| *i >= 0) || list.iter().all(|i| *i < 0);
    Some((*list.first()?, *list.last()?)).filter(|_| follow && same_sign)
}

/// A slice for each output.
pub(super) fn split(call: &mut Call<'_, '_>) -> Built {
    let lengths = call.listed("split", 1, 13)?;
    let rank = call.rank(0)?;
    let axis = call.axis(0, call.attributes.int("axis")?.unwrap_or(0))?;
    let outputs = call.node.output.len();
    let total = call.fixed_length(0, axis)? as i64;
    let lengths = match lengths {
        Some(lengths) => lengths,
        None => even(total, call.attributes.int("num_outputs")?, outputs),
    };
    let fits = lengths.len() == outputs
        && lengths.iter().all(|n| *n >= 0)
        && lengths.iter().try_fold(0i64, |sum, n| sum.checked_add(*n)) == Some(total);
    if !fits {
        return Err(Problem::Field {
            what: "the list of its parts' lengths".to_owned(),
            found: format!("{lengths:?}"),
            needed: format!("{outputs} numbers that add up to {total}"),
        }
        .into());
    }
    let x = call.wire(0)?;
    let mut start = 0;
    for (i, length) in lengths.iter().enumerate() {
        if *length == 0 {
            let [mut shape, _] = call.shape(0)?;
            shape.get_mut(axis).into_iter().for_each(|n| *n = 0);
            let element = call.element(0);
            call.importer.bind_constant(call.output(i), Tensor::zeros(shape), element);
            continue;
        }
        let mut slice = everything(rank);
        cut(&mut slice, axis, start, start + length, 1);
        start += length;
        let name = if i == 0 { call.name.clone() } else { format!("{}/{i}", call.name) };
        call.finish_output(i, &name, Op::Slice(slice), &[x]);
    }
    Ok(())
}

/// Parts of the same length, of which the last may be shorter.
fn even(total: i64, said: Option<i64>, outputs: usize) -> Vec<i64> {
    let count = said.unwrap_or(outputs as i64).clamp(1, outputs.max(1) as i64);
    let length = total.div_euclid(count) + i64::from(total % count != 0);
    (0..count).map(|i| (total - i * length).clamp(0, length)).collect()
}
