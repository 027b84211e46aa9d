//! `fewbit quantize` and `fewbit train`.

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context as _, bail};
use fewbit_experiment::protocol::ExportForm;
use fewbit_formats::onnx::write::Layers;
use fewbit_numeric::ggml::BlockType;
use fewbit_quant::methods::{ALL, Stage};
use serde_json::json;

use super::eval::measure;
use crate::args::{Engine, Operators, Quantize};
use crate::bench::Bench;
use crate::checkpoint::Checkpoint;
use crate::output::Answer;
use crate::source::recipe;

/// Quantizes a model by a pipeline, measures it and writes it.
pub(crate) async fn quantize(
    engine: Engine,
    args: &Quantize,
    messages: &mut dyn Write,
) -> anyhow::Result<Answer> {
    let form = form(args)?;
    let (mut bench, mut answer) = measure(engine, &args.model, &args.recipe, &args.data, messages).await?;
    let (mut bytes, mut notes) = bench.export(form).await?;
    match (&form, Checkpoint::open(Path::new(&args.model.name))?) {
        (ExportForm::Gguf, Some(mut checkpoint)) => {
            let told;
            (bytes, told) = checkpoint.for_llama_cpp(bytes, args.gguf_type.unwrap_or(BlockType::F32))?;
            notes.extend(told);
        }
        _ if args.gguf_type.is_some() => bail!("--gguf-type is for checkpoints that are written as .gguf"),
        _ => {}
    }
    save(&bytes, notes, &args.output, &mut answer, messages)?;
    Ok(answer)
}

/// Writes what is on the bench, and says so.
pub(super) async fn write(
    bench: &mut Bench,
    form: ExportForm,
    output: &Path,
    answer: &mut Answer,
    messages: &mut dyn Write,
) -> anyhow::Result<()> {
    let (bytes, notes) = bench.export(form).await?;
    save(&bytes, notes, output, answer, messages)
}

/// Writes a file, and says so.
fn save(
    bytes: &[u8],
    notes: Vec<String>,
    output: &Path,
    answer: &mut Answer,
    messages: &mut dyn Write,
) -> anyhow::Result<()> {
    let path = output.display();
    fs::write(output, bytes).with_context(|| format!("cannot write {path}"))?;
    answer.json["output"] = json!(path.to_string());
    for note in notes {
        writeln!(messages, "note: {note}").ok();
        if let Some(all) = answer.json["notes"].as_array_mut() {
            all.push(json!(note));
        }
    }
    answer.text += &format!("\nwrote {path}, {} bytes\n", bytes.len());
    Ok(())
}

/// The form that the name of the file asks for.
fn form(args: &Quantize) -> anyhow::Result<ExportForm> {
    let ending = args.output.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    match ending {
        "onnx" => Ok(ExportForm::Onnx {
            layers: match args.operators {
                Operators::Qdq => Layers::Float { integer_biases: !args.float_biases },
                Operators::Qlinear if args.float_biases => {
                    bail!("--float-biases is for --operators qdq: integer operators take integer biases")
                }
                Operators::Qlinear => Layers::Integer,
            },
        }),
        _ if args.operators != Operators::Qdq => bail!("--operators is for OUT.onnx"),
        "safetensors" => Ok(ExportForm::Safetensors),
        "gguf" => Ok(ExportForm::Gguf),
        _ => {
            bail!("{} ends with no form that is written: .onnx, .safetensors or .gguf", args.output.display())
        }
    }
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
