#![no_main]
//! Whatever the bytes, an archive is read or refused, as arrays and as labelled data.

use fewbit_formats::{Dataset, Kind, Limits, npz};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits { inflated_bytes: 1 << 26, ..Limits::default() };
    drop(npz::read(bytes, &limits));
    drop(Dataset::read(bytes, &limits));
    Kind::of(bytes, "file");
});
