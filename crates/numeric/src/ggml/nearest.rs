//! Quantizing blocks of 32: each value to the nearest level of a grid that covers the block.
//!
//! 1/Δ is worked out once and multiplied, and codes are made before Δ is rounded to binary16, as ggml does; ties differ between the
//! types: Q8_0 rounds them away from zero, the others up.

use super::BlockType;
use crate::float16::{to_bf16, to_f16};

/// Writes one block. Bytes are zero before.
pub(super) fn write(kind: BlockType, values: &[f32], bytes: &mut [u8]) {
    match kind {
        BlockType::F16 => bytes.copy_from_slice(&to_f16(values[0]).to_le_bytes()),
        BlockType::BF16 => bytes.copy_from_slice(&to_bf16(values[0]).to_le_bytes()),
        BlockType::Q8_0 => q8_0(values, bytes),
        BlockType::Q4_0 => signed(values, 4, bytes),
        BlockType::Q5_0 => signed(values, 5, bytes),
        BlockType::Q4_1 => ranged(values, 4, bytes),
        BlockType::Q5_1 => ranged(values, 5, bytes),
        _ => bytes.copy_from_slice(&values[0].to_le_bytes()),
    }
}

fn inverse(scale: f32) -> f32 {
    if scale == 0.0 { 0.0 } else { 1.0 / scale }
}

fn q8_0(values: &[f32], bytes: &mut [u8]) {
    let largest = values.iter().fold(0f32, |largest, x| largest.max(x.abs()));
    let scale = largest / 127.0;
    let inverse = inverse(scale);
    bytes[..2].copy_from_slice(&to_f16(scale).to_le_bytes());
    for (byte, x) in bytes[2..].iter_mut().zip(values) {
        *byte = (x * inverse).round() as i8 as u8;
    }
}

/// Q4_0 and Q5_0: the value of the largest magnitude becomes the code −2ᵇ⁻¹, so that Δ may be negative.
fn signed(values: &[f32], bits: u32, bytes: &mut [u8]) {
    let half = (1u32 << (bits - 1)) as f32;
    let extreme = values.iter().fold(0f32, |extreme, &x| if x.abs() > extreme.abs() { x } else { extreme });
    let scale = extreme / -half;
    let inverse = inverse(scale);
    bytes[..2].copy_from_slice(&to_f16(scale).to_le_bytes());
    pack(values.iter().map(|x| (x * inverse + (half + 0.5)) as u8), bits, &mut bytes[2..]);
}

/// Q4_1 and Q5_1: codes count from the smallest value.
fn ranged(values: &[f32], bits: u32, bytes: &mut [u8]) {
    let min = values.iter().fold(f32::INFINITY, |min, &x| min.min(x));
    let max = values.iter().fold(f32::NEG_INFINITY, |max, &x| max.max(x));
    let scale = (max - min) / ((1u32 << bits) - 1) as f32;
    let inverse = inverse(scale);
    bytes[..2].copy_from_slice(&to_f16(scale).to_le_bytes());
    bytes[2..4].copy_from_slice(&to_f16(min).to_le_bytes());
    pack(values.iter().map(|x| ((x - min) * inverse + 0.5) as u8), bits, &mut bytes[4..]);
}

/// Lays 32 codes: the fifth bits, if there are five, in a word in front; then low nibbles of the first half and high ones of the other.
pub(super) fn pack(codes: impl Iterator<Item = u8>, bits: u32, bytes: &mut [u8]) {
    let most = (1u8 << bits) - 1;
    let front = if bits == 5 { 4 } else { 0 };
    let (high, low) = bytes.split_at_mut(front);
    for (i, code) in codes.map(|code| code.min(most)).enumerate() {
        low[i % 16] |= (code & 0xf) << (4 * (i / 16));
        if let Some(byte) = high.get_mut(i / 8) {
            *byte |= (code >> 4) << (i % 8);
        }
    }
}
