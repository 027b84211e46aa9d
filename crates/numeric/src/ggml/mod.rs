//! ggml's tensor types: blocks of codes with their scales, as GGUF files hold them.
//!
//! The layouts are those of [ggml](https://github.com/ggml-org/ggml) (`ggml-common.h`). Numbers are worked out in f32 in ggml's order,
//! one rounding an operation, so that they equal those of its reference, bit by bit. Scales are binary16, low bytes first.

mod codes;
mod lattice;
mod nearest;
mod search;
mod tables;
mod values;

use std::fmt;
use std::str::FromStr;

/// A type of tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, non_camel_case_types, reason = "the names are ggml's")]
pub enum BlockType {
    F32,
    F16,
    BF16,
    F64,
    I8,
    I16,
    I32,
    I64,
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    Q8_0,
    Q8_1,
    Q2_K,
    Q3_K,
    Q4_K,
    Q5_K,
    Q6_K,
    Q8_K,
    IQ1_S,
    IQ1_M,
    IQ2_XXS,
    IQ2_XS,
    IQ2_S,
    IQ3_XXS,
    IQ3_S,
    IQ4_NL,
    IQ4_XS,
    TQ1_0,
    TQ2_0,
    MXFP4,
    NVFP4,
}

/// Why blocks cannot be read or made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlockError {
    /// Values that do not fill blocks, or bytes that do not.
    #[error("{found} {unit} are no whole number of {kind} blocks, of {block} each")]
    Length {
        /// The type.
        kind: BlockType,
        /// What is counted: values or bytes.
        unit: &'static str,
        /// How many there are.
        found: usize,
        /// How many make a block.
        block: usize,
    },
    /// A type that is only read.
    #[error("{kind} is read, but nothing is quantized to it; there are {}", names(BlockType::is_written))]
    ReadOnly {
        /// The type.
        kind: BlockType,
    },
    /// A name that no type has.
    #[error("`{name}` is no type of ggml's; there are {}", names(|_| true))]
    Unknown {
        /// The name.
        name: String,
    },
}

fn names(which: impl Fn(BlockType) -> bool) -> String {
    let names: Vec<String> =
        ROWS.iter().map(|row| row.0).filter(|kind| which(*kind)).map(|kind| kind.to_string()).collect();
    names.join(", ")
}

/// Each type: its number in files, the values and the bytes of a block, its name.
const ROWS: [(BlockType, u32, usize, usize, &str); 33] = {
    use BlockType as T;
    [
        (T::F32, 0, 1, 4, "F32"),
        (T::F16, 1, 1, 2, "F16"),
        (T::BF16, 30, 1, 2, "BF16"),
        (T::F64, 28, 1, 8, "F64"),
        (T::I8, 24, 1, 1, "I8"),
        (T::I16, 25, 1, 2, "I16"),
        (T::I32, 26, 1, 4, "I32"),
        (T::I64, 27, 1, 8, "I64"),
        (T::Q4_0, 2, 32, 18, "Q4_0"),
        (T::Q4_1, 3, 32, 20, "Q4_1"),
        (T::Q5_0, 6, 32, 22, "Q5_0"),
        (T::Q5_1, 7, 32, 24, "Q5_1"),
        (T::Q8_0, 8, 32, 34, "Q8_0"),
        (T::Q8_1, 9, 32, 36, "Q8_1"),
        (T::Q2_K, 10, 256, 84, "Q2_K"),
        (T::Q3_K, 11, 256, 110, "Q3_K"),
        (T::Q4_K, 12, 256, 144, "Q4_K"),
        (T::Q5_K, 13, 256, 176, "Q5_K"),
        (T::Q6_K, 14, 256, 210, "Q6_K"),
        (T::Q8_K, 15, 256, 292, "Q8_K"),
        (T::IQ1_S, 19, 256, 50, "IQ1_S"),
        (T::IQ1_M, 29, 256, 56, "IQ1_M"),
        (T::IQ2_XXS, 16, 256, 66, "IQ2_XXS"),
        (T::IQ2_XS, 17, 256, 74, "IQ2_XS"),
        (T::IQ2_S, 22, 256, 82, "IQ2_S"),
        (T::IQ3_XXS, 18, 256, 98, "IQ3_XXS"),
        (T::IQ3_S, 21, 256, 110, "IQ3_S"),
        (T::IQ4_NL, 20, 32, 18, "IQ4_NL"),
        (T::IQ4_XS, 23, 256, 136, "IQ4_XS"),
        (T::TQ1_0, 34, 256, 54, "TQ1_0"),
        (T::TQ2_0, 35, 256, 66, "TQ2_0"),
        (T::MXFP4, 39, 32, 17, "MXFP4"),
        (T::NVFP4, 40, 64, 36, "NVFP4"),
    ]
};

impl BlockType {
    fn row(self) -> (Self, u32, usize, usize, &'static str) {
        ROWS[self as usize]
    }

    /// The type of this number.
    pub fn of_id(id: u32) -> Option<Self> {
        ROWS.iter().find(|row| row.1 == id).map(|row| row.0)
    }

    /// Its number in files.
    pub fn id(self) -> u32 {
        self.row().1
    }

    /// The values of a block.
    pub fn block_len(self) -> usize {
        self.row().2
    }

    /// The bytes of a block.
    pub fn block_bytes(self) -> usize {
        self.row().3
    }

    /// The bits that a value takes, with its share of the scales.
    pub fn bits_per_value(self) -> f64 {
        8.0 * self.block_bytes() as f64 / self.block_len() as f64
    }

    /// The bytes that `count` values take; none unless they fill blocks and can be counted.
    pub fn bytes_of(self, count: u64) -> Option<u64> {
        let block = self.block_len() as u64;
        count.is_multiple_of(block).then(|| (count / block).checked_mul(self.block_bytes() as u64)).flatten()
    }

    /// Whether [`quantize`](Self::quantize) makes it.
    pub fn is_written(self) -> bool {
        use BlockType as T;
        matches!(
            self,
            T::F32
                | T::F16
                | T::BF16
                | T::Q4_0
                | T::Q4_1
                | T::Q5_0
                | T::Q5_1
                | T::Q8_0
                | T::Q4_K
                | T::Q5_K
                | T::Q6_K
        )
    }

    /// The values that whole blocks stand for.
    ///
    /// # Errors
    /// [`BlockError::Length`] if `bytes` are no whole number of blocks.
    pub fn dequantize(self, bytes: &[u8]) -> Result<Vec<f32>, BlockError> {
        let (size, block) = (self.block_bytes(), self.block_len());
        if !bytes.len().is_multiple_of(size) {
            return Err(BlockError::Length { kind: self, unit: "bytes", found: bytes.len(), block: size });
        }
        let mut values = vec![0.0; bytes.len() / size * block];
        for (from, to) in bytes.chunks_exact(size).zip(values.chunks_exact_mut(block)) {
            values::read(self, from, to);
        }
        Ok(values)
    }

    /// The blocks of these values, as ggml's reference quantizes them without an importance matrix.
    ///
    /// # Errors
    /// [`BlockError::ReadOnly`] for a type that nothing is quantized to, [`BlockError::Length`] if the values do not fill blocks.
    pub fn quantize(self, values: &[f32]) -> Result<Vec<u8>, BlockError> {
        let (size, block) = (self.block_bytes(), self.block_len());
        if !self.is_written() {
            return Err(BlockError::ReadOnly { kind: self });
        }
        if !values.len().is_multiple_of(block) {
            return Err(BlockError::Length { kind: self, unit: "values", found: values.len(), block });
        }
        let mut bytes = vec![0; values.len() / block * size];
        for (from, to) in values.chunks_exact(block).zip(bytes.chunks_exact_mut(size)) {
            match self {
                Self::Q4_K | Self::Q5_K | Self::Q6_K => search::write(self, from, to),
                _ => nearest::write(self, from, to),
            }
        }
        Ok(bytes)
    }
}

impl fmt::Display for BlockType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.row().4)
    }
}

impl FromStr for BlockType {
    type Err = BlockError;

    fn from_str(text: &str) -> Result<Self, BlockError> {
        let row = ROWS.iter().find(|row| row.4.eq_ignore_ascii_case(text));
        row.map(|row| row.0).ok_or_else(|| BlockError::Unknown { name: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_types() {
        for (i, row) in ROWS.iter().enumerate() {
            assert_eq!(row.0 as usize, i);
            assert_eq!(BlockType::of_id(row.1), Some(row.0));
            assert_eq!(row.4.parse(), Ok(row.0));
        }
    }

    #[test]
    fn values_that_fill_no_block_are_refused() {
        assert!(BlockType::Q4_0.quantize(&[0.0; 31]).is_err());
        assert!(BlockType::Q4_0.dequantize(&[0; 17]).is_err());
        assert!(BlockType::IQ2_XS.quantize(&[0.0; 256]).is_err());
    }
}
