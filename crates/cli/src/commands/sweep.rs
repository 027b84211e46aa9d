//! `fewbit sweep`: many recipes, a line of JSON for each.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, bail};
use data_encoding::BASE64URL_NOPAD;
use fewbit_quant::{Correctness, Paired, Recipe};
use serde_json::{Value, json};

use super::eval::{result, steps};
use crate::args::{Engine, Model, Sweep};
use crate::bench::{Bench, backend, backend_name};
use crate::grid::recipes;
use crate::output::{Answer, table};
use crate::source::{Source, allocation, read, recipe};

/// Runs the recipes of a grid that the output does not have yet.
pub(crate) async fn sweep(engine: Engine, args: &Sweep, messages: &mut dyn Write) -> anyhow::Result<Answer> {
    let mut grid = recipes(&read(&args.grid)?, &recipe(&args.recipe)?)
        .with_context(|| format!("{} is no grid", args.grid.display()))?;
    let mut rows = Rows::read(&args.output, &args.model)?;
    let backend = backend(engine).await?;
    let name = backend_name(&*backend);
    let mut bench = Bench::load(backend, Source::open(&args.model, &args.data)?).await?;
    let allocation = allocation(&args.recipe, &bench.layer_names())?;
    grid.iter_mut().for_each(|recipe| allocation.precede(recipe));
    for note in &allocation.notes {
        writeln!(messages, "note: {note}").ok();
    }
    let (mut ran, mut failed) = (0, Vec::new());
    for (i, recipe) in grid.iter().enumerate() {
        if rows.of(recipe)?.is_some() {
            continue;
        }
        writeln!(messages, "recipe {}/{}: {}", i + 1, grid.len(), what(recipe)).ok();
        let start = Instant::now();
        let mut measured = match bench.run(recipe, messages).await {
            Ok(measured) => measured,
            Err(error) => {
                writeln!(messages, "error: {error:#}").ok();
                failed.push(json!({ "recipe": recipe, "error": format!("{error:#}") }));
                continue;
            }
        };
        measured.notes.splice(0..0, allocation.notes.iter().cloned());
        let names = bench.layer_names();
        let mut row = result(&measured, &names);
        row["model"] = json!(args.model.name);
        row["lengths"] = json!(args.model.lengths());
        row["recipe"] = serde_json::to_value(recipe)?;
        row["pipeline"] = json!(recipe.pipeline);
        row["steps"] = steps(&measured, &names);
        row["seconds"] = json!(start.elapsed().as_secs_f64());
        row["backend"] = json!(name);
        row["right"] = json!(bits(&measured.correct));
        rows.append(row)?;
        ran += 1;
    }
    let done: Vec<&Value> =
        grid.iter().filter_map(|recipe| rows.of(recipe).transpose()).collect::<Result<_, _>>()?;
    let pairs = if args.pairs { pairs(&done)? } else { Vec::new() };
    let status = u8::from(!failed.is_empty());
    let text = text(&done, &pairs, &failed);
    let json = json!({
        "model": args.model.name, "output": args.output.display().to_string(), "recipes": grid.len(), "ran": ran,
        "failed": failed, "pairs": pairs,
    });
    Ok(Answer { status, ..Answer::new(json, text) })
}

/// A recipe in a few words.
fn what(recipe: &Recipe) -> String {
    let mut text = format!("{} {}", recipe.weights, recipe.activations);
    if let Some(edges) = recipe.edges {
        text += &format!(" edges {edges}");
    }
    if !recipe.pipeline.is_empty() {
        text += &format!(" {}", recipe.pipeline);
    }
    text + &format!(" seed {}", recipe.seed)
}

/// The lines of the output: what was run before, and what is.
struct Rows<'a> {
    path: &'a Path,
    rows: Vec<Value>,
}

impl<'a> Rows<'a> {
    /// Reads what is there. A last line that was cut short is taken away: its recipe is run again.
    fn read(path: &'a Path, model: &Model) -> anyhow::Result<Self> {
        let mut rows = Vec::new();
        if !path.exists() {
            return Ok(Self { path, rows });
        }
        let text = String::from_utf8_lossy(&read(path)?).into_owned();
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        let (lines, rest) = text.split_at(whole);
        for (i, line) in lines.lines().enumerate() {
            let place = || format!("{}, line {}", path.display(), i + 1);
            let row: Value = serde_json::from_str(line).with_context(place)?;
            if row["model"] != model.name {
                bail!(
                    "{} is about {}, not about `{}`: write to another file",
                    place(),
                    row["model"],
                    model.name
                );
            }
            let (there, asked) =
                (row["lengths"].as_object().cloned().unwrap_or_default(), json!(model.lengths()));
            if json!(there) != asked {
                bail!("{} has the lengths {}, not {asked}: write to another file", place(), json!(there));
            }
            rows.push(row);
        }
        if !rest.is_empty() {
            fs::write(path, lines).with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(Self { path, rows })
    }

    /// The row of a recipe.
    fn of(&self, recipe: &Recipe) -> anyhow::Result<Option<&Value>> {
        let wanted = serde_json::to_value(recipe)?;
        Ok(self.rows.iter().find(|row| row["recipe"] == wanted))
    }

    fn append(&mut self, row: Value) -> anyhow::Result<()> {
        let write = || -> std::io::Result<()> {
            let mut file = OpenOptions::new().create(true).append(true).open(self.path)?;
            file.write_all(format!("{row}\n").as_bytes())?;
            file.sync_data()
        };
        write().with_context(|| format!("cannot write {}", self.path.display()))?;
        self.rows.push(row);
        Ok(())
    }
}

/// One character for each sample, `1` where it is right, eight to a byte; null without labels.
fn bits(correct: &Correctness) -> Option<String> {
    (!correct.is_empty()).then(|| {
        let right: Vec<bool> = correct.iter().collect();
        let byte = |part: &[bool]| part.iter().rev().fold(0u8, |byte, &bit| byte << 1 | u8::from(bit));
        BASE64URL_NOPAD.encode(&right.chunks(8).map(byte).collect::<Vec<u8>>())
    })
}

/// The other way round.
fn right(row: &Value) -> anyhow::Result<Option<Correctness>> {
    let (Some(text), Some(n)) = (row["right"].as_str(), row["n"].as_u64()) else { return Ok(None) };
    let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).context("the key `right` is not base64url")?;
    let bits = bytes.iter().flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1 == 1));
    Ok(Some(bits.take(n as usize).collect()))
}

/// Each row against the first.
fn pairs(rows: &[&Value]) -> anyhow::Result<Vec<Value>> {
    let Some((first, others)) = rows.split_first() else { return Ok(Vec::new()) };
    let mut pairs = Vec::new();
    let Some(reference) = right(first)? else { bail!("--pairs needs labelled data") };
    for row in others {
        let paired = right(row)?.and_then(|right| Paired::of(&reference, &right));
        pairs.push(paired.map_or(Value::Null, |paired| {
            json!({
                "recipe": row["recipe"], "n": paired.n, "only_first": paired.only_first,
                "only_this": paired.only_second, "difference": paired.difference(), "exact_p": paired.exact,
                "mid_p": paired.mid_p,
            })
        }));
    }
    Ok(pairs)
}

fn text(rows: &[&Value], pairs: &[Value], failed: &[Value]) -> String {
    let number = |value: &Value, scale: f64, digits: usize| {
        value.as_f64().map_or_else(|| "–".to_owned(), |value| format!("{:.digits$}", scale * value))
    };
    let row = |(i, row): (usize, &&Value)| {
        let told = serde_json::from_value(row["recipe"].clone()).map_or_else(|_| String::new(), |r| what(&r));
        let is_share = row["metric"] != "sqnr_db";
        let mut cells = vec![
            told,
            number(&row["value"], if is_share { 100.0 } else { 1.0 }, 2),
            number(&row["agreement"], 100.0, 2),
            number(&row["kl"], 1.0, 5),
            row["size_bytes"].to_string(),
            number(&row["seconds"], 1.0, 1),
        ];
        if !pairs.is_empty() {
            let pair = i.checked_sub(1).and_then(|i| pairs.get(i)).unwrap_or(&Value::Null);
            cells.extend([number(&pair["difference"], 100.0, 2), number(&pair["mid_p"], 1.0, 4)]);
        }
        cells
    };
    let cells: Vec<Vec<String>> = rows.iter().enumerate().map(row).collect();
    let mut heads = vec!["recipe", "accuracy % or dB", "agreement %", "KL", "bytes", "s"];
    if !pairs.is_empty() {
        heads.extend(["− first %", "mid-p"]);
    }
    let mut text = table(&heads, &cells);
    for failure in failed {
        text += &format!("failed: {}\n", failure["error"].as_str().unwrap_or_default());
    }
    text
}
