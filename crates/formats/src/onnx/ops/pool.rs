//! Maximum and mean over windows.

use fewbit_graph::op::{Pool, PoolKind, Reshape};
use fewbit_graph::{Op, WireId};

use crate::error::Problem;
use crate::onnx::call::{Built, Call, Fault, dynamic, unsupported};
use crate::onnx::ops::window::{Windows, windows};

pub(super) fn max(call: &mut Call<'_, '_>) -> Built {
    pool(call, PoolKind::Max)
}

pub(super) fn average(call: &mut Call<'_, '_>) -> Built {
    let count_include_pad = call.attributes.flag("count_include_pad")?.unwrap_or(false);
    pool(call, PoolKind::Mean { count_include_pad })
}

fn pool(call: &mut Call<'_, '_>, kind: PoolKind) -> Built {
    let kernel = call.window("kernel_shape", 1)?.ok_or_else(|| Problem::Missing {
        what: "its attribute",
        name: "kernel_shape".to_owned(),
        found: Vec::new(),
    })?;
    let ceil_mode = call.attributes.flag("ceil_mode")?.unwrap_or(false);
    let Windows { kernel, strides, dilations, pads_begin, pads_end } = windows(call, kernel, 3)?;
    let x = call.wire(0)?;
    let pool = Pool { kind, kernel, strides, dilations, pads_begin, pads_end, ceil_mode };
    if pool.kernel.len() < 3 {
        return call.finish(Op::Pool(pool), &[x]);
    }
    // A maximum over three axes is one over the last two, and then one over the first; so is a mean, whose divisor is a
    // product. Lengths of axes that take no part are fixed or, in front, copied.
    let shape = call.fixed_shape_but_first(0)?;
    let &[_, channels, depth, ..] = shape.as_slice() else { return unsupported("its input is no volume") };
    let merged = |n: &[i64]| n.iter().fold(1i64, |product, n| product.saturating_mul(*n));
    let flat = [&[0, channels.saturating_mul(depth)], shape.get(3..).unwrap_or_default()].concat();
    let planes = call.reshape("planes", x, &flat);
    let planes = call.step("planes.pooled", Op::Pool(axes(&pool, 1, 2)), &[planes]);
    let pooled: Vec<i64> = call.fixed_tail(planes, 2)?;
    let columns = call.reshape("columns", planes, &[0, channels, depth, merged(&pooled)]);
    let mut along = axes(&pool, 0, 1);
    for (list, one) in [
        (&mut along.kernel, 1),
        (&mut along.strides, 1),
        (&mut along.dilations, 1),
        (&mut along.pads_begin, 0),
        (&mut along.pads_end, 0),
    ] {
        list.push(one);
    }
    let columns = call.step("columns.pooled", Op::Pool(along), &[columns]);
    let depths: Vec<i64> = call.fixed_tail(columns, 2)?;
    let depth = depths.first().copied().unwrap_or(1);
    let to = [&[0, channels, depth], pooled.as_slice()].concat();
    call.finish(Op::Reshape(Reshape::To(to)), &[columns])
}

/// A pooling over some of the axes.
fn axes(pool: &Pool, first: usize, count: usize) -> Pool {
    let part = |list: &[usize]| list.iter().skip(first).take(count).copied().collect();
    Pool {
        kernel: part(&pool.kernel),
        strides: part(&pool.strides),
        dilations: part(&pool.dilations),
        pads_begin: part(&pool.pads_begin),
        pads_end: part(&pool.pads_end),
        ..pool.clone()
    }
}

impl Call<'_, '_> {
    /// The lengths of a wire from axis `first` on, which have to be the same for every input of the model.
    fn fixed_tail(&self, wire: WireId, first: usize) -> Result<Vec<i64>, Fault> {
        match self.importer.shape_of_wire(wire) {
            Some([shape, other]) if shape.get(first..) == other.get(first..) => {
                Ok(shape.iter().skip(first).map(|&n| n as i64).collect())
            }
            _ => dynamic("a length on the way depends on the model's input"),
        }
    }
}
