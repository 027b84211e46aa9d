//! Codes in bytes.

use fewbit_numeric::Format;
use fewbit_numeric::pack::{PackError, pack, packed_len, unpack};
use proptest::prelude::*;

use crate::formats;

fn format(text: &str) -> Format {
    text.parse().unwrap()
}

#[test]
fn low_bits_come_first() {
    assert_eq!(pack(format("uint4"), &[0x1, 0x2, 0xf]).unwrap(), [0x21, 0x0f]);
    assert_eq!(pack(format("int4"), &[-1, 7]).unwrap(), [0x7f]);
    assert_eq!(pack(format("uint1"), &[1, 0, 0, 0, 0, 0, 0, 0, 1]).unwrap(), [0x01, 0x01]);
    assert_eq!(pack(format("uint16"), &[0x1234]).unwrap(), [0x34, 0x12]);
    // 3 bits: 001, 010, 100 → …0 1000 1010 0001 read from the right.
    assert_eq!(pack(format("uint3"), &[1, 2, 4, 7]).unwrap(), [0b0001_0001, 0b0000_1111]);
    assert_eq!(pack(format("int1"), &[0, 1, 1]).unwrap(), [0b110]);
}

#[test]
fn every_code_of_every_format_survives_at_every_place_in_a_byte() {
    for format in formats() {
        let (min, max) = format.code_range();
        for lead in 0..8 {
            let codes: Vec<i32> = std::iter::repeat_n(max, lead).chain(min..=max).collect();
            let bytes = pack(format, &codes).unwrap();
            assert_eq!(bytes.len() as u64, packed_len(format, codes.len()), "{format}");
            assert_eq!(unpack(format, &bytes, codes.len()).unwrap(), codes, "{format}");
        }
    }
}

#[test]
fn nothing_packs_to_nothing() {
    assert!(pack(Format::INT8, &[]).unwrap().is_empty());
    assert!(unpack(Format::INT8, &[], 0).unwrap().is_empty());
}

#[test]
fn codes_of_another_format_are_refused_with_their_place() {
    let error = pack(format("int4"), &[0, 7, -8]).unwrap_err();
    assert_eq!(error, PackError::Code { format: format("int4"), index: 2, code: -8, min: -7, max: 7 });
    assert_eq!(error.to_string(), "code -8 at 2 is none of int4, whose codes are -7 to 7");
    assert!(pack(format("uint16"), &[65536]).is_err());
    assert!(pack(format("int8"), &[i32::MIN]).is_err());
    // The nibble 8 is −8, which the restricted format does not have.
    let error = unpack(format("int4"), &[0x81], 2).unwrap_err();
    assert!(matches!(error, PackError::Code { index: 1, code: -8, .. }));
    assert_eq!(unpack(format("int4-full"), &[0x81], 2).unwrap(), [1, -8]);
}

#[test]
fn bytes_of_another_length_are_refused() {
    let error = unpack(format("int3"), &[0, 0], 6).unwrap_err();
    assert_eq!(error.to_string(), "6 codes of int3 take 3 bytes, not 2");
    assert!(unpack(format("int3"), &[0; 4], 6).is_err());
    assert!(unpack(format("uint16"), &[0; 4], usize::MAX).is_err());
    assert!(unpack(format("uint1"), &[], usize::MAX).is_err());
}

proptest! {
    #[test]
    fn bytes_unpack_to_codes_that_pack_to_them(
        format in prop::sample::select(formats()),
        bytes in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let count = bytes.len() * 8 / usize::from(format.bits());
        prop_assume!(packed_len(format, count) == bytes.len() as u64);
        match unpack(format, &bytes, count) {
            Ok(codes) => {
                let mut expected = bytes;
                let unused = expected.len() * 8 - count * usize::from(format.bits());
                if let Some(last) = expected.last_mut() {
                    *last &= 0xff >> unused;
                }
                prop_assert_eq!(pack(format, &codes).unwrap(), expected);
            }
            Err(error) => prop_assert!(matches!(error, PackError::Code { .. }), "{}", error),
        }
    }
}
