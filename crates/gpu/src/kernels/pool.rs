//! Pooling: limited by memory, as each window reads few elements.

use bytemuck::{Pod, Zeroable};
use fewbit_graph::op::{Pool, PoolKind};

use crate::kernel::{Kernel, read, write};
use crate::kernels::epilogue::EpilogueParams;
use crate::kernels::window::{Attributes, Window};
use crate::step::{Recording, Site, Step, groups_for, word};

/// `pool.wgsl`.
pub static POOL: Kernel = Kernel {
    name: "pool",
    source: wgsl!("pool.wgsl"),
    params: size_of::<Params>(),
    storage: &[read(1), write(4)],
    constants: &["MEAN", "INCLUDE_PAD"],
    epilogue: true,
};

#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct Params {
    slice: [u32; 2],
    len: u32,
    pad_0: u32,
    epilogue: EpilogueParams,
    window: Window,
    end_h: u32,
    end_w: u32,
    lowest: f32,
    pad_1: u32,
}

/// The windows of a pooling of x to y, and the height and width of x with the padding behind them.
pub(crate) fn window_of(pool: &Pool, x: &[usize], y: &[usize]) -> Result<(Window, [u32; 2]), String> {
    let (&[_, _, ref input @ ..], &[_, _, ref output @ ..]) = (x, y) else {
        return Err("images need N, C and spatial axes".to_owned());
    };
    let attributes = Attributes {
        kernel: &pool.kernel,
        strides: &pool.strides,
        dilations: &pool.dilations,
        pads_begin: &pool.pads_begin,
        pads_end: &pool.pads_end,
    };
    let window = Window::new(input, output, &attributes)?;
    let (end_h, end_w) = match *pool.pads_end {
        [w] => (0, word(w)?),
        [h, w] => (word(h)?, word(w)?),
        _ => return Err("windows have one or two axes".to_owned()),
    };
    Ok((window, [window.in_h + end_h, window.in_w + end_w]))
}

/// Records a pooling.
pub(crate) fn lower(pool: &Pool, site: &Site<'_>, recording: &mut Recording) -> Result<(), String> {
    let (window, [end_h, end_w]) = window_of(pool, site.shape(0)?, site.output_shape())?;
    let len = site.output_len();
    let params = Params {
        slice: [0; 2],
        len: word(len)?,
        pad_0: 0,
        epilogue: site.epilogue.params(site.facts, site.output_shape())?,
        window,
        end_h,
        end_w,
        lowest: f32::NEG_INFINITY,
        pad_1: 0,
    };
    let (mean, include_pad) = match pool.kind {
        PoolKind::Max => (false, false),
        PoolKind::Mean { count_include_pad } => (true, count_include_pad),
    };
    recording.steps.push(
        Step::new(
            &POOL,
            &params,
            vec![site.operand(0)?, site.result()],
            groups_for(len)?,
            16 * (len * (1 + pool.kernel.iter().product::<usize>())) as u64,
        )
        .with(&[("MEAN", u32::from(mean)), ("INCLUDE_PAD", u32::from(include_pad))])
        .fused(site.epilogue),
    );
    Ok(())
}
