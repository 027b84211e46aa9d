//! Goldens: each model, as it is read, computes on the CPU engine what ONNX Runtime computes.

use std::collections::BTreeMap;
use std::path::Path;

use fewbit_formats::onnx::write::{self, Export, Layers};
use fewbit_formats::{Array, Dataset, Limits, npz, onnx};
use fewbit_graph::{Bindings, Dim, Graph, Source, Tensor, WireId};
use fewbit_runtime::cpu::Cpu;
use fewbit_runtime::{Backend as _, Cancel, Control, Keep, NeverPause};

use crate::{bytes_of, file_name, files_in};

/// How many images of the bundled test set the gallery is run on.
const IMAGES: usize = 64;

/// Relative to the largest magnitude of a tensor.
const TOLERANCE: f64 = 1e-5;

#[test]
fn every_golden_computes_what_onnx_runtime_does() {
    let mut faults = Vec::new();
    let mut compared = 0;
    for path in files_in("tests/golden/onnx", &["npz"]) {
        match worst_error(&path) {
            Ok(worst) if worst <= TOLERANCE => compared += 1,
            Ok(worst) => faults.push(format!("{}: {worst:e}", file_name(&path))),
            Err(why) => faults.push(format!("{}: {why}", file_name(&path))),
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(compared > 150, "{compared} goldens");
}

#[test]
fn every_golden_that_is_written_and_read_again_computes_the_same_bits() {
    let mut faults = Vec::new();
    for path in files_in("tests/golden/onnx", &["npz"]) {
        if let Err(why) = written_again(&path) {
            faults.push(format!("{}: {why}", file_name(&path)));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Runs a golden as it is, and as it is written.
fn written_again(path: &Path) -> Result<(), String> {
    let text = |why: &dyn ToString| why.to_string();
    let arrays = npz::read(&std::fs::read(path).unwrap(), &Limits::default()).map_err(|e| text(&e))?;
    let bytes = std::fs::read(path.with_extension("onnx")).unwrap();
    let (model, _) = onnx::read(&bytes, &Limits::default()).map_err(|e| text(&e))?;
    let export = Export {
        graph: &model.graph,
        codes: BTreeMap::new(),
        layers: Layers::Float { integer_biases: true },
        metadata: model.metadata.clone(),
    };
    let written = write::write(&export).map_err(|e| text(&e))?;
    let (again, _) = onnx::read(&written.bytes, &Limits::default()).map_err(|e| text(&e))?;
    let outputs = [&model.graph, &again.graph].map(|graph| {
        let inputs = graph.inputs.iter().map(|wire| (*wire, tensor(&arrays, "in", &graph.wire(*wire).name)));
        let names: Vec<String> = graph.outputs.iter().map(|wire| graph.wire(*wire).name.clone()).collect();
        run(graph, &inputs.collect()).map(|values| (names, values))
    });
    let [before, after] = outputs;
    if before? == after? { Ok(()) } else { Err("other values".to_owned()) }
}

/// The largest error of all outputs of a golden.
fn worst_error(path: &Path) -> Result<f64, String> {
    let text = |why: &dyn ToString| why.to_string();
    let arrays = npz::read(&std::fs::read(path).unwrap(), &Limits::default()).map_err(|e| text(&e))?;
    let bytes = std::fs::read(path.with_extension("onnx")).unwrap();
    let (model, _) = onnx::read(&bytes, &Limits::default()).map_err(|e| text(&e))?;
    let graph = &model.graph;

    let inputs = graph.inputs.iter().map(|wire| (*wire, tensor(&arrays, "in", &graph.wire(*wire).name)));
    let values = run(graph, &inputs.collect())?;

    let mut worst = 0f64;
    for (wire, found) in graph.outputs.iter().zip(values) {
        let name = &graph.wire(*wire).name;
        worst =
            worst.max(error(&tensor(&arrays, "out", name), &found).map_err(|why| format!("{name}: {why}"))?);
    }
    Ok(worst)
}

fn tensor(arrays: &BTreeMap<String, Array>, way: &str, name: &str) -> Tensor {
    let array = arrays.get(&format!("{way}.{name}")).unwrap_or_else(|| panic!("no {way}.{name}"));
    array.to_tensor().unwrap()
}

/// The outputs of a graph for these inputs, whose lengths its symbols are bound to.
pub(crate) fn run(graph: &Graph, inputs: &BTreeMap<WireId, Tensor>) -> Result<Vec<Tensor>, String> {
    let mut bindings = Bindings::new();
    for (wire, value) in inputs {
        let Source::Input(dims) = &graph.wire(*wire).source else { continue };
        for (dim, length) in dims.iter().zip(value.shape()) {
            if let Dim::Symbol(symbol) = dim {
                bindings.insert(symbol.clone(), *length);
            }
        }
    }
    let cancel = Cancel::default();
    let control = Control { cancel: &cancel, pace: &NeverPause };
    pollster::block_on(async {
        let mut plan = Cpu::new().prepare(graph, &bindings, Keep::Outputs).await?;
        for (wire, value) in inputs {
            plan.set(*wire, value)?;
        }
        plan.run(&graph.outputs, &control).await?;
        plan.read(&graph.outputs).await
    })
    .map_err(|why| why.to_string())
}

fn error(wanted: &Tensor, found: &Tensor) -> Result<f64, String> {
    if wanted.shape() != found.shape() {
        return Err(format!("its shape is {:?}, not {:?}", found.shape(), wanted.shape()));
    }
    let (wanted, found) = (wanted.as_f32().unwrap(), found.as_f32().unwrap());
    let largest = wanted.iter().fold(1e-30f64, |largest, x| largest.max(f64::from(x.abs())));
    let worst = wanted.iter().zip(found).map(|(a, b)| f64::from((a - b).abs())).fold(0f64, f64::max);
    Ok(worst / largest)
}

#[test]
fn the_gallery_gives_each_image_the_logits_of_onnx_runtime() {
    let data = Dataset::read(&bytes_of("assets/data/fashion-test.npz"), &Limits::default()).unwrap();
    for path in files_in("assets/models", &["onnx"]) {
        let name = file_name(&path).trim_end_matches(".onnx");
        let golden =
            npz::read(&bytes_of(&format!("tests/golden/zoo/{name}.npz")), &Limits::default()).unwrap();
        let logits = golden["logits"].to_tensor().unwrap().rows(0, IMAGES);

        let (model, _) = onnx::read(&std::fs::read(&path).unwrap(), &Limits::default()).unwrap();
        let inputs = BTreeMap::from([(model.graph.inputs[0], data.x.rows(0, IMAGES))]);
        let found = run(&model.graph, &inputs).unwrap().remove(0);
        let worst = error(&logits, &found).unwrap();
        assert!(worst < 1e-4, "{name}: {worst:e}");
    }
}
