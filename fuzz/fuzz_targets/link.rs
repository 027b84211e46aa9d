#![no_main]
//! Whatever the text, a link is read or refused; and what was read is written as a link that means the same.
//!
//! The bytes are tried as a link and as the JSON inside one: few texts would get past base64url and zlib's checksum.

use data_encoding::BASE64URL_NOPAD;
use fewbit_experiment::link::{self, Linked};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        check(text);
    }
    let packed = miniz_oxide::deflate::compress_to_vec_zlib(bytes, 1);
    check(&format!("v1.{}", BASE64URL_NOPAD.encode(&packed)));
});

fn check(text: &str) {
    let Ok(Linked { document, expectation }) = link::open(text) else { return };
    let written = link::write_with(&document, expectation.as_ref()).expect("what was read is written");
    // A document may be too long for a link; that is told.
    let Ok(again) = link::open(&written) else { return };
    assert_eq!(again.expectation, expectation);
    assert_eq!((&again.document.model, &again.document.view), (&document.model, &document.view));
    // Rules may have moved, but for every layer they say the same.
    let names: Vec<String> =
        document.recipe.rules.iter().map(|rule| rule.pattern.replace('*', "x")).collect();
    let resolve = |linked: &fewbit_experiment::Document| linked.recipe.resolve(&names).ok();
    assert_eq!(resolve(&again.document), resolve(&document));
    let mut recipe = again.document.recipe;
    recipe.rules = document.recipe.rules.clone();
    assert_eq!(recipe, document.recipe);
}
