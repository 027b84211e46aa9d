//! `fewbit inspect`.

use std::path::Path;

use anyhow::bail;
use serde_json::{Value, json};

use super::tensors;
use crate::args::{Data, Model};
use crate::output::{Answer, table};
use crate::source::Source;

/// Shows what a model is, or what tensors a file has.
pub(crate) fn inspect(model: &Model, statistics: bool) -> anyhow::Result<Answer> {
    match tensors::inspect(Path::new(&model.name), statistics)? {
        None if statistics => bail!("--statistics is for the tensors of GGUF and safetensors files"),
        None => network(model),
        Some(answer) if statistics => Ok(answer),
        Some(tensors) => Ok(both(tensors, network(model))),
    }
}

/// The tensors of a file, and the network that they belong to, or why it is not known.
fn both(tensors: Answer, network: anyhow::Result<Answer>) -> Answer {
    let Answer { mut json, mut text, status } = tensors;
    match network {
        Ok(network) => {
            json["model"] = network.json;
            text += &format!("\n\n{}", network.text);
        }
        Err(why) => {
            json["model"] = Value::Null;
            json["reason"] = json!(format!("{why:#}"));
            text += &format!("\n\nno model: {why:#}\n");
        }
    }
    Answer { status, ..Answer::new(json, text) }
}

/// Shows what a network is.
fn network(model: &Model) -> anyhow::Result<Answer> {
    let source = Source::open(model, &Data::default())?;
    let mut bench = source.look()?;
    bench.prepared.facts.lengths.extend(source.taken.into_iter().map(|(name, length)| (name, Some(length))));
    let facts = &bench.prepared.facts;
    let face = |wires: &[(String, String)]| -> Vec<_> {
        wires.iter().map(|(name, shape)| json!({ "name": name, "shape": lengths(shape) })).collect()
    };
    let layers: Vec<_> = facts
        .layers
        .iter()
        .map(|layer| {
            json!({
                "name": layer.name, "operator": layer.operator, "parameters": layer.parameters,
                "weight_shape": layer.weight_shape, "macs": layer.macs,
            })
        })
        .collect();
    let json = json!({
        "name": facts.name, "id": facts.id, "parameters": facts.parameters, "macs": facts.macs,
        "lengths": facts.lengths, "inputs": face(&facts.inputs), "outputs": face(&facts.outputs), "operators": facts.operators,
        "unsupported": facts.unsupported, "layers": layers, "rewrites": facts.rewrites, "metadata": facts.metadata,
    });
    let rows: Vec<Vec<String>> = facts
        .layers
        .iter()
        .map(|layer| {
            let shape: Vec<String> = layer.weight_shape.iter().map(ToString::to_string).collect();
            vec![
                layer.name.clone(),
                layer.operator.clone(),
                shape.join("×"),
                layer.parameters.to_string(),
                layer.macs.to_string(),
            ]
        })
        .collect();
    let operators: Vec<String> =
        facts.operators.iter().map(|(name, count)| format!("{name} {count}")).collect();
    let mut text = format!(
        "{}: {} parameters, {} multiply-accumulates for one sample\noperators: {}\n",
        facts.name,
        facts.parameters,
        facts.macs,
        operators.join(", ")
    );
    for (name, length) in &facts.lengths {
        let length = length.map_or_else(|| "free".to_owned(), |length| length.to_string());
        text += &format!("length {name}: {length}\n");
    }
    for unsupported in &facts.unsupported {
        text +=
            &format!("cannot run: {} `{}`: {}\n", unsupported.operator, unsupported.node, unsupported.reason);
    }
    text += &format!("\n{}", table(&["layer", "operator", "weights", "parameters", "macs"], &rows));
    Ok(Answer::new(json, text))
}

/// `N×1×28×28` as a list: numbers, and names of lengths that are free.
fn lengths(shape: &str) -> Vec<Value> {
    let lengths = shape.split('×').filter(|length| !length.is_empty());
    lengths.map(|length| length.parse::<u64>().map_or_else(|_| json!(length), |n| json!(n))).collect()
}
