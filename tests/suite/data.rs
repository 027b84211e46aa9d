//! Own data: pictures, tables, texts and tokenizers.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "data/damage.rs"]
mod damage;
#[path = "data/pictures.rs"]
mod pictures;
#[path = "data/plans.rs"]
mod plans;
#[path = "data/tables.rs"]
mod tables;
#[path = "data/tokens.rs"]
mod tokens;

use std::fs;
use std::path::Path;

use fewbit_graph::Tensor;

/// A golden of own data.
fn golden(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/data").join(name);
    fs::read(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

fn values(tensor: &Tensor) -> &[f32] {
    tensor.as_f32().unwrap()
}
