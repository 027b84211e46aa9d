//! `fewbit eval`: a recipe, made true of a model and measured.

use super::*;

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
