//! The command line, as it is called.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failure here is a failed test")]

#[path = "cli/eval.rs"]
mod eval;
#[path = "cli/inspect.rs"]
mod inspect;
#[path = "cli/learn.rs"]
mod learn;
#[path = "cli/link.rs"]
mod link;
#[path = "cli/own_data.rs"]
mod own_data;
#[path = "cli/refusals.rs"]
mod refusals;
#[path = "cli/written.rs"]
mod written;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use fewbit_formats::{Array, Limits, Values, npy, npz};
use serde_json::{Value, json};

/// What a call gave.
struct Called {
    status: u8,
    out: String,
    messages: String,
}

fn call(args: &[&str]) -> Called {
    let words = std::iter::once("fewbit").chain(args.iter().copied()).map(OsString::from);
    let (mut out, mut messages) = (Vec::new(), Vec::new());
    let status = fewbit_cli::run(words, &mut out, &mut messages);
    let [out, messages] = [out, messages].map(|bytes| String::from_utf8(bytes).unwrap());
    Called { status, out, messages }
}

/// The one object that a successful call writes.
fn answer(args: &[&str]) -> Value {
    let called = call(&[args, &["--json"]].concat());
    assert_eq!(called.status, 0, "{args:?}: {}", called.messages);
    serde_json::from_str(&called.out).unwrap_or_else(|error| panic!("{args:?}: {error}: {}", called.out))
}

/// The message of a call that fails with `status`, and writes nothing else.
fn refusal(status: u8, args: &[&str]) -> String {
    let called = call(args);
    assert_eq!(called.status, status, "{args:?}: {}{}", called.out, called.messages);
    assert_eq!(called.out, "", "{args:?}");
    called.messages
}

fn assert_keys(value: &Value, keys: &[&str]) {
    let object = value.as_object().unwrap_or_else(|| panic!("no object: {value}"));
    for key in keys {
        assert!(object.contains_key(*key), "no `{key}` in {value}");
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// A file of this test's own.
fn scratch(name: &str, bytes: &[u8]) -> String {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("cli-{name}"));
    fs::write(&path, bytes).unwrap();
    path.display().to_string()
}

/// The pixels of the first `n` test images, and their classes.
fn images(n: usize) -> (Vec<u8>, Vec<i64>) {
    let bytes = fs::read(root().join("assets/data/fashion-test.npz")).unwrap();
    let all = npz::read(&bytes, &Limits::default()).unwrap();
    let (Values::U8(x), Values::I64(y)) = (all["x"].values(), all["y"].values()) else {
        panic!("other types")
    };
    (x[..n * 784].to_vec(), y[..n].to_vec())
}

/// `n` test images as an npz, labelled or not.
fn data(name: &str, n: usize, labelled: bool) -> String {
    let (x, y) = images(n);
    let x = Array::new([n, 1, 28, 28], Values::U8(x)).unwrap();
    let y = Array::new([n], Values::I64(y)).unwrap();
    let arrays: &[_] = if labelled { &[("x", &x), ("y", &y)] } else { &[("x", &x)] };
    scratch(&format!("{name}.npz"), &npz::write(arrays).unwrap())
}

/// Two bits, few samples, and a short pipeline.
const LEARNED: [&str; 8] = [
    "--weights",
    "int2@channel",
    "--edges",
    "int8",
    "--calibration-samples",
    "16",
    "--pipeline",
    "fold,range=mse,adaround(iterations=4),bias-correct",
];
