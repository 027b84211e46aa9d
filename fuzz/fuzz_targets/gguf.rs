#![no_main]
//! Whatever the bytes, a file's header is read or refused, every tensor that it lists has its values, and its vocabulary makes tokens or is refused.

use std::io::Cursor;

use fewbit_data::tokenizer::Tokenizer;
use fewbit_formats::{Limits, TensorFile, gguf};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(header) = gguf::Header::read(Cursor::new(bytes), &Limits::default())
        && let Ok(tokenizer) = Tokenizer::from_gguf(&header)
    {
        drop(tokenizer.encode("Hello, 量化"));
    }
    if let Ok(mut file) = TensorFile::open(Cursor::new(bytes), &Limits::default()) {
        for tensor in file.tensors.clone() {
            assert!(tensor.bytes <= bytes.len() as u64);
            drop(file.values(&tensor, 0, tensor.rows().min(4)));
        }
    }
});
