//! Writing an array.

use super::{Array, MAGIC, Values};

/// Header and magic together end at a multiple of this, so that the values can be mapped.
const ALIGNMENT: usize = 64;

/// Writes an npy file of version 1, row-major, little-endian.
pub fn write(array: &Array) -> Vec<u8> {
    let descr = match &array.values {
        Values::Bool(_) => "|b1",
        Values::U8(_) => "|u1",
        Values::I8(_) => "|i1",
        Values::I32(_) => "<i4",
        Values::I64(_) => "<i8",
        Values::F32(_) => "<f4",
        Values::F64(_) => "<f8",
    };
    let lengths: Vec<String> = array.shape.iter().map(usize::to_string).collect();
    let shape = match lengths.as_slice() {
        [only] => format!("({only},)"),
        lengths => format!("({})", lengths.join(", ")),
    };
    let mut text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    let unpadded = MAGIC.len() + 4 + text.len() + 1;
    text.extend(std::iter::repeat_n(' ', unpadded.next_multiple_of(ALIGNMENT) - unpadded));
    text.push('\n');

    let mut bytes = MAGIC.to_vec();
    bytes.extend([1, 0]);
    // A shape has at most 64 axes of at most 20 digits.
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.as_bytes());
    match &array.values {
        Values::Bool(v) => bytes.extend(v.iter().map(|&x| u8::from(x))),
        Values::U8(v) => bytes.extend(v),
        Values::I8(v) => bytes.extend(v.iter().flat_map(|x| x.to_le_bytes())),
        Values::I32(v) => bytes.extend(v.iter().flat_map(|x| x.to_le_bytes())),
        Values::I64(v) => bytes.extend(v.iter().flat_map(|x| x.to_le_bytes())),
        Values::F32(v) => bytes.extend(v.iter().flat_map(|x| x.to_le_bytes())),
        Values::F64(v) => bytes.extend(v.iter().flat_map(|x| x.to_le_bytes())),
    }
    bytes
}
