//! `fewbit quantize`, `report` and `convert`: files for others.

use super::*;

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
