//! Damaged and absurd files: each is refused with a place, quickly, and without memory for what it only claims.

use std::fmt::Write as _;
use std::fs;
use std::io::Cursor;
use std::path::Path;

use fewbit_data::images::{Pictures, Preprocess};
use fewbit_data::table::{Asked, Reading};
use fewbit_data::tokenizer::Tokenizer;
use fewbit_formats::{Dataset, Kind, Limits, gguf, npy, npz, onnx, safetensors};
use fewbit_graph::infer::infer;
use fewbit_graph::{Bindings, Dim, Graph, Source};
use proptest::prelude::*;

use crate::{bytes_of, file_name, files_in, repository};

/// The files that are read here, by the ends of their names.
const READ: [&str; 9] = ["npy", "npz", "onnx", "safetensors", "gguf", "png", "jpg", "csv", "json"];

/// What is said of a file, read as what its name says it is.
fn refusal(path: &Path, bytes: &[u8]) -> Option<String> {
    let limits = Limits::default();
    let error = match path.extension().and_then(|end| end.to_str()) {
        Some("npy") => npy::read(bytes).err(),
        Some("npz") => Dataset::read(bytes, &limits).err(),
        Some("onnx") => onnx::read(bytes, &limits).err(),
        Some("safetensors") => safetensors::tensor_bytes(bytes, "a").err(),
        _ => return refusal_of_data(path, bytes),
    };
    error.map(|error| error.to_string())
}

/// The same of pictures, tables, tokenizers, and GGUF files with their vocabularies.
fn refusal_of_data(path: &Path, bytes: &[u8]) -> Option<String> {
    let error = match path.extension().and_then(|end| end.to_str()) {
        Some("png" | "jpg") => {
            let (preprocess, _) = Preprocess::infer(&[3, 8, 8], None).ok()?;
            Pictures::new(preprocess, &[3, 8, 8]).ok()?.push(file_name(path), bytes).err()
        }
        Some("csv") => Reading::infer(bytes, &[2], &Asked::default())
            .and_then(|(reading, _)| reading.read(bytes, &[2]))
            .err(),
        Some("json") => Tokenizer::from_json(bytes).err(),
        _ => match gguf::Header::read(Cursor::new(bytes), &Limits::default()) {
            Err(error) => Some(error.into()),
            Ok(header) => Tokenizer::from_gguf(&header).err(),
        },
    };
    error.map(|error| error.to_string())
}

/// The most memory that this process has ever had, in MB; `None` where the system does not tell.
fn peak_megabytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kilobytes / 1000)
}

#[test]
fn hostile_files_are_refused_with_the_reason_on_record() {
    let mut said = String::new();
    for path in files_in("tests/hostile", &READ) {
        let bytes = fs::read(&path).unwrap();
        Kind::of(&bytes, file_name(&path));
        let why = refusal(&path, &bytes).unwrap_or_else(|| "is read".to_owned());
        writeln!(said, "{}\n    {why}", file_name(&path)).unwrap();
    }
    let record = repository("tests/hostile/refusals.txt");
    if std::env::var_os("FEWBIT_BLESS").is_some() {
        fs::write(&record, &said).unwrap();
    }
    assert!(!said.contains("is read"), "{said}");
    assert_eq!(said, fs::read_to_string(&record).unwrap(), "run with FEWBIT_BLESS=1 and read the difference");
    // The limits alone would allow gigabytes.
    if let Some(peak) = peak_megabytes() {
        assert!(peak < 400, "{peak} MB");
    }
}

#[test]
fn empty_messages_are_counted_before_they_are_decoded() {
    // An empty message takes two bytes, and a struct of hundreds once it is decoded.
    let graph_of = |messages: Vec<u8>| {
        let mut file = vec![0x08, 0x08, 0x3a];
        let mut length = messages.len();
        while length > 127 {
            file.push((length & 127) as u8 | 128);
            length >>= 7;
        }
        file.push(length as u8);
        file.extend(messages);
        file
    };
    let read = |bytes: Vec<u8>| onnx::read(&bytes, &Limits::default()).unwrap_err().to_string();
    let initializers = read(graph_of([0x2a, 0x00].repeat(300_000)));
    assert_eq!(initializers, "byte 500004: protobuf messages: 250001 is more than the 250000 that are read");
    let nodes = read(graph_of([0x0a, 0x00].repeat(20_001)));
    assert_eq!(nodes, "byte 40008: nodes: 20001 is more than the 20000 that are read");
}

#[test]
fn every_truncation_is_refused() {
    for path in [
        "tests/golden/onnx/conv_7.onnx",
        "tests/golden/onnx/channel_shuffle_13.onnx",
        "tests/golden/onnx/conv_7.npz",
    ] {
        let whole = bytes_of(path);
        assert_eq!(refusal_of_golden(path, &whole), None);
        for length in 0..whole.len() {
            let said = refusal_of_golden(path, &whole[..length]);
            let said = said.unwrap_or_else(|| panic!("{path}, {length} of {} bytes", whole.len()));
            assert!(path.ends_with("npz") || said.contains("byte "), "{path}, {length} bytes: {said}");
        }
    }
}

fn refusal_of_golden(path: &str, bytes: &[u8]) -> Option<String> {
    let limits = Limits::default();
    let error = if path.ends_with("npz") {
        npz::read(bytes, &limits).err()
    } else {
        onnx::read(bytes, &limits).err()
    };
    error.map(|error| error.to_string())
}

fn damaged(whole: Vec<u8>, flips: &[(usize, u8)]) -> Vec<u8> {
    let mut bytes = whole;
    let length = bytes.len();
    for (at, bits) in flips {
        bytes[at % length] ^= bits;
    }
    bytes
}

/// Every symbol of the inputs bound to 2.
fn twos(graph: &Graph) -> Bindings {
    let mut bindings = Bindings::new();
    for wire in &graph.inputs {
        let Source::Input(dims) = &graph.wire(*wire).source else { continue };
        let symbols =
            dims.iter().filter_map(|dim| if let Dim::Symbol(symbol) = dim { Some(symbol) } else { None });
        bindings.extend(symbols.map(|symbol| (symbol.clone(), 2)));
    }
    bindings
}

fn flips() -> impl Strategy<Value = Vec<(usize, u8)>> {
    proptest::collection::vec((any::<usize>(), 1u8..), 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn flipped_bits_in_a_model_never_panic(flips in flips(), which in 0usize..4) {
        let name = ["conv_7", "channel_shuffle_13", "pad_pytorch_chain_11", "split_13"][which];
        let bytes = damaged(bytes_of(&format!("tests/golden/onnx/{name}.onnx")), &flips);
        if let Ok((model, _)) = onnx::read(&bytes, &Limits::default()) {
            prop_assert_eq!(model.graph.check(), Ok(()));
            drop(infer(&model.graph, &twos(&model.graph)));
        }
    }

    #[test]
    fn flipped_bits_in_arrays_never_panic(flips in flips()) {
        let bytes = damaged(bytes_of("tests/golden/onnx/conv_7.npz"), &flips);
        drop(npz::read(&bytes, &Limits::default()));
        drop(Dataset::read(&bytes, &Limits::default()));
        drop(npy::read(&damaged(bytes_of("tests/hostile/trailing-bytes.npy"), &flips)));
        drop(safetensors::read_header(&damaged(bytes_of("tests/hostile/gap.safetensors"), &flips)));
    }

    #[test]
    fn any_bytes_are_some_kind_of_file(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        Kind::of(&bytes, "file");
        drop(npy::read(&bytes));
        drop(onnx::read(&bytes, &Limits::default()));
        drop(safetensors::read_header(&bytes));
    }
}
