//! Takes the names of functions out of a wasm file: a quarter of its size, and only debuggers read them.
//!
//! `strip = true` in the profile would do so too early: it also drops what wasm-bindgen has to know of the file.

use anyhow::{Context, Result};

/// The module without its custom section `name`.
///
/// # Errors
/// If the bytes are no wasm module.
pub(crate) fn without_names(module: &[u8]) -> Result<Vec<u8>> {
    let (mut kept, mut rest) = split(module, 8)?;
    let mut whole = Vec::with_capacity(module.len());
    while !kept.is_empty() {
        whole.extend_from_slice(kept);
        (kept, rest) = next_section(rest)?;
    }
    Ok(whole)
}

/// The first section that is to be kept, and what follows it.
fn next_section(mut module: &[u8]) -> Result<(&[u8], &[u8])> {
    while let [id, head @ ..] = module {
        let (length, body) = leb128(head)?;
        let (body, rest) = split(body, length)?;
        let is_names = *id == 0 && leb128(body).is_ok_and(|(n, name)| n == 4 && name.starts_with(b"name"));
        if !is_names {
            return split(module, module.len() - rest.len());
        }
        module = rest;
    }
    Ok((module, module))
}

/// An unsigned number of 32 bits, and what follows it.
fn leb128(bytes: &[u8]) -> Result<(usize, &[u8])> {
    let end = bytes.iter().take(5).position(|byte| *byte < 0x80).context("this is no wasm module")? + 1;
    let (number, rest) = split(bytes, end)?;
    Ok((number.iter().rev().fold(0, |value, byte| value << 7 | usize::from(byte & 0x7f)), rest))
}

fn split(bytes: &[u8], at: usize) -> Result<(&[u8], &[u8])> {
    bytes.split_at_checked(at).context("this wasm module was cut off")
}

#[cfg(test)]
mod tests {
    use super::without_names;

    #[test]
    fn only_the_section_of_names_goes() {
        let (head, code) = (b"\0asm\x01\0\0\0".as_slice(), b"\x0a\x02\x01\0".as_slice());
        let (names, other) = (b"\0\x06\x04name\0".as_slice(), b"\0\x05\x03abc\0".as_slice());
        let module = [head, names, code, other, names].concat();
        assert_eq!(without_names(&module).unwrap(), [head, code, other].concat());
        assert!(without_names(&module[..module.len() - 1]).is_err());
        assert!(without_names(b"\0asm").is_err());
    }
}
