//! `fewbit replay`.

use std::io::Write;
use std::path::Path;

use anyhow::Context as _;
use fewbit_experiment::{Document, Expectation, ModelRef, Verdict, link as links};
use fewbit_quant::QuantizedLayer;
use serde_json::{Value, json};

use super::eval::result;
use crate::args::{Engine, Model, Replay};
use crate::bench::{Bench, Measured, backend, backend_name};
use crate::output::Answer;
use crate::source::{Source, read};

/// By how much numbers of another engine may differ, relative to the larger one.
const TOLERANCE: f64 = 1e-3;

/// Runs a link's experiment again and tells whether it gives the same.
///
/// Against an earlier answer, numbers may differ by [`TOLERANCE`]: it may be another engine's. What a link expects, and two
/// runs of one engine, have to be equal to the bit.
pub(crate) async fn replay(
    engine: Engine,
    args: &Replay,
    messages: &mut dyn Write,
) -> anyhow::Result<Answer> {
    let text = match Path::new(&args.link) {
        path if path.is_file() => String::from_utf8_lossy(&read(path)?).into_owned(),
        _ => args.link.clone(),
    };
    let linked = links::open(text.trim())?;
    let document = &linked.document;
    let first = run(engine, document, args, messages).await?;
    for note in &first.measured.notes {
        writeln!(messages, "note: {note}").ok();
    }
    let now = result(&first.measured, &first.names);
    let mut differs = Vec::new();
    if let Some(path) = &args.expect {
        let before: Value = serde_json::from_slice(&read(path)?)
            .with_context(|| format!("{} is no answer of `fewbit eval --json`", path.display()))?;
        differs.extend(differences(&before, &now, TOLERANCE));
    }
    if let Some(expected) = &linked.expectation {
        differs.extend(surprises(expected, &first));
    }
    if args.expect.is_none() && linked.expectation.is_none() {
        let second = run(engine, document, args, messages).await?;
        differs.extend(differences(&now, &result(&second.measured, &second.names), 0.0));
        for ((name, a), b) in first.names.iter().zip(&first.layers).zip(&second.layers) {
            if a != b {
                differs.push(unlike(name));
            }
        }
    }
    let reproduced = differs.is_empty();
    let text = match reproduced {
        true => "reproduced".to_owned(),
        false => format!("not reproduced:\n{}", differs.iter().map(line).collect::<Vec<_>>().join("\n")),
    };
    let json =
        json!({ "reproduced": reproduced, "differs": differs, "result": now, "backend": first.backend });
    let status = u8::from(!reproduced);
    Ok(Answer { status, ..Answer::new(json, text) })
}

/// A layer whose codes, grids or biases are not the same.
fn unlike(name: &str) -> Value {
    json!({ "where": name, "what": "codes or grids", "before": null, "now": null })
}

fn line(difference: &Value) -> String {
    let place = difference["where"].as_str().unwrap_or_default();
    let what = difference["what"].as_str().unwrap_or_default();
    match (&difference["before"], &difference["now"]) {
        (Value::Null, Value::Null) => format!("  {place}: {what}"),
        (before, now) => format!("  {place}: {what} {before} before, {now} now"),
    }
}

/// In what a run is not as the link expects: the first layer comes first.
fn surprises(expected: &Expectation, run: &Run) -> Vec<Value> {
    let now = &run.measured.expectation;
    let Verdict::Differs { layers, .. } = expected.compare(now) else { return Vec::new() };
    let name = |&layer: &u32| run.names.get(layer as usize).map_or("a layer too many", String::as_str);
    let mut differs: Vec<Value> = layers.iter().map(name).map(unlike).collect();
    if let (Some((then, of)), Some((now, n))) = (expected.correct, now.correct)
        && (then, of) != (now, n)
    {
        let share = |count: u32, of: u32| f64::from(count) / f64::from(of.max(1));
        let (before, now) = (share(then, of), share(now, n));
        differs.push(json!({ "where": "model", "what": "value", "before": before, "now": now }));
    }
    differs
}

struct Run {
    measured: Measured,
    names: Vec<String>,
    layers: Vec<QuantizedLayer>,
    backend: String,
}

async fn run(
    engine: Engine,
    document: &Document,
    args: &Replay,
    messages: &mut dyn Write,
) -> anyhow::Result<Run> {
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
    let source = Source::open(&Model::of(name, &document.lengths), &args.data)?;
    let mut bench = Bench::load(backend, source).await?;
    if let (ModelRef::File { name, id }, Some(loaded)) = (&document.model, bench.engine.bench())
        && !id.is_empty()
        && *id != loaded.prepared.facts.id
    {
        anyhow::bail!("this is not the model of the link: `{name}` there has the hash {id}");
    }
    let measured = bench.run(&document.recipe, messages).await?;
    let loaded = bench.engine.bench();
    Ok(Run {
        measured,
        names: bench.layer_names(),
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
