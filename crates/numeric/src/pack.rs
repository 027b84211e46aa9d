//! Codes side by side in bytes.
//!
//! Code i takes the bits i·b ..< (i + 1)·b of the stream, where bit j of the stream is bit j mod 8 (0 is the lowest) of
//! byte ⌊j/8⌋: low bits first, little-endian, no padding but at the end. Signed codes are two's complement.
//! For 4 bits this is ONNX's order, the low nibble first; for 16 bits, little-endian words.

use crate::format::Format;

/// Why codes cannot be packed or bytes not be unpacked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PackError {
    /// A code that the format does not have.
    #[error("code {code} at {index} is none of {format}, whose codes are {min} to {max}")]
    Code {
        /// The format.
        format: Format,
        /// The place of the code.
        index: usize,
        /// The code.
        code: i32,
        /// The smallest code of the format.
        min: i32,
        /// The largest code of the format.
        max: i32,
    },
    /// As many bytes as given do not hold as many codes as asked for.
    #[error("{count} codes of {format} take {expected} bytes, not {actual}")]
    Length {
        /// The format.
        format: Format,
        /// The number of codes asked for.
        count: usize,
        /// The number of bytes that they take.
        expected: u64,
        /// The number of bytes given.
        actual: usize,
    },
}

/// The number of bytes that `count` codes take: ⌈count·b/8⌉, at most 2⁶⁴ − 1.
pub fn packed_len(format: Format, count: usize) -> u64 {
    let (count, width) = (count as u64, u64::from(format.bits()));
    (count / 8).saturating_mul(width).saturating_add((count % 8 * width).div_ceil(8))
}

/// The bytes of `codes`; unused bits of the last byte are 0.
///
/// # Errors
/// [`PackError::Code`] for the first code that `format` does not have.
pub fn pack(format: Format, codes: &[i32]) -> Result<Vec<u8>, PackError> {
    let width = u32::from(format.bits());
    let mask = (1u32 << width) - 1;
    let mut bytes = Vec::with_capacity((codes.len() * width as usize).div_ceil(8));
    let (mut bits, mut held) = (0u32, 0);
    for (index, &code) in codes.iter().enumerate() {
        check(format, index, code)?;
        bits |= (code as u32 & mask) << held;
        held += width;
        while held >= 8 {
            bytes.push(bits as u8);
            bits >>= 8;
            held -= 8;
        }
    }
    if held > 0 {
        bytes.push(bits as u8);
    }
    Ok(bytes)
}

/// The `count` codes in `bytes`. Unused bits of the last byte are not looked at.
///
/// # Errors
/// [`PackError::Length`] unless there are [`packed_len`] bytes, and [`PackError::Code`] for the first code that
/// `format` does not have (such as −8 of the restricted `int4`).
pub fn unpack(format: Format, bytes: &[u8], count: usize) -> Result<Vec<i32>, PackError> {
    let expected = packed_len(format, count);
    if bytes.len() as u64 != expected {
        return Err(PackError::Length { format, count, expected, actual: bytes.len() });
    }
    let width = u32::from(format.bits());
    let signed = format.code_range().0 < 0;
    let mut codes = Vec::with_capacity(count);
    let mut rest = bytes.iter();
    let (mut bits, mut held) = (0u32, 0);
    for index in 0..count {
        while held < width {
            let Some(&byte) = rest.next() else { break };
            bits |= u32::from(byte) << held;
            held += 8;
        }
        let high = bits << (32 - width);
        let code = if signed { (high as i32) >> (32 - width) } else { (high >> (32 - width)) as i32 };
        check(format, index, code)?;
        codes.push(code);
        bits >>= width;
        held = held.saturating_sub(width);
    }
    Ok(codes)
}

fn check(format: Format, index: usize, code: i32) -> Result<(), PackError> {
    let (min, max) = format.code_range();
    if (min..=max).contains(&code) {
        return Ok(());
    }
    Err(PackError::Code { format, index, code, min, max })
}
