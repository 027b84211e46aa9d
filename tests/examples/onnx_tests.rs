//! Runs tests in the form of the ONNX project's: folders with model.onnx and test_data_set_N/{input,output}_N.pb.
//!
//! The folders come on standard input, a line each; for each a line of JSON goes out: the operators, the operator set, and
//! for each engine "pass" or what is wrong. `tools/operators` collects the tests and makes a table of the lines.

#![expect(clippy::print_stdout, reason = "a program")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::BufRead as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use fewbit_formats::Limits;
use fewbit_formats::onnx::proto::{ModelProto, TypeValue, ValueInfoProto};
use fewbit_formats::onnx::{DiagnosticKind, Element, Import, ReadOptions, read_tensor, read_with};
use fewbit_gpu::{Adapter, Gpu, Options};
use fewbit_graph::{Bindings, Dim, Source, Tensor};
use fewbit_runtime::{Backend, Cancel, Control, Cpu, Keep, NeverPause};
use pollster::block_on;
use serde_json::json;

/// The tolerances of the ONNX project's own runner.
const RELATIVE: f64 = 1e-3;
const ABSOLUTE: f64 = 1e-7;

type Named = BTreeMap<String, (Tensor, Element)>;

fn main() {
    std::panic::set_hook(Box::new(|_| {}));
    let gpu = std::env::args().any(|argument| argument == "--gpu");
    let open = || block_on(Gpu::open(Options { adapter: Adapter::Software, baseline: true }));
    let gpu = gpu.then(|| open().map_err(|why| why.to_string()));
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let folder = PathBuf::from(&line);
        let (operators, opset, numeric) = census(&folder);
        let mut answer = json!({ "test": line, "operators": operators, "opset": opset, "numeric": numeric });
        let mut engines: Vec<(&str, Result<&dyn Backend, String>)> = Vec::new();
        let cpu = Cpu::new();
        engines.push(("cpu", Ok(&cpu)));
        if let Some(gpu) = &gpu {
            engines.push(("gpu", gpu.as_ref().map(|gpu| gpu as &dyn Backend).map_err(Clone::clone)));
        }
        for (name, engine) in engines {
            let outcome = engine.and_then(|engine| {
                let run = catch_unwind(AssertUnwindSafe(|| test(&folder, engine)));
                run.unwrap_or_else(|_| Err("a panic".to_owned()))
            });
            answer[name] = json!(outcome.as_ref().err().map_or("pass", String::as_str));
            answer["known"] = json!(outcome.unwrap_or_default());
        }
        println!("{answer}");
    }
}

/// The number of a value's element type, if it is a tensor.
fn tensor_type(value: &ValueInfoProto) -> Option<i32> {
    match value.r#type.as_ref()?.value.as_ref()? {
        TypeValue::Tensor(tensor) => Some(tensor.elem_type()),
        _ => None,
    }
}

/// The operators of a test's model, its operator set, and whether all that goes in and comes out is of numbers and bools.
fn census(folder: &Path) -> (BTreeSet<String>, i64, bool) {
    let bytes = fs::read(folder.join("model.onnx")).unwrap_or_default();
    let Ok(model) = ModelProto::from_bytes(&bytes) else { return (BTreeSet::new(), 0, false) };
    let mut face = model.graph.iter().flat_map(|graph| graph.input.iter().chain(&graph.output));
    let numeric = face.all(|value| tensor_type(value).and_then(Element::of).is_some());
    let nodes = model.graph.iter().flat_map(|graph| &graph.node);
    let names = nodes.map(|node| match node.domain() {
        "" => node.op_type().to_owned(),
        domain => format!("{domain}.{}", node.op_type()),
    });
    let own = model.opset_import.iter().find(|set| set.domain().is_empty());
    (names.collect(), own.map_or(0, |set| set.version()), numeric)
}

/// Runs all data sets of a test, and gives the inputs that had to be known when it was read.
fn test(folder: &Path, engine: &dyn Backend) -> Result<Vec<String>, String> {
    let bytes = fs::read(folder.join("model.onnx")).map_err(|why| why.to_string())?;
    let proto = ModelProto::from_bytes(&bytes).map_err(|why| why.to_string())?.graph.unwrap_or_default();
    let initialized: BTreeSet<&str> = proto.initializer.iter().map(|tensor| tensor.name()).collect();
    let inputs: Vec<&str> =
        proto.input.iter().map(|value| value.name()).filter(|name| !initialized.contains(name)).collect();
    let values_of = proto.input.iter().chain(&proto.output);
    let declared =
        values_of.filter_map(|value| Some((value.name(), Element::of(tensor_type(value)?)?))).collect();
    let mut known = Vec::new();
    for set in 0.. {
        let data = folder.join(format!("test_data_set_{set}"));
        if !data.is_dir() {
            return if set == 0 { Err("no data".to_owned()) } else { Ok(known) };
        }
        let given = values(&data, "input", &inputs, &declared)?;
        let outputs: Vec<&str> = proto.output.iter().map(|value| value.name()).collect();
        let wanted = values(&data, "output", &outputs, &declared)?;
        let import;
        (import, known) = import_with(&bytes, &inputs, &given)?;
        let found = run(&import, &given, engine)?;
        for (name, (wanted, element)) in &wanted {
            let Some(value) = found.get(name) else { continue };
            let declared = import.elements.get(name).copied().unwrap_or(Element::F32);
            if declared != *element {
                return Err(format!("`{name}` is {}, not {}", declared.name(), element.name()));
            }
            compare(wanted, &declared.tensor_of(value)).map_err(|why| format!("`{name}`: {why}"))?;
        }
    }
    Ok(known)
}

fn of_bits(bits: &Tensor) -> Tensor {
    let (shape, bits) = (bits.shape(), bits.as_i64().unwrap_or_default().iter());
    let values: Vec<f32> = bits.map(|&x| fewbit_formats::float16::from_bf16(x as u16)).collect();
    Tensor::f32(shape, values).unwrap_or_else(|_| Tensor::scalar(f32::NAN))
}

/// The values of a data set's files, by name.
fn values(
    data: &Path,
    kind: &str,
    names: &[&str],
    declared: &BTreeMap<&str, Element>,
) -> Result<Named, String> {
    let mut named = Named::new();
    for (i, name) in names.iter().enumerate() {
        let path = data.join(format!("{kind}_{i}.pb"));
        if !path.exists() {
            continue;
        }
        let bytes = fs::read(&path).map_err(|why| why.to_string())?;
        let value = read_tensor(&bytes).map_err(|why| format!("{kind} {i}: {why}"))?;
        // Older packages store the bits of bfloat16.
        let value = match (value, declared.get(name)) {
            ((bits, Element::U16), Some(Element::BF16)) => (of_bits(&bits), Element::BF16),
            (value, _) => value,
        };
        named.insert((*name).to_owned(), value);
    }
    Ok(named)
}

/// Reads the model, with as few inputs known as that takes: none, then those that say how, then all.
fn import_with(bytes: &[u8], inputs: &[&str], given: &Named) -> Result<(Import, Vec<String>), String> {
    let says_how = |name: &str, rank: usize| {
        let Some((value, element)) = given.get(name) else { return false };
        let small = value.len() <= 16 && value.shape().len() <= rank;
        inputs.first() != Some(&name)
            && (small || (rank > 0 && element.is_integer() && value.shape().len() <= 2))
    };
    let choices: [&dyn Fn(&str) -> bool; 4] =
        [&|_| false, &|name| says_how(name, 0), &|name| says_how(name, 1), &|_| true];
    let mut refused = String::new();
    for choice in choices {
        let known: Vec<String> =
            inputs.iter().filter(|name| choice(name)).map(|name| (*name).to_owned()).collect();
        let tensors = known.iter().filter_map(|name| Some((name.clone(), given.get(name)?.0.clone())));
        let options = ReadOptions { known: tensors.collect(), ..ReadOptions::default() };
        let import = match read_with(bytes, &Limits::default(), &options) {
            Ok(import) => import,
            Err(why) => {
                refused = if refused.is_empty() { why.to_string() } else { refused };
                continue;
            }
        };
        let problem = import.diagnostics.iter().find(|said| said.kind != DiagnosticKind::Converted);
        match problem {
            None => return Ok((import, known)),
            Some(problem) if refused.is_empty() => refused = problem.to_string(),
            Some(_) => {}
        }
    }
    Err(refused)
}

fn run(import: &Import, given: &Named, engine: &dyn Backend) -> Result<BTreeMap<String, Tensor>, String> {
    let graph = &import.model.graph;
    let mut bindings = Bindings::new();
    let mut feeds = Vec::new();
    for &wire in &graph.inputs {
        let name = &graph.wire(wire).name;
        let (value, _) = given.get(name).ok_or_else(|| format!("no value for `{name}`"))?;
        let value = fewbit_formats::onnx::element::to_f32(value).map_err(|x| format!("{x} is no float32"))?;
        if let Source::Input(dims) = &graph.wire(wire).source {
            for (dim, &length) in dims.iter().zip(value.shape()) {
                if let Dim::Symbol(symbol) = dim {
                    bindings.insert(symbol.clone(), length);
                }
            }
        }
        feeds.push((wire, value));
    }
    let cancel = Cancel::default();
    let control = Control { cancel: &cancel, pace: &NeverPause };
    let outputs = block_on(async {
        let mut plan = engine.prepare(graph, &bindings, Keep::Outputs).await?;
        for (wire, value) in &feeds {
            plan.set(*wire, value)?;
        }
        plan.run(&[], &control).await?;
        plan.read(&graph.outputs).await
    })
    .map_err(|why| why.to_string())?;
    Ok(graph.outputs.iter().map(|&wire| graph.wire(wire).name.clone()).zip(outputs).collect())
}

fn compare(wanted: &Tensor, found: &Tensor) -> Result<(), String> {
    if wanted.shape() != found.shape() {
        return Err(format!("its shape is {:?}, not {:?}", found.shape(), wanted.shape()));
    }
    let numbers = |tensor: &Tensor| -> Vec<f64> {
        match (tensor.as_f32(), tensor.as_i64()) {
            (Ok(values), _) => values.iter().map(|&x| f64::from(x)).collect(),
            (_, Ok(values)) => values.iter().map(|&x| x as f64).collect(),
            _ => Vec::new(),
        }
    };
    for (i, (wanted, found)) in numbers(wanted).into_iter().zip(numbers(found)).enumerate() {
        let near = (wanted - found).abs() <= ABSOLUTE + RELATIVE * wanted.abs();
        if !(near || wanted == found || (wanted.is_nan() && found.is_nan())) {
            return Err(format!("element {i} is {found}, not {wanted}"));
        }
    }
    Ok(())
}
