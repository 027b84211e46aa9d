//! `fewbit eval`.

use std::io::Write;
use std::time::Instant;

use fewbit_quant::methods::Finding;
use fewbit_quant::report::{Errors, Evaluation, LayerReport};
use serde_json::{Value, json};

use crate::args::{Data, Engine, Eval, Model, RecipeArgs};
use crate::bench::{Bench, Measured, backend, backend_name};
use crate::output::{Answer, table};
use crate::source::{Source, allocation, recipe};

/// Quantizes a model and measures it.
pub(crate) async fn eval(engine: Engine, args: &Eval, messages: &mut dyn Write) -> anyhow::Result<Answer> {
    Ok(measure(engine, &args.model, &args.recipe, &args.data, messages).await?.1)
}

/// Makes the recipe that is `asked` for true of a model and measures it. Gives the bench that it lies on, and the answer.
pub(crate) async fn measure(
    engine: Engine,
    model: &Model,
    asked: &RecipeArgs,
    data: &Data,
    messages: &mut dyn Write,
) -> anyhow::Result<(Bench, Answer)> {
    let mut recipe = recipe(asked)?;
    let backend = backend(engine).await?;
    let name = backend_name(&*backend);
    let start = Instant::now();
    let mut bench = Bench::load(backend, Source::open(model, data)?).await?;
    let allocation = allocation(asked, &bench.layer_names())?;
    allocation.precede(&mut recipe);
    let mut measured = bench.run(&recipe, messages).await?;
    measured.notes.splice(0..0, allocation.notes);
    for note in &measured.notes {
        writeln!(messages, "note: {note}").ok();
    }
    let names = bench.layer_names();
    let mut json = result(&measured, &names);
    json["model"] = json!(model.name);
    json["lengths"] = json!(model.lengths());
    json["recipe"] = serde_json::to_value(&recipe)?;
    json["pipeline"] = json!(recipe.pipeline);
    json["steps"] = steps(&measured, &names);
    json["seconds"] = json!(start.elapsed().as_secs_f64());
    json["backend"] = json!(name);
    json["data"] = json!(bench.own);
    let text = text(&measured, &names);
    Ok((bench, Answer::new(json, text)))
}

/// What came of the pipeline, step by step.
pub(crate) fn steps(measured: &Measured, names: &[String]) -> Value {
    let step = |step: &fewbit_experiment::runs::StepOutcome| {
        let findings: Vec<Value> = step.findings.iter().map(|finding| finding_json(finding, names)).collect();
        json!({ "name": step.step, "seconds": step.seconds, "findings": findings })
    };
    measured.steps.iter().map(step).collect()
}

/// A finding: its layer, what it is in words, and its numbers.
fn finding_json(finding: &Finding, names: &[String]) -> Value {
    let told = serde_json::to_value(&finding.what).unwrap_or_default();
    let (what, mut json) = match told {
        Value::Object(fact) => fact.into_iter().next().unwrap_or_default(),
        word => (word.as_str().unwrap_or_default().to_owned(), json!({})),
    };
    json["layer"] = json!(names.get(finding.layer as usize));
    json["what"] = json!(words(&what));
    json
}

/// `NotApplied` as `not applied`.
fn words(name: &str) -> String {
    let mut words = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(c.to_lowercase());
    }
    words
}

/// The keys that two runs of one experiment share.
pub(crate) fn result(measured: &Measured, names: &[String]) -> Value {
    let layers: Vec<Value> =
        names.iter().zip(&measured.layers).map(|(name, layer)| layer_json(name, layer)).collect();
    let mut json = json!({
        "metric": null, "value": null, "interval": null, "float_value": null, "agreement": null, "kl": null, "n": 0,
        "size_bytes": measured.size.bytes, "float_size_bytes": measured.size.float_bytes,
        "cross_entropy": null, "float_cross_entropy": null, "perplexity": null, "float_perplexity": null,
        "logits_sqnr_db": null, "effective_bits": measured.size.effective_bits, "macs": measured.size.macs,
        "bit_operations": measured.size.bit_operations, "layers": layers, "notes": measured.notes,
    });
    if let Some(evaluation) = &measured.evaluation {
        let share = |count: u32| f64::from(count) / f64::from(evaluation.n.max(1));
        json["n"] = json!(evaluation.n);
        json["logits_sqnr_db"] = decibels(Some(evaluation.logits));
        if evaluation.classifies {
            json["metric"] = json!(if evaluation.correct.is_some() { "accuracy" } else { "agreement" });
            json["value"] = json!(share(evaluation.correct.unwrap_or(evaluation.agree)));
            json["interval"] = json!(evaluation.interval);
            json["float_value"] = json!(evaluation.float_correct.map(share));
            json["agreement"] = json!(share(evaluation.agree));
            json["kl"] = json!(evaluation.kl);
            for (key, values) in [("cross_entropy", evaluation.loss), ("perplexity", evaluation.perplexity())]
            {
                if let Some([quantized, float]) = values {
                    json[key] = json!(quantized);
                    json[format!("float_{key}")] = json!(float);
                }
            }
        } else {
            json["metric"] = json!("sqnr_db");
            json["value"] = json["logits_sqnr_db"].clone();
        }
    }
    json
}

fn layer_json(name: &str, layer: &LayerReport) -> Value {
    json!({
        "name": name,
        "weights": layer.weights.asked,
        "activations": layer.activations.asked,
        "applied": { "weights": layer.weights.done, "activations": layer.activations.done },
        "reason": reasons(layer),
        "bits": layer.bits,
        "weight_sqnr_db": decibels(layer.weight),
        "local_sqnr_db": decibels(layer.local),
        "cumulative_sqnr_db": decibels(layer.cumulative),
    })
}

/// Why something is not as asked, if it is not.
fn reasons(layer: &LayerReport) -> Option<String> {
    let parts = [("weights", &layer.weights), ("input", &layer.activations)];
    let reasons: Vec<String> = parts
        .into_iter()
        .filter_map(|(part, applied)| applied.reason.as_ref().map(|reason| format!("{part}: {reason}")))
        .collect();
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

/// JSON has no infinity: without noise, and without a measurement, this is null.
fn decibels(errors: Option<Errors>) -> Value {
    errors.map(|errors| errors.sqnr_db).filter(|db| db.is_finite()).map_or(Value::Null, |db| json!(db))
}

pub(crate) fn text(measured: &Measured, names: &[String]) -> String {
    let cell = |errors: Option<Errors>| match errors {
        None => "–".to_owned(),
        Some(errors) if errors.sqnr_db.is_infinite() => "∞".to_owned(),
        Some(errors) => format!("{:.1}", errors.sqnr_db),
    };
    let rows: Vec<Vec<String>> = names
        .iter()
        .zip(&measured.layers)
        .map(|(name, layer)| {
            vec![
                name.clone(),
                layer.weights.done.to_string(),
                layer.activations.done.to_string(),
                cell(layer.weight),
                cell(layer.local),
                cell(layer.cumulative),
                reasons(layer).unwrap_or_default(),
            ]
        })
        .collect();
    let heads = ["layer", "weights", "input", "weight dB", "local dB", "cumulative dB", "not as asked"];
    let size = &measured.size;
    let mut text = measured.evaluation.as_ref().map_or_else(String::new, summary);
    text += &format!(
        "size {} bytes of {} in float · {:.3} bits per weight with scales and zero points\n\n",
        size.bytes, size.float_bytes, size.effective_bits
    );
    text += &table(&heads, &rows);
    for step in &measured.steps {
        text += &format!("\n{} · {:.1} s", step.step, step.seconds);
    }
    text
}

fn summary(evaluation: &Evaluation) -> String {
    let percent = |count: u32| 100.0 * f64::from(count) / f64::from(evaluation.n.max(1));
    let mut text = String::new();
    if let (Some(correct), Some(float), Some([low, high])) =
        (evaluation.correct, evaluation.float_correct, evaluation.interval)
    {
        text += &format!(
            "accuracy {:.2} % (95 % interval {:.2} – {:.2}), float {:.2} %, n = {}\n",
            percent(correct),
            100.0 * low,
            100.0 * high,
            percent(float),
            evaluation.n
        );
    }
    if let Some([quantized, float]) = evaluation.perplexity() {
        text += &format!("perplexity {quantized:.4}, float {float:.4}\n");
    }
    if !evaluation.classifies {
        return format!("outputs {:.1} dB · n = {}\n", evaluation.logits.sqnr_db, evaluation.n);
    }
    text + &format!(
        "agreement with float {:.2} % · KL {:.5} nat · n = {}\n",
        percent(evaluation.agree),
        evaluation.kl,
        evaluation.n
    )
}
