//! `fewbit methods`, `quantize`, `train` and `sweep`: pipelines.

use super::*;

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
