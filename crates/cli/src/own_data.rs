//! Data of one's own beside a model: npz, a folder of pictures, CSV, plain text.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use fewbit_data::{Files, How, Kind, Plan, Samples, Stream, Wanted};
use fewbit_experiment::engine::Bench;
use serde_json::{Value, json};

use crate::args::OwnData;

/// Folders inside a folder of pictures that are looked into.
const MOST_DEPTH: usize = 8;

/// Samples, and how they were read.
pub(crate) struct Own {
    pub(crate) samples: Samples,
    /// What was inferred or asked for, as one object.
    pub(crate) told: Value,
}

impl Own {
    /// What was read, and how.
    pub(crate) fn to_json(&self) -> Value {
        let mut told = self.told.clone();
        told["shape"] = json!(self.samples.x.shape());
        told["labelled"] = json!(self.samples.y.is_some());
        told["classes"] = json!(self.samples.classes);
        told
    }
}

/// What the model on a bench takes. `classes` are the names of its classes, where they are known.
pub(crate) fn wanted(bench: &Bench, classes: &[String]) -> anyhow::Result<Wanted> {
    let face = bench.prepared.face()?;
    let classes = classes.to_vec();
    Ok(Wanted { sample_shape: face.sample_shape.clone(), vocabulary: face.vocabulary(), classes })
}

/// Whether `path` is something else than an npz archive, which is read as it is.
pub(crate) fn is_own(path: &Path) -> bool {
    path.is_dir() || end_of(path) != "npz"
}

/// Reads what lies at `path` as samples for a model.
pub(crate) fn open(path: &Path, wanted: &Wanted, asked: &OwnData) -> anyhow::Result<Own> {
    let asked = asked.to_asked();
    let outside =
        [&asked.pictures.config, &asked.text.tokenizer.as_ref().and_then(|n| n.file()).map(str::to_owned)];
    let outside = outside.into_iter().flatten().cloned().collect();
    let (root, paths) = if path.is_dir() {
        let mut paths = Vec::new();
        list(path, "", MOST_DEPTH, &mut paths)?;
        (path, paths)
    } else {
        let paths = vec![path.file_name().unwrap_or_default().to_string_lossy().into_owned()];
        if !matches!(Kind::of(&paths), Some(Kind::Table | Kind::Text)) {
            bail!(
                "{} ends in `{}`: data are an .npz, a folder of .png and .jpg files, a .csv or .tsv, or a .txt",
                path.display(),
                end_of(path)
            );
        }
        (path.parent().unwrap_or(Path::new("")), paths)
    };
    let files = Folder { root: root.to_owned(), outside };
    let place = || path.display().to_string();
    let plan = Plan::of(&paths, wanted, &asked, &files).with_context(place)?;
    let told = match &plan.how() {
        How::Pictures { preprocess, .. } => json!({ "kind": "pictures", "preprocess": preprocess }),
        How::Table(reading) => json!({ "kind": "table", "reading": reading }),
        How::Text { tokenizer, vocabulary, windows, .. } => {
            json!({ "kind": "text", "tokenizer": tokenizer.to_string(), "vocabulary": vocabulary, "windows": windows })
        }
    };
    Ok(Own { samples: plan.read(&files).with_context(place)?, told })
}

/// The files of a folder, and some that lie elsewhere.
struct Folder {
    root: PathBuf,
    /// The paths of those.
    outside: Vec<String>,
}

impl Files for Folder {
    fn open(&self, path: &str) -> io::Result<Box<dyn Stream>> {
        let is_outside = self.outside.iter().any(|outside| outside == path);
        let path = if is_outside { PathBuf::from(path) } else { self.root.join(path) };
        Ok(Box::new(fs::File::open(path)?))
    }
}

/// The paths of all files inside a folder, `/` between their parts.
fn list(folder: &Path, before: &str, depth: usize, paths: &mut Vec<String>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let entry = entry?;
        let name = format!("{before}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            if let Some(depth) = depth.checked_sub(1) {
                list(&entry.path(), &format!("{name}/"), depth, paths)?;
            }
        } else {
            paths.push(name);
        }
    }
    Ok(())
}

fn end_of(path: &Path) -> String {
    path.extension().map(|end| end.to_string_lossy().to_ascii_lowercase()).unwrap_or_default()
}
