//! `fewbit quantize` and `fewbit train`.

use std::fs;
use std::io::Write;

use anyhow::{Context as _, bail};
use fewbit_quant::methods::{ALL, Stage};
use serde_json::json;

use super::eval::measure;
use crate::args::{Engine, Quantize};
use crate::output::Answer;
use crate::source::recipe;

/// Quantizes a model by a pipeline, measures it and writes it.
pub(crate) async fn quantize(
    engine: Engine,
    args: &Quantize,
    messages: &mut dyn Write,
) -> anyhow::Result<Answer> {
    let recipe = recipe(&args.recipe)?;
    let (mut bench, mut answer) = measure(engine, &args.model, &recipe, &args.data, messages).await?;
    let bytes = bench.weights().await?;
    let path = args.output.display();
    fs::write(&args.output, &bytes).with_context(|| format!("cannot write {path}"))?;
    answer.json["output"] = json!(path.to_string());
    answer.text += &format!("\nwrote {path}, {} bytes\n", bytes.len());
    Ok(answer)
}

/// The same with a method that trains the whole network.
pub(crate) async fn train(
    engine: Engine,
    args: &Quantize,
    messages: &mut dyn Write,
) -> anyhow::Result<Answer> {
    let trains = |stage: Stage| stage == Stage::Train;
    let recipe = recipe(&args.recipe)?;
    let mut methods = recipe.pipeline.steps().iter().filter_map(|step| step.method());
    if !methods.any(|method| trains(method.spec().stage)) {
        let known = ALL.iter().map(|method| method.spec()).filter(|spec| trains(spec.stage));
        let known: Vec<&str> = known.map(|spec| spec.name).collect();
        bail!("--pipeline has no method that trains the whole network; there are {}", known.join(", "));
    }
    quantize(engine, args, messages).await
}
