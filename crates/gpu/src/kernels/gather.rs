//! Elements along an axis, and their gradient. The first is limited by memory, the second by looking at every index for
//! every element.

use bytemuck::{Pod, Zeroable};

use crate::kernel::{Kernel, read, write};
use crate::step::{Recording, Site, Step, groups_for, word};

/// `gather.wgsl`.
pub static GATHER: Kernel = Kernel {
    name: "gather",
    source: wgsl!("gather.wgsl"),
    params: size_of::<Params>(),
    storage: &[read(1), read(2), write(3)],
    constants: &[],
    epilogue: false,
};

/// `gather_grad.wgsl`.
pub static GATHER_GRAD: Kernel = Kernel {
    name: "gather_grad",
    source: wgsl!("gather_grad.wgsl"),
    params: size_of::<Params>(),
    storage: &[read(1), read(2), write(3)],
    constants: &[],
    epilogue: false,
};

#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct Params {
    slice: [u32; 2],
    len: u32,
    inner: u32,
    count: u32,
    length: u32,
    pad: [u32; 2],
}

/// Records a gather along `axis`.
pub(crate) fn lower(axis: usize, site: &Site<'_>, recording: &mut Recording) -> Result<(), String> {
    let x = site.shape(0)?;
    let length = *x.get(axis).ok_or_else(|| format!("there is no axis {axis}"))?;
    let inner = x.iter().skip(axis + 1).product();
    push(&GATHER, length, inner, 24, site, recording)
}

/// Records the gradient of a gather along `axis`, which is `length` long.
pub(crate) fn lower_grad(
    axis: usize,
    length: usize,
    site: &Site<'_>,
    recording: &mut Recording,
) -> Result<(), String> {
    let inner = site.output_shape().iter().skip(axis + 1).product();
    let indices = site.facts.of(site.input(1)?).len();
    push(&GATHER_GRAD, length, inner, 24 + 4 * indices as u64, site, recording)
}

fn push(
    kernel: &'static Kernel,
    length: usize,
    inner: usize,
    element: u64,
    site: &Site<'_>,
    recording: &mut Recording,
) -> Result<(), String> {
    let len = site.output_len();
    let count = site.facts.of(site.input(1)?).len();
    let params = Params {
        slice: [0; 2],
        len: word(len)?,
        inner: word(inner)?,
        count: word(count)?,
        length: word(length)?,
        pad: [0; 2],
    };
    let operands = vec![site.operand(0)?, site.operand(1)?, site.result()];
    recording.steps.push(Step::new(kernel, &params, operands, groups_for(len)?, element * len as u64));
    Ok(())
}
