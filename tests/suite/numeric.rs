//! Number formats against their definitions, ONNX, PyTorch and Random123.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failure here is a failed test")]

#[path = "numeric/affine.rs"]
mod affine;
#[path = "numeric/error.rs"]
mod error;
#[path = "numeric/ggml.rs"]
mod ggml;
#[path = "numeric/golden.rs"]
mod golden;
#[path = "numeric/histogram.rs"]
mod histogram;
#[path = "numeric/layout.rs"]
mod layout;
#[path = "numeric/pack.rs"]
mod pack;
#[path = "numeric/philox.rs"]
mod philox;
#[path = "numeric/quantized.rs"]
mod quantized;

use fewbit_numeric::{Format, Symmetry};

/// Every format that there is, once.
fn formats() -> Vec<Format> {
    let mut formats = Vec::new();
    for bits in (1..=8).chain([16]) {
        for signed in [true, false] {
            for symmetry in [Symmetry::Restricted, Symmetry::Full, Symmetry::Asymmetric] {
                formats.push(Format::new(bits, signed, symmetry).unwrap());
            }
        }
    }
    formats.sort();
    formats.dedup();
    formats
}

#[test]
fn there_are_five_formats_of_each_width() {
    assert_eq!(formats().len(), 9 * 5);
}

#[test]
fn every_format_has_a_text_of_its_own() {
    let mut texts: Vec<String> = formats().iter().map(Format::to_string).collect();
    for (format, text) in formats().into_iter().zip(&texts) {
        assert_eq!(text.parse(), Ok(format));
        let json = serde_json::to_string(&format).unwrap();
        assert_eq!(json, format!("\"{text}\""));
        assert_eq!(serde_json::from_str::<Format>(&json).unwrap(), format);
    }
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len(), formats().len());
}

#[test]
fn texts_of_no_format_are_refused() {
    for text in [
        "",
        "int",
        "int0",
        "int04",
        "int9",
        "int17",
        "int256",
        "int4 ",
        "Int4",
        "int4-",
        "int4-sym",
        "uint4-full",
        "uint4-asym",
        "float8",
        "int-4",
        "int4-full-asym",
        "int99999999999",
        "int٤",
    ] {
        assert!(text.parse::<Format>().is_err(), "`{text}`");
    }
    for bits in [0, 9, 15, 17, 255] {
        assert!(Format::new(bits, true, Symmetry::Full).is_err(), "{bits} bits");
        assert!(Format::INT8.with_bits(bits).is_err(), "{bits} bits");
    }
}

#[test]
fn code_ranges_are_those_of_the_number_systems() {
    let codes = |text: &str| text.parse::<Format>().unwrap().code_range();
    assert_eq!(codes("int4"), (-7, 7));
    assert_eq!(codes("int4-full"), (-8, 7));
    assert_eq!(codes("int4-asym"), (-8, 7));
    assert_eq!(codes("uint4"), (0, 15));
    assert_eq!(codes("uint4-sym"), (0, 15));
    assert_eq!(codes("int1"), (0, 1));
    assert_eq!(codes("int16"), (-32767, 32767));
    assert_eq!(codes("uint16"), (0, 65535));
}

#[test]
fn restricted_formats_lack_one_code_and_others_none() {
    for format in formats() {
        let all = 1u32 << format.bits();
        let lacking = format.signed() && format.symmetry() == Symmetry::Restricted && !format.is_binary();
        assert_eq!(format.level_count(), all - u32::from(lacking), "{format}");
        let (min, max) = format.code_range();
        assert_eq!((min..=max).count(), format.level_count() as usize, "{format}");
    }
}
