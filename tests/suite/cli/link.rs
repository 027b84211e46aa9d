//! `fewbit link` and `replay`.

use super::*;

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
