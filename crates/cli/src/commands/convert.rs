//! `fewbit convert`.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context as _, bail};
use fewbit_experiment::convert::{Converted, gguf, packed};
use fewbit_formats::TensorFile;
use fewbit_numeric::ggml::BlockType;
use fewbit_quant::Choice;
use serde_json::{Value, json};

use super::tensors;
use crate::args::Convert;
use crate::output::{Answer, table};

/// The word of a rule that leaves tensors as they are.
const KEEP: &str = "keep";

/// Writes the tensors of a file in other types.
pub(crate) fn convert(args: &Convert, messages: &mut dyn Write) -> anyhow::Result<Answer> {
    let from = args.input.display();
    let Some(mut file) = tensors::open(&args.input)? else {
        bail!("{from} is no GGUF or safetensors file that can be read");
    };
    if fs::canonicalize(&args.input).ok() == fs::canonicalize(&args.output).ok() {
        bail!("the output is the input: choose another name");
    }
    let mut tell = |converted: &Converted| {
        writeln!(messages, "{} → {}", converted.name, converted.to).ok();
    };
    let ending = args.output.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let all = match (ending, args.r#type, args.weights) {
        ("gguf", kind, None) => {
            let rules = args.set.iter().map(|(pattern, text)| Ok((pattern.clone(), kept(text)?)));
            let rules = rules.collect::<anyhow::Result<_>>()?;
            let plan = gguf::Plan { kind: kind.unwrap_or(BlockType::Q8_0), rules };
            let mut out = BufWriter::new(create(&args.output)?);
            let all = gguf::convert(&mut file, &plan, &mut out, &mut tell)?;
            out.flush()?;
            all
        }
        ("safetensors", None, weights) => compressed(args, &mut file, weights, &mut tell)?,
        ("gguf", ..) => bail!("--weights is for .safetensors; for .gguf ask with --type"),
        ("safetensors", ..) => bail!("--type is for .gguf; for .safetensors ask with --weights"),
        _ => bail!("{} ends with no form that is written: .gguf or .safetensors", args.output.display()),
    };
    Ok(answer(args, &all))
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
    file: &mut TensorFile<std::io::BufReader<File>>,
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

fn answer(args: &Convert, all: &[Converted]) -> Answer {
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
    let json = json!({ "output": path, "bytes_before": before, "bytes": now, "tensors": list });
    let text = format!(
        "{}\nwrote {path}: {before} bytes of values became {now}",
        table(&["tensor", "from", "to", "bytes before", "bytes", "dB", "not as asked"], &rows)
    );
    Answer::new(json, text)
}
