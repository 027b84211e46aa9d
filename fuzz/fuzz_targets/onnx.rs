#![no_main]
//! Whatever the bytes, a model is read or refused; and a model that is read is well formed.

use fewbit_formats::{Limits, onnx};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok((model, _)) = onnx::read(bytes, &Limits::default()) {
        model.graph.check().expect("a graph that was read is well formed");
    }
});
