//! `fewbit eval`.

use std::io::Write;
use std::time::Instant;

use fewbit_quant::report::{Errors, Evaluation, LayerReport};
use serde_json::{Value, json};

use crate::args::{Engine, Eval};
use crate::bench::{Bench, Outcome, backend, backend_name};
use crate::output::{Answer, table};
use crate::source::{Source, recipe};

/// Quantizes a model and measures it.
pub(crate) async fn eval(engine: Engine, args: &Eval, messages: &mut dyn Write) -> anyhow::Result<Answer> {
    let recipe = recipe(&args.recipe)?;
    let backend = backend(engine).await?;
    let name = backend_name(&*backend);
    let start = Instant::now();
    let mut bench = Bench::load(backend, Source::open(&args.model, &args.data)?).await?;
    let outcome = bench.run(&recipe).await?;
    for note in &outcome.notes {
        writeln!(messages, "note: {note}").ok();
    }
    let names: Vec<String> =
        bench.engine.bench().map(|bench| bench.prepared.layer_names()).unwrap_or_default();
    let mut json = result(&outcome, &names);
    json["model"] = json!(args.model);
    json["recipe"] = serde_json::to_value(&recipe)?;
    json["seconds"] = json!(start.elapsed().as_secs_f64());
    json["backend"] = json!(name);
    Ok(Answer::new(json, text(&outcome, &names)))
}

/// The keys that two runs of one experiment share.
pub(crate) fn result(outcome: &Outcome, names: &[String]) -> Value {
    let layers: Vec<Value> =
        names.iter().zip(&outcome.layers).map(|(name, layer)| layer_json(name, layer)).collect();
    let mut json = json!({
        "metric": null, "value": null, "interval": null, "float_value": null, "agreement": null, "kl": null, "n": 0,
        "size_bytes": outcome.size.bytes, "float_size_bytes": outcome.size.float_bytes,
        "logits_sqnr_db": null, "effective_bits": outcome.size.effective_bits, "macs": outcome.size.macs,
        "bit_operations": outcome.size.bit_operations, "layers": layers, "notes": outcome.notes,
    });
    if let Some(evaluation) = &outcome.evaluation {
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

fn text(outcome: &Outcome, names: &[String]) -> String {
    let cell = |errors: Option<Errors>| match errors {
        None => "–".to_owned(),
        Some(errors) if errors.sqnr_db.is_infinite() => "∞".to_owned(),
        Some(errors) => format!("{:.1}", errors.sqnr_db),
    };
    let rows: Vec<Vec<String>> = names
        .iter()
        .zip(&outcome.layers)
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
    let size = &outcome.size;
    let mut text = outcome.evaluation.as_ref().map_or_else(String::new, summary);
    text += &format!(
        "size {} bytes of {} in float · {:.3} bits per weight with scales and zero points\n\n",
        size.bytes, size.float_bytes, size.effective_bits
    );
    text + &table(&heads, &rows)
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
