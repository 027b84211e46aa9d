//! The report as one page of HTML: no script, nothing from elsewhere, light and dark.

use std::fmt::Write as _;

use fewbit_quant::Recipe;
use fewbit_quant::report::{Errors, Evaluation, LayerReport};

use super::{as_applied, run};
use crate::engine::Bench;
use crate::failure::{Code, Failure};

const STYLE: &str = "\
:root{color-scheme:light dark;--paper:#f7f6f3;--ink:#1d1c1a;--ink-2:#5c5953;--line:#d9d6cf;--float:#0072b2;--quant:#d97706}\
@media(prefers-color-scheme:dark){:root{--paper:#141517;--ink:#eceae6;--ink-2:#b5b2ab;--line:#34363a;--float:#56b4e9;--quant:#f0a830}}\
body{background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}\
h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}p,td,th,text{color:var(--ink);fill:var(--ink)}.quiet{color:var(--ink-2)}\
code{font:13px ui-monospace,monospace}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}\
th,td{text-align:left;padding:.2rem .6rem .2rem 0;border-bottom:1px solid var(--line);vertical-align:top}.n{text-align:right}\
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1.2rem}dt{color:var(--ink-2)}dd{margin:0}\
svg{width:100%;height:auto}svg text{font:12px system-ui,sans-serif}.float{fill:var(--float)}.quant{fill:var(--quant)}.axis{stroke:var(--line)}";

/// A bar of more decibels is as long as one of these.
const MOST_DB: f64 = 60.0;

/// The report of what is on the bench.
pub(in crate::engine) fn page(bench: &Bench, recipe: &Recipe) -> Result<Vec<u8>, Failure> {
    let recipe = &as_applied(bench, recipe);
    let written = serde_json::to_string(recipe).map_err(|error| Failure::new(Code::Engine, error))?;
    let facts = &bench.prepared.facts;
    let names = bench.prepared.layer_names();
    let layers = bench.reports();
    let size = bench.size();
    let name = escaped(&facts.name);
    let mut html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{name} · Fewbit</title><style>{STYLE}</style><body><h1>{name}</h1>"
    );
    let mut facts_of: Vec<(&str, String)> = Vec::new();
    facts_of.extend(bench.evaluation().iter().flat_map(answers));
    facts_of.push((
        "Size",
        format!(
            "{} bytes, {:.1} % of the {} in 32-bit floats",
            size.bytes,
            100.0 * size.bytes as f64 / size.float_bytes.max(1) as f64,
            size.float_bytes
        ),
    ));
    facts_of.push(("Bits per weight", format!("{:.3}, with scales and zero points", size.effective_bits)));
    facts_of.push(("Multiply-accumulates", format!("{} for one sample", size.macs)));
    facts_of.push((
        "Bit operations",
        format!("{} (Σ MACs · bits of weights · bits of inputs)", size.bit_operations),
    ));
    facts_of.push(("Weights", recipe.weights.to_string()));
    facts_of.push(("Inputs of layers", recipe.activations.to_string()));
    if let Some(run) = run(bench) {
        facts_of.push(("Methods", format!("{} ({run})", recipe.pipeline)));
    }
    facts_of.push(("Calibration samples", recipe.calibration_samples.to_string()));
    facts_of.push(("Model", facts.id.clone()));
    html += "<dl>";
    for (what, value) in facts_of {
        write!(html, "<dt>{what}</dt><dd>{}</dd>", escaped(&value)).ok();
    }
    html += "</dl>";
    let decibels = |of: fn(&LayerReport) -> Option<Errors>| -> Vec<Option<f64>> {
        layers.iter().map(|layer| of(layer).map(|errors| errors.sqnr_db)).collect()
    };
    html += "<h2>Error of each layer's output</h2><p class=\"quiet\">SQNR against float in dB, higher is better: what has come \
             together until this layer (filled), and what its own quantizers do (line).</p>";
    let unit = Unit { name: "dB", most: Some(MOST_DB), what: "SQNR of each layer's output" };
    bars(&mut html, &names, &decibels(|layer| layer.cumulative), &decibels(|layer| layer.local), unit);
    html += "<h2>What each layer's parameters take</h2><p class=\"quiet\">Codes, scales, zero points and biases, in kilobytes; the line \
             is the same in 32-bit floats.</p>";
    let kilobytes = layers.iter().map(|layer| Some(layer.bits as f64 / 8e3)).collect::<Vec<_>>();
    let float =
        facts.layers.iter().map(|layer| Some(4.0 * layer.parameters as f64 / 1e3)).collect::<Vec<_>>();
    let unit = Unit { name: "kB", most: None, what: "size of each layer's parameters" };
    bars(&mut html, &names, &kilobytes, &float, unit);
    table(&mut html, &names, &layers);
    write!(
        html,
        "<h2>Recipe</h2><p><code>{}</code></p><p class=\"quiet\">Written by Fewbit {}.</p></body></html>",
        escaped(&written),
        env!("CARGO_PKG_VERSION")
    )
    .ok();
    Ok(html.into_bytes())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn answers(evaluation: &Evaluation) -> Vec<(&'static str, String)> {
    let percent = |count: u32| 100.0 * f64::from(count) / f64::from(evaluation.n.max(1));
    let mut told = Vec::new();
    if let (Some(correct), Some([low, high])) = (evaluation.correct, evaluation.interval) {
        let float = evaluation.float_correct.map(|count| format!(", float {:.2} %", percent(count)));
        let interval = format!("95 % interval {:.2}–{:.2}", 100.0 * low, 100.0 * high);
        let text = format!(
            "{:.2} % ({interval}){}, n = {}",
            percent(correct),
            float.unwrap_or_default(),
            evaluation.n
        );
        told.push(("Accuracy", text));
    }
    if let Some([quantized, float]) = evaluation.perplexity() {
        told.push(("Perplexity", format!("{quantized:.4}, float {float:.4}, n = {}", evaluation.n)));
    }
    if evaluation.classifies {
        told.push((
            "Agreement with float",
            format!("{:.2} %, n = {}", percent(evaluation.agree), evaluation.n),
        ));
        told.push(("KL from float", format!("{:.6} nat", evaluation.kl)));
    }
    told.push(("SQNR of the outputs", format!("{:.2} dB, n = {}", evaluation.logits.sqnr_db, evaluation.n)));
    told
}

/// What bars tell.
#[derive(Clone, Copy)]
struct Unit {
    name: &'static str,
    /// Where bars end, though values go on.
    most: Option<f64>,
    /// For who does not see them.
    what: &'static str,
}

/// A horizontal bar for each layer, with a line across it for a second value.
fn bars(html: &mut String, names: &[String], values: &[Option<f64>], lines: &[Option<f64>], unit: Unit) {
    const ROW: usize = 20;
    const LEFT: f64 = 220.0;
    const WIDTH: f64 = 640.0;
    let capped = |value: &Option<f64>| value.map(|value| value.clamp(0.0, unit.most.unwrap_or(f64::MAX)));
    let known = values.iter().chain(lines).filter_map(capped).fold(0f64, f64::max);
    if known <= 0.0 {
        *html += "<p class=\"quiet\">Nothing was measured.</p>";
        return;
    }
    let height = ROW * names.len() + 4;
    write!(html, "<svg viewBox=\"0 0 960 {height}\" role=\"img\" aria-label=\"{}\">", unit.what).ok();
    for (i, name) in names.iter().enumerate() {
        let y = ROW * i;
        let x = |value: f64| WIDTH * value / known;
        write!(
            html,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
            LEFT - 8.0,
            y + 14,
            escaped(name)
        )
        .ok();
        if let Some(value) = values.get(i).and_then(capped) {
            let label = values.get(i).copied().flatten().unwrap_or(value);
            let label =
                if label.is_finite() { format!("{label:.1} {}", unit.name) } else { "no error".to_owned() };
            let (width, after) = (x(value), LEFT + x(value) + 6.0);
            write!(
                html,
                "<rect class=\"quant\" x=\"{LEFT}\" y=\"{}\" width=\"{width:.1}\" height=\"12\"/>",
                y + 4
            )
            .ok();
            write!(html, "<text x=\"{after:.1}\" y=\"{}\">{label}</text>", y + 14).ok();
        }
        if let Some(value) = lines.get(i).and_then(capped) {
            let at = LEFT + x(value) - 1.0;
            write!(html, "<rect class=\"float\" x=\"{at:.1}\" y=\"{}\" width=\"2\" height=\"16\"/>", y + 2)
                .ok();
        }
    }
    *html += "</svg>";
}

fn table(html: &mut String, names: &[String], layers: &[LayerReport]) {
    *html += "<h2>Layers</h2><table><tr><th>Layer<th>Weights<th>Input<th class=\"n\">Weight dB<th class=\"n\">Local dB\
              <th class=\"n\">Cumulative dB<th>Not as asked</tr>";
    let cell = |errors: Option<Errors>| match errors {
        None => "–".to_owned(),
        Some(errors) if errors.sqnr_db.is_infinite() => "∞".to_owned(),
        Some(errors) => format!("{:.1}", errors.sqnr_db),
    };
    for (name, layer) in names.iter().zip(layers) {
        let reasons: Vec<&str> = [&layer.weights.reason, &layer.activations.reason]
            .into_iter()
            .flatten()
            .map(String::as_str)
            .collect();
        write!(html, "<tr><td>{}<td>{}<td>{}", escaped(name), layer.weights.done, layer.activations.done)
            .ok();
        for errors in [layer.weight, layer.local, layer.cumulative] {
            write!(html, "<td class=\"n\">{}", cell(errors)).ok();
        }
        write!(html, "<td>{}</tr>", escaped(&reasons.join("; "))).ok();
    }
    *html += "</table>";
}
