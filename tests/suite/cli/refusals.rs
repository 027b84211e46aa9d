//! What is refused, by status and in words.

use super::*;

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
