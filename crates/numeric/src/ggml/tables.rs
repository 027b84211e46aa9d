//! The tables of vectors that the IQ types have: data of the format, in `vectors.bin`, two bytes a vector.
//!
//! A vector of 8 values has 2 bits for each, one of 4 values 4 bits, the first lowest; they number one of the table's levels.

const VECTORS: &[u8] = include_bytes!("vectors.bin");

/// A part of the file.
pub(super) struct Table {
    first: usize,
    bits: u32,
    levels: [i8; 8],
}

impl Table {
    /// Value `i` of vector `index`.
    pub(super) fn value(&self, index: usize, i: usize) -> f32 {
        let at = 2 * (self.first + index);
        let vector = u16::from_le_bytes([VECTORS[at], VECTORS[at + 1]]);
        let level = vector >> (self.bits * i as u32) & ((1 << self.bits) - 1);
        f32::from(self.levels[usize::from(level & 7)])
    }
}

const IQ2: [i8; 8] = [8, 25, 43, 0, 0, 0, 0, 0];

pub(super) const IQ2_XXS: Table = Table { first: 0, bits: 2, levels: IQ2 };
pub(super) const IQ2_XS: Table = Table { first: 256, bits: 2, levels: IQ2 };
pub(super) const IQ2_S: Table = Table { first: 768, bits: 2, levels: IQ2 };
pub(super) const IQ3_XXS: Table = Table { first: 1792, bits: 4, levels: [4, 12, 20, 28, 36, 44, 52, 62] };
pub(super) const IQ3_S: Table = Table { first: 2048, bits: 4, levels: [1, 3, 5, 7, 9, 11, 13, 15] };
pub(super) const IQ1_S: Table = Table { first: 2560, bits: 2, levels: [-1, 0, 1, 0, 0, 0, 0, 0] };
