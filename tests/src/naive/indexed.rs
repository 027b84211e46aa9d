//! Operators that choose elements.

use fewbit_graph::op::ScatterReduction;

use crate::array::{Array, broadcast_shape, indices};
use crate::naive::index_on;

pub(super) fn choice(inputs: &[&Array]) -> Array {
    let shape = inputs.iter().fold(Vec::new(), |shape, input| broadcast_shape(&shape, &input.shape));
    Array::from_fn(&shape, |index| {
        inputs[if inputs[0].broadcast(index) != 0.0 { 1 } else { 2 }].broadcast(index)
    })
}

/// The elements along `axis` through `index`.
fn line(x: &Array, axis: usize, index: &[usize]) -> Vec<f64> {
    (0..x.shape[axis]).map(|i| x.at(&with(index, axis, i))).collect()
}

fn with(index: &[usize], axis: usize, i: usize) -> Vec<usize> {
    [&index[..axis], &[i], &index[axis + 1..]].concat()
}

fn with_length(x: &Array, axis: usize, n: usize) -> Vec<usize> {
    with(&x.shape, axis, n)
}

pub(super) fn arg(max: bool, axis: usize, keep_dims: bool, last: bool, x: &Array) -> Array {
    let mut y = Array::from_fn(&with_length(x, axis, 1), |index| {
        let line = line(x, axis, index);
        let best = if max {
            line.iter().copied().fold(f64::NEG_INFINITY, f64::max)
        } else {
            line.iter().copied().fold(f64::INFINITY, f64::min)
        };
        let found =
            if last { line.iter().rposition(|&x| x == best) } else { line.iter().position(|&x| x == best) };
        found.expect("the oracle knows no NaN") as f64
    });
    if !keep_dims {
        y.shape.remove(axis);
    }
    y
}

pub(super) fn top_k(axis: usize, k: usize, largest: bool, as_indices: bool, x: &Array) -> Array {
    Array::from_fn(&with_length(x, axis, k), |index| {
        let line = line(x, axis, index);
        let mut order: Vec<usize> = (0..line.len()).collect();
        // Stable: equal elements stay in order.
        order.sort_by(|&a, &b| {
            let ascending = line[a].total_cmp(&line[b]);
            if largest { ascending.reverse() } else { ascending }
        });
        let found = order[index[axis]];
        if as_indices { found as f64 } else { line[found] }
    })
}

pub(super) fn cum_sum(axis: usize, exclusive: bool, reverse: bool, x: &Array) -> Array {
    Array::from_fn(&x.shape, |index| {
        let (line, i) = (line(x, axis, index), index[axis]);
        let own = if exclusive { 0.0 } else { line[i] };
        let others = if reverse { &line[i + 1..] } else { &line[..i] };
        others.iter().sum::<f64>() + own
    })
}

pub(super) fn gather_elements(axis: usize, x: &Array, places: &Array) -> Array {
    Array::from_fn(&places.shape, |index| x.at(&with(index, axis, index_on(x.shape[axis], places.at(index)))))
}

pub(super) fn scatter_elements(
    axis: usize,
    reduction: ScatterReduction,
    x: &Array,
    places: &Array,
    updates: &Array,
) -> Array {
    let mut y = x.clone();
    for index in indices(&places.shape) {
        let there = y.at_mut(&with(&index, axis, index_on(x.shape[axis], places.at(&index))));
        *there = combined(reduction, *there, updates.at(&index));
    }
    y
}

fn combined(reduction: ScatterReduction, there: f64, update: f64) -> f64 {
    match reduction {
        ScatterReduction::Replace => update,
        ScatterReduction::Add => there + update,
        ScatterReduction::Mul => there * update,
        ScatterReduction::Max => there.max(update),
        ScatterReduction::Min => there.min(update),
    }
}

/// The place in x that the numbers at `place` list, behind the batch that `place` begins with.
fn start(batch_dims: usize, x: &Array, places: &Array, place: &[usize]) -> Vec<usize> {
    let listed = *places.shape.last().expect("indices have an axis");
    let number = |i: usize| places.at(&[place, &[i]].concat());
    let inner = (0..listed).map(|i| index_on(x.shape[batch_dims + i], number(i)));
    place[..batch_dims].iter().copied().chain(inner).collect()
}

pub(super) fn gather_nd(batch_dims: usize, x: &Array, places: &Array) -> Array {
    let (listed, outer) = places.shape.split_last().expect("indices have an axis");
    let shape = [outer, &x.shape[batch_dims + listed..]].concat();
    Array::from_fn(&shape, |index| {
        let (place, inner) = index.split_at(outer.len());
        x.at(&[start(batch_dims, x, places, place), inner.to_vec()].concat())
    })
}

pub(super) fn scatter_nd(reduction: ScatterReduction, x: &Array, places: &Array, updates: &Array) -> Array {
    let mut y = x.clone();
    for index in indices(&updates.shape) {
        let (place, inner) = index.split_at(places.shape.len() - 1);
        let there = y.at_mut(&[start(0, x, places, place), inner.to_vec()].concat());
        *there = combined(reduction, *there, updates.at(&index));
    }
    y
}
