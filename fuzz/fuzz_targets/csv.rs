#![no_main]
//! Whatever the bytes, a table is read or refused.

use fewbit_data::table::{Asked, Reading};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for shape in [&[2][..], &[1, 2, 2]] {
        if let Ok((reading, _)) = Reading::infer(bytes, shape, &Asked::default()) {
            if let Ok(samples) = reading.read(bytes, shape) {
                assert!(samples.y.is_none_or(|y| y.len() == samples.x.shape()[0]));
            }
        }
    }
});
