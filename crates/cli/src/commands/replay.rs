//! `fewbit replay`.

use std::io::Write;
use std::path::Path;

use anyhow::Context as _;
use fewbit_experiment::{Document, ModelRef, link as links};
use fewbit_quant::QuantizedLayer;
use serde_json::{Value, json};

use super::eval::result;
use crate::args::{Engine, Replay};
use crate::bench::{Bench, Outcome, backend, backend_name};
use crate::output::Answer;
use crate::source::{Source, read};

/// By how much numbers of another engine may differ, relative to the larger one.
const TOLERANCE: f64 = 1e-3;

/// Runs a link's experiment again and tells whether it gives the same.
///
/// Against an earlier answer, numbers may differ by [`TOLERANCE`]: it may be another engine's. Two runs of one engine
/// have to be equal to the bit, in codes, grids and every measured number.
pub(crate) async fn replay(
    engine: Engine,
    args: &Replay,
    messages: &mut dyn Write,
) -> anyhow::Result<Answer> {
    let text = match Path::new(&args.link) {
        path if path.is_file() => String::from_utf8_lossy(&read(path)?).into_owned(),
        _ => args.link.clone(),
    };
    let document = links::read(text.trim())?;
    let first = run(engine, &document, args).await?;
    for note in &first.outcome.notes {
        writeln!(messages, "note: {note}").ok();
    }
    let now = result(&first.outcome, &first.names);
    let differs = match &args.expect {
        Some(path) => {
            let before: Value = serde_json::from_slice(&read(path)?)
                .with_context(|| format!("{} is no answer of `fewbit eval --json`", path.display()))?;
            differences(&before, &now, TOLERANCE)
        }
        None => {
            let second = run(engine, &document, args).await?;
            let mut differs = differences(&now, &result(&second.outcome, &second.names), 0.0);
            for ((name, a), b) in first.names.iter().zip(&first.layers).zip(&second.layers) {
                if a != b {
                    differs.push(
                        json!({ "where": name, "what": "codes or grids", "before": null, "now": null }),
                    );
                }
            }
            differs
        }
    };
    let reproduced = differs.is_empty();
    let text = match reproduced {
        true => "reproduced".to_owned(),
        false => {
            let lines = differs
                .iter()
                .map(|d| format!("  {} {}: {} before, {} now", d["where"], d["what"], d["before"], d["now"]));
            format!("not reproduced:\n{}", lines.collect::<Vec<_>>().join("\n"))
        }
    };
    let json =
        json!({ "reproduced": reproduced, "differs": differs, "result": now, "backend": first.backend });
    let status = u8::from(!reproduced);
    Ok(Answer { status, ..Answer::new(json, text) })
}

struct Run {
    outcome: Outcome,
    names: Vec<String>,
    layers: Vec<QuantizedLayer>,
    backend: String,
}

async fn run(engine: Engine, document: &Document, args: &Replay) -> anyhow::Result<Run> {
    let name = match (&document.model, &args.model_file) {
        (ModelRef::Gallery(id), None) => id.clone(),
        (ModelRef::Gallery(id), Some(_)) => {
            anyhow::bail!("the link is about `{id}`, which comes along: leave --model-file out")
        }
        (ModelRef::File { .. }, Some(path)) => path.display().to_string(),
        (ModelRef::File { name, .. }, None) => {
            anyhow::bail!("the link is about the file `{name}`: name it with --model-file")
        }
    };
    let backend = backend(engine).await?;
    let backend_name = backend_name(&*backend);
    let mut bench = Bench::load(backend, Source::open(&name, &args.data)?).await?;
    if let (ModelRef::File { name, id }, Some(loaded)) = (&document.model, bench.engine.bench())
        && !id.is_empty()
        && *id != loaded.prepared.facts.id
    {
        anyhow::bail!("this is not the model of the link: `{name}` there has the hash {id}");
    }
    let outcome = bench.run(&document.recipe).await?;
    let loaded = bench.engine.bench();
    Ok(Run {
        outcome,
        names: loaded.map(|bench| bench.prepared.layer_names()).unwrap_or_default(),
        layers: loaded.map(|bench| bench.layers().to_vec()).unwrap_or_default(),
        backend: backend_name,
    })
}

/// The numbers and words in which two answers differ by more than `tolerance`.
fn differences(before: &Value, now: &Value, tolerance: f64) -> Vec<Value> {
    let mut differs = Vec::new();
    let keys = ["metric", "value", "float_value", "agreement", "kl", "n", "size_bytes", "effective_bits"];
    compare("model", before, now, &keys, tolerance, &mut differs);
    let none = Vec::new();
    let layers = |answer: &Value| answer["layers"].as_array().cloned().unwrap_or_default();
    let (old, new) = (layers(before), layers(now));
    if old.len() != new.len() {
        differs.push(json!({ "where": "model", "what": "layers", "before": old.len(), "now": new.len() }));
    }
    let keys = [
        "name",
        "weights",
        "activations",
        "applied",
        "weight_sqnr_db",
        "local_sqnr_db",
        "cumulative_sqnr_db",
    ];
    for (a, b) in old.iter().zip(if old.len() == new.len() { &new } else { &none }) {
        compare(b["name"].as_str().unwrap_or("layer"), a, b, &keys, tolerance, &mut differs);
    }
    differs
}

fn compare(
    place: &str,
    before: &Value,
    now: &Value,
    keys: &[&str],
    tolerance: f64,
    differs: &mut Vec<Value>,
) {
    for &key in keys {
        let (a, b) = (&before[key], &now[key]);
        let same = match (a.as_f64(), b.as_f64()) {
            (Some(a), Some(b)) => (a - b).abs() <= tolerance * a.abs().max(b.abs()),
            _ => a == b,
        };
        if !same {
            differs.push(json!({ "where": place, "what": key, "before": a, "now": b }));
        }
    }
}
