//! The types whose codes name vectors: 8 or 4 values at once, from a table, with signs.

use super::BlockType;
use super::tables::{IQ1_S, IQ2_S, IQ2_XS, IQ2_XXS, IQ3_S, IQ3_XXS, Table};
use super::values::half;

/// Reads one block.
pub(super) fn read(kind: BlockType, bytes: &[u8], to: &mut [f32]) {
    match kind {
        BlockType::IQ1_S => iq1_s(bytes, to),
        BlockType::IQ1_M => iq1_m(bytes, to),
        BlockType::IQ2_XXS => iq2_xxs(bytes, to),
        BlockType::IQ2_XS => iq2_xs(bytes, to),
        BlockType::IQ2_S => iq2_s(bytes, to),
        BlockType::IQ3_XXS => iq3_xxs(bytes, to),
        _ => iq3_s(bytes, to),
    }
}

fn word(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn long(bytes: &[u8], at: usize) -> u32 {
    u32::from(word(bytes, at)) | u32::from(word(bytes, at + 2)) << 16
}

/// Seven signs, and an eighth that makes their number even.
fn even(signs: u32) -> u8 {
    let signs = (signs & 0x7f) as u8;
    signs | ((signs.count_ones() as u8 & 1) << 7)
}

/// Δ times a vector of the table, with the signs of the bits from `first` on.
fn signed(table: &Table, index: usize, scale: f32, signs: u8, first: usize, to: &mut [f32]) {
    for (i, x) in to.iter_mut().enumerate() {
        let magnitude = scale * table.value(index, i);
        *x = if signs >> (first + i) & 1 == 1 { -magnitude } else { magnitude };
    }
}

fn iq2_xxs(bytes: &[u8], to: &mut [f32]) {
    for (i, to) in to.chunks_exact_mut(8).enumerate() {
        let part = 2 + i / 4 * 8;
        let signs = long(bytes, part + 4);
        let scale = half(bytes, 0) * (0.5 + (signs >> 28) as f32) * 0.25;
        let index = usize::from(bytes[part + i % 4]);
        signed(&IQ2_XXS, index, scale, even(signs >> (7 * (i % 4))), 0, to);
    }
}

/// Δ of one of sixteen parts, whose scales have 4 bits each.
fn sixteenth(bytes: &[u8], scales: usize, part: usize) -> f32 {
    let scale = bytes[scales + part / 2] >> (4 * (part % 2)) & 0xf;
    half(bytes, 0) * (0.5 + f32::from(scale)) * 0.25
}

fn iq2_xs(bytes: &[u8], to: &mut [f32]) {
    for (i, to) in to.chunks_exact_mut(8).enumerate() {
        let code = word(bytes, 2 + 2 * i);
        let scale = sixteenth(bytes, 66, i / 2);
        signed(&IQ2_XS, usize::from(code & 511), scale, even(u32::from(code >> 9)), 0, to);
    }
}

fn iq2_s(bytes: &[u8], to: &mut [f32]) {
    for (i, to) in to.chunks_exact_mut(8).enumerate() {
        let high = usize::from(bytes[66 + i / 4] >> (2 * (i % 4)) & 3);
        let index = usize::from(bytes[2 + i]) | high << 8;
        signed(&IQ2_S, index, sixteenth(bytes, 74, i / 2), bytes[34 + i], 0, to);
    }
}

fn iq3_xxs(bytes: &[u8], to: &mut [f32]) {
    for (i, to) in to.chunks_exact_mut(4).enumerate() {
        let signs = long(bytes, 66 + i / 8 * 4);
        let scale = half(bytes, 0) * (0.5 + (signs >> 28) as f32) * 0.5;
        let eight = even(signs >> (7 * (i / 2 % 4)));
        signed(&IQ3_XXS, usize::from(bytes[2 + i]), scale, eight, 4 * (i % 2), to);
    }
}

fn iq3_s(bytes: &[u8], to: &mut [f32]) {
    for (i, to) in to.chunks_exact_mut(4).enumerate() {
        let part = i / 8;
        let scale = bytes[106 + part / 2] >> (4 * (part % 2)) & 0xf;
        let scale = half(bytes, 0) * f32::from(1 + 2 * scale);
        let index = usize::from(bytes[2 + i]) | usize::from(bytes[66 + part] >> (i % 8) & 1) << 8;
        signed(&IQ3_S, index, scale, bytes[74 + i / 2], 4 * (i % 2), to);
    }
}

/// Δ times a vector of the table, moved by an eighth up or down.
fn moved(index: usize, scale: f32, down: bool, to: &mut [f32]) {
    let delta = if down { -0.125 } else { 0.125 };
    for (i, x) in to.iter_mut().enumerate() {
        *x = scale * (IQ1_S.value(index, i) + delta);
    }
}

fn iq1_s(bytes: &[u8], to: &mut [f32]) {
    for (i, to) in to.chunks_exact_mut(8).enumerate() {
        let high = word(bytes, 34 + i / 4 * 2);
        let scale = half(bytes, 0) * f32::from(2 * (high >> 12 & 7) + 1);
        let index = usize::from(bytes[2 + i]) | usize::from(high >> (3 * (i % 4)) & 7) << 8;
        moved(index, scale, high & 0x8000 != 0, to);
    }
}

fn iq1_m(bytes: &[u8], to: &mut [f32]) {
    // The binary16 scale lies in the upper four bits of the four words of scales.
    let d = (0..4).fold(0, |d, i| d | (word(bytes, 48 + 2 * i) & 0xf000) >> (12 - 4 * i));
    let d = crate::float16::from_f16(d);
    for (i, to) in to.chunks_exact_mut(8).enumerate() {
        let part = i / 2;
        let scale = word(bytes, 48 + part / 4 * 2) >> (3 * (part % 4)) & 7;
        let high = bytes[32 + part] >> (4 * (i % 2)) & 0xf;
        let index = usize::from(bytes[i]) | usize::from(high & 7) << 8;
        moved(index, d * f32::from(2 * scale + 1), high & 8 != 0, to);
    }
}
