//! Files of tensors: opened without reading more than their header, and listed.

use std::fs::File;
use std::io::{BufReader, Read as _, Seek as _};
use std::path::Path;

use anyhow::Context as _;
use fewbit_experiment::convert;
use fewbit_formats::tensors::Metadata;
use fewbit_formats::{Kind, Limits, TensorEntry, TensorFile};
use serde_json::{Map, Value, json};

use crate::output::{Answer, table};

/// Opens a file of tensors; none if it is another kind of file, or no file.
pub(crate) fn open(path: &Path) -> anyhow::Result<Option<TensorFile<BufReader<File>>>> {
    let Some(mut file) = File::open(path).ok().filter(|_| path.is_file()) else { return Ok(None) };
    let mut front = Vec::new();
    file.by_ref().take(9).read_to_end(&mut front)?;
    file.rewind()?;
    if !matches!(Kind::of(&front, ""), Kind::Gguf | Kind::Safetensors) {
        return Ok(None);
    }
    let opened = TensorFile::open(BufReader::new(file), &Limits::default());
    opened.map(Some).with_context(|| path.display().to_string())
}

/// Lists the tensors of a file, if it is one of tensors.
pub(crate) fn inspect(path: &Path, statistics: bool) -> anyhow::Result<Option<Answer>> {
    let Some(mut file) = open(path)? else { return Ok(None) };
    let mut rows = Vec::new();
    let mut list = Vec::new();
    for tensor in file.tensors.clone() {
        let mut row =
            vec![tensor.name.clone(), shape(&tensor), tensor.element.clone(), tensor.bytes.to_string()];
        let mut entry = json!({
            "name": tensor.name, "shape": tensor.shape, "element": tensor.element, "bytes": tensor.bytes,
        });
        if statistics && tensor.blocks.is_some() {
            let seen = convert::statistics(&mut file, &tensor)?;
            entry["statistics"] = json!({
                "min": seen.min, "max": seen.max, "mean": seen.mean, "deviation": seen.deviation, "zeros": seen.zeros,
            });
            row.extend([seen.min, seen.max].map(|x| format!("{x:.5}")));
            row.extend([seen.mean, seen.deviation].map(|x| format!("{x:.5}")));
            row.push(seen.zeros.to_string());
        }
        list.push(entry);
        rows.push(row);
    }
    let metadata: Map<String, Value> = match &file.metadata {
        Metadata::Gguf(entries) => {
            entries.iter().map(|(name, value)| (name.clone(), json!(value.to_string()))).collect()
        }
        Metadata::Texts(texts) => texts.iter().map(|(name, text)| (name.clone(), json!(text))).collect(),
    };
    let bytes: u64 = file.tensors.iter().map(|tensor| tensor.bytes).sum();
    let parameters: u64 = file.tensors.iter().map(TensorEntry::len).sum();
    let mut heads = vec!["tensor", "shape", "type", "bytes"];
    if statistics {
        heads.extend(["min", "max", "mean", "deviation", "zeros"]);
    }
    let mut text = format!(
        "{}: {}, {} tensors, {parameters} values, {bytes} bytes\n",
        path.display(),
        file.kind.name(),
        rows.len()
    );
    for (name, value) in &metadata {
        let value = value.as_str().unwrap_or_default();
        let short: String = value.chars().take(100).collect();
        text += &format!("{name}: {short}{}\n", if short.len() < value.len() { "…" } else { "" });
    }
    text += &format!("\n{}", table(&heads, &rows));
    let json = json!({
        "name": path.file_name().map(|name| name.to_string_lossy()), "format": file.kind.name(), "bytes": bytes,
        "parameters": parameters, "metadata": metadata, "tensors": list,
    });
    Ok(Some(Answer::new(json, text)))
}

/// `4096×4096`.
pub(crate) fn shape(tensor: &TensorEntry) -> String {
    let lengths: Vec<String> = tensor.shape.iter().map(u64::to_string).collect();
    lengths.join("×")
}
