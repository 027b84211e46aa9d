#![no_main]
//! Whatever the bytes, a PNG or JPEG file is read or refused, and fits the model when it is read.

use fewbit_data::images::{Pictures, Preprocess};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let shape = [3, 16, 16];
    if let Ok((preprocess, _)) = Preprocess::infer(&shape, None)
        && let Ok(mut pictures) = Pictures::new(preprocess, &shape)
    {
        drop(pictures.push("picture", bytes));
    }
});
