//! `fewbit infer`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use fewbit_formats::npy::{self, Values};
use fewbit_formats::onnx::{self, Element, Import, ReadOptions, element};
use fewbit_formats::{Array, Limits};
use fewbit_graph::{Bindings, DType, Dim, Graph, Source as Origin, Tensor};
use fewbit_runtime::{Cancel, Control, Keep, NeverPause};
use serde_json::json;

use crate::args::{Data, Engine, Input, Model};
use crate::bench::{backend, backend_name};
use crate::output::{Answer, table};
use crate::source::{Source, read};

/// Bytes of the longest name of a file, without its end. Common file systems have names of 255 bytes.
const LONGEST_STEM: usize = 200;

/// Runs a model as it is and writes its outputs.
pub(crate) async fn infer(
    engine: Engine,
    model: &Model,
    inputs: &[Input],
    output: &Path,
) -> anyhow::Result<Answer> {
    let (mut values, mut options) = (BTreeMap::new(), ReadOptions::default());
    for Input { name, path } in inputs {
        let array = npy::read(&read(path)?).with_context(|| path.display().to_string())?;
        let given = array.to_tensor()?;
        options.shapes.insert(name.clone(), given.shape().to_vec());
        // One whole number, like a sample rate, may decide which part of a model runs.
        if given.dtype() == DType::I64 && given.len() == 1 {
            options.known.insert(name.clone(), given);
            continue;
        }
        let value = element::to_f32(&given)
            .map_err(|value| anyhow!("{}: float32 cannot hold {value}", path.display()))?;
        if values.insert(name.clone(), value).is_some() {
            bail!("--input gives `{name}` twice");
        }
    }
    let source = Source::open_for(model, &Data::default(), &options.shapes)?;
    options.dims = source.lengths;
    let Import { model, diagnostics, elements, .. } =
        onnx::read_with(&source.model, &Limits::default(), &options)?;
    let unsupported: Vec<_> = diagnostics
        .iter()
        .filter(|d| d.kind == onnx::DiagnosticKind::Unsupported)
        .map(ToString::to_string)
        .collect();
    if !unsupported.is_empty() {
        bail!("`{}` cannot run:\n  {}", source.name, unsupported.join("\n  "));
    }
    let bindings = bind(&model.graph, &values)?;
    let backend = backend(engine).await?;
    let mut plan = backend.prepare(&model.graph, &bindings, Keep::Outputs).await?;
    for &wire in &model.graph.inputs {
        if let Some(value) = values.get(&model.graph.wire(wire).name) {
            plan.set(wire, value)?;
        }
    }
    let cancel = Cancel::default();
    plan.run(&[], &Control { cancel: &cancel, pace: &NeverPause }).await?;
    let outputs = plan.read(&model.graph.outputs).await?;
    fs::create_dir_all(output).with_context(|| format!("cannot make the folder {}", output.display()))?;
    let (mut files, mut stems) = (Vec::new(), Vec::new());
    for (&wire, value) in model.graph.outputs.iter().zip(&outputs) {
        let name = &model.graph.wire(wire).name;
        stems.push(stem(name, &stems));
        let path = output.join(format!("{}.npy", stems.last().map_or("", String::as_str)));
        let values = declared(value, elements.get(name).copied().unwrap_or(Element::F32))?;
        fs::write(&path, npy::write(&Array::new(value.shape().to_vec(), values)?))
            .with_context(|| format!("cannot write {}", path.display()))?;
        files.push((name.clone(), value.shape().to_vec(), path.display().to_string()));
    }
    let list: Vec<_> = files
        .iter()
        .map(|(name, shape, file)| json!({ "name": name, "shape": shape, "file": file }))
        .collect();
    let rows: Vec<_> = files
        .iter()
        .map(|(name, shape, file)| vec![name.clone(), format!("{shape:?}"), file.clone()])
        .collect();
    let json = json!({ "outputs": list, "backend": backend_name(&*backend) });
    Ok(Answer::new(json, table(&["output", "shape", "file"], &rows)))
}

/// What the file of the output `name` is called, without its end: the name, if a file can have it and no other of `taken` does.
fn stem(name: &str, taken: &[String]) -> String {
    let stem = name.replace(['/', '\\'], "_");
    let is_fit = stem.len() <= LONGEST_STEM && !taken.contains(&stem);
    if is_fit { stem } else { format!("output-{}", taken.len()) }
}

/// The values of an output in the type that the model declares, as far as npy has it: 16-bit floats are rounded, and written
/// as float32.
fn declared(value: &Tensor, element: Element) -> anyhow::Result<Values> {
    let value = element.tensor_of(value);
    Ok(match (value.as_i64(), element) {
        (Ok(values), Element::Bool) => Values::Bool(values.iter().map(|&x| x != 0).collect()),
        (Ok(values), Element::U8 | Element::U4) => Values::U8(values.iter().map(|&x| x as u8).collect()),
        (Ok(values), Element::I8 | Element::I4) => Values::I8(values.iter().map(|&x| x as i8).collect()),
        (Ok(values), Element::I32) => Values::I32(values.iter().map(|&x| x as i32).collect()),
        (Ok(values), _) => Values::I64(values.to_vec()),
        (_, Element::F64) => Values::F64(value.as_f32()?.iter().map(|&x| f64::from(x)).collect()),
        _ => Values::F32(value.as_f32()?.to_vec()),
    })
}

/// The lengths that the inputs' symbols stand for.
fn bind(graph: &Graph, values: &BTreeMap<String, Tensor>) -> anyhow::Result<Bindings> {
    let names: Vec<&str> = graph.inputs.iter().map(|&wire| graph.wire(wire).name.as_str()).collect();
    if let Some(other) = values.keys().find(|name| !names.contains(&name.as_str())) {
        bail!("the model has no input `{other}`; its inputs are {}", names.join(", "));
    }
    let mut bindings = Bindings::new();
    for &wire in &graph.inputs {
        let wire = graph.wire(wire);
        let Some(value) = values.get(&wire.name) else { bail!("--input {}=FILE.npy is missing", wire.name) };
        let Origin::Input(dims) = &wire.source else { continue };
        if dims.len() != value.shape().len() {
            bail!("`{}` has {} axes, but {:?} was given", wire.name, dims.len(), value.shape());
        }
        for (dim, &length) in dims.iter().zip(value.shape()) {
            let fits = match dim {
                Dim::Known(known) => *known == length,
                Dim::Symbol(symbol) => *bindings.entry(symbol.clone()).or_insert(length) == length,
            };
            if !fits {
                bail!("`{}` does not take the shape {:?}", wire.name, value.shape());
            }
        }
    }
    Ok(bindings)
}

#[cfg(test)]
mod tests {
    use super::stem;

    #[test]
    fn every_output_has_a_file_of_its_own() {
        let taken = ["a_b".to_owned(), "y".to_owned()];
        assert_eq!(stem("model/y:0", &taken), "model_y:0");
        assert_eq!(stem("a/b", &taken), "output-2");
        assert_eq!(stem(&"long".repeat(60), &taken), "output-2");
    }
}
