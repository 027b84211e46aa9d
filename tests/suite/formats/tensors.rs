//! Files of tensors, read a piece at a time: GGUF and safetensors.

use std::collections::BTreeMap;
use std::io::Cursor;

use fewbit_formats::gguf::{self, Entry, Header, Value};
use fewbit_formats::onnx::proto::ModelProto;
use fewbit_formats::safetensors::{self, Dtype};
use fewbit_formats::tensors::Metadata;
use fewbit_formats::{Limits, TensorFile};
use fewbit_numeric::ggml::BlockType;

fn metadata() -> Vec<(String, Value)> {
    let entry = |name: &str, value| (name.to_owned(), value);
    vec![
        entry("general.architecture", Value::String("llama".to_owned())),
        entry("llama.block_count", Value::U32(2)),
        entry("tokens", Value::Array(vec![Value::String("a".to_owned()), Value::String("ü".to_owned())])),
        entry("nested", Value::Array(vec![Value::Array(vec![Value::I64(-1)])])),
        entry("all", Value::Array(vec![Value::U8(1), Value::U8(2)])),
        entry("rope", Value::F32(1e4)),
        entry("flag", Value::Bool(true)),
    ]
}

/// A file of a matrix in Q8_0 and a vector in F32.
fn file() -> Vec<u8> {
    let values: Vec<f32> = (0..192).map(|i| i as f32 / 64.0 - 1.5).collect();
    let entries = [
        Entry { name: "w".to_owned(), shape: vec![3, 64], kind: BlockType::Q8_0 },
        Entry { name: "b".to_owned(), shape: vec![3], kind: BlockType::F32 },
    ];
    let mut bytes = gguf::header(&metadata(), &entries).unwrap();
    for blocks in [BlockType::Q8_0.quantize(&values).unwrap(), BlockType::F32.quantize(&values[..3]).unwrap()]
    {
        let len = blocks.len() as u64;
        bytes.extend(blocks);
        bytes.extend(vec![0; gguf::padding(len) as usize]);
    }
    bytes
}

fn refusal(bytes: &[u8]) -> String {
    Header::read(Cursor::new(bytes), &Limits::default()).unwrap_err().to_string()
}

#[test]
fn a_gguf_is_read_as_it_was_written() {
    let bytes = file();
    let header = Header::read(Cursor::new(&bytes), &Limits::default()).unwrap();
    assert_eq!(header.version, 3);
    assert_eq!(header.metadata, metadata());
    assert_eq!(header.get("llama.block_count").and_then(Value::as_u64), Some(2));

    let mut file = TensorFile::open(Cursor::new(&bytes), &Limits::default()).unwrap();
    assert_eq!(file.metadata, Metadata::Gguf(metadata()));
    let [w, b] = &file.tensors.clone()[..] else { panic!("two tensors") };
    assert_eq!(
        (w.name.as_str(), w.shape.as_slice(), w.element.as_str(), w.bytes),
        ("w", &[3, 64][..], "Q8_0", 204)
    );
    assert_eq!(file.values(b, 0, 1).unwrap(), [-1.5, -1.484375, -1.46875]);
    let whole = file.values(w, 0, 3).unwrap();
    assert_eq!(file.values(w, 1, 2).unwrap(), whole[64..128]);
    assert!((whole[191] - 191.0 / 64.0 + 1.5).abs() < 0.01);
    assert!(file.values(w, 2, 4).is_err());
}

#[test]
fn values_that_ggml_has_no_type_for_are_read_as_they_are() {
    let cases: [(&str, Dtype, &[u8], &[f32]); 7] = [
        ("bool", Dtype::BOOL, &[0, 1, 1, 0], &[0.0, 1.0, 1.0, 0.0]),
        ("u8", Dtype::U8, &[0, 1, 128, 255], &[0.0, 1.0, 128.0, 255.0]),
        ("u16", Dtype::U16, &[1, 0, 0xff, 0xff], &[1.0, 65_535.0]),
        ("u32", Dtype::U32, &[0xff, 0xff, 0xff, 0], &[16_777_215.0]),
        ("u64", Dtype::U64, &[2, 1, 0, 0, 0, 0, 0, 0], &[258.0]),
        ("e4m3", Dtype::F8_E4M3, &[0x38, 0xb8, 0x7e, 1], &[1.0, -1.0, 448.0, 0.001_953_125]),
        ("e5m2", Dtype::F8_E5M2, &[0x3c, 0xbc, 0x7b, 0x40], &[1.0, -1.0, 57_344.0, 2.0]),
    ];
    for (name, dtype, bytes, wanted) in cases {
        let entry = safetensors::Entry { name, dtype, shape: &[wanted.len()], bytes };
        let written = safetensors::write(&[entry], &BTreeMap::new()).unwrap();
        let mut file = TensorFile::open(Cursor::new(&written), &Limits::default()).unwrap();
        let tensor = file.tensors[0].clone();
        assert_eq!(file.values(&tensor, 0, 1).unwrap(), wanted, "{name}");
        assert_eq!(file.span(&tensor, 1, wanted.len() as u64).unwrap(), wanted[1..], "{name}");
        assert!(file.span(&tensor, 0, wanted.len() as u64 + 1).is_err(), "{name}");
        assert!(file.values(&tensor, 0, 2).is_err(), "{name}");
        // Values that have gone missing are refused, whatever their type.
        assert!(TensorFile::open(Cursor::new(&written[..written.len() - 1]), &Limits::default()).is_err());
    }
}

#[test]
fn every_truncation_of_a_gguf_is_refused() {
    let bytes = file();
    let used = bytes.len() - gguf::padding(12) as usize;
    for len in 0..used {
        assert!(Header::read(Cursor::new(&bytes[..len]), &Limits::default()).is_err(), "{len}");
    }
    assert!(Header::read(Cursor::new(&bytes[..used]), &Limits::default()).is_ok());
}

#[test]
fn a_gguf_that_claims_too_much_is_refused_before_memory_is_taken() {
    let mut many = b"GGUF\x03\0\0\0".to_vec();
    many.extend(u64::MAX.to_le_bytes());
    many.extend(0u64.to_le_bytes());
    assert_eq!(refusal(&many), "byte 8: tensors: 18446744073709551615 is more than the 250000 that are read");

    let array = |kind: u32, count: u64| {
        let mut bytes = b"GGUF\x03\0\0\0".to_vec();
        bytes.extend(0u64.to_le_bytes());
        bytes.extend(1u64.to_le_bytes());
        bytes.extend(1u64.to_le_bytes());
        bytes.extend(b"a");
        bytes.extend(9u32.to_le_bytes());
        bytes.extend(kind.to_le_bytes());
        bytes.extend(count.to_le_bytes());
        bytes
    };
    assert!(refusal(&array(0, u64::MAX)).contains("values in arrays"));
    assert!(refusal(&array(0, 1000)).contains("1 more bytes are needed, 0 are there"));
    let mut deep = array(9, 1);
    for _ in 0..1000 {
        deep.extend(9u32.to_le_bytes());
        deep.extend(1u64.to_le_bytes());
    }
    assert!(refusal(&deep).contains("no more than four arrays in each other"));
    assert!(refusal(b"GGUF\0\0\0\x03").contains("the version is 50331648"));
    assert!(refusal(b"GGML").contains("not a GGUF file"));
}

#[test]
fn tensors_that_cannot_be_are_refused_by_name() {
    let with = |shape: &[u64], kind: u32, offset: u64| {
        let mut bytes = b"GGUF\x03\0\0\0".to_vec();
        bytes.extend(1u64.to_le_bytes());
        bytes.extend(0u64.to_le_bytes());
        bytes.extend(1u64.to_le_bytes());
        bytes.extend(b"t");
        bytes.extend((shape.len() as u32).to_le_bytes());
        shape.iter().for_each(|n| bytes.extend(n.to_le_bytes()));
        bytes.extend(kind.to_le_bytes());
        bytes.extend(offset.to_le_bytes());
        bytes
    };
    assert!(refusal(&with(&[33], 8, 0)).contains("tensor `t`: the length of its innermost axis is 33"));
    assert!(refusal(&with(&[u64::MAX, 2], 0, 0)).contains("more elements than can be counted"));
    assert!(refusal(&with(&[32], 4, 0)).contains("elements of type number 4"));
    assert!(refusal(&with(&[32], 0, 7)).contains("its offset is 7"));
    assert!(refusal(&with(&[32], 0, 0)).contains("128 more bytes are needed, 0 are there"));
    assert!(refusal(&with(&[1; 9], 0, 0)).contains("axes: 9 is more than the 8"));
}

#[test]
fn a_safetensors_is_opened_by_its_header_and_read_by_rows() {
    let values: Vec<u8> = (0..12).flat_map(|i| (i as f32).to_le_bytes()).collect();
    let entries = [
        safetensors::Entry { name: "a", dtype: Dtype::F32, shape: &[4, 3], bytes: &values },
        safetensors::Entry { name: "scales", dtype: Dtype::F8_E8M0, shape: &[2], bytes: &[0, 1] },
    ];
    let texts = BTreeMap::from([("made".to_owned(), "here".to_owned())]);
    let bytes = safetensors::write(&entries, &texts).unwrap();
    let mut file = TensorFile::open(Cursor::new(&bytes), &Limits::default()).unwrap();
    assert_eq!(file.metadata, Metadata::Texts(texts));
    let tensors = file.tensors.clone();
    assert_eq!(file.values(&tensors[0], 1, 3).unwrap(), [3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
    let refused = file.values(&tensors[1], 0, 1).unwrap_err().to_string();
    assert!(refused.contains("`scales`: elements of type F8_E8M0"), "{refused}");
    let cut = TensorFile::open(Cursor::new(&bytes[..bytes.len() - 3]), &Limits::default());
    assert!(cut.is_err_and(|why| why.to_string().contains("more bytes are needed")));
}

#[test]
fn the_initializers_of_a_model_are_tensors_of_a_file() {
    let bytes = crate::bytes_of("assets/models/fashion-lenet.onnx");
    let graph = ModelProto::from_bytes(&bytes).unwrap().graph.unwrap();
    let mut file = TensorFile::of_model(Cursor::new(&bytes), &Limits::default()).unwrap();
    let tensors = file.tensors.clone();
    assert_eq!(tensors.len(), graph.initializer.len());
    for (tensor, proto) in tensors.iter().zip(&graph.initializer) {
        assert_eq!(tensor.name, proto.name());
        assert_eq!(tensor.shape.iter().map(|&n| n as i64).collect::<Vec<_>>(), proto.dims);
        let raw = proto.raw_data.as_deref().unwrap();
        let values: Vec<f32> = raw.as_chunks().0.iter().map(|x| f32::from_le_bytes(*x)).collect();
        assert_eq!(file.span(tensor, 0, tensor.len()).unwrap(), values, "{}", tensor.name);
    }
    let Metadata::Texts(texts) = &file.metadata else { panic!("texts") };
    assert_eq!(texts["producer_name"], "pytorch");
}

#[test]
fn a_damaged_model_has_no_initializers_out_of_bounds() {
    let bytes = crate::bytes_of("assets/models/fashion-lenet.onnx");
    for step in 0..400 {
        let mut damaged = bytes.clone();
        let at = step * 37 % 4000;
        damaged[at] = damaged[at].wrapping_mul(31).wrapping_add(step as u8);
        let Ok(mut file) = TensorFile::of_model(Cursor::new(&damaged), &Limits::default()) else { continue };
        for tensor in &file.tensors.clone() {
            file.span(tensor, 0, tensor.len()).ok();
        }
    }
    for cut in (0..bytes.len()).step_by(997) {
        TensorFile::of_model(Cursor::new(&bytes[..cut]), &Limits::default()).ok();
    }
}

#[test]
fn a_span_is_a_piece_of_the_values_between_the_ends_of_blocks() {
    let bytes = file();
    let mut file = TensorFile::open(Cursor::new(&bytes), &Limits::default()).unwrap();
    let w = file.tensors[0].clone();
    let whole = file.values(&w, 0, 3).unwrap();
    assert_eq!(file.span(&w, 32, 160).unwrap(), whole[32..160]);
    for (first, last) in [(31, 64), (32, 65), (64, 32), (160, 224)] {
        assert!(file.span(&w, first, last).is_err(), "{first} {last}");
    }
}
