//! Checkpoints: safetensors with a configuration, and GGUF, become models that compute what transformers computes.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "checkpoints/command_line.rs"]
mod command_line;
#[path = "checkpoints/refusals.rs"]
mod refusals;
#[path = "checkpoints/tokenizers.rs"]
mod tokenizers;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use fewbit_formats::checkpoint::{self, Import, Weights};
use fewbit_formats::{Array, Limits, TensorFile, npz, onnx};
use fewbit_graph::{Bindings, Graph, Tensor};
use fewbit_runtime::{Backend, Cancel, Control, Cpu, Keep, NeverPause};
use pollster::block_on;

const NAMES: [&str; 13] = [
    "llama",
    "qwen2",
    "qwen3",
    "stablelm",
    "gemma",
    "gpt2",
    "bert_masked",
    "roberta_text",
    "distilbert",
    "distilbert_masked",
    "distilbert_text",
    "vit",
    "llama_mixed.gguf",
];
/// Relative to the largest magnitude of a tensor.
const TOLERANCE: f64 = 2e-5;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/checkpoints").join(name)
}

fn open(path: &Path) -> TensorFile<BufReader<File>> {
    TensorFile::open(BufReader::new(File::open(path).unwrap()), &Limits::default()).unwrap()
}

/// The tensors of a golden, and its configuration if it has one.
fn weights(name: &str) -> (Weights<BufReader<File>>, Option<Vec<u8>>) {
    let path = golden(name);
    if path.is_file() {
        return (Weights::new(vec![open(&path)]).unwrap(), None);
    }
    let files = match fs::read(path.join("model.safetensors.index.json")) {
        Ok(index) => checkpoint::shards(&index).unwrap(),
        Err(_) => vec!["model.safetensors".to_owned()],
    };
    let files = files.iter().map(|file| open(&path.join(file))).collect();
    (Weights::new(files).unwrap(), Some(fs::read(path.join("config.json")).unwrap()))
}

fn read(name: &str, length: Option<usize>) -> Import {
    let (mut weights, config) = weights(name);
    let lengths = length.map(|length| ("T".to_owned(), length)).into_iter().collect();
    checkpoint::read(&mut weights, config.as_deref(), &lengths, &Limits::default()).unwrap()
}

/// What goes in, and by name what comes out.
fn arrays(name: &str) -> (Tensor, BTreeMap<String, Tensor>) {
    let bytes = fs::read(golden(name).with_extension("npz")).unwrap();
    let arrays = npz::read(&bytes, &Limits::default()).unwrap();
    let float = |array: &Array| {
        let tensor = array.to_tensor().unwrap();
        match tensor.as_i64() {
            Ok(ids) => {
                Tensor::f32(tensor.shape(), ids.iter().map(|&id| id as f32).collect::<Vec<_>>()).unwrap()
            }
            Err(_) => tensor,
        }
    };
    let outputs = arrays.iter().filter_map(|(name, array)| Some((name.strip_prefix("out.")?, array)));
    let outputs = outputs.map(|(name, array)| (name.to_owned(), float(array))).collect();
    let input = arrays.iter().find(|(name, _)| name.starts_with("in.")).unwrap().1;
    (float(input), outputs)
}

/// The model of a golden, of as many tokens as its input has.
fn model(name: &str) -> (Import, Tensor, BTreeMap<String, Tensor>) {
    let (input, outputs) = arrays(name);
    let length = (input.shape().len() == 2).then(|| input.shape()[1]);
    (read(name, length), input, outputs)
}

fn run(backend: &dyn Backend, graph: &Graph, input: &Tensor) -> BTreeMap<String, Tensor> {
    let bindings = Bindings::from([("N".to_owned(), input.shape()[0])]);
    let values = block_on(async {
        let mut plan = backend.prepare(graph, &bindings, Keep::Outputs).await?;
        plan.set(graph.inputs[0], input)?;
        plan.run(&graph.outputs, &Control { cancel: &Cancel::default(), pace: &NeverPause }).await?;
        plan.read(&graph.outputs).await
    });
    let names = graph.outputs.iter().map(|&wire| graph.wire(wire).name.clone());
    names.zip(values.unwrap()).collect()
}

fn compare(name: &str, backend: &dyn Backend) {
    let (import, input, wanted) = model(name);
    let found = run(backend, &import.model.graph, &input);
    assert_eq!(found.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>(), "{name}");
    for (output, wanted) in &wanted {
        let found = &found[output];
        assert_eq!(found.shape(), wanted.shape(), "{name}, {output}");
        let (a, b) = (found.as_f32().unwrap(), wanted.as_f32().unwrap());
        let largest = b.iter().fold(0f32, |largest, x| largest.max(x.abs()));
        let worst = a.iter().zip(b).fold(0f32, |worst, (a, b)| worst.max((a - b).abs()));
        let error = f64::from(worst / largest);
        assert!(error <= TOLERANCE, "{name}, {output}: {error:e}");
    }
}

#[test]
fn the_cpu_engine_computes_what_transformers_computes() {
    NAMES.iter().for_each(|name| compare(name, &Cpu::new()));
}

#[test]
fn the_gpu_engine_computes_what_transformers_computes() {
    let Some(gpu) = fewbit_tests::gpu() else { return };
    NAMES.iter().for_each(|name| compare(name, &gpu));
}

#[test]
fn a_checkpoint_that_is_written_as_onnx_computes_the_same() {
    for name in NAMES {
        let (import, input, _) = model(name);
        let graph = &import.model.graph;
        let bytes = import.to_onnx().unwrap();
        let (again, diagnostics) = onnx::read(&bytes, &Limits::default()).unwrap();
        assert_eq!(diagnostics, [], "{name}");
        let names = |layers: Vec<fewbit_graph::Layer>| -> Vec<String> {
            layers.into_iter().map(|layer| layer.name).collect()
        };
        assert_eq!(names(import.model.layers()), names(again.layers()), "{name}");
        assert_eq!(again.metadata["architecture"], import.model.metadata["architecture"]);
        let [before, after] = [graph, &again.graph].map(|graph| run(&Cpu::new(), graph, &input));
        assert_eq!(before, after, "{name}");
    }
}

#[test]
fn every_projection_is_a_layer_with_the_checkpoints_name() {
    let layers = |name: &str| -> Vec<String> {
        read(name, None).model.layers().into_iter().map(|layer| layer.name).collect()
    };
    let all = layers("llama");
    assert_eq!(all.len(), 15);
    assert_eq!(all[0], "model.layers.0.self_attn.q_proj");
    assert_eq!(all[13], "model.layers.1.mlp.down_proj");
    assert_eq!(all[14], "lm_head");
    assert_eq!(layers("gpt2")[..2], ["transformer.h.0.attn.c_attn", "transformer.h.0.attn.c_proj"]);
    assert_eq!(layers("gpt2").last().unwrap(), "lm_head");
    assert_eq!(layers("bert_masked")[0], "bert.encoder.layer.0.attention.self.query");
    assert_eq!(layers("distilbert_text")[0], "distilbert.transformer.layer.0.attention.q_lin");
    assert_eq!(layers("stablelm")[0], "model.layers.0.self_attn.q_proj");
    assert_eq!(layers("vit")[0], "vit.embeddings.patch_embeddings.projection");
    assert_eq!(layers("llama_mixed.gguf")[0], "blk.0.attn_q");
}

#[test]
fn a_text_is_as_long_as_it_is_told_to_be() {
    assert_eq!(read("llama", None).lengths["T"], 64);
    assert_eq!(read("gpt2", None).lengths["T"], 40);
    assert_eq!(read("roberta_text", None).lengths["T"], 38);
    assert_eq!(read("llama", Some(7)).lengths["T"], 7);
    assert!(read("vit", None).lengths.is_empty());
}
