//! How values lie in bytes: as ggml has them, or in types that ggml does not have.

use fewbit_numeric::float16::from_f16;
use fewbit_numeric::ggml::{BlockError, BlockType};

/// How the values of a tensor lie in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// In a type of ggml's.
    Ggml(BlockType),
    /// One by one, in a type that ggml does not have.
    Plain(Plain),
}

/// A type that ggml does not have. All but [`Plain::U32`] and [`Plain::U64`] are exact as 32-bit floats; these are rounded to the
/// nearest one beyond 2²⁴, as integers with a sign are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plain {
    /// A byte; all but 0 are 1.
    Bool,
    /// 8 bits without a sign.
    U8,
    /// 16 bits without a sign.
    U16,
    /// 32 bits without a sign.
    U32,
    /// 64 bits without a sign.
    U64,
    /// 4 bits of exponent and 3 of fraction, without infinities (Micikevicius et al. 2022, arXiv 2209.05433).
    F8E4M3,
    /// 5 bits of exponent and 2 of fraction: the upper half of a binary16.
    F8E5M2,
}

impl Stored {
    /// The values of a block.
    pub fn block_len(self) -> usize {
        match self {
            Self::Ggml(kind) => kind.block_len(),
            Self::Plain(_) => 1,
        }
    }

    /// The bytes that `count` values take; none unless they fill blocks and can be counted.
    pub fn bytes_of(self, count: u64) -> Option<u64> {
        match self {
            Self::Ggml(kind) => kind.bytes_of(count),
            Self::Plain(kind) => count.checked_mul(kind.bytes() as u64),
        }
    }

    /// The values that whole blocks stand for.
    ///
    /// # Errors
    /// [`BlockError::Length`] if `bytes` are no whole number of blocks. Of plain types, bytes that make no value are left out.
    pub fn values(self, bytes: &[u8]) -> Result<Vec<f32>, BlockError> {
        match self {
            Self::Ggml(kind) => kind.dequantize(bytes),
            Self::Plain(kind) => {
                Ok(bytes.chunks_exact(kind.bytes()).map(|bytes| kind.value(bytes)).collect())
            }
        }
    }
}

impl Plain {
    fn bytes(self) -> usize {
        match self {
            Self::Bool | Self::U8 | Self::F8E4M3 | Self::F8E5M2 => 1,
            Self::U16 => 2,
            Self::U32 => 4,
            Self::U64 => 8,
        }
    }

    /// The value of its bytes, low ones first.
    fn value(self, bytes: &[u8]) -> f32 {
        let bits = bytes.iter().rev().fold(0u64, |bits, &byte| bits << 8 | u64::from(byte));
        match self {
            Self::Bool => f32::from(u8::from(bits != 0)),
            Self::U8 | Self::U16 | Self::U32 | Self::U64 => bits as f32,
            Self::F8E4M3 => from_e4m3(bits as u8),
            Self::F8E5M2 => from_f16((bits as u16) << 8),
        }
    }
}

/// E4M3 without infinities: 1 sign, 4 exponent and 3 fraction bits; only the codes of all ones are no number.
fn from_e4m3(bits: u8) -> f32 {
    let (exponent, fraction) = (u32::from(bits >> 3 & 0xf), u32::from(bits & 7));
    let sign = u32::from(bits >> 7) << 31;
    let magnitude = match (exponent, fraction) {
        (0xf, 7) => f32::NAN,
        // Subnormal: fraction · 2⁻⁹.
        (0, _) => fraction as f32 / 512.0,
        // The biases of the exponents differ by 127 − 7.
        _ => f32::from_bits((exponent + 120) << 23 | fraction << 20),
    };
    f32::from_bits(magnitude.to_bits() | sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_of_eight_bits_are_those_of_the_paper() {
        // The table of the paper: largest, smallest normal, smallest subnormal.
        for (bits, value) in
            [(0x7e, 448.0), (0x08, 0.015_625), (0x01, 0.001_953_125), (0x38, 1.0), (0xb8, -1.0), (0, 0.0)]
        {
            assert_eq!(from_e4m3(bits), value, "{bits:#x}");
        }
        assert!(from_e4m3(0x7f).is_nan() && from_e4m3(0xff).is_nan());
        let e5m2 = |bits: u8| Plain::F8E5M2.value(&[bits]);
        for (bits, value) in [(0x7b, 57_344.0), (0x04, 6.103_515_6e-5), (0x01, 1.525_878_9e-5), (0x3c, 1.0)] {
            assert_eq!(e5m2(bits), value, "{bits:#x}");
        }
        assert!(e5m2(0x7c) == f32::INFINITY && e5m2(0x7d).is_nan());
    }

    #[test]
    fn integers_without_a_sign_are_exact_below_two_to_the_24() {
        let read = |kind: Plain, bytes: &[u8]| Stored::Plain(kind).values(bytes).unwrap_or_default();
        assert_eq!(read(Plain::U8, &[0, 127, 128, 255]), [0.0, 127.0, 128.0, 255.0]);
        assert_eq!(read(Plain::U16, &[0xff, 0xff, 1, 0]), [65_535.0, 1.0]);
        assert_eq!(read(Plain::U32, &0x00ff_ffffu32.to_le_bytes()), [16_777_215.0]);
        assert_eq!(read(Plain::U64, &u64::MAX.to_le_bytes()), [18_446_744_073_709_551_615.0]);
        assert_eq!(read(Plain::Bool, &[0, 1, 2]), [0.0, 1.0, 1.0]);
        assert_eq!(Stored::Plain(Plain::U64).bytes_of(u64::MAX), None);
    }
}
