//! `fewbit infer`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail};
use fewbit_formats::npy::{self, Values};
use fewbit_formats::{Array, Limits, onnx};
use fewbit_graph::{Bindings, DType, Dim, Graph, Source as Origin, Tensor};
use fewbit_runtime::{Cancel, Control, Keep, NeverPause};
use serde_json::json;

use crate::args::{Data, Engine, Input};
use crate::bench::{backend, backend_name};
use crate::output::{Answer, table};
use crate::source::{Source, read};

/// Runs a model as it is and writes its outputs.
pub(crate) async fn infer(
    engine: Engine,
    model: &str,
    inputs: &[Input],
    output: &Path,
) -> anyhow::Result<Answer> {
    let source = Source::open(model, &Data::default())?;
    let (model, diagnostics) = onnx::read(&source.model, &Limits::default())?;
    let unsupported: Vec<_> = diagnostics
        .iter()
        .filter(|d| d.kind == onnx::DiagnosticKind::Unsupported)
        .map(ToString::to_string)
        .collect();
    if !unsupported.is_empty() {
        bail!("`{}` cannot run:\n  {}", source.name, unsupported.join("\n  "));
    }
    let mut values = BTreeMap::new();
    for Input { name, path } in inputs {
        let array = npy::read(&read(path)?).with_context(|| path.display().to_string())?;
        let value = Tensor::f32(array.shape().to_vec(), array.to_f32())?;
        if values.insert(name.clone(), value).is_some() {
            bail!("--input gives `{name}` twice");
        }
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
    let mut files = Vec::new();
    for (&wire, value) in model.graph.outputs.iter().zip(&outputs) {
        let name = &model.graph.wire(wire).name;
        let path = output.join(format!("{}.npy", name.replace(['/', '\\'], "_")));
        let values = match value.dtype() {
            DType::F32 => Values::F32(value.as_f32()?.to_vec()),
            DType::I64 => Values::I64(value.as_i64()?.to_vec()),
        };
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
