//! npy, npz, labelled data, safetensors, and telling files apart.

use std::collections::BTreeMap;

use fewbit_formats::safetensors::{self, Dtype, Entry};
use fewbit_formats::{Array, Dataset, Kind, Limits, Values, npy, npz};
use fewbit_graph::DType;
use proptest::prelude::*;

use crate::bytes_of;

fn array(shape: &[usize], values: Values) -> Array {
    Array::new(shape, values).unwrap()
}

/// The bytes of a version 1 npy file.
fn npy_file(header: &str, values: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(values);
    bytes
}

#[test]
fn every_element_type_survives_npy() {
    for values in [
        Values::Bool(vec![true, false, true, true, false, false]),
        Values::U8((0..6).map(|i| i * 51).collect()),
        Values::I8(vec![-128, -1, 0, 1, 2, 127]),
        Values::I32(vec![i32::MIN, -1, 0, 1, 2, i32::MAX]),
        Values::I64(vec![i64::MIN, -1, 0, 1, 2, i64::MAX]),
        Values::F32(vec![-0.0, f32::INFINITY, f32::MIN_POSITIVE, 1e-45, 1.0 / 3.0, f32::MAX]),
        Values::F64(vec![-0.0, f64::INFINITY, f64::MIN_POSITIVE, 5e-324, 1.0 / 3.0, f64::MAX]),
    ] {
        let written = array(&[2, 3], values);
        let bytes = npy::write(&written);
        assert_eq!(bytes.len() % 2, 0, "values are aligned");
        assert_eq!(npy::read(&bytes), Ok(written));
    }
}

#[test]
fn a_scalar_and_an_empty_array_survive_npy() {
    for written in [array(&[], Values::F32(vec![2.5])), array(&[3, 0], Values::I64(vec![]))] {
        assert_eq!(npy::read(&npy::write(&written)), Ok(written));
    }
}

#[test]
fn fortran_order_becomes_row_major() {
    let header = "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }\n";
    // Column by column.
    let read = npy::read(&npy_file(header, &[1, 4, 2, 5, 3, 6]));
    assert_eq!(read, Ok(array(&[2, 3], Values::U8(vec![1, 2, 3, 4, 5, 6]))));
}

#[test]
fn f16_is_read_as_f32() {
    let header = "{'descr': '<f2', 'fortran_order': False, 'shape': (2,), }\n";
    let read = npy::read(&npy_file(header, &[0x00, 0x3c, 0x01, 0x00]));
    assert_eq!(read, Ok(array(&[2], Values::F32(vec![1.0, 2f32.powi(-24)]))));
}

#[test]
fn headers_of_python_2_and_of_other_writers_are_read() {
    for header in [
        "{'descr': '<i4', 'fortran_order': False, 'shape': (2L,), }\n",
        "{\"shape\":(2,),\"descr\":\"<i4\",\"fortran_order\":False}",
        "  { 'fortran_order' : False , 'shape' : ( 2 , ) , 'descr' : '<i4' }  ",
    ] {
        let read = npy::read(&npy_file(header, &[1, 0, 0, 0, 2, 0, 0, 0]));
        assert_eq!(read, Ok(array(&[2], Values::I32(vec![1, 2]))), "{header}");
    }
}

proptest! {
    #[test]
    fn npz_gives_back_what_it_was_given(
        x in proptest::collection::vec(any::<f32>().prop_filter("NaN equals nothing", |x| !x.is_nan()), 0..200),
        y in proptest::collection::vec(any::<i64>(), 0..50),
    ) {
        let x = array(&[x.len()], Values::F32(x));
        let y = array(&[y.len(), 1], Values::I64(y));
        let bytes = npz::write(&[("x", &x), ("labels", &y)]).unwrap();
        let read = npz::read(&bytes, &Limits::default()).unwrap();
        prop_assert_eq!(read, BTreeMap::from([("x".to_owned(), x), ("labels".to_owned(), y)]));
    }
}

#[test]
fn the_same_arrays_give_the_same_archive() {
    let x = array(&[64], Values::F32(vec![0.5; 64]));
    assert_eq!(npz::write(&[("x", &x)]), npz::write(&[("x", &x)]));
    assert!(npz::write(&[("x", &x), ("x", &x)]).is_err(), "a name is given twice");
}

#[test]
fn the_bundled_data_are_read() {
    for (path, count) in
        [("assets/data/fashion-test.npz", 2000), ("assets/data/fashion-calibration.npz", 1024)]
    {
        let data = Dataset::read(&bytes_of(path), &Limits::default()).unwrap();
        assert_eq!(data.x.shape(), [count, 1, 28, 28]);
        let (x, y) = (data.x.as_f32().unwrap(), data.y.as_ref().unwrap());
        assert!(x.iter().all(|x| (0.0..=1.0).contains(x)), "a byte is a number from 0 to 1");
        assert!(x.contains(&1.0), "255 is 1");
        assert!(y.iter().all(|class| (0..10).contains(class)) && y.len() == count);
    }
    let read = |path| Dataset::read(&bytes_of(path), &Limits::default()).unwrap();
    let whole = read("assets/data/fashion-calibration.npz");
    let first = read("assets/data/fashion-calibration-first.npz");
    assert_eq!(first.x, whole.x.rows(0, 256));
    assert_eq!(first.y.unwrap(), whole.y.unwrap()[..256]);
}

#[test]
fn whole_numbers_are_taken_as_they_are_and_bytes_of_pictures_as_shares() {
    let read = |x: &Array| Dataset::read(&npz::write(&[("x", x)]).unwrap(), &Limits::default());
    let tokens = array(&[2, 2], Values::I64(vec![0, 7, -3, 1 << 24]));
    assert_eq!(read(&tokens).unwrap().x.as_f32().unwrap(), [0.0, 7.0, -3.0, 16_777_216.0]);
    let bytes = array(&[1, 2], Values::U8(vec![0, 255]));
    assert_eq!(read(&bytes).unwrap().x.as_f32().unwrap(), [0.0, 255.0], "two axes: no picture");
    let picture = array(&[1, 1, 2], Values::U8(vec![0, 255]));
    assert_eq!(read(&picture).unwrap().x.as_f32().unwrap(), [0.0, 1.0]);
    let large = array(&[1], Values::I64(vec![(1 << 24) + 1]));
    assert!(read(&large).unwrap_err().to_string().contains("16777217"));
}

#[test]
fn data_may_be_floats_and_have_no_labels() {
    let x = array(&[1, 1, 1, 2], Values::F64(vec![-1.5, 2.0]));
    let bytes = npz::write(&[("x", &x)]).unwrap();
    let data = Dataset::read(&bytes, &Limits::default()).unwrap();
    assert_eq!(data.x.as_f32().unwrap(), [-1.5, 2.0]);
    assert_eq!((data.len(), data.y), (1, None));
}

/// What a file says of itself.
type Metadata = BTreeMap<String, String>;

fn results() -> (Vec<u8>, Metadata) {
    let scales: Vec<u8> = [0.5f32, 0.25].iter().flat_map(|x| x.to_le_bytes()).collect();
    let codes = [0x21, 0x43, 0x65];
    let metadata =
        BTreeMap::from(["recipe", "model", "bits"].map(|key| (key.to_owned(), format!("the {key}"))));
    let entries = [
        Entry { name: "conv.codes", dtype: Dtype::U8, shape: &[3], bytes: &codes },
        Entry { name: "conv.scales", dtype: Dtype::F32, shape: &[2], bytes: &scales },
    ];
    (safetensors::write(&entries, &metadata).unwrap(), metadata)
}

#[test]
fn safetensors_give_back_tensors_and_metadata() {
    let (bytes, metadata) = results();
    let header = safetensors::read_header(&bytes).unwrap();
    assert_eq!(header.metadata, metadata);
    let codes = &header.tensors["conv.codes"];
    assert_eq!((codes.dtype, codes.shape.as_slice()), (Dtype::U8, [3].as_slice()));
    assert_eq!(safetensors::tensor_bytes(&bytes, "conv.codes"), Ok([0x21, 0x43, 0x65].as_slice()));
    assert_eq!(safetensors::tensor_bytes(&bytes, "conv.scales").unwrap().len(), 8);
    let missing = safetensors::tensor_bytes(&bytes, "fc.codes").unwrap_err();
    assert_eq!(
        missing.to_string(),
        "the file: the tensor `fc.codes` is missing; there is conv.codes, conv.scales"
    );
    assert_eq!(results().0, bytes, "the same results give the same bytes");
}

#[test]
fn a_tensor_whose_bytes_do_not_fill_its_shape_is_not_written() {
    let entry = Entry { name: "w", dtype: Dtype::F32, shape: &[2], bytes: &[0; 7] };
    assert!(safetensors::write(&[entry], &BTreeMap::new()).is_err());
    let whole = Entry { bytes: &[0; 8], ..entry };
    assert!(safetensors::write(&[whole, whole], &BTreeMap::new()).is_err(), "a name is given twice");
}

#[test]
fn files_are_told_apart_by_their_bytes() {
    let x = array(&[1], Values::U8(vec![1]));
    let npz = npz::write(&[("x", &x)]).unwrap();
    let onnx = bytes_of("assets/models/fashion-lenet.onnx");
    for (bytes, name, kind) in [
        (onnx.as_slice(), "model", Kind::Onnx),
        (&onnx, "model.npz", Kind::Onnx),
        (&npy::write(&x), "a.onnx", Kind::Npy),
        (&npz, "data", Kind::Npz),
        (&results().0, "w.safetensors", Kind::Safetensors),
        (b"GGUF\x03\0\0\0", "llama.gguf", Kind::Gguf),
        (&bytes_of("tests/hostile/checkpoint.pt"), "model.onnx", Kind::PyTorch),
        (b"\x80\x02}q\0.", "old.pt", Kind::PyTorch),
        (b"hello", "notes.txt", Kind::Unknown),
        (b"hello", "broken.ONNX", Kind::Onnx),
        (b"", "", Kind::Unknown),
    ] {
        assert_eq!(Kind::of(bytes, name), kind, "{name}");
        assert_eq!(kind.advice().is_none(), kind == Kind::Onnx);
    }
    assert_eq!(x.to_tensor().unwrap().dtype(), DType::I64);
}
