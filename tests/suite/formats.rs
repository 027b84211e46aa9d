//! Bytes to models and data, and back.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "formats/arrays.rs"]
mod arrays;
#[path = "formats/export.rs"]
mod export;
#[path = "formats/hostile.rs"]
mod hostile;
#[path = "formats/import.rs"]
mod import;
#[path = "formats/integers.rs"]
mod integers;
#[path = "formats/parity.rs"]
mod parity;
#[path = "formats/tensors.rs"]
mod tensors;

use std::fs;
use std::path::{Path, PathBuf};

/// A file or folder of the repository.
fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn bytes_of(path: &str) -> Vec<u8> {
    let path = repository(path);
    fs::read(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

/// The files of a folder with one of these extensions, sorted by name.
fn files_in(folder: &str, extensions: &[&str]) -> Vec<PathBuf> {
    let entries = fs::read_dir(repository(folder)).unwrap_or_else(|why| panic!("{folder}: {why}"));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| extensions.iter().any(|wanted| end == *wanted)));
    paths.sort();
    assert!(!paths.is_empty(), "{folder} has files to test with");
    paths
}

fn file_name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap()
}
