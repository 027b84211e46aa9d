//! The manifests are held to the architecture: who may depend on whom, and who may know of the browser and the GPU.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failure here is a failed test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

/// Each crate, and the crates that it may use; with them, all that those may use.
const LAYERS: [(&str, &[&str]); 11] = [
    ("numeric", &[]),
    ("graph", &["numeric"]),
    ("formats", &["graph"]),
    ("runtime", &["graph"]),
    ("gpu", &["runtime"]),
    ("quant", &["runtime"]),
    ("data", &["formats"]),
    ("experiment", &["quant", "formats"]),
    ("cli", &["experiment", "gpu", "data"]),
    ("xtask", &[]),
    ("web", &["experiment", "gpu", "data"]),
];

/// Packages, by the start of their names, that only one crate may name.
const CONFINED: [(&str, &str); 6] = [
    ("wgpu", "gpu"),
    ("web-sys", "web"),
    ("js-sys", "web"),
    ("wasm-bindgen-futures", "web"),
    ("leptos", "web"),
    ("gloo", "web"),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the workspace")
}

/// The manifest of every crate, by the name of its folder.
fn manifests() -> BTreeMap<String, Table> {
    let crates = fs::read_dir(root().join("crates")).unwrap().map(|entry| entry.unwrap().path());
    let folders: Vec<PathBuf> = crates.chain([root().join("web")]).collect();
    let read = |folder: PathBuf| {
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        (name, fs::read_to_string(folder.join("Cargo.toml")).unwrap().parse().unwrap())
    };
    folders.into_iter().filter(|folder| folder.join("Cargo.toml").exists()).map(read).collect()
}

/// The packages that a manifest names as dependencies of any kind, for any target.
fn dependencies(manifest: &Table) -> BTreeSet<String> {
    let targets = manifest.get("target").and_then(Value::as_table);
    let parts = std::iter::once(manifest)
        .chain(targets.into_iter().flat_map(Table::values).filter_map(Value::as_table));
    let mut names = BTreeSet::new();
    for part in parts {
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            for (name, entry) in part.get(kind).and_then(Value::as_table).into_iter().flatten() {
                let package = entry.get("package").and_then(Value::as_str);
                names.insert(package.unwrap_or(name).to_owned());
            }
        }
    }
    names
}

/// What a crate may use: the crates of its row in the table, and theirs.
fn allowed(name: &str) -> BTreeSet<&'static str> {
    let (_, direct) = LAYERS.iter().find(|(layer, _)| *layer == name).expect("a crate of the table");
    direct.iter().flat_map(|below| allowed(below).into_iter().chain([*below])).collect()
}

#[test]
fn the_table_names_every_crate_once() {
    let table: Vec<&str> = LAYERS.iter().map(|(name, _)| *name).collect();
    let unique: BTreeSet<String> = table.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(unique.len(), table.len());
    assert_eq!(unique, manifests().into_keys().collect());
}

#[test]
fn no_crate_depends_upward_or_sideways() {
    for (name, manifest) in manifests() {
        let allowed = allowed(&name);
        for dependency in dependencies(&manifest) {
            if let Some(layer) = dependency.strip_prefix("fewbit-") {
                assert!(allowed.contains(layer), "{name} names {layer}, but may use only {allowed:?}");
            }
        }
    }
}

#[test]
fn the_gpu_and_the_browser_are_each_known_to_one_crate() {
    for (name, manifest) in manifests() {
        for dependency in dependencies(&manifest) {
            for (confined, owner) in CONFINED {
                let known = dependency.starts_with(confined);
                assert!(!known || name == owner, "{name} names {dependency}, which only {owner} may");
            }
        }
    }
}

#[test]
fn every_crate_has_the_workspaces_lints_name_and_licence() {
    for (name, manifest) in manifests() {
        let inherited =
            |value: Option<&Value>| value.and_then(|v| v.get("workspace")).and_then(Value::as_bool);
        assert_eq!(inherited(manifest.get("lints")), Some(true), "{name}: [lints] workspace = true");
        for key in ["version", "edition", "rust-version", "license", "publish"] {
            assert_eq!(inherited(manifest["package"].get(key)), Some(true), "{name}: {key}.workspace = true");
        }
        let package = manifest["package"]["name"].as_str().unwrap();
        assert!(package == format!("fewbit-{name}") || package == "xtask", "{name} is called {package}");
    }
}

#[test]
fn every_crate_says_in_a_sentence_what_it_is() {
    for (name, manifest) in manifests() {
        let description = manifest["package"].get("description").and_then(Value::as_str).unwrap_or_default();
        let sentence = description.ends_with('.') && (20..=120).contains(&description.len());
        assert!(sentence, "{name}: a description of one line, not {description:?}");
    }
}

#[test]
fn versions_are_stated_once_in_the_workspace() {
    for (name, manifest) in manifests() {
        let stated = manifest.get("dependencies").and_then(Value::as_table).into_iter().flatten();
        for (dependency, entry) in stated {
            assert!(entry.get("workspace").is_some(), "{name}: {dependency}.workspace = true");
        }
    }
}
