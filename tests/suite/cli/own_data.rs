//! Data of one's own: pictures, tables and texts.

use std::fmt::Write as _;

use super::*;

fn golden(name: &str) -> String {
    root().join("tests/golden/data").join(name).display().to_string()
}

/// A folder of two classes with the same two pictures.
fn pictures(name: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    for class in ["cat", "dog"] {
        fs::create_dir_all(folder.join(class)).unwrap();
        for picture in ["rgb.png", "grey.jpg"] {
            fs::copy(golden(picture), folder.join(class).join(picture)).unwrap();
        }
    }
    folder.display().to_string()
}

#[test]
fn a_table_measures_the_same_as_an_npz() {
    let (x, y) = images(64);
    let mut text = "label".to_owned();
    (0..784).for_each(|i| write!(text, ",p{i}").unwrap());
    for (pixels, class) in x.chunks(784).zip(&y) {
        write!(text, "\n{class}").unwrap();
        pixels.iter().for_each(|pixel| write!(text, ",{pixel}").unwrap());
    }
    let table = scratch("fashion.csv", text.as_bytes());
    let options = ["--weights", "int4@channel", "--data"];
    let of = |data: &str| answer(&[&["eval", "fashion-lenet"], &options[..], &[data]].concat());
    let (mut a, b) = (of(&table), of(&data("as-table", 64, true)));
    assert_eq!((&a["value"], &a["kl"], &a["n"]), (&b["value"], &b["kl"], &b["n"]));
    assert_eq!((&a["data"]["kind"], &a["data"]["shape"]), (&json!("table"), &json!([64, 1, 28, 28])));
    assert_eq!(a["data"]["reading"]["label"], 0);
    assert_eq!(b["data"], Value::Null);
    let notes = a["notes"].take().to_string();
    assert!(
        notes.contains("column `label` holds the classes") && notes.contains("divided by 255"),
        "{notes}"
    );
}

#[test]
fn a_folder_of_pictures_becomes_samples() {
    let folder = pictures("cli-pictures");
    let told = answer(&["eval", "fashion-lenet", "--data", &folder]);
    assert_eq!((&told["n"], &told["data"]["kind"]), (&json!(4), &json!("pictures")));
    assert_eq!(told["data"]["classes"], json!(["cat", "dog"]));
    assert_eq!(told["data"]["preprocess"]["resize"], json!({ "exact": [28, 28] }));
    let output = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("cli-pictures.npz").display().to_string();
    let to = ["data", "fashion-lenet", &folder, "-o", &output];
    let corrected =
        ["--resize", "32", "--crop", "28", "--filter", "bicubic", "--mean", "0.5", "--std", "0.25"];
    let told = answer(&[&to[..], &corrected[..], &["--data-samples", "2"]].concat());
    assert_eq!(told["data"]["shape"], json!([2, 1, 28, 28]));
    assert_eq!(told["data"]["preprocess"]["crop"], json!([28, 28]));
    let arrays = npz::read(&fs::read(&output).unwrap(), &Limits::default()).unwrap();
    assert_eq!((arrays["x"].shape(), arrays["y"].to_i64()), (&[2, 1, 28, 28][..], Some(vec![0, 1])));
    let notes = told["notes"].to_string();
    assert!(
        notes.contains("2 of 4 pictures") && notes.contains("shorter side resized to 32 (bicubic)"),
        "{notes}"
    );
    let again = answer(&["eval", "fashion-lenet", "--data", &output]);
    assert_eq!(again["n"], 2);
    let message = refusal(1, &[&to[..], &["--crop", "20"]].concat());
    assert!(message.contains("pictures become N×1×20×20, but the model takes N×1×28×28"), "{message}");
    refusal(2, &[&to[..], &["--resize", "big"]].concat());
    refusal(2, &[&to[..], &["--filter", "sharp"]].concat());
}

#[test]
fn a_language_model_is_measured_token_by_token() {
    let (model, text) = (golden("bytes.onnx"), golden("bytes.txt"));
    let args = ["eval", &model, "--data", &text, "--tokenizer", "bytes"];
    let told = answer(&[&args[..], &["--weights", "int8@channel"]].concat());
    let wanted: Value = serde_json::from_slice(&fs::read(golden("bytes.json")).unwrap()).unwrap();
    let number = |value: &Value| value.as_f64().unwrap();
    let tokens = number(&wanted["tokens"]);
    assert_eq!((&told["metric"], number(&told["n"])), (&json!("accuracy"), tokens));
    assert_eq!(number(&told["float_value"]), number(&wanted["right"]) / tokens);
    for key in ["perplexity", "cross_entropy"] {
        let (found, wanted) = (number(&told[format!("float_{key}")]), number(&wanted[key]));
        assert!((found / wanted - 1.0).abs() < 1e-5, "{key}: {found} for {wanted}");
    }
    let (float, quantized) = (number(&told["float_perplexity"]), number(&told["perplexity"]));
    assert!(quantized != float && (quantized / float - 1.0).abs() < 0.01, "{quantized} for {float}");
    assert!(number(&told["interval"][0]) < number(&told["value"]) && number(&told["kl"]) > 0.0);
    assert!(number(&told["agreement"]) > 0.95);
    assert_eq!(told["data"]["windows"], json!({ "length": 32, "stride": 32, "most": null }));
    let coarse = answer(&[&args[..], &["--weights", "int2@channel", "--data-samples", "16"]].concat());
    assert_eq!(coarse["n"], 512);
    assert!(number(&coarse["perplexity"]) > 1.05 * number(&coarse["float_perplexity"]), "{coarse}");
    assert!(call(&args).out.contains("perplexity"));
}

#[test]
fn a_text_needs_a_tokenizer_that_fits_the_model() {
    let (model, text) = (golden("bytes.onnx"), golden("bytes.txt"));
    // A vocabulary of 256 is taken for bytes.
    let (inferred, asked) = (["eval", &model, "--data", &text], ["--tokenizer", "bytes"]);
    assert_eq!(answer(&inferred)["value"], answer(&[&inferred[..], &asked[..]].concat())["value"]);
    let large = golden("byte-level.json");
    let message = refusal(1, &["eval", &model, "--data", &text, "--tokenizer", &large]);
    assert!(message.contains("has 500 tokens, but the model knows 256"), "{message}");
    let message = refusal(1, &["eval", "fashion-lenet", "--data", &text, "--tokenizer", "bytes"]);
    assert!(message.contains("N×1×28×28, which is no sequence of tokens"), "{message}");
    let message = refusal(1, &["eval", "fashion-lenet", "--data", &golden("rgb.png")]);
    assert!(message.contains("ends in `png`: data are"), "{message}");
}
