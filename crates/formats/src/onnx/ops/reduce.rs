//! Reductions over axes.

use fewbit_graph::Op;
use fewbit_graph::op::{Reduce, Reducer};

use crate::onnx::call::{Call, Fault, axes_in};

type Built = Result<(), Fault>;

pub(super) fn max_attributes(call: &mut Call<'_, '_>) -> Built {
    by_attribute(call, Reducer::Max)
}

pub(super) fn max_inputs(call: &mut Call<'_, '_>) -> Built {
    by_input(call, Reducer::Max)
}

pub(super) fn mean_attributes(call: &mut Call<'_, '_>) -> Built {
    by_attribute(call, Reducer::Mean)
}

pub(super) fn mean_inputs(call: &mut Call<'_, '_>) -> Built {
    by_input(call, Reducer::Mean)
}

pub(super) fn min_attributes(call: &mut Call<'_, '_>) -> Built {
    by_attribute(call, Reducer::Min)
}

pub(super) fn min_inputs(call: &mut Call<'_, '_>) -> Built {
    by_input(call, Reducer::Min)
}

pub(super) fn sum_attributes(call: &mut Call<'_, '_>) -> Built {
    by_attribute(call, Reducer::Sum)
}

pub(super) fn sum_inputs(call: &mut Call<'_, '_>) -> Built {
    by_input(call, Reducer::Sum)
}

pub(super) fn global_average_pool(call: &mut Call<'_, '_>) -> Built {
    global(call, Reducer::Mean)
}

pub(super) fn global_max_pool(call: &mut Call<'_, '_>) -> Built {
    global(call, Reducer::Max)
}

fn by_attribute(call: &mut Call<'_, '_>, kind: Reducer) -> Built {
    let axes = call.attributes.ints("axes")?.map(<[i64]>::to_vec);
    reduce(call, kind, axes.unwrap_or_default())
}

fn by_input(call: &mut Call<'_, '_>, kind: Reducer) -> Built {
    let axes = call.fixed_integers(1)?.unwrap_or_default();
    if axes.is_empty() && call.attributes.flag("noop_with_empty_axes")?.unwrap_or(false) {
        return call.pass(0);
    }
    reduce(call, kind, axes)
}

/// No axes are all axes.
fn reduce(call: &mut Call<'_, '_>, kind: Reducer, axes: Vec<i64>) -> Built {
    let rank = call.rank(0)?;
    let axes = if axes.is_empty() { (0..rank).collect() } else { axes_in(&axes, rank)? };
    let keep_dims = call.attributes.flag("keepdims")?.unwrap_or(true);
    let x = call.wire(0)?;
    call.finish(Op::Reduce(Reduce { kind, axes, keep_dims }), &[x])
}

/// Over all spatial axes, which stay with length 1.
fn global(call: &mut Call<'_, '_>, kind: Reducer) -> Built {
    let axes = (2..call.rank(0)?).collect();
    let x = call.wire(0)?;
    call.finish(Op::Reduce(Reduce { kind, axes, keep_dims: true }), &[x])
}
