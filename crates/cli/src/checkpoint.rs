//! Checkpoints: a folder as Hugging Face has it, safetensors beside their `config.json`, or GGUF.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufReader, Cursor};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use fewbit_experiment::convert::llama_cpp;
use fewbit_formats::checkpoint::{self, Import, LlamaCpp, Weights};
use fewbit_formats::{Kind, Limits, TensorFile};
use fewbit_numeric::ggml::BlockType;

use crate::commands::tensors;
use crate::source::read;

const CONFIG: &str = "config.json";
const INDEX: &str = "model.safetensors.index.json";

/// The tensors of a checkpoint, and what says which network they belong to.
pub(crate) struct Checkpoint {
    pub(crate) weights: Weights<BufReader<File>>,
    /// The text of `config.json`; none beside GGUF.
    pub(crate) config: Option<Vec<u8>>,
    /// Where the files are.
    folder: PathBuf,
    place: PathBuf,
}

impl Checkpoint {
    /// Opens `path` if it is a checkpoint: reads headers alone. None for anything else, and for safetensors without a configuration.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Option<Self>> {
        let (folder, names) = if path.is_dir() {
            (path, all_of(path)?)
        } else {
            let Some(file) = tensors::open(path)? else { return Ok(None) };
            let Some(name) = path.file_name().map(|name| name.to_string_lossy().into_owned()) else {
                return Ok(None);
            };
            let folder = path.parent().unwrap_or(Path::new(""));
            let index = folder.join(INDEX);
            match file.kind {
                Kind::Gguf => (folder, parts_of(&name)),
                _ if !folder.join(CONFIG).is_file() => return Ok(None),
                _ if index.is_file() => {
                    let shards = checkpoint::shards(&read(&index)?)?;
                    (folder, if shards.contains(&name) { shards } else { vec![name] })
                }
                _ => (folder, vec![name]),
            }
        };
        let mut files = Vec::new();
        for name in &names {
            let path = folder.join(name);
            match tensors::open(&path)? {
                Some(file) => files.push(file),
                None => bail!("{} is missing, or holds no tensors", path.display()),
            }
        }
        let place = path.to_owned();
        let weights = Weights::new(files).with_context(|| place.display().to_string())?;
        let config = match weights.is_gguf() {
            true => None,
            false => Some(read(&folder.join(CONFIG))?),
        };
        Ok(Some(Self { weights, config, folder: folder.to_owned(), place }))
    }

    /// The model; `lengths` say how many tokens it takes.
    pub(crate) fn model(&mut self, lengths: &BTreeMap<String, usize>) -> anyhow::Result<Import> {
        checkpoint::read(&mut self.weights, self.config.as_deref(), lengths, &Limits::default())
            .with_context(|| self.place.display().to_string())
    }

    /// An exported decoder as llama.cpp loads it, and what is worth knowing of it; as it is for a model of another kind.
    pub(crate) fn for_llama_cpp(
        &mut self,
        exported: Vec<u8>,
        float: BlockType,
    ) -> anyhow::Result<(Vec<u8>, Vec<String>)> {
        let Some((decoder, told)) = self.decoder()? else { return Ok((exported, Vec::new())) };
        let mut file = TensorFile::open(Cursor::new(exported), &Limits::default())?;
        let mut out = Vec::new();
        let mut notes = llama_cpp::write(&mut file, &decoder, float, &mut out)?;
        notes.extend(told);
        Ok((out, notes))
    }

    /// What llama.cpp wants to know of the checkpoint, its tokenizer with it, and what is worth knowing of that; none for a
    /// model of another kind.
    pub(crate) fn decoder(&mut self) -> anyhow::Result<Option<(LlamaCpp, Option<String>)>> {
        let Some(mut decoder) = LlamaCpp::of(&mut self.weights, self.config.as_deref())? else {
            return Ok(None);
        };
        let tokenizer = self.folder.join("tokenizer.json");
        let missing = match &self.config {
            Some(config) if tokenizer.is_file() => {
                decoder.add_tokenizer(&read(&tokenizer)?, config).err().map(|why| why.to_string())
            }
            _ => Some("there is none beside the checkpoint".to_owned()),
        };
        let missing = missing.filter(|_| !decoder.has_tokenizer());
        let told = missing
            .map(|why| format!("without a tokenizer, llama.cpp runs the file on token ids alone: {why}"));
        Ok(Some((decoder, told)))
    }
}

/// The files of tensors in a folder.
fn all_of(folder: &Path) -> anyhow::Result<Vec<String>> {
    if folder.join(INDEX).is_file() {
        return Ok(checkpoint::shards(&read(&folder.join(INDEX))?)?);
    }
    let place = || format!("cannot read the folder {}", folder.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).with_context(place)? {
        let name = entry.with_context(place)?.file_name().to_string_lossy().into_owned();
        if name.ends_with(".safetensors") {
            names.push(name);
        }
    }
    names.sort();
    match names.as_slice() {
        [_] => Ok(names),
        _ if names.iter().any(|name| name == "model.safetensors") => Ok(vec!["model.safetensors".to_owned()]),
        [] => bail!("{} holds no safetensors: name a file in it", folder.display()),
        _ => bail!("{} holds {} and no {INDEX}: name one of them", folder.display(), names.join(", ")),
    }
}

/// The files of a GGUF that is split as llama.cpp does it, `NAME-00001-of-00003.gguf`; else the file itself.
fn parts_of(name: &str) -> Vec<String> {
    let split = || {
        let (rest, count) = name.strip_suffix(".gguf")?.rsplit_once("-of-")?;
        let (stem, part) = rest.rsplit_once('-')?;
        let is_number = |text: &str| text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit());
        let total: usize = Some(count).filter(|_| is_number(part) && is_number(count))?.parse().ok()?;
        Some((1..=total).map(|part| format!("{stem}-{part:05}-of-{count}.gguf")).collect())
    };
    split().unwrap_or_else(|| vec![name.to_owned()])
}

#[cfg(test)]
mod tests {
    use super::parts_of;

    #[test]
    fn a_split_file_is_all_of_its_parts() {
        assert_eq!(parts_of("m-00002-of-00002.gguf"), ["m-00001-of-00002.gguf", "m-00002-of-00002.gguf"]);
        assert_eq!(parts_of("best-of-10.gguf"), ["best-of-10.gguf"]);
        assert_eq!(parts_of("m.gguf"), ["m.gguf"]);
    }
}
