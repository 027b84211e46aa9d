//! The command line, as it is called.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failure here is a failed test")]

#[path = "cli/own_data.rs"]
mod own_data;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use fewbit_formats::{Array, Limits, Values, npy, npz};
use serde_json::{Value, json};

/// What a call gave.
struct Called {
    status: u8,
    out: String,
    messages: String,
}

fn call(args: &[&str]) -> Called {
    let words = std::iter::once("fewbit").chain(args.iter().copied()).map(OsString::from);
    let (mut out, mut messages) = (Vec::new(), Vec::new());
    let status = fewbit_cli::run(words, &mut out, &mut messages);
    let [out, messages] = [out, messages].map(|bytes| String::from_utf8(bytes).unwrap());
    Called { status, out, messages }
}

/// The one object that a successful call writes.
fn answer(args: &[&str]) -> Value {
    let called = call(&[args, &["--json"]].concat());
    assert_eq!(called.status, 0, "{args:?}: {}", called.messages);
    serde_json::from_str(&called.out).unwrap_or_else(|error| panic!("{args:?}: {error}: {}", called.out))
}

/// The message of a call that fails with `status`, and writes nothing else.
fn refusal(status: u8, args: &[&str]) -> String {
    let called = call(args);
    assert_eq!(called.status, status, "{args:?}: {}{}", called.out, called.messages);
    assert_eq!(called.out, "", "{args:?}");
    called.messages
}

fn assert_keys(value: &Value, keys: &[&str]) {
    let object = value.as_object().unwrap_or_else(|| panic!("no object: {value}"));
    for key in keys {
        assert!(object.contains_key(*key), "no `{key}` in {value}");
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// A file of this test's own.
fn scratch(name: &str, bytes: &[u8]) -> String {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("cli-{name}"));
    fs::write(&path, bytes).unwrap();
    path.display().to_string()
}

/// The pixels of the first `n` test images, and their classes.
fn images(n: usize) -> (Vec<u8>, Vec<i64>) {
    let bytes = fs::read(root().join("assets/data/fashion-test.npz")).unwrap();
    let all = npz::read(&bytes, &Limits::default()).unwrap();
    let (Values::U8(x), Values::I64(y)) = (all["x"].values(), all["y"].values()) else {
        panic!("other types")
    };
    (x[..n * 784].to_vec(), y[..n].to_vec())
}

/// `n` test images as an npz, labelled or not.
fn data(name: &str, n: usize, labelled: bool) -> String {
    let (x, y) = images(n);
    let x = Array::new([n, 1, 28, 28], Values::U8(x)).unwrap();
    let y = Array::new([n], Values::I64(y)).unwrap();
    let arrays: &[_] = if labelled { &[("x", &x), ("y", &y)] } else { &[("x", &x)] };
    scratch(&format!("{name}.npz"), &npz::write(arrays).unwrap())
}

#[test]
fn models_lists_the_gallery() {
    let models = answer(&["models"]);
    let ids: Vec<_> = models["models"].as_array().unwrap().iter().map(|m| m["id"].clone()).collect();
    assert_eq!(ids, ["fashion-lenet", "fashion-resnet", "fashion-mobilenet"]);
    assert!(call(&["models"]).out.contains("fashion-resnet"));
}

#[test]
fn inspect_tells_layers_operators_and_cost() {
    let facts = answer(&["inspect", "fashion-lenet"]);
    let keys = ["parameters", "macs", "inputs", "outputs", "operators", "unsupported", "layers"];
    assert_keys(&facts, &keys);
    assert_eq!(facts["parameters"], 52_826);
    assert_eq!(facts["macs"], 526_000);
    assert_eq!(facts["inputs"], json!([{ "name": "x", "shape": ["N", 1, 28, 28] }]));
    assert_eq!(facts["operators"]["Conv"], 2);
    assert_eq!(facts["unsupported"], json!([]));
    let layers = facts["layers"].as_array().unwrap();
    assert_eq!(layers.len(), 4);
    for layer in layers {
        assert_keys(layer, &["name", "operator", "parameters"]);
    }
}

#[test]
fn a_length_that_a_model_leaves_free_can_be_told() {
    let model = root().join("tests/golden/onnx/bound_same_upper_dynamic.onnx").display().to_string();
    let facts = answer(&["inspect", &model]);
    assert_eq!(facts["lengths"], json!({ "N": null, "H": 224, "W": 224 }));
    let told = answer(&["inspect", &model, "--dim", "H=32", "--dim", "W=48"]);
    assert_eq!(told["lengths"], json!({ "N": null, "H": 32, "W": 48 }));
    assert_eq!(told["inputs"], json!([{ "name": "x", "shape": ["N", 3, 32, 48] }]));
    // It is the same file, whatever was told.
    assert_eq!(told["id"], facts["id"]);
    let evaluated = answer(&["eval", &model, "--dim", "H=32"]);
    assert_eq!(evaluated["lengths"], json!({ "H": 32 }));
    assert_eq!(evaluated["macs"], 16 * 112 * 54);

    let message = refusal(1, &["inspect", &model, "--dim", "h=32"]);
    assert!(message.contains("the free length `h` is missing") && message.contains("H, N, W"), "{message}");
    let message = refusal(2, &["inspect", &model, "--dim", "H=0"]);
    assert!(message.contains("NAME=N"), "{message}");

    let link = answer(&["link", &model, "--dim", "H=8", "--dim", "W=8"]);
    let replayed = answer(&["replay", link["link"].as_str().unwrap(), "--model-file", &model]);
    assert_eq!(replayed["reproduced"], true);
    assert_eq!(replayed["result"]["macs"], 16 * 54);
}

#[test]
fn inspect_names_what_cannot_run_and_eval_refuses_it() {
    let model = root().join("tests/golden/onnx/opaque_grid_sample.onnx").display().to_string();
    let facts = answer(&["inspect", &model]);
    assert_eq!(facts["unsupported"][0]["operator"], "GridSample");
    assert_keys(&facts["unsupported"][0], &["node", "operator", "reason"]);
    let x = Array::new([2, 1, 28, 28], Values::F32(vec![0.0; 1568])).unwrap();
    let x = scratch("grid.npy", &npy::write(&x));
    let folder = env!("CARGO_TARGET_TMPDIR");
    let message = refusal(1, &["infer", &model, "--input", &format!("x={x}"), "--output", folder]);
    assert!(message.contains("GridSample"), "{message}");
}

#[test]
fn infer_gives_the_logits_of_onnx_runtime() {
    for id in ["fashion-lenet", "fashion-resnet", "fashion-mobilenet"] {
        let (pixels, _) = images(64);
        let x = pixels.iter().map(|&pixel| f32::from(pixel) / 255.0).collect();
        let x = Array::new([64, 1, 28, 28], Values::F32(x)).unwrap();
        let file = scratch(&format!("{id}.npy"), &npy::write(&x));
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("cli-{id}"));
        let output = folder.display().to_string();
        let told = answer(&["infer", id, "--input", &format!("x={file}"), "--output", &output]);
        assert_eq!(told["outputs"][0]["shape"], json!([64, 10]));
        let found = npy::read(&fs::read(folder.join("logits.npy")).unwrap()).unwrap().to_f32();

        let golden = fs::read(root().join(format!("tests/golden/zoo/{id}.npz"))).unwrap();
        let golden = npz::read(&golden, &Limits::default()).unwrap();
        let wanted = golden["logits"].to_f32();
        assert_eq!(found.len(), wanted.len());
        let scale = wanted.iter().fold(0.0f32, |most, x| most.max(x.abs()));
        for (a, b) in found.iter().zip(&wanted) {
            assert!((a - b).abs() <= 1e-4 * scale, "{id}: {a} for {b}");
        }
        let classes = golden["predictions"].to_i64().unwrap();
        for (row, &class) in found.chunks(10).zip(&classes) {
            let best = (0..10).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap();
            assert_eq!(best as i64, class, "{id}");
        }
    }
}

#[test]
fn infer_tells_wrong_inputs() {
    let x = Array::new([1, 3, 28, 28], Values::F32(vec![0.0; 2352])).unwrap();
    let x = scratch("rgb.npy", &npy::write(&x));
    let folder = env!("CARGO_TARGET_TMPDIR");
    let message = refusal(1, &["infer", "fashion-lenet", "--input", &format!("y={x}"), "--output", folder]);
    assert!(message.contains("its inputs are x"), "{message}");
    let message = refusal(1, &["infer", "fashion-lenet", "--input", &format!("x={x}"), "--output", folder]);
    assert!(message.contains("[1, 3, 28, 28]"), "{message}");
    refusal(2, &["infer", "fashion-lenet", "--input", "x", "--output", folder]);
    refusal(2, &["infer", "fashion-lenet", "--output", folder]);
}

#[test]
fn eval_measures_the_quantized_model() {
    let images = data("eval", 128, true);
    let options = ["--activations", "uint8@tensor", "--calibration-samples", "32", "--data", &images];
    let told = answer(&[&["eval", "fashion-lenet", "--weights", "int4@channel"], &options[..]].concat());
    let keys = ["metric", "value", "interval", "float_value", "agreement", "kl", "n", "size_bytes"];
    assert_keys(&told, &keys);
    assert_keys(&told, &["float_size_bytes", "effective_bits", "layers", "seconds", "backend"]);
    assert_eq!(
        (&told["metric"], &told["n"], &told["backend"]),
        (&json!("accuracy"), &json!(128), &json!("cpu"))
    );
    let [low, value, high] =
        [&told["interval"][0], &told["value"], &told["interval"][1]].map(|v| v.as_f64().unwrap());
    assert!(low < value && value < high && value > 0.6, "{low} {value} {high}");
    let bits = told["effective_bits"].as_f64().unwrap();
    assert!(bits > 4.0 && bits < 4.2, "{bits} bits with the scales");
    let layers = told["layers"].as_array().unwrap();
    assert_eq!(layers.len(), 4);
    for layer in layers {
        let keys = ["name", "weights", "activations", "applied", "reason"];
        assert_keys(layer, &keys);
        assert_keys(layer, &["weight_sqnr_db", "local_sqnr_db", "cumulative_sqnr_db"]);
        assert_eq!(layer["weights"], "int4@channel");
        assert_eq!(layer["applied"], json!({ "weights": "int4@channel", "activations": "uint8@tensor" }));
        assert_eq!(layer["reason"], Value::Null);
        assert!(layer["cumulative_sqnr_db"].as_f64().unwrap() < 40.0);
    }
}

#[test]
fn weights_are_int8_for_each_channel_and_inputs_float_unless_told_otherwise() {
    let images = data("default", 32, true);
    let told = answer(&["eval", "fashion-lenet", "--data", &images]);
    for layer in told["layers"].as_array().unwrap() {
        assert_eq!((&layer["weights"], &layer["activations"]), (&json!("int8@channel"), &json!("float")));
    }
    let help = call(&["eval", "--help"]);
    assert_eq!(help.status, 0);
    for word in ["int8@channel", "restricted", "[default: float]", "[default: 256]", "min-max"] {
        assert!(help.out.contains(word), "no `{word}` in {}", help.out);
    }
}

#[test]
fn exceptions_edges_and_ranges_reach_the_layers() {
    let images = data("set", 16, true);
    let args = ["eval", "fashion-lenet", "--data", &images, "--weights", "int4@channel", "--edges", "int8"];
    let more = [
        "--range",
        "mse",
        "--set",
        "conv*=int3@tensor:minmax,uint6",
        "--set",
        "fc1=,uint5",
        "--set",
        "conv2=float",
    ];
    let told = answer(&[&args[..], &more].concat());
    let asked = |key: &str| -> Vec<String> {
        let layers = told["layers"].as_array().unwrap().iter();
        layers.map(|layer| layer[key].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(asked("weights"), ["int3@tensor", "float", "int4@channel:mse", "int8@channel:mse"]);
    assert_eq!(asked("activations"), ["uint6@tensor:mse", "uint6@tensor:mse", "uint5@tensor:mse", "float"]);
}

#[test]
fn a_pattern_that_matches_nothing_fails_and_names_the_layers() {
    for command in ["eval", "link"] {
        let message = refusal(1, &[command, "fashion-lenet", "--set", "conv9*=int3@channel"]);
        assert!(message.contains("conv9*") && message.contains("conv1, conv2, fc1, fc2"), "{message}");
    }
}

#[test]
fn a_recipe_file_gives_what_it_says_and_the_rest_is_as_without() {
    let images = data("recipe", 16, true);
    let file = scratch(
        "recipe.json",
        br#"{ "weights": "int5@channel", "rules": [{ "pattern": "fc*", "weights": "float" }] }"#,
    );
    let told = answer(&["eval", "fashion-lenet", "--data", &images, "--recipe", &file, "--seed", "3"]);
    let recipe = &told["recipe"];
    assert_eq!(
        (&recipe["weights"], &recipe["activations"], &recipe["seed"]),
        (&json!("int5@channel"), &json!("float"), &json!(3))
    );
    assert_eq!(told["layers"][0]["weights"], "int5@channel");
    assert_eq!(told["layers"][3]["weights"], "float");
    assert_eq!(
        told["layers"][3]["weight_sqnr_db"],
        Value::Null,
        "nothing was lost, and JSON has no infinity"
    );
    // What one command prints, the next one reads.
    let whole = scratch("whole.json", recipe.to_string().as_bytes());
    assert_eq!(answer(&["link", "fashion-lenet", "--recipe", &whole])["recipe"], *recipe);
    for (name, wrong) in [
        ("key", r#"{ "weigths": "int5" }"#),
        ("rule", r#"{ "rules": [{ "pattern": "*", "weight": "int4" }] }"#),
    ] {
        let file = scratch(&format!("wrong-{name}.json"), wrong.as_bytes());
        let message = refusal(1, &["link", "fashion-lenet", "--recipe", &file]);
        assert!(message.contains("unknown field"), "{message}");
    }
}

#[test]
fn data_without_labels_are_measured_by_agreement() {
    let images = data("unlabelled", 32, false);
    let called = call(&["eval", "fashion-lenet", "--data", &images, "--json"]);
    let told: Value = serde_json::from_str(&called.out).unwrap();
    assert_eq!((&told["metric"], &told["interval"]), (&json!("agreement"), &Value::Null));
    assert_eq!(told["value"], told["agreement"]);
    assert!(called.messages.contains("no labels"), "{}", called.messages);
}

#[test]
fn data_of_another_shape_fail_with_both_shapes() {
    let x = Array::new([2, 3, 8, 8], Values::U8(vec![0; 384])).unwrap();
    let odd = scratch("odd.npz", &npz::write(&[("x", &x)]).unwrap());
    let good = data("good", 16, true);
    let message = refusal(1, &["eval", "fashion-lenet", "--data", &odd]);
    assert!(message.contains("test set") && message.contains("28"), "{message}");
    let message = refusal(1, &["eval", "fashion-lenet", "--data", &good, "--calibration", &odd]);
    assert!(message.contains("calibration set"), "{message}");
}

#[test]
fn a_link_replays_to_the_same() {
    let images = data("replay", 48, true);
    let options =
        ["--weights", "int3@channel", "--activations", "uint4@tensor:mse", "--calibration-samples", "16"];
    let link =
        answer(&[&["link", "fashion-lenet", "--page", "https://example.org/fewbit/"], &options[..]].concat());
    assert_keys(&link, &["link", "characters", "recipe"]);
    let link = link["link"].as_str().unwrap();
    assert!(link.starts_with("https://example.org/fewbit/#v1."), "{link}");

    let again = answer(&["replay", link, "--data", &images]);
    assert_keys(&again, &["reproduced", "differs"]);
    assert_eq!((&again["reproduced"], &again["differs"]), (&json!(true), &json!([])));

    let told = answer(&[&["eval", "fashion-lenet", "--data", &images], &options[..]].concat());
    let file = scratch("expect.json", told.to_string().as_bytes());
    assert_eq!(answer(&["replay", link, "--data", &images, "--expect", &file])["reproduced"], true);

    let mut other = told;
    other["value"] = json!(0.1);
    other["layers"][1]["weight_sqnr_db"] = json!(99.0);
    let file = scratch("other.json", other.to_string().as_bytes());
    let called = call(&["replay", link, "--data", &images, "--expect", &file, "--json"]);
    assert_eq!(called.status, 1);
    let told: Value = serde_json::from_str(&called.out).unwrap();
    assert_eq!(told["reproduced"], false);
    let differs: Vec<_> =
        told["differs"].as_array().unwrap().iter().map(|d| (&d["where"], &d["what"])).collect();
    assert_eq!(differs, [(&json!("model"), &json!("value")), (&json!("conv2"), &json!("weight_sqnr_db"))]);
}

#[test]
fn a_link_to_a_file_asks_for_it_and_knows_it() {
    let model = fs::read(root().join("assets/models/fashion-lenet.onnx")).unwrap();
    let file = scratch("mine.onnx", &model);
    let link = answer(&["link", &file, "--weights", "int4"])["link"].as_str().unwrap().to_owned();
    let message = refusal(1, &["replay", &link]);
    assert!(message.contains("mine.onnx") && message.contains("--model-file"), "{message}");
    let images = data("mine", 16, true);
    assert_eq!(answer(&["replay", &link, "--model-file", &file, "--data", &images])["reproduced"], true);
    let other = root().join("assets/models/fashion-resnet.onnx").display().to_string();
    let message = refusal(1, &["replay", &link, "--model-file", &other]);
    assert!(message.contains("not the model of the link"), "{message}");
}

#[test]
fn damaged_links_fail_with_a_place() {
    let link = answer(&["link", "fashion-lenet", "--weights", "int4"])["link"].as_str().unwrap().to_owned();
    let message = refusal(1, &["replay", &link[..link.len() - 3]]);
    assert!(message.contains("copy the whole link again") && message.contains("byte"), "{message}");
    assert!(refusal(1, &["replay", "nonsense"]).contains("character 1"));
}

#[test]
fn bench_times_runs() {
    let told = answer(&["bench", "fashion-lenet", "--batch", "2", "--runs", "3"]);
    assert_keys(&told, &["first_ms", "median_ms", "min_ms", "runs", "backend"]);
    assert_eq!(told["runs"], 3);
    let [least, median] = ["min_ms", "median_ms"].map(|key| told[key].as_f64().unwrap());
    assert!(0.0 < least && least <= median);
}

#[test]
fn a_command_line_that_makes_no_sense_exits_with_2() {
    let cases: [&[&str]; 9] = [
        &[],
        &["explain"],
        &["eval"],
        &["eval", "fashion-lenet", "--weights", "int9"],
        &["eval", "fashion-lenet", "--range", "widest"],
        &["eval", "fashion-lenet", "--set", "conv1"],
        &["eval", "fashion-lenet", "--backend", "tpu"],
        &["eval", "fashion-lenet", "--calibration-samples", "0"],
        &["bench", "fashion-lenet", "--batch", "0"],
    ];
    for args in cases {
        assert!(!refusal(2, args).is_empty(), "{args:?}");
    }
}

#[test]
fn what_is_not_there_fails_and_says_what_is() {
    for command in ["inspect", "eval", "link", "bench"] {
        let message = refusal(1, &[command, "fashion-lennet"]);
        assert!(message.contains("fashion-lennet") && message.contains("fashion-mobilenet"), "{message}");
    }
    let message = refusal(1, &["eval", "fashion-lenet", "--data", "nowhere.npz"]);
    assert!(message.contains("nowhere.npz"), "{message}");
}

#[test]
fn hostile_models_fail_with_a_place() {
    let model = fs::read(root().join("assets/models/fashion-lenet.onnx")).unwrap();
    let mut flipped = model.clone();
    for byte in flipped.iter_mut().take(200).skip(20) {
        *byte ^= 0x5a;
    }
    let cases = [
        ("cut", &model[..model.len() / 2]),
        ("short", &model[..40]),
        ("empty", &[][..]),
        ("flipped", &flipped[..]),
        ("text", b"no model at all, only words"),
    ];
    for (name, bytes) in cases {
        let file = scratch(&format!("{name}.onnx"), bytes);
        for command in ["inspect", "eval"] {
            let message = refusal(1, &[command, &file]);
            assert!(message.contains(&format!("cli-{name}.onnx")), "{message}");
        }
    }
}

/// Two bits, few samples, and a short pipeline.
const LEARNED: [&str; 8] = [
    "--weights",
    "int2@channel",
    "--edges",
    "int8",
    "--calibration-samples",
    "16",
    "--pipeline",
    "fold,range=mse,adaround(iterations=4),bias-correct",
];

#[test]
fn methods_tells_what_each_needs_and_what_can_be_set() {
    let told = answer(&["methods"]);
    let methods = told["methods"].as_array().unwrap();
    for method in methods {
        assert_keys(method, &["name", "title", "source", "stage", "data", "gradients", "settings"]);
    }
    let adaround = methods.iter().find(|method| method["name"] == "adaround").unwrap();
    assert_eq!((&adaround["stage"], &adaround["gradients"]), (&json!("round"), &json!("layer")));
    assert!(adaround["settings"].as_array().unwrap().iter().any(|s| s["name"] == "iterations"));
    assert!(call(&["methods"]).out.contains("bias-correct"));
}

#[test]
fn quantize_runs_a_pipeline_and_writes_the_model() {
    let images = data("quantize", 48, true);
    let output = scratch("quantize.safetensors", b"");
    let args = [&["quantize", "fashion-lenet", "--data", &images, "-o", &output, "--json"], &LEARNED[..]];
    let called = call(&args.concat());
    assert_eq!(called.status, 0, "{}", called.messages);
    assert!(
        called.messages.contains("step 1/2") && called.messages.contains("step 2/2"),
        "{}",
        called.messages
    );
    let told: Value = serde_json::from_str(&called.out).unwrap();
    assert_eq!(told["pipeline"], "adaround(iterations=4),bias-correct");
    assert_eq!(told["layers"][1]["weights"], "int2@channel:mse", "range= is --range");
    let steps = told["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 2);
    for step in steps {
        assert_keys(step, &["name", "seconds", "findings"]);
        for finding in step["findings"].as_array().unwrap() {
            assert_keys(finding, &["layer", "what"]);
        }
    }
    assert_eq!(steps[1]["findings"][0]["what"], "bias");
    assert_eq!(told["output"], json!(output));
    let bytes = fs::read(&output).unwrap();
    let text = String::from_utf8_lossy(&bytes[8..2048]).into_owned();
    for word in ["fewbit.recipe", "adaround(iterations=4),bias-correct", "complete", "conv1.bias"] {
        assert!(text.contains(word), "no `{word}` in {text}");
    }

    // The same through `eval`, without the file.
    let again = answer(&[&["eval", "fashion-lenet", "--data", &images], &LEARNED[..]].concat());
    for key in ["value", "kl", "layers", "pipeline"] {
        assert_eq!(again[key], told[key], "{key}");
    }
}

#[test]
fn pipelines_that_cannot_be_are_refused_with_the_reason() {
    let cases = [
        ("adaround,bias-corect", "there is no method `bias-corect`"),
        ("bias-correct,adaround", "cannot come after bias-correct"),
        ("adaround(iteration=4)", "no setting `iteration`"),
        ("adaround,range=mse", "put it before"),
        ("adaround,fold", "fold comes first"),
        ("adaround(iterations=4", "no step of a pipeline"),
    ];
    for (pipeline, reason) in cases {
        let message = refusal(2, &["eval", "fashion-lenet", "--pipeline", pipeline]);
        assert!(message.contains(reason), "{pipeline}: {message}");
    }
    let message = refusal(1, &["eval", "fashion-lenet", "--range", "mse", "--pipeline", "range=aciq"]);
    assert!(message.contains("leave one of them out"), "{message}");
    let message =
        refusal(1, &["train", "fashion-lenet", "-o", "x.safetensors", "--pipeline", "bias-correct"]);
    assert!(message.contains("lsq"), "{message}");
    assert!(!Path::new("x.safetensors").exists());
}

#[test]
fn train_learns_the_whole_network() {
    let images = data("train", 32, true);
    let output = scratch("train.safetensors", b"");
    let told = answer(&[
        "train",
        "fashion-lenet",
        "--data",
        &images,
        "-o",
        &output,
        "--weights",
        "int3@channel",
        "--calibration-samples",
        "32",
        "--pipeline",
        "lsq(steps=3)",
    ]);
    assert_eq!(told["steps"][0]["name"], "lsq(steps=3)");
    assert!(fs::read(&output).unwrap().len() > 10_000);
}

#[test]
fn a_link_with_its_result_tells_the_first_layer_that_differs() {
    let images = data("result", 48, true);
    let args = [&["link", "fashion-lenet", "--with-result", "--data", &images], &LEARNED[..]].concat();
    let link = answer(&args)["link"].as_str().unwrap().to_owned();
    let again = answer(&["replay", &link, "--data", &images]);
    assert_eq!((&again["reproduced"], &again["differs"]), (&json!(true), &json!([])));
    assert_eq!(again["result"]["pipeline"], Value::Null, "the keys from metric to notes");

    // Fewer samples to learn from, and so another network.
    let few = data("few", 8, true);
    let called = call(&["replay", &link, "--data", &few, "--json"]);
    let told: Value = serde_json::from_str(&called.out).unwrap();
    assert_eq!((called.status, &told["reproduced"]), (1, &json!(false)));
    let differs = told["differs"].as_array().unwrap();
    assert_eq!((&differs[0]["where"], &differs[0]["what"]), (&json!("conv1"), &json!("codes or grids")));
    assert_eq!(differs.last().unwrap()["what"], "value");
}

#[test]
fn a_sweep_runs_each_recipe_once_and_goes_on_where_it_was_cut() {
    let images = data("sweep", 48, true);
    let grid = scratch(
        "grid.json",
        br#"{ "weights": ["int2@channel", "int4@channel"], "pipeline": ["", "fold,bias-correct"], "seeds": [0, 1] }"#,
    );
    let output = scratch("sweep.jsonl", b"");
    fs::remove_file(&output).unwrap();
    let args = [
        "sweep",
        "fashion-lenet",
        "--grid",
        &grid,
        "-o",
        &output,
        "--data",
        &images,
        "--pairs",
        "--calibration-samples",
        "16",
        "--activations",
        "uint4",
    ];
    let told = answer(&args);
    assert_eq!((&told["recipes"], &told["ran"]), (&json!(8), &json!(8)));
    let pairs = told["pairs"].as_array().unwrap();
    assert_eq!(pairs.len(), 7);
    assert_keys(&pairs[0], &["only_first", "only_this", "difference", "exact_p", "mid_p", "n"]);
    assert_eq!(pairs[0]["mid_p"], 1.0, "another seed rounds the same");
    let text = fs::read_to_string(&output).unwrap();
    assert_eq!(text.lines().count(), 8);

    // Cut in the middle of the sixth line: five are kept, three run again, and the file is as it was.
    let sixth = text.match_indices('\n').nth(4).unwrap().0 + 40;
    fs::write(&output, &text[..sixth]).unwrap();
    assert_eq!(answer(&args)["ran"], 3);
    let value = |text: &str| -> Vec<(Value, Value)> {
        let row = |line: &str| serde_json::from_str::<Value>(line).unwrap();
        text.lines().map(row).map(|row| (row["recipe"].clone(), row["value"].clone())).collect()
    };
    assert_eq!(value(&fs::read_to_string(&output).unwrap()), value(&text));
    assert_eq!(answer(&args)["ran"], 0);
    let called = call(&args);
    assert!(called.out.contains("mid-p"), "{}", called.out);

    // A list; what fails is told, and the others are run.
    let list = br#"[{ "weights": "int3" }, { "rules": [{ "pattern": "conv9", "weights": "int4" }] }]"#;
    let list = scratch("list.json", list);
    let output = scratch("list.jsonl", b"");
    let called =
        call(&["sweep", "fashion-lenet", "--grid", &list, "-o", &output, "--data", &images, "--json"]);
    let told: Value = serde_json::from_str(&called.out).unwrap();
    assert_eq!((called.status, &told["ran"]), (1, &json!(1)));
    assert!(told["failed"][0]["error"].as_str().unwrap().contains("conv9"));
    let message = refusal(1, &["sweep", "fashion-resnet", "--grid", &list, "-o", &output]);
    assert!(message.contains("fashion-lenet"), "{message}");
}

#[test]
fn quantize_and_report_write_files_for_other_tools() {
    let images = data("exports", 48, true);
    fn words<'a>(command: &'a str, images: &'a str, output: &'a str) -> [&'a str; 8] {
        [command, "fashion-lenet", "--data", images, "--weights", "int8@channel", "-o", output]
    }
    let named = |name: &str| scratch(&format!("export-{name}"), b"");
    let onnx_file = named("a.onnx");
    let written =
        answer(&[&words("quantize", &images, &onnx_file)[..], &["--activations", "uint8"]].concat());
    assert_eq!(written["output"], json!(onnx_file));
    assert_eq!(written["notes"], json!(["there are no calibration samples: the first test samples serve"]));
    let bytes = fs::read(&onnx_file).unwrap();
    assert!(bytes.len() < 120_000, "{}", bytes.len());
    let model = fewbit_formats::onnx::proto::ModelProto::from_bytes(&bytes).unwrap();
    let told: Vec<&str> = model.metadata_props.iter().map(|entry| entry.key()).collect();
    assert!(
        ["fewbit.model", "fewbit.recipe", "fewbit.report"].iter().all(|key| told.contains(key)),
        "{told:?}"
    );

    let gguf = named("a.gguf");
    let few = data("exports-few", 4, true);
    let called =
        call(&["quantize", "fashion-resnet", "--data", &few, "--weights", "int8@channel", "-o", &gguf]);
    assert_eq!(called.status, 0, "{}", called.messages);
    assert!(called.messages.contains("scales are rounded to 16 bits"), "{}", called.messages);
    let listed = answer(&["inspect", &gguf, "--statistics"]);
    let tensors = listed["tensors"].as_array().unwrap();
    let kinds: Vec<&str> = tensors.iter().filter_map(|tensor| tensor["element"].as_str()).collect();
    assert!(kinds.contains(&"Q8_0") && kinds.contains(&"F32"), "{kinds:?}");
    assert!(tensors.iter().all(|tensor| tensor["statistics"]["max"].is_number()));

    for (name, word) in [
        ("a.html", "<svg"),
        ("a.json", "\"recipe\""),
        ("a.explorer.json", "gradient"),
        ("a.netron.json", "netron:attachment"),
        ("a.exclude.json", "[]"),
        ("a.tensor-types.txt", "=q8_0"),
    ] {
        let output = named(name);
        answer(&words("report", &images, &output));
        let text = fs::read_to_string(&output).unwrap();
        assert!(text.contains(word), "{name}: {text}");
        assert!(!text.contains("<script") && !text.contains("http"), "{name}");
    }
    assert!(refusal(1, &words("quantize", &images, "a.tflite")).contains(".onnx, .safetensors or .gguf"));
    assert!(refusal(1, &words("report", &images, "a.pdf")).contains(".netron.json"));
}

#[test]
fn convert_writes_tensors_in_other_types() {
    use fewbit_formats::safetensors::{Dtype, Entry, write};
    let values: Vec<u8> = (0..4096).flat_map(|i| ((i as f32 * 0.37).sin()).to_le_bytes()).collect();
    let entries = [
        Entry { name: "a.weight", dtype: Dtype::F32, shape: &[16, 256], bytes: &values },
        Entry { name: "b.weight", dtype: Dtype::F32, shape: &[256], bytes: &values[..1024] },
        Entry { name: "c.weight", dtype: Dtype::F32, shape: &[64, 10], bytes: &values[..2560] },
    ];
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("cli-convert");
    fs::remove_dir_all(&folder).ok();
    fs::create_dir_all(folder.join("packed")).unwrap();
    let path = |name: &str| folder.join(name).display().to_string();
    let input = path("in.safetensors");
    fs::write(&input, write(&entries, &Default::default()).unwrap()).unwrap();

    let told = answer(&["convert", &input, "-o", &path("out.gguf"), "--type", "q4_k", "--set", "c.*=Q8_0"]);
    let tensors = told["tensors"].as_array().unwrap();
    let kinds: Vec<&str> = tensors.iter().map(|tensor| tensor["to"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["Q4_K", "F32", "F32"]);
    assert!(tensors[2]["reason"].as_str().unwrap().contains("rows of 10"), "{}", tensors[2]);
    assert_eq!(tensors[0]["bytes"], json!(16 * 144));
    assert!(tensors[0]["sqnr_db"].as_f64().unwrap() > 18.0);
    let again = answer(&["convert", &path("out.gguf"), "-o", &path("again.gguf"), "--set", "*=keep"]);
    assert!(again["tensors"].as_array().unwrap().iter().all(|tensor| tensor["sqnr_db"].is_null()));

    let packed = path("packed/model.safetensors");
    let told =
        answer(&["convert", &input, "-o", &packed, "--weights", "uint4@group64", "--set", "c.weight=keep"]);
    assert_eq!(told["tensors"][0]["to"], json!("uint4@group64"));
    let config: Value = serde_json::from_slice(&fs::read(path("packed/config.json")).unwrap()).unwrap();
    let group = &config["quantization_config"]["config_groups"]["group_0"]["weights"];
    assert_eq!(
        [&group["num_bits"], &group["group_size"], &group["symmetric"]],
        [&json!(4), &json!(64), &json!(false)]
    );
    assert_eq!(config["quantization_config"]["ignore"], json!(["c"]));
    let listed = answer(&["inspect", &packed]);
    let names: Vec<&str> =
        listed["tensors"].as_array().unwrap().iter().map(|t| t["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"a.weight_packed") && names.contains(&"a.weight_zero_point"), "{names:?}");

    let message = refusal(1, &["convert", &input, "-o", &packed]);
    assert!(message.contains("config.json is there already"), "{message}");
    assert!(
        refusal(1, &["convert", &input, "-o", &path("o.gguf"), "--set", "x*=Q8_0"]).contains("no tensor")
    );
    assert!(
        refusal(2, &["convert", &input, "-o", &path("o.gguf"), "--type", "Q9"]).contains("no type of ggml's")
    );
}
