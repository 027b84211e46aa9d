#![no_main]
//! Whatever the bytes, a file's header is read or refused, and every tensor that it lists has its bytes.

use std::io::Cursor;

use fewbit_formats::{Limits, TensorFile, safetensors};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(header) = safetensors::read_header(bytes) {
        for name in header.tensors.keys() {
            drop(safetensors::tensor_bytes(bytes, name));
        }
    }
    if let Ok(mut file) = TensorFile::open(Cursor::new(bytes), &Limits::default()) {
        for tensor in file.tensors.clone() {
            drop(file.values(&tensor, 0, tensor.rows().min(4)));
        }
    }
});
