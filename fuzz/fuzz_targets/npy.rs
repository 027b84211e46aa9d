#![no_main]
//! Whatever the bytes, an array is read or refused; and what was read is written and read as the same.

use fewbit_formats::npy;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(array) = npy::read(bytes) {
        let again = npy::read(&npy::write(&array)).expect("what was written is read");
        // Not by their values: a NaN is like no other.
        assert_eq!(npy::write(&array), npy::write(&again));
    }
});
