//! Damaged files: whatever is wrong with them, they are read or refused.

use std::io::Cursor;

use fewbit_data::images::{Pictures, Preprocess};
use fewbit_data::table::{Asked, Reading};
use fewbit_data::tokenizer::Tokenizer;
use fewbit_formats::{Limits, gguf};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::golden;

const TEXT: &str = "Hello,  world! 量化\n😀 naïve ﬁne ½ 123 <s> ▁a Ġb";

fn damaged(name: &str, flips: &[(usize, u8)]) -> Vec<u8> {
    let mut bytes = golden(name);
    let length = bytes.len();
    for (at, bits) in flips {
        bytes[at % length] ^= bits;
    }
    bytes
}

/// The places of a JSON value that are not entries of a vocabulary or list of merges, but the first of them.
fn places(value: &Value, at: String, all: &mut Vec<String>) {
    match value {
        Value::Object(entries) => {
            entries.iter().take(12).for_each(|(key, value)| places(value, format!("{at}/{key}"), all));
        }
        Value::Array(values) => {
            values.iter().take(3).enumerate().for_each(|(i, value)| places(value, format!("{at}/{i}"), all));
        }
        _ => {}
    }
    all.push(at);
}

fn other_value(which: usize) -> Value {
    let values = [
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1),
        json!(7),
        json!(u64::MAX),
        json!(1e308),
        json!(0.5),
        json!(""),
        json!("a"),
        json!("▁"),
        json!("<0x41>"),
        json!("(?=a*)*$|\\b"),
        json!("BPE"),
        json!("Unigram"),
        json!("Sequence"),
        json!("Metaspace"),
        json!([]),
        json!({}),
        json!([["a", 0.0]]),
        json!([["a", "b"]]),
        json!({"a": 0}),
        json!({"String": "a"}),
        json!({"Regex": ""}),
        json!({"Regex": "\\s*"}),
    ];
    values[which % values.len()].clone()
}

fn apply(tokenizer: Result<Tokenizer, fewbit_data::DataError>) {
    if let Ok(tokenizer) = tokenizer
        && let Ok(tokens) = tokenizer.encode(TEXT)
    {
        drop(tokenizer.decode(&tokens));
    }
}

fn flips() -> impl Strategy<Value = Vec<(usize, u8)>> {
    proptest::collection::vec((any::<usize>(), 1u8..), 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn other_values_in_a_tokenizer_never_panic(changes in proptest::collection::vec((any::<usize>(), any::<usize>()), 1..4), which in 0usize..5) {
        let name = ["byte-level", "llama-3", "wordpiece", "unigram", "charsmap"][which];
        let mut file: Value = serde_json::from_slice(&golden(&format!("{name}.json"))).unwrap();
        for (place, value) in changes {
            let mut all = Vec::new();
            places(&file, String::new(), &mut all);
            let place = &all[place % all.len()];
            *file.pointer_mut(place).unwrap() = other_value(value);
        }
        apply(Tokenizer::from_json(&serde_json::to_vec(&file).unwrap()));
    }

    #[test]
    fn flipped_bits_in_a_tokenizer_never_panic(flips in flips(), which in 0usize..5) {
        let name = ["byte-level", "llama-3", "wordpiece", "unigram", "charsmap"][which];
        apply(Tokenizer::from_json(&damaged(&format!("{name}.json"), &flips)));
    }

    #[test]
    fn flipped_bits_in_a_vocabulary_never_panic(flips in flips(), which in 0usize..3) {
        let bytes = damaged(["byte-level.gguf", "llama-3.gguf", "sentencepiece.gguf"][which], &flips);
        if let Ok(header) = gguf::Header::read(Cursor::new(&bytes), &Limits::default()) {
            apply(Tokenizer::from_gguf(&header));
        }
    }

    #[test]
    fn flipped_bits_in_a_picture_never_panic(flips in flips(), which in 0usize..9) {
        let names = [
            "rgb.png", "grey.png", "alpha.png", "palette.png", "bilevel.png", "deep.png", "rgb.jpg", "progressive.jpg", "grey.jpg",
        ];
        let (preprocess, _) = Preprocess::infer(&[3, 8, 8], None).unwrap();
        let mut pictures = Pictures::new(preprocess, &[3, 8, 8]).unwrap();
        drop(pictures.push("picture", &damaged(names[which], &flips)));
    }

    #[test]
    fn any_text_is_a_table_or_refused(text in "[-0-9a-y.,;\"\n\t ]{0,60}") {
        for shape in [&[1][..], &[2], &[1, 2, 2]] {
            if let Ok((reading, _)) = Reading::infer(text.as_bytes(), shape, &Asked::default()) {
                drop(reading.read(text.as_bytes(), shape));
            }
        }
    }
}
