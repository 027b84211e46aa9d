//! What blocks stand for.

use super::{BlockType, lattice};
use crate::float16::{from_bf16, from_f16};

/// The 16 levels of IQ4, in units of Δ.
const IQ4: [i8; 16] = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];
/// The 16 values of E2M1, twice.
const E2M1: [i8; 16] = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12];

/// Reads one block; `bytes` and `to` have its lengths.
pub(super) fn read(kind: BlockType, bytes: &[u8], to: &mut [f32]) {
    use BlockType as T;
    match kind {
        T::F32 => to[0] = single(bytes, 0),
        T::F16 => to[0] = half(bytes, 0),
        T::BF16 => to[0] = from_bf16(u16::from_le_bytes([bytes[0], bytes[1]])),
        T::F64 => to[0] = f64::from_le_bytes(words(bytes)) as f32,
        T::I8 => to[0] = f32::from(bytes[0] as i8),
        T::I16 => to[0] = f32::from(i16::from_le_bytes(words(bytes))),
        T::I32 => to[0] = i32::from_le_bytes(words(bytes)) as f32,
        T::I64 => to[0] = i64::from_le_bytes(words(bytes)) as f32,
        T::Q4_0 => nibbles(half(bytes, 0), &bytes[2..], to, |q| q as f32 - 8.0),
        T::Q4_1 => with_min(bytes, &[0; 4], &bytes[4..], to),
        T::Q5_0 => fifths(&bytes[2..6], &bytes[6..], to, half(bytes, 0)),
        T::Q5_1 => with_min(bytes, &bytes[4..8], &bytes[8..], to),
        T::Q8_0 => signed_bytes(half(bytes, 0), &bytes[2..], to),
        T::Q8_1 => signed_bytes(half(bytes, 0), &bytes[4..], to),
        T::Q8_K => signed_bytes(single(bytes, 0), &bytes[4..260], to),
        T::Q2_K => q2_k(bytes, to),
        T::Q3_K => q3_k(bytes, to),
        T::Q4_K => k_with_min(bytes, &[], &bytes[16..], to),
        T::Q5_K => k_with_min(bytes, &bytes[16..48], &bytes[48..], to),
        T::Q6_K => q6_k(bytes, to),
        T::IQ4_NL => nibbles(half(bytes, 0), &bytes[2..], to, |q| f32::from(IQ4[q as usize])),
        T::IQ4_XS => iq4_xs(bytes, to),
        T::TQ1_0 => tq1_0(bytes, to),
        T::TQ2_0 => tq2_0(bytes, to),
        T::MXFP4 => nibbles(e8m0_half(bytes[0]), &bytes[1..], to, |q| f32::from(E2M1[q as usize])),
        T::NVFP4 => nvfp4(bytes, to),
        T::IQ1_S | T::IQ1_M | T::IQ2_XXS | T::IQ2_XS | T::IQ2_S | T::IQ3_XXS | T::IQ3_S => {
            lattice::read(kind, bytes, to);
        }
    }
}

/// The first `N` bytes.
fn words<const N: usize>(bytes: &[u8]) -> [u8; N] {
    std::array::from_fn(|i| bytes[i])
}

/// The binary16 at a byte.
pub(super) fn half(bytes: &[u8], at: usize) -> f32 {
    from_f16(u16::from_le_bytes([bytes[at], bytes[at + 1]]))
}

fn single(bytes: &[u8], at: usize) -> f32 {
    f32::from_le_bytes(words(&bytes[at..]))
}

/// Code i of as many as twice the bytes: the first half of the codes in the low nibbles, the other in the high ones.
fn nibble(bytes: &[u8], i: usize) -> u8 {
    bytes[i % bytes.len()] >> (4 * (i / bytes.len())) & 0xf
}

fn nibbles(scale: f32, bytes: &[u8], to: &mut [f32], level: impl Fn(u8) -> f32) {
    for (i, x) in to.iter_mut().enumerate() {
        *x = scale * level(nibble(bytes, i));
    }
}

fn fifth(high: &[u8], i: usize) -> u8 {
    (high[i / 8] >> (i % 8) & 1) << 4
}

fn fifths(high: &[u8], low: &[u8], to: &mut [f32], scale: f32) {
    for (i, x) in to.iter_mut().enumerate() {
        *x = scale * (f32::from(nibble(low, i) | fifth(high, i)) - 16.0);
    }
}

fn with_min(bytes: &[u8], high: &[u8], low: &[u8], to: &mut [f32]) {
    let (scale, min) = (half(bytes, 0), half(bytes, 2));
    for (i, x) in to.iter_mut().enumerate() {
        *x = scale * f32::from(nibble(low, i) | fifth(high, i)) + min;
    }
}

fn signed_bytes(scale: f32, codes: &[u8], to: &mut [f32]) {
    for (x, &code) in to.iter_mut().zip(codes) {
        *x = scale * f32::from(code as i8);
    }
}

/// Two bits of value i: four values 32 apart in a byte, in each run of 128.
fn pair(bytes: &[u8], i: usize) -> u8 {
    bytes[i / 128 * 32 + i % 32] >> (2 * (i / 32 % 4)) & 3
}

/// Bit i/32 of byte i mod 32.
fn plane(bytes: &[u8], i: usize) -> u8 {
    bytes[i % 32] >> (i / 32) & 1
}

fn q2_k(bytes: &[u8], to: &mut [f32]) {
    let (d, dmin) = (half(bytes, 80), half(bytes, 82));
    for (i, x) in to.iter_mut().enumerate() {
        let scale = bytes[i / 16];
        *x = d * f32::from(scale & 0xf) * f32::from(pair(&bytes[16..80], i)) - dmin * f32::from(scale >> 4);
    }
}

fn q3_k(bytes: &[u8], to: &mut [f32]) {
    let d = half(bytes, 108);
    let scales = &bytes[96..108];
    for (i, x) in to.iter_mut().enumerate() {
        let part = i / 16;
        let low = scales[part % 8] >> (4 * (part / 8)) & 0xf;
        let high = scales[8 + part % 4] >> (2 * (part / 4)) & 3;
        let scale = f32::from(low | high << 4) - 32.0;
        // The bit is set where 4 is not taken away.
        let code = f32::from(pair(&bytes[32..96], i)) - f32::from((plane(bytes, i) ^ 1) << 2);
        *x = d * scale * code;
    }
}

/// The scale and the minimum of one of the eight parts of Q4_K and Q5_K, 6 bits each in 12 bytes.
pub(super) fn scale_and_min(packed: &[u8], part: usize) -> (u8, u8) {
    if part < 4 {
        return (packed[part] & 63, packed[part + 4] & 63);
    }
    let both = packed[part + 4];
    (both & 0xf | packed[part - 4] >> 6 << 4, both >> 4 | packed[part] >> 6 << 4)
}

fn k_with_min(bytes: &[u8], high: &[u8], low: &[u8], to: &mut [f32]) {
    let (d, dmin) = (half(bytes, 0), half(bytes, 2));
    for (i, x) in to.iter_mut().enumerate() {
        let (scale, min) = scale_and_min(&bytes[4..16], i / 32);
        let fifth = if high.is_empty() { 0 } else { plane(high, i) << 4 };
        let code = low[i / 64 * 32 + i % 32] >> (4 * (i / 32 % 2)) & 0xf | fifth;
        *x = d * f32::from(scale) * f32::from(code) - dmin * f32::from(min);
    }
}

fn q6_k(bytes: &[u8], to: &mut [f32]) {
    let d = half(bytes, 208);
    for (i, x) in to.iter_mut().enumerate() {
        let within = i % 128;
        let low = bytes[i / 128 * 64 + within % 64] >> (4 * (within / 64)) & 0xf;
        let code = low | pair(&bytes[128..192], i) << 4;
        *x = d * f32::from(bytes[192 + i / 16] as i8) * (f32::from(code) - 32.0);
    }
}

fn iq4_xs(bytes: &[u8], to: &mut [f32]) {
    let d = half(bytes, 0);
    let high = u16::from_le_bytes([bytes[2], bytes[3]]);
    for (i, x) in to.iter_mut().enumerate() {
        let part = i / 32;
        let low = bytes[4 + part / 2] >> (4 * (part % 2)) & 0xf;
        let scale = f32::from(u16::from(low) | (high >> (2 * part) & 3) << 4) - 32.0;
        let code = nibble(&bytes[8 + 16 * part..][..16], i % 32);
        *x = d * scale * f32::from(IQ4[usize::from(code)]);
    }
}

/// Five digits of base 3 in a byte: the digit is the whole part of 3·(byte·3ⁿ mod 256)/256.
fn trit(byte: u8, n: usize) -> f32 {
    let power = [1u8, 3, 9, 27, 81][n];
    f32::from((u16::from(byte.wrapping_mul(power)) * 3) >> 8) - 1.0
}

fn tq1_0(bytes: &[u8], to: &mut [f32]) {
    let d = half(bytes, 52);
    for (i, x) in to.iter_mut().enumerate() {
        let (byte, n) = match i {
            0..160 => (i % 32, i / 32),
            160..240 => (32 + (i - 160) % 16, (i - 160) / 16),
            _ => (48 + (i - 240) % 4, (i - 240) / 4),
        };
        *x = d * trit(bytes[byte], n);
    }
}

fn tq2_0(bytes: &[u8], to: &mut [f32]) {
    let d = half(bytes, 64);
    for (i, x) in to.iter_mut().enumerate() {
        *x = d * (f32::from(pair(bytes, i)) - 1.0);
    }
}

/// Half of 2^(e − 127): the levels of E2M1 are twice their values here.
fn e8m0_half(e: u8) -> f32 {
    let e = u32::from(e);
    f32::from_bits(if e < 2 { 0x0020_0000 << e } else { (e - 1) << 23 })
}

/// Half of an unsigned E4M3.
fn ue4m3_half(bits: u8) -> f32 {
    let (exponent, fraction) = (i32::from(bits >> 3 & 0xf), f32::from(bits & 7));
    match exponent {
        _ if bits & 0x7f == 0x7f => 0.0,
        0 => fraction * 2f32.powi(-9) * 0.5,
        _ => (1.0 + fraction / 8.0) * 2f32.powi(exponent - 7) * 0.5,
    }
}

fn nvfp4(bytes: &[u8], to: &mut [f32]) {
    for (part, to) in to.chunks_exact_mut(16).enumerate() {
        let codes = &bytes[4 + 8 * part..][..8];
        nibbles(ue4m3_half(bytes[part]), codes, to, |q| f32::from(E2M1[usize::from(q)]));
    }
}
