//! ggml's blocks, against ggml's own library and the package `gguf` (`tools/golden/blocks.py`).

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use fewbit_formats::{Array, Limits, Values, npz};
use fewbit_numeric::ggml::BlockType;

/// The rows of the samples whose values are in the golden.
const ROWS: [usize; 3] = [1, 4, 9];

fn golden() -> BTreeMap<String, Array> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/ggml.npz");
    npz::read(&fs::read(path).unwrap(), &Limits::default()).unwrap()
}

fn bytes<'a>(golden: &'a BTreeMap<String, Array>, name: &str) -> &'a [u8] {
    let Values::U8(bytes) = golden[name].values() else { unreachable!("{name}") };
    bytes
}

fn types(golden: &BTreeMap<String, Array>) -> Vec<BlockType> {
    golden.keys().filter_map(|key| key.strip_suffix(".blocks")).map(|name| name.parse().unwrap()).collect()
}

#[test]
fn blocks_stand_for_the_values_that_gguf_reads_to_the_bit() {
    let golden = golden();
    let types = types(&golden);
    assert_eq!(types.len(), 23);
    for kind in types {
        let blocks = bytes(&golden, &format!("{kind}.blocks"));
        let row = blocks.len() / 10;
        let found = ROWS.map(|i| kind.dequantize(&blocks[i * row..(i + 1) * row]).unwrap()).concat();
        let wanted = golden[&format!("{kind}.values")].to_f32();
        for (i, (found, wanted)) in found.iter().zip(&wanted).enumerate() {
            assert!(
                found.to_bits() == wanted.to_bits() || found == wanted,
                "{kind} {i}: {found} is not {wanted}"
            );
        }
        assert_eq!(found.len(), wanted.len());
    }
}

#[test]
fn quantizing_gives_the_bytes_of_ggml() {
    let golden = golden();
    let samples = golden["samples"].to_f32();
    for kind in types(&golden).into_iter().filter(|kind| kind.is_written()) {
        let found = kind.quantize(&samples).unwrap();
        let wanted = bytes(&golden, &format!("{kind}.blocks"));
        let differ = found.iter().zip(wanted).filter(|(a, b)| a != b).count();
        assert_eq!((differ, found.len()), (0, wanted.len()), "{kind}");
    }
}
