//! Data of one's own beside a model: npz, a folder of pictures, CSV, plain text.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use fewbit_data::Samples;
use fewbit_data::images::{Folder, Pictures, Preprocess};
use fewbit_data::table::Reading;
use fewbit_data::text::Windows;
use fewbit_data::tokenizer::Tokenizer;
use fewbit_experiment::engine::Bench;
use fewbit_formats::{Limits, gguf};
use serde_json::{Value, json};

use crate::args::OwnData;
use crate::source::read;

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

/// What a model takes and gives.
pub(crate) struct Wanted {
    sample_shape: Vec<usize>,
    /// Tokens that a language model knows.
    vocabulary: Option<usize>,
}

impl Wanted {
    /// What the model on a bench takes.
    pub(crate) fn by(bench: &Bench) -> anyhow::Result<Self> {
        let face = bench.prepared.face()?;
        let vocabulary = face.answers().filter(|&(tokens, _)| tokens > 1).map(|(_, classes)| classes);
        Ok(Self { sample_shape: face.sample_shape.clone(), vocabulary })
    }
}

/// Whether `path` is something else than an npz archive, which is read as it is.
pub(crate) fn is_own(path: &Path) -> bool {
    path.is_dir() || end_of(path) != "npz"
}

/// Reads what lies at `path` as samples for a model.
pub(crate) fn open(path: &Path, wanted: &Wanted, asked: &OwnData) -> anyhow::Result<Own> {
    let place = || path.display().to_string();
    if path.is_dir() {
        return folder(path, wanted, asked).with_context(place);
    }
    match end_of(path).as_str() {
        "csv" | "tsv" => table(path, wanted, asked).with_context(place),
        "txt" | "text" | "md" => text(path, wanted, asked).with_context(place),
        end => bail!(
            "{} ends in `{end}`: data are an .npz, a folder of .png and .jpg files, a .csv or .tsv, or a .txt",
            path.display()
        ),
    }
}

fn folder(path: &Path, wanted: &Wanted, asked: &OwnData) -> anyhow::Result<Own> {
    let mut paths = Vec::new();
    list(path, "", MOST_DEPTH, &mut paths)?;
    let folder = Folder::of(&paths, asked.samples);
    let beside = |name: &Option<String>| name.as_ref().map(|name| read(&path.join(name))).transpose();
    let config = match &asked.preprocessor {
        Some(config) => Some(read(config)?),
        None => beside(&folder.config)?,
    };
    let (guess, mut notes) = Preprocess::infer(&wanted.sample_shape, config.as_deref())?;
    let preprocess = asked.corrected(guess.clone());
    if preprocess != guess {
        notes.pop();
        notes.push(format!("as asked, {preprocess}"));
    }
    let names = beside(&folder.names)?.map(String::from_utf8).transpose();
    let names = names.context("labels.txt is no UTF-8 text")?;
    let labels = folder.labels(beside(&folder.table)?.as_deref(), names.as_deref())?;
    if folder.pictures.len() < folder.of {
        notes.push(format!(
            "{} of {} pictures, evenly from the list of their names",
            folder.pictures.len(),
            folder.of
        ));
    }
    notes.push(labels.note);
    let told = json!({ "kind": "pictures", "preprocess": preprocess });
    let mut pictures = Pictures::new(preprocess, &wanted.sample_shape)?;
    for name in &folder.pictures {
        pictures.push(name, &read(&path.join(name))?)?;
    }
    Ok(Own { samples: Samples { x: pictures.finish()?, y: labels.y, classes: labels.classes, notes }, told })
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

fn table(path: &Path, wanted: &Wanted, asked: &OwnData) -> anyhow::Result<Own> {
    let bytes = read(path)?;
    let (reading, mut notes) = Reading::infer(&bytes, &wanted.sample_shape, &asked.table())?;
    let mut samples = reading.read(&bytes, &wanted.sample_shape)?;
    notes.append(&mut samples.notes);
    Ok(Own { samples: Samples { notes, ..samples }, told: json!({ "kind": "table", "reading": reading }) })
}

fn text(path: &Path, wanted: &Wanted, asked: &OwnData) -> anyhow::Result<Own> {
    let text = String::from_utf8(read(path)?).context("this is no UTF-8 text")?;
    let Some(named) = &asked.tokenizer else {
        bail!("say how its tokens are made: --tokenizer bytes, chars, or a tokenizer.json or .gguf file");
    };
    let tokenizer = tokenizer(named, &text)?;
    let (mut windows, mut notes) = Windows::infer(&wanted.sample_shape)?;
    windows.stride = asked.stride.map_or(windows.stride, |stride| stride as usize);
    windows.most = asked.samples;
    if windows.stride != windows.length {
        notes = vec![format!(
            "windows of {} tokens, {} apart; each token's label is the next one",
            windows.length, windows.stride
        )];
    }
    notes.push(format!("tokens are {tokenizer}"));
    let known = tokenizer.vocabulary();
    if let Some(vocabulary) = wanted.vocabulary.filter(|&vocabulary| vocabulary < known) {
        bail!(
            "the tokenizer has {known} tokens, but the model knows {vocabulary}: it belongs to another model"
        );
    }
    let mut samples = windows.of(&tokenizer.encode(&text)?)?;
    notes.append(&mut samples.notes);
    let told = json!({ "kind": "text", "tokenizer": named, "vocabulary": known, "windows": windows });
    Ok(Own { samples: Samples { notes, ..samples }, told })
}

/// The tokenizer that `named` stands for: `bytes`, `chars` (the characters of `text`), `chars:FILE`, or a file.
fn tokenizer(named: &str, text: &str) -> anyhow::Result<Tokenizer> {
    match (named, named.strip_prefix("chars:")) {
        ("bytes", _) => Ok(Tokenizer::bytes()),
        ("chars", _) => Ok(Tokenizer::chars(text)?),
        (_, Some(file)) => {
            let alphabet = String::from_utf8(read(Path::new(file))?);
            Ok(Tokenizer::chars(&alphabet.with_context(|| format!("{file} is no UTF-8 text"))?)?)
        }
        _ => {
            let place = || named.to_owned();
            if end_of(Path::new(named)) == "gguf" {
                let file = fs::File::open(named).with_context(place)?;
                let header = gguf::Header::read(std::io::BufReader::new(file), &Limits::default())
                    .with_context(place)?;
                return Tokenizer::from_gguf(&header).with_context(place);
            }
            Tokenizer::from_json(&read(&PathBuf::from(named))?).with_context(place)
        }
    }
}

fn end_of(path: &Path) -> String {
    path.extension().map(|end| end.to_string_lossy().to_ascii_lowercase()).unwrap_or_default()
}

/// The correction of a guess by what was asked.
impl OwnData {
    fn corrected(&self, guess: Preprocess) -> Preprocess {
        Preprocess {
            colors: self.colors.unwrap_or(guess.colors),
            resize: self.resize.unwrap_or(guess.resize),
            filter: self.filter.unwrap_or(guess.filter),
            crop: self.crop.map_or(guess.crop, |crop| crop.0),
            scale: self.scale.unwrap_or(guess.scale),
            mean: self.mean.clone().unwrap_or(guess.mean),
            std: self.std.clone().unwrap_or(guess.std),
            layout: guess.layout,
        }
    }
}
