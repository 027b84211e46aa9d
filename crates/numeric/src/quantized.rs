//! A quantized tensor: codes, grids, and what they cost to store.

use serde::{Deserialize, Serialize};

use crate::affine::Affine;
use crate::format::Format;
use crate::layout::BlockLayout;

/// How many bits a stored scale takes.
pub const SCALE_BITS: usize = 32;

/// A tensor in few bits: the truth that is measured, exported and run, whichever method made the codes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quantized {
    /// Which codes exist.
    pub format: Format,
    /// Which values share a grid.
    pub layout: BlockLayout,
    /// The grid of each block; `layout.block_count()` of them.
    pub grids: Vec<Affine>,
    /// The code of each value, row-major; `layout.len()` of them.
    pub codes: Vec<i32>,
}

impl Quantized {
    /// Rounds `values` to the nearest level of the grid of their block.
    ///
    /// `values` has `layout.len()` entries and `grids` `layout.block_count()`.
    pub fn nearest(format: Format, layout: BlockLayout, grids: Vec<Affine>, values: &[f32]) -> Self {
        debug_assert_eq!(values.len(), layout.len(), "one value for each place of the layout");
        debug_assert_eq!(grids.len(), layout.block_count(), "one grid for each block of the layout");
        let mut codes = Vec::with_capacity(values.len());
        for (block, run) in layout.runs() {
            let grid = grids[block];
            codes.extend(values[run].iter().map(|&x| grid.code(x) as i32));
        }
        Self { format, layout, grids, codes }
    }

    /// The values that the codes stand for, row-major.
    pub fn dequantize(&self) -> Vec<f32> {
        let mut values = Vec::with_capacity(self.codes.len());
        for (block, run) in self.layout.runs() {
            let grid = self.grids[block];
            values.extend(self.codes[run].iter().map(|&code| grid.value(code as f32)));
        }
        values
    }

    /// What storing this tensor takes, in bits: the codes, a 32-bit scale for each block, and for asymmetric
    /// formats a zero point for each block ([`Self::zero_point_bits`]).
    pub fn storage_bits(&self) -> usize {
        let width = usize::from(self.format.bits());
        self.layout.len() * width + self.layout.block_count() * SCALE_BITS + self.zero_point_bits()
    }

    /// What storing the zero points takes, in bits: the code's width for each block; as much as a scale for each if one
    /// of them is no whole number; nothing for formats that have none.
    pub fn zero_point_bits(&self) -> usize {
        if !self.format.has_zero_point() {
            return 0;
        }
        let whole = self.grids.iter().all(|grid| grid.zero_point.fract() == 0.0);
        self.layout.block_count() * if whole { usize::from(self.format.bits()) } else { SCALE_BITS }
    }
}

/// What a tensor of this layout takes in `format`, in bits, with scales and zero points.
pub fn storage_bits(format: Format, layout: &BlockLayout) -> usize {
    let width = usize::from(format.bits());
    let zero_point = if format.has_zero_point() { width } else { 0 };
    layout.len() * width + layout.block_count() * (SCALE_BITS + zero_point)
}
