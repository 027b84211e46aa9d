//! The gradient of pooling: limited by memory, as each element lies in few windows.

use bytemuck::{Pod, Zeroable};
use fewbit_graph::op::{Pool, PoolKind};

use crate::kernel::{Kernel, read, write};
use crate::kernels::pool::window_of;
use crate::kernels::window::Window;
use crate::step::{Operand, Recording, Site, Step, groups_for, word};

/// `pool_argmax.wgsl`.
pub static POOL_ARGMAX: Kernel = Kernel {
    name: "pool_argmax",
    source: wgsl!("pool_argmax.wgsl"),
    params: size_of::<ArgmaxParams>(),
    storage: &[read(1), write(2)],
    constants: &[],
    epilogue: false,
};

/// `pool_grad.wgsl`.
pub static POOL_GRAD: Kernel = Kernel {
    name: "pool_grad",
    source: wgsl!("pool_grad.wgsl"),
    params: size_of::<GradParams>(),
    storage: &[read(1), read(2), write(3)],
    constants: &["MEAN", "INCLUDE_PAD"],
    epilogue: false,
};

#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct ArgmaxParams {
    slice: [u32; 2],
    len: u32,
    pad: u32,
    window: Window,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct GradParams {
    slice: [u32; 2],
    len: u32,
    pad_0: u32,
    window: Window,
    end_h: u32,
    end_w: u32,
    pad_1: [u32; 2],
}

/// Records the gradient of a pooling.
pub(crate) fn lower(pool: &Pool, site: &Site<'_>, recording: &mut Recording) -> Result<(), String> {
    let (window, [end_h, end_w]) = window_of(pool, site.shape(1)?, site.shape(0)?)?;
    let taps: usize = pool.kernel.iter().product();
    let cost = |len: usize| 16 * (len * (1 + taps)) as u64;
    let (mean, include_pad) = match pool.kind {
        PoolKind::Max => (false, false),
        PoolKind::Mean { count_include_pad } => (true, count_include_pad),
    };
    let maxima = if mean {
        Operand::Blank
    } else {
        let len = site.facts.of(site.input(0)?).len();
        let maxima = recording.passing(len);
        let params = ArgmaxParams { slice: [0; 2], len: word(len)?, pad: 0, window };
        let operands = vec![site.operand(1)?, maxima];
        recording.steps.push(Step::new(&POOL_ARGMAX, &params, operands, groups_for(len)?, cost(len)));
        maxima
    };
    let len = site.output_len();
    let (end_h, end_w) = if include_pad { (end_h, end_w) } else { (window.in_h, window.in_w) };
    let params = GradParams { slice: [0; 2], len: word(len)?, pad_0: 0, window, end_h, end_w, pad_1: [0; 2] };
    let operands = vec![site.operand(0)?, maxima, site.result()];
    recording.steps.push(
        Step::new(&POOL_GRAD, &params, operands, groups_for(len)?, cost(len))
            .with(&[("MEAN", u32::from(mean)), ("INCLUDE_PAD", u32::from(include_pad))]),
    );
    Ok(())
}
