//! Operators that only move values.

use fewbit_graph::Op;
use fewbit_graph::infer::output_shape;
use fewbit_graph::op::{Pad, PadMode, Slice};

use crate::array::{Array, indices};

pub(super) fn concat(axis: usize, parts: &[&Array]) -> Array {
    let mut shape = parts[0].shape.clone();
    shape[axis] = parts.iter().map(|part| part.shape[axis]).sum();
    Array::from_fn(&shape, |index| {
        let mut index = index.to_vec();
        for part in parts {
            if index[axis] < part.shape[axis] {
                return part.at(&index);
            }
            index[axis] -= part.shape[axis];
        }
        unreachable!("the parts fill the whole")
    })
}

/// What is left after removal lies at `begin` (where that is positive) of the result.
pub(super) fn pad(pad: &Pad, x: &Array) -> Array {
    let axes = 0..x.shape.len();
    let removed: Vec<i64> = pad.begin.iter().map(|n| -n.min(&0)).collect();
    let kept: Vec<i64> =
        axes.clone().map(|a| x.shape[a] as i64 + pad.begin[a].min(0) + pad.end[a].min(0)).collect();
    let shape: Vec<usize> =
        axes.clone().map(|a| (kept[a] + pad.begin[a].max(0) + pad.end[a].max(0)) as usize).collect();
    Array::from_fn(&shape, |index| {
        let place = |a: usize| {
            let (i, last) = (index[a] as i64 - pad.begin[a].max(0), kept[a] - 1);
            let inside = (0..=last).contains(&i);
            match pad.mode {
                _ if inside => Ok(i + removed[a]),
                PadMode::Constant(value) => Err(f64::from(value)),
                PadMode::Edge => Ok(i.clamp(0, last) + removed[a]),
                PadMode::Reflect if i < 0 => Ok(-i + removed[a]),
                PadMode::Reflect => Ok(2 * last - i + removed[a]),
            }
        };
        match axes.clone().map(place).collect::<Result<Vec<i64>, f64>>() {
            Ok(from) => x.get(&from, f64::NAN),
            Err(value) => value,
        }
    })
}

/// Counted the long way: walk from the clamped start while not past the clamped end.
pub(super) fn slice(slice: &Slice, x: &Array) -> Array {
    let places: Vec<Vec<usize>> = (0..x.shape.len())
        .map(|axis| {
            let (n, step) = (x.shape[axis] as i64, slice.steps[axis]);
            let absolute = |i: i64| if i < 0 { i.saturating_add(n) } else { i };
            let (low, high) = if step > 0 { (0, n) } else { (-1, n - 1) };
            let mut at = absolute(slice.starts[axis]).clamp(0, high);
            let stop = absolute(slice.ends[axis]).clamp(low, high);
            let mut places = vec![];
            while if step > 0 { at < stop } else { at > stop } {
                places.push(at as usize);
                at += step;
            }
            places
        })
        .collect();
    let shape: Vec<usize> = places.iter().map(Vec::len).collect();
    Array::from_fn(&shape, |index| {
        x.at(&index.iter().zip(&places).map(|(&i, places)| places[i]).collect::<Vec<_>>())
    })
}

pub(super) fn reshape(op: &Op, x: &Array) -> Array {
    let shape = output_shape(op, &[&x.shape]).expect("the graph was inferred");
    Array { shape, values: x.values.clone() }
}

pub(super) fn transpose(perm: &[usize], x: &Array) -> Array {
    let shape: Vec<usize> = perm.iter().map(|&axis| x.shape[axis]).collect();
    Array::from_fn(&shape, |index| {
        let mut from = vec![0; perm.len()];
        perm.iter().zip(index).for_each(|(&axis, &i)| from[axis] = i);
        x.at(&from)
    })
}

pub(super) fn gather(axis: usize, x: &Array, places: &Array) -> Array {
    let shape = [&x.shape[..axis], &places.shape, &x.shape[axis + 1..]].concat();
    Array::from_fn(&shape, |index| x.at(&source(index, axis, x.shape[axis], places)))
}

pub(super) fn gather_grad(axis: usize, length: usize, g: &Array, places: &Array) -> Array {
    let shape = [&g.shape[..axis], &[length], &g.shape[axis + places.shape.len()..]].concat();
    let mut x = Array::from_fn(&shape, |_| 0.0);
    for index in indices(&g.shape) {
        *x.at_mut(&source(&index, axis, length, places)) += g.at(&index);
    }
    x
}

/// Where an element of a gathered tensor was taken from.
fn source(index: &[usize], axis: usize, length: usize, places: &Array) -> Vec<usize> {
    let (head, rest) = index.split_at(axis);
    let (place, tail) = rest.split_at(places.shape.len());
    let from = index_on(length, places.at(place));
    [head, &[from], tail].concat()
}

/// The place that an index means on an axis of this length.
pub(crate) fn index_on(length: usize, index: f64) -> usize {
    let index = index.trunc();
    let from_front = if index < 0.0 { index + length as f64 } else { index };
    if from_front > 0.0 { from_front.min(length as f64 - 1.0) as usize } else { 0 }
}
