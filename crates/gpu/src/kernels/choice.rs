//! One of two values by a condition. Limited by memory.

use bytemuck::{Pod, Zeroable};

use crate::kernel::{Kernel, read, write};
use crate::kernels::strided::{Eight, broadcast_strides, eight, signed};
use crate::step::{Recording, Site, Step, groups_for, word};

/// `choice.wgsl`.
pub static CHOICE: Kernel = Kernel {
    name: "choice",
    source: wgsl!("choice.wgsl"),
    params: size_of::<Params>(),
    storage: &[read(1), read(2), read(3), write(4)],
    constants: &[],
    epilogue: false,
};

#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct Params {
    slice: [u32; 2],
    len: u32,
    rank: u32,
    lengths: Eight<u32>,
    strides: [Eight<i32>; 3],
}

/// Records a choice.
pub(crate) fn lower(site: &Site<'_>, recording: &mut Recording) -> Result<(), String> {
    let (shape, len) = (site.output_shape(), site.output_len());
    let strides = |input: usize| {
        eight(
            broadcast_strides(site.shape(input)?, shape)
                .into_iter()
                .map(signed)
                .collect::<Vec<_>>()
                .into_iter(),
        )
    };
    let params = Params {
        slice: [0; 2],
        len: word(len)?,
        rank: shape.len() as u32,
        lengths: eight(shape.iter().map(|&n| word(n)))?,
        strides: [strides(0)?, strides(1)?, strides(2)?],
    };
    let operands = vec![site.operand(0)?, site.operand(1)?, site.operand(2)?, site.result()];
    recording.steps.push(Step::new(&CHOICE, &params, operands, groups_for(len)?, 32 * len as u64));
    Ok(())
}
