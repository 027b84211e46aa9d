//! Checkpoints on the command line.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use fewbit_formats::{Array, TensorFile, Values, npy, npz};
use fewbit_graph::Tensor;
use serde_json::Value;

use crate::{arrays, golden, open};

fn call(args: &[&str]) -> (u8, String, String) {
    let words = std::iter::once("fewbit").chain(args.iter().copied()).map(OsString::from);
    let (mut out, mut messages) = (Vec::new(), Vec::new());
    let status = fewbit_cli::run(words, &mut out, &mut messages);
    (status, String::from_utf8(out).unwrap(), String::from_utf8(messages).unwrap())
}

fn answer(args: &[&str]) -> Value {
    let (status, out, messages) = call(&[args, &["--json"]].concat());
    assert_eq!(status, 0, "{args:?}: {messages}");
    serde_json::from_str(&out).unwrap()
}

fn refusal(args: &[&str]) -> String {
    let (status, out, messages) = call(args);
    assert_eq!(status, 1, "{args:?}: {out}{messages}");
    messages
}

fn scratch(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("checkpoints");
    fs::create_dir_all(&folder).unwrap();
    folder.join(name)
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// Token ids of a golden as an array.
fn ids(name: &str) -> Array {
    let (input, _) = arrays(name);
    let values = input.as_f32().unwrap().iter().map(|&x| x as i64).collect();
    Array::new(input.shape().to_vec(), Values::I64(values)).unwrap()
}

/// The scores that `fewbit infer` gives for the token ids of a golden.
fn scores(model: &str, name: &str, to: &str) -> Tensor {
    let given = scratch(&format!("{to}.npy"));
    fs::write(&given, npy::write(&ids(name))).unwrap();
    let input = format!("input_ids={}", text(&given));
    let told = answer(&["infer", model, "--input", &input, "--output", &text(&scratch(to))]);
    let file = told["outputs"][0]["file"].as_str().unwrap();
    npy::read(&fs::read(file).unwrap()).unwrap().to_tensor().unwrap()
}

fn error(a: &Tensor, b: &Tensor) -> f32 {
    assert_eq!(a.shape(), b.shape());
    let (a, b) = (a.as_f32().unwrap(), b.as_f32().unwrap());
    let largest = b.iter().fold(0f32, |largest, x| largest.max(x.abs()));
    a.iter().zip(b).fold(0f32, |worst, (a, b)| worst.max((a - b).abs())) / largest
}

#[test]
fn folders_and_files_are_models() {
    let wanted = |name: &str| arrays(name).1.remove("logits").unwrap();
    let folder = scores(&text(&golden("llama")), "llama", "of-folder");
    assert!(error(&folder, &wanted("llama")) < 2e-5);
    let shard = golden("llama/model-00002-of-00004.safetensors");
    assert_eq!(scores(&text(&shard), "llama", "of-shard"), folder);
    let file = scores(&text(&golden("llama_mixed.gguf")), "llama_mixed", "of-gguf");
    assert!(error(&file, &wanted("llama_mixed")) < 2e-5);

    let told = answer(&["inspect", &text(&golden("llama")), "--dim", "T=7"]);
    assert_eq!(told["lengths"]["T"], 7);
    assert_eq!(told["layers"].as_array().unwrap().len(), 15);
    assert_eq!(told["metadata"]["architecture"], "LlamaForCausalLM");
    let told = answer(&["inspect", &text(&golden("llama_mixed.gguf"))]);
    assert_eq!(told["format"], "GGUF model");
    assert_eq!(told["model"]["layers"][0]["name"], "blk.0.attn_q");
}

#[test]
fn tensors_without_a_network_are_listed_and_say_what_is_missing() {
    let alone = scratch("alone.safetensors");
    fs::copy(golden("gpt2/model.safetensors"), &alone).unwrap();
    let told = answer(&["inspect", &text(&alone)]);
    assert!(told["tensors"].as_array().unwrap().len() > 10);
    assert!(told["model"].is_null() && told["reason"].as_str().unwrap().contains("config.json"), "{told}");
    assert!(refusal(&["eval", &text(&alone)]).contains("config.json"));
    assert!(refusal(&["eval", &text(golden("llama").parent().unwrap())]).contains("no safetensors"));
}

/// Quantizes the golden `llama` to GGUF with these options, and gives the file and the answer.
fn exported(name: &str, options: &[&str]) -> (String, Value) {
    let model = text(&golden("llama"));
    let output = text(&scratch(name));
    let told = answer(&[&["quantize", &model, "--dim", "T=12", "-o", &output][..], options].concat());
    (output, told)
}

#[test]
fn a_decoder_in_float_is_the_same_after_gguf() {
    let (file, told) = exported("float.gguf", &["--weights", "float"]);
    let before = scores(&text(&golden("llama")), "llama", "before-gguf");
    let after = scores(&file, "llama", "after-gguf");
    assert!(error(&after, &before) < 1e-6, "{}", error(&after, &before));
    assert!(told["notes"].to_string().contains("without a tokenizer"), "{told}");
    // Once more, from GGUF to GGUF.
    let again = text(&scratch("again.gguf"));
    answer(&["quantize", &file, "--weights", "float", "--dim", "T=12", "-o", &again]);
    let [a, b] = [&file, &again].map(|path| open(Path::new(path)));
    assert_eq!(names(&a), names(&b));
    assert_eq!(scores(&again, "llama", "again-gguf"), after);
}

fn names<R>(file: &TensorFile<R>) -> Vec<String> {
    let mut names: Vec<String> = file.tensors.iter().map(|tensor| tensor.name.clone()).collect();
    names.sort();
    names
}

#[test]
fn codes_are_in_blocks_under_llama_cpps_names() {
    let options = ["--weights", "int4@group32", "--set", "*down_proj=int8@group32", "--gguf-type", "F16"];
    let (path, _) = exported("codes.gguf", &options);
    let file = open(Path::new(&path));
    let element = |name: &str| {
        let found = file.tensors.iter().find(|tensor| tensor.name == name);
        found.unwrap_or_else(|| panic!("no {name}")).element.clone()
    };
    assert_eq!(element("blk.0.attn_q.weight"), "Q4_0");
    assert_eq!(element("blk.1.ffn_down.weight"), "Q8_0");
    assert_eq!(element("token_embd.weight"), "F16");
    assert_eq!(element("output.weight"), "Q4_0");
    assert_eq!(element("blk.1.ffn_norm.weight"), "F32");
    assert_eq!(element("rope_freqs.weight"), "F32");
    assert_eq!(file.tensors.len(), 2 * 9 + 4);
    // What its blocks stand for is what was measured, but for scales of 16 bits.
    let onnx = text(&scratch("codes.onnx"));
    let model = text(&golden("llama"));
    answer(&[&["quantize", &model, "--dim", "T=12", "-o", &onnx][..], &options[..4]].concat());
    let [a, b] = [(&path, "codes-gguf"), (&onnx, "codes-onnx")].map(|(path, to)| scores(path, "llama", to));
    assert!(error(&a, &b) < 1e-2, "{}", error(&a, &b));
}

#[test]
fn a_decoder_is_converted_to_a_file_that_llama_cpp_loads() {
    let model = text(&golden("llama"));
    let output = scratch("converted.gguf");
    let told = answer(&["convert", &model, "-o", &text(&output), "--type", "F32"]);
    assert!(told["notes"].to_string().contains("without a tokenizer"), "{told}");
    let scores_of = |file: &Path, to: &str| scores(&text(file), "llama", to);
    let wanted = arrays("llama").1.remove("logits").unwrap();
    assert!(error(&scores_of(&output, "converted"), &wanted) < 2e-5);

    // What `quantize` writes of it has the same names, shapes, types and metadata.
    let (other, _) = exported("quantized-f32.gguf", &["--weights", "float"]);
    let [a, b] = [output.as_path(), Path::new(&other)].map(open);
    let listed = |file: &TensorFile<_>| {
        let mut all: Vec<_> = (file.tensors.iter())
            .map(|tensor| (tensor.name.clone(), tensor.shape.clone(), tensor.element.clone()))
            .collect();
        all.sort();
        all
    };
    assert_eq!(listed(&a), listed(&b));
    assert_eq!(a.metadata, b.metadata);

    // In blocks too, and a shard stands for the whole.
    let shard = text(&golden("llama/model-00002-of-00004.safetensors"));
    let output = scratch("converted-q8.gguf");
    answer(&["convert", &shard, "-o", &text(&output)]);
    let (other, _) = exported("quantized-q8.gguf", &["--weights", "float", "--gguf-type", "Q8_0"]);
    let found = scores_of(&output, "converted-q8");
    assert_eq!(found, scores_of(Path::new(&other), "quantized-q8"));
    assert!(error(&found, &wanted) > 0.0);

    // Rules mean the names as they were.
    let args = ["convert", &shard, "-o", &text(&output), "--set", "model.layers.*.down_proj.*=F16"];
    let told = answer(&args);
    assert_eq!(told["tensors"].as_array().unwrap().len() + 1, a.tensors.len(), "but rope_freqs");
    let file = open(&output);
    let element =
        |name: &str| file.tensors.iter().find(|tensor| tensor.name == name).unwrap().element.clone();
    assert_eq!([element("blk.0.attn_q.weight"), element("blk.1.ffn_down.weight")], ["Q8_0", "F16"]);
}

#[test]
fn tensors_that_llama_cpp_has_no_names_for_keep_their_own_and_that_is_told() {
    let alone = scratch("names.safetensors");
    fs::copy(golden("gpt2/model.safetensors"), &alone).unwrap();
    for (input, why) in [(alone, "no config.json"), (golden("gpt2"), "no Llama, Mistral")] {
        let output = scratch("names.gguf");
        let told = answer(&["convert", &text(&input), "-o", &text(&output), "--type", "F16"]);
        let notes = told["notes"].to_string();
        assert!(notes.contains("names and metadata stay") && notes.contains(why), "{notes}");
        assert!(names(&open(&output)).contains(&"transformer.h.0.attn.c_attn.weight".to_owned()));
    }
}

#[test]
fn the_allocation_of_a_file_is_measured_on_a_float_model() {
    let data = scratch("ids.npz");
    fs::write(&data, npz::write(&[("x", &ids("llama"))]).unwrap()).unwrap();
    let (model, file) = (text(&golden("llama")), text(&golden("llama_mixed.gguf")));
    let told = answer(&[
        "eval",
        &model,
        "--dim",
        "T=12",
        "--allocation",
        &file,
        "--data",
        &text(&data),
        "--set",
        "lm_head=int2@channel",
    ]);
    let asked = |layer: usize| told["layers"][layer]["weights"].as_str().unwrap().to_owned();
    let file = open(&golden("llama_mixed.gguf"));
    let element =
        |name: &str| file.tensors.iter().find(|tensor| tensor.name == name).unwrap().element.clone();
    for (layer, name) in [(0, "attn_q"), (1, "attn_k"), (2, "attn_v"), (3, "attn_output"), (6, "ffn_down")] {
        let wanted = match element(&format!("blk.0.{name}.weight")).as_str() {
            "Q8_0" => "int8@group32",
            "Q4_0" => "int4@group32",
            "Q4_1" => "uint4@group32",
            "Q5_0" => "int5@group32",
            "Q5_1" => "uint5@group32",
            _ => "float",
        };
        assert_eq!(asked(layer), wanted, "{name}");
    }
    assert_eq!(asked(14), "int2@channel");
    assert!(told["notes"].to_string().contains("is measured as"), "{told}");
    assert!(told["value"].as_f64().unwrap() > 0.0);
    let onnx = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/models/fashion-lenet.onnx");
    assert!(refusal(&["eval", &model, "--allocation", &text(&onnx)]).contains("no GGUF file"));
}

#[test]
fn reports_sweeps_and_links_take_an_allocation_too() {
    let data = scratch("few-ids.npz");
    fs::write(&data, npz::write(&[("x", &ids("llama"))]).unwrap()).unwrap();
    let (model, file) = (text(&golden("llama")), text(&golden("llama_mixed.gguf")));
    let options = ["--dim", "T=12", "--allocation", &file, "--set", "lm_head=int2@channel"];
    let measured = ["--data", &text(&data)];
    let told = answer(&[&["eval", &model][..], &options, &measured].concat());

    let output = text(&scratch("allocated.json"));
    let report = answer(&[&["report", &model, "-o", &output][..], &options, &measured].concat());
    let (grid, output) = (scratch("allocated.grid.json"), scratch("allocated.jsonl"));
    fs::write(&grid, r#"{ "activations": ["float", "uint8"] }"#).unwrap();
    fs::write(&output, "").unwrap();
    let args = ["sweep", &model, "--grid", &text(&grid), "-o", &text(&output)];
    let args = [&args[..], &options, &measured].concat();
    assert_eq!(answer(&args)["ran"], 2);
    assert_eq!(answer(&args)["ran"], 0, "the recipes are known again");
    let lines = fs::read_to_string(&output).unwrap();
    let row: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    for other in [&report, &row] {
        for key in ["recipe", "layers", "notes", "kl"] {
            assert_eq!(other[key], told[key], "{key}");
        }
    }
    assert_eq!(answer(&[&["link", &model][..], &options].concat())["recipe"], told["recipe"]);
}
