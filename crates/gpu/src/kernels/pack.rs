//! Rearranging an operand of a product so that the product reads it in order.
//!
//! Moves 8 bytes an element and is limited by memory. For weights it runs once, and again only when they change.

use bytemuck::{Pod, Zeroable};
use fewbit_graph::WireId;

use crate::kernel::{Kernel, read, write};
use crate::step::{Operand, Recording, Step, groups_for, word};

/// `pack.wgsl`.
pub static PACK: Kernel = Kernel {
    name: "pack",
    source: include_str!("pack.wgsl"),
    params: size_of::<Params>(),
    storage: &[read(1), write(2)],
    constants: &[],
    epilogue: false,
};

#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct Params {
    slice: [u32; 2],
    len: u32,
    columns: u32,
    padded: u32,
    inner: u32,
    outer: u32,
    column_stride: u32,
    inner_stride: u32,
    outer_stride: u32,
    batch_stride: u32,
    pad: u32,
}

/// Matrices of `outer`·`inner` rows, each number with its stride in the tensor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Matrices {
    pub(crate) batches: (usize, usize),
    pub(crate) outer: (usize, usize),
    pub(crate) inner: (usize, usize),
    pub(crate) columns: (usize, usize),
}

impl Matrices {
    /// Records the copy of `wire` with rows of `padded` columns, and gives the buffer with it.
    pub(crate) fn pack(
        &self,
        wire: WireId,
        padded: usize,
        recording: &mut Recording,
    ) -> Result<Operand, String> {
        let len = self.batches.0 * self.outer.0 * self.inner.0 * padded;
        let packed = recording.scratch(len);
        let params = Params {
            slice: [0; 2],
            len: word(len)?,
            columns: word(self.columns.0)?,
            padded: word(padded)?,
            inner: word(self.inner.0)?,
            outer: word(self.outer.0)?,
            column_stride: word(self.columns.1)?,
            inner_stride: word(self.inner.1)?,
            outer_stride: word(self.outer.1)?,
            batch_stride: word(self.batches.1)?,
            pad: 0,
        };
        let operands = vec![Operand::Wire(wire), packed];
        let step = Step::new(&PACK, &params, operands, groups_for(len)?, 16 * len as u64);
        recording.steps.push(Step { cached_on: Some(wire), ..step });
        Ok(packed)
    }
}
