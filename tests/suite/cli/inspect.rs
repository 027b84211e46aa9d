//! `fewbit models`, `inspect`, `infer` and `bench`: a model as it is.

use super::*;

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
fn bench_times_runs() {
    let told = answer(&["bench", "fashion-lenet", "--batch", "2", "--runs", "3"]);
    assert_keys(&told, &["first_ms", "median_ms", "min_ms", "runs", "backend"]);
    assert_eq!(told["runs"], 3);
    let [least, median] = ["min_ms", "median_ms"].map(|key| told[key].as_f64().unwrap());
    assert!(0.0 < least && least <= median);
}
