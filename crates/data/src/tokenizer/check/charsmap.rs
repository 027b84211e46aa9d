//! SentencePiece's table of characters and what they become: the length of a trie in bytes, the trie as a double array
//! ([Darts-clone](https://github.com/s-yata/darts-clone)), and the texts, each with a NUL behind it.
//!
//! In a double array a state is a number p. From it the byte c leads to unit p ⊕ c, if that has c for a label, and on to the state
//! (p ⊕ c) ⊕ offset; if the unit says that a key ends there, the unit at that state has its value. Readers follow this unchecked.

use std::collections::BTreeSet;

use data_encoding::BASE64;

/// Whether every path through the trie stays inside it and ends at the start of a text.
///
/// # Errors
/// What is wrong, in words.
pub(super) fn check(base64: &str) -> Result<(), String> {
    let bytes = BASE64.decode(base64.as_bytes()).map_err(|why| format!("no base64: {why}"))?;
    let cut_off = "its trie is cut off";
    let (length, rest) = bytes.split_first_chunk::<4>().ok_or(cut_off)?;
    let length = u32::from_le_bytes(*length) as usize;
    // What is no whole unit of four bytes stays with the texts, as readers have it.
    let (trie, texts) = rest.split_at_checked(length / 4 * 4).ok_or(cut_off)?;
    let texts = std::str::from_utf8(texts).map_err(|why| format!("its texts are no UTF-8: {why}"))?;
    let units: Vec<Unit> = trie
        .chunks_exact(4)
        .filter_map(|unit| unit.first_chunk())
        .map(|unit| Unit(u32::from_le_bytes(*unit)))
        .collect();
    let unit =
        |at: usize| units.get(at).ok_or_else(|| format!("its trie leads beyond its {} units", units.len()));
    let first = unit(0)?.offset();
    let (mut seen, mut left) = (BTreeSet::from([first]), vec![first]);
    while let Some(state) = left.pop() {
        for byte in 1..=255 {
            let at = state ^ byte;
            let found = unit(at)?;
            if found.label() != byte {
                continue;
            }
            let next = at ^ found.offset();
            if found.ends() && !texts.is_char_boundary(unit(next)?.value()) {
                return Err(format!(
                    "its trie leads to byte {} of its texts, where none begins",
                    unit(next)?.value()
                ));
            }
            if seen.insert(next) {
                left.push(next);
            }
        }
    }
    Ok(())
}

/// A unit of the double array.
struct Unit(u32);

impl Unit {
    fn ends(&self) -> bool {
        self.0 >> 8 & 1 == 1
    }

    fn value(&self) -> usize {
        (self.0 & 0x7fff_ffff) as usize
    }

    /// Bit 31 marks a value, which no byte leads to.
    fn label(&self) -> usize {
        (self.0 & 0x8000_00ff) as usize
    }

    fn offset(&self) -> usize {
        ((self.0 >> 10) as usize) << ((self.0 & 1 << 9) >> 6)
    }
}
