//! Maximum and mean over windows.

use fewbit_graph::Op;
use fewbit_graph::op::{Pool, PoolKind};

use crate::error::Problem;
use crate::onnx::call::{Call, Fault};
use crate::onnx::ops::window::{Windows, windows};

pub(super) fn max(call: &mut Call<'_, '_>) -> Result<(), Fault> {
    pool(call, PoolKind::Max)
}

pub(super) fn average(call: &mut Call<'_, '_>) -> Result<(), Fault> {
    let count_include_pad = call.attributes.flag("count_include_pad")?.unwrap_or(false);
    pool(call, PoolKind::Mean { count_include_pad })
}

fn pool(call: &mut Call<'_, '_>, kind: PoolKind) -> Result<(), Fault> {
    let kernel = call.window("kernel_shape", 1)?.ok_or_else(|| Problem::Missing {
        what: "its attribute",
        name: "kernel_shape".to_owned(),
        found: Vec::new(),
    })?;
    let ceil_mode = call.attributes.flag("ceil_mode")?.unwrap_or(false);
    let Windows { kernel, strides, dilations, pads_begin, pads_end } = windows(call, kernel)?;
    let x = call.wire(0)?;
    call.finish(Op::Pool(Pool { kind, kernel, strides, dilations, pads_begin, pads_end, ceil_mode }), &[x])
}
