//! Rearranging an operand of a product so that the product reads it in order.
//!
//! Moves 8 bytes an element and is limited by memory. For weights it runs once, and again only when they change.

use bytemuck::{Pod, Zeroable};
use fewbit_graph::WireId;

use crate::kernel::{Kernel, read, write};
use crate::kernels::strided::{Axis, Strided};
use crate::step::{Operand, Recording, Step, groups_for, word};

/// `pack.wgsl`.
pub static PACK: Kernel = Kernel {
    name: "pack",
    source: wgsl!("pack.wgsl"),
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
    pad: [u32; 3],
    strided: Strided,
}

/// Matrices of `taps`·`inner` rows, each number with its stride in the tensor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Matrices {
    pub(crate) batches: (usize, usize),
    pub(crate) taps: Taps,
    pub(crate) inner: (usize, usize),
    pub(crate) columns: (usize, usize),
}

/// The taps of a window that take part, in the order in which the product walks them: the first one's offset, and rows
/// and columns of taps with their strides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taps {
    pub(crate) first: usize,
    pub(crate) rows: (usize, i64),
    pub(crate) columns: (usize, i64),
}

impl Taps {
    /// The one tap of a matrix.
    pub(crate) const ONE: Self = Self::all(1);

    /// All of `count` taps, in order.
    pub(crate) const fn all(count: usize) -> Self {
        Self { first: 0, rows: (1, 0), columns: (count, 1) }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.rows.0 * self.columns.0
    }
}

impl Matrices {
    /// Records the copy of `wire` with rows of `padded` columns, and gives the buffer with it.
    pub(crate) fn pack(
        &self,
        wire: WireId,
        padded: usize,
        recording: &mut Recording,
    ) -> Result<Operand, String> {
        let axis = |(length, stride): (usize, usize)| Axis { length, first: stride as i64, second: 0 };
        let taps =
            [self.taps.rows, self.taps.columns].map(|(length, first)| Axis { length, first, second: 0 });
        let [rows, columns] = taps;
        let space = [axis(self.batches), rows, columns, axis(self.inner), axis((padded, self.columns.1))];
        let len = space.iter().map(|axis| axis.length).product();
        let packed = recording.kept(len);
        let params = Params {
            slice: [0; 2],
            len: word(len)?,
            columns: word(self.columns.0)?,
            padded: word(padded)?,
            pad: [0; 3],
            strided: Strided::new(&space, self.taps.first as i64, 0)?,
        };
        let operands = vec![Operand::Wire(wire), packed];
        let step = Step::new(&PACK, &params, operands, groups_for(len)?, 16 * len as u64);
        recording.steps.push(Step { cached_on: Some(wire), ..step });
        Ok(packed)
    }
}
