//! `fewbit convert`.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Write};
use std::path::Path;

use anyhow::{Context as _, bail};
use fewbit_experiment::convert::{Converted, gguf, packed};
use fewbit_formats::TensorFile;
use fewbit_formats::checkpoint::LlamaCpp;
use fewbit_numeric::ggml::BlockType;
use fewbit_quant::Choice;
use serde_json::{Value, json};

use super::tensors;
use crate::args::Convert;
use crate::checkpoint::Checkpoint;
use crate::output::{Answer, table};

/// A file of tensors, read where it lies.
type Tensors = TensorFile<BufReader<File>>;

/// The word of a rule that leaves tensors as they are.
const KEEP: &str = "keep";

/// Writes the tensors of a file in other types.
pub(crate) fn convert(args: &Convert, messages: &mut dyn Write) -> anyhow::Result<Answer> {
    if fs::canonicalize(&args.input).ok() == fs::canonicalize(&args.output).ok() {
        bail!("the output is the input: choose another name");
    }
    let mut tell = |converted: &Converted| {
        writeln!(messages, "{} → {}", converted.name, converted.to).ok();
    };
    let ending = args.output.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let mut notes = Vec::new();
    let all = match (ending, args.r#type, args.weights) {
        ("gguf", kind, None) => {
            let rules = args.set.iter().map(|(pattern, text)| Ok((pattern.clone(), kept(text)?)));
            let rules = rules.collect::<anyhow::Result<_>>()?;
            let plan = gguf::Plan { kind: kind.unwrap_or(BlockType::Q8_0), rules };
            let (mut files, decoder) = parts(&args.input, &mut notes)?;
            let mut out = BufWriter::new(create(&args.output)?);
            let all = gguf::convert(&mut files, decoder.as_ref(), &plan, &mut out, &mut tell)?;
            out.flush()?;
            all
        }
        ("safetensors", None, weights) => compressed(args, &mut open(&args.input)?, weights, &mut tell)?,
        ("gguf", ..) => bail!("--weights is for .safetensors; for .gguf ask with --type"),
        ("safetensors", ..) => bail!("--type is for .gguf; for .safetensors ask with --weights"),
        _ => bail!("{} ends with no form that is written: .gguf or .safetensors", args.output.display()),
    };
    for note in &notes {
        writeln!(messages, "note: {note}").ok();
    }
    Ok(answer(args, &all, &notes))
}

/// A file of tensors.
fn open(path: &Path) -> anyhow::Result<Tensors> {
    let file = tensors::open(path)?;
    file.with_context(|| format!("{} is no GGUF or safetensors file that can be read", path.display()))
}

/// The files of a checkpoint, and what llama.cpp wants to know of it if it is a decoder that llama.cpp runs. `notes` get what
/// is worth knowing.
fn parts(path: &Path, notes: &mut Vec<String>) -> anyhow::Result<(Vec<Tensors>, Option<LlamaCpp>)> {
    const STAY: &str = "names and metadata stay as they are, and llama.cpp does not know them";
    let Some(mut checkpoint) = Checkpoint::open(path)? else {
        let file = open(path)?;
        notes.push(format!("{STAY}: there is no config.json that says what the tensors belong to"));
        return Ok((vec![file], None));
    };
    if checkpoint.weights.is_gguf() {
        return Ok((checkpoint.weights.into_files(), None));
    }
    let decoder = match checkpoint.decoder() {
        Ok(Some((decoder, told))) => {
            let tensors = checkpoint.weights.tensors().map(|tensor| tensor.name.as_str());
            let others: Vec<&str> = tensors.filter(|name| decoder.name(name).is_none()).collect();
            if !others.is_empty() {
                notes.push(format!("left out, for llama.cpp has no name for it: {}", others.join(", ")));
            }
            notes.extend(told);
            Some(decoder)
        }
        Ok(None) => {
            notes.push(format!("{STAY}: it is no Llama, Mistral, Qwen2 or Qwen3"));
            None
        }
        Err(why) => {
            notes.push(format!("{STAY}: {why:#}"));
            None
        }
    };
    Ok((checkpoint.weights.into_files(), decoder))
}

fn kept(text: &str) -> anyhow::Result<Option<BlockType>> {
    if text == KEEP { Ok(None) } else { Ok(Some(text.parse()?)) }
}

fn create(path: &Path) -> anyhow::Result<File> {
    File::create(path).with_context(|| format!("cannot write {}", path.display()))
}

/// Writes safetensors, and the config that says how they are packed.
fn compressed(
    args: &Convert,
    file: &mut Tensors,
    weights: Option<Choice>,
    tell: &mut dyn FnMut(&Converted),
) -> anyhow::Result<Vec<Converted>> {
    let folder = |path: &Path| path.parent().unwrap_or(Path::new("")).join("config.json");
    let (before, after) = (folder(&args.input), folder(&args.output));
    if after.exists() {
        bail!("{} is there already, and would be written: choose another folder", after.display());
    }
    let mut config: Value = match fs::read(&before) {
        Ok(bytes) => serde_json::from_slice(&bytes).with_context(|| before.display().to_string())?,
        Err(_) => json!({}),
    };
    let choice = |text: &str| if text == KEEP { Ok(Choice::Float) } else { text.parse() };
    let rules = args.set.iter().map(|(pattern, text)| Ok((pattern.clone(), choice(text)?)));
    let rules = rules.collect::<anyhow::Result<_>>()?;
    let plan = packed::Plan { weights: weights.map_or_else(|| "int4@group32".parse(), Ok)?, rules };
    let mut out = BufWriter::new(create(&args.output)?);
    let (all, quantization) = packed::convert(file, &plan, &mut out, tell)?;
    out.flush()?;
    config["quantization_config"] = quantization;
    fs::write(&after, serde_json::to_vec_pretty(&config)?)
        .with_context(|| format!("cannot write {}", after.display()))?;
    Ok(all)
}

fn answer(args: &Convert, all: &[Converted], notes: &[String]) -> Answer {
    let decibels = |converted: &Converted| converted.errors.map(|errors| errors.sqnr_db());
    let list: Vec<Value> = all
        .iter()
        .map(|converted| {
            json!({
                "name": converted.name, "shape": converted.shape, "from": converted.from, "to": converted.to,
                "bytes_before": converted.bytes_before, "bytes": converted.bytes, "reason": converted.reason,
                "sqnr_db": decibels(converted).filter(|db| db.is_finite()),
            })
        })
        .collect();
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|converted| {
            let db = decibels(converted).map_or_else(|| "–".to_owned(), |db| format!("{db:.2}"));
            let reason = converted.reason.clone().unwrap_or_default();
            let bytes = [converted.bytes_before, converted.bytes].map(|bytes| bytes.to_string());
            let [before, now] = bytes;
            vec![
                converted.name.clone(),
                converted.from.clone(),
                converted.to.clone(),
                before,
                now,
                db,
                reason,
            ]
        })
        .collect();
    let total = |of: fn(&Converted) -> u64| all.iter().map(of).sum::<u64>();
    let (before, now) = (total(|c| c.bytes_before), total(|c| c.bytes));
    let path = args.output.display().to_string();
    let json = json!({
        "output": path, "bytes_before": before, "bytes": now, "tensors": list, "notes": notes,
    });
    let text = format!(
        "{}\nwrote {path}: {before} bytes of values became {now}",
        table(&["tensor", "from", "to", "bytes before", "bytes", "dB", "not as asked"], &rows)
    );
    Answer::new(json, text)
}
