//! Codes that are there already, as blocks of 32.

use super::BlockType;
use super::nearest::pack;
use crate::float16::to_f16;
use crate::{Affine, Format};

impl BlockType {
    /// The type that holds codes of `format` as they are, if its values are Δ·(q − z) with Δ and −Δ·z rounded to binary16; none if
    /// there is no such type.
    pub fn of_codes(format: Format) -> Option<Self> {
        match (format.bits(), format.has_zero_point()) {
            (..=4, false) => Some(Self::Q4_0),
            (5, false) => Some(Self::Q5_0),
            (..=8, false) if format.signed() => Some(Self::Q8_0),
            (..=4, true) if !format.signed() => Some(Self::Q4_1),
            (5, true) if !format.signed() => Some(Self::Q5_1),
            _ => None,
        }
        .filter(|_| format.signed() || format.has_zero_point())
    }

    /// A block of 32 codes on one grid, for [`Self::of_codes`] of their format.
    pub fn block_of_codes(self, format: Format, grid: Affine, codes: &[i32]) -> Vec<u8> {
        // ±Δ is 2Δ·(q − ½) here, and Δ·(2q − 1) there.
        let binary = format.is_binary();
        let scale = if binary { grid.scale / 2.0 } else { grid.scale };
        let signed = |code: &i32| if binary { 2 * code - 1 } else { *code };
        let mut bytes = vec![0; self.block_bytes()];
        bytes[..2].copy_from_slice(&to_f16(scale).to_le_bytes());
        match self {
            Self::Q4_0 => pack(codes.iter().map(|code| (signed(code) + 8) as u8), 4, &mut bytes[2..]),
            Self::Q5_0 => pack(codes.iter().map(|code| (signed(code) + 16) as u8), 5, &mut bytes[2..]),
            Self::Q4_1 | Self::Q5_1 => {
                let min = to_f16(-scale * grid.zero_point);
                bytes[2..4].copy_from_slice(&min.to_le_bytes());
                let bits = if self == Self::Q4_1 { 4 } else { 5 };
                pack(codes.iter().map(|code| *code as u8), bits, &mut bytes[4..]);
            }
            _ => bytes[2..].iter_mut().zip(codes).for_each(|(byte, code)| *byte = *code as u8),
        }
        bytes
    }
}
