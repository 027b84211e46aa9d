//! Tokenizers against Hugging Face's and SentencePiece, and windows of tokens.

use std::io::Cursor;

use fewbit_data::text::Windows;
use fewbit_data::tokenizer::Tokenizer;
use fewbit_formats::{Limits, gguf};
use serde_json::Value;

use crate::{golden, values};

fn open(name: &str) -> Tokenizer {
    let bytes = golden(name);
    if name.ends_with(".gguf") {
        let header = gguf::Header::read(Cursor::new(&bytes), &Limits::default()).unwrap();
        Tokenizer::from_gguf(&header).unwrap()
    } else {
        Tokenizer::from_json(&bytes).unwrap()
    }
}

#[test]
fn tokens_are_those_of_the_reference() {
    let told: Value = serde_json::from_slice(&golden("tokens.json")).unwrap();
    let texts: Vec<&str> =
        told["texts"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
    let cases = told["tokens"].as_object().unwrap();
    assert_eq!(cases.len(), 8);
    for (name, wanted) in cases {
        let tokenizer = open(name);
        for (text, wanted) in texts.iter().zip(wanted.as_array().unwrap()) {
            let Some(wanted) = wanted.as_array() else { continue };
            let wanted: Vec<u32> = wanted.iter().map(|id| id.as_u64().unwrap() as u32).collect();
            assert_eq!(tokenizer.encode(text).unwrap(), wanted, "{name}: {text:?}");
        }
    }
}

#[test]
fn text_comes_back_from_tokens_that_lose_nothing() {
    let text = "Straße, 量化 😀\n  and\ttwo  spaces";
    for tokenizer in [Tokenizer::bytes(), Tokenizer::chars(text).unwrap()] {
        assert_eq!(tokenizer.decode(&tokenizer.encode(text).unwrap()).unwrap(), text);
    }
    for name in ["byte-level.json", "llama-3.json", "byte-level.gguf", "llama-3.gguf", "sentencepiece.gguf"] {
        let tokenizer = open(name);
        assert_eq!(tokenizer.decode(&tokenizer.encode(text).unwrap()).unwrap(), text, "{name}");
    }
}

#[test]
fn bytes_and_characters_are_tokens_of_themselves() {
    let bytes = Tokenizer::bytes();
    assert_eq!((bytes.vocabulary(), bytes.encode("aé").unwrap()), (256, vec![97, 195, 169]));
    let chars = Tokenizer::chars("cab\nb").unwrap();
    assert_eq!((chars.vocabulary(), chars.encode("abc\n").unwrap()), (4, vec![1, 2, 3, 0]));
    let message = chars.encode("a\nbx").unwrap_err().to_string();
    assert_eq!(message, "the tokenizer: line 2 of the text has 'x', which is not in the alphabet");
    assert!(Tokenizer::chars("").is_err());
}

#[test]
fn what_a_file_wants_around_a_text_is_left_out() {
    let mut file: Value = serde_json::from_slice(&golden("llama-3.json")).unwrap();
    let plain = open("llama-3.json").encode("Hello").unwrap();
    file["truncation"] =
        serde_json::json!({"max_length": 1, "strategy": "LongestFirst", "stride": 0, "direction": "Right"});
    let cut = Tokenizer::from_json(&serde_json::to_vec(&file).unwrap()).unwrap();
    assert_eq!(cut.encode("Hello").unwrap(), plain);
    assert!(plain.len() > 1);
}

/// The tokenizer of a golden GGUF whose text is cut into words in another way.
fn cut_as(name: &str, pre: &str) -> Tokenizer {
    let bytes = golden(name);
    let mut header = gguf::Header::read(Cursor::new(&bytes), &Limits::default()).unwrap();
    header.metadata.retain(|(key, _)| key != "tokenizer.ggml.pre");
    header.metadata.push(("tokenizer.ggml.pre".to_owned(), gguf::Value::String(pre.to_owned())));
    Tokenizer::from_gguf(&header).unwrap()
}

#[test]
fn names_of_one_way_to_cut_text_give_the_same_tokens() {
    let told: Value = serde_json::from_slice(&golden("tokens.json")).unwrap();
    let texts: Vec<&str> =
        told["texts"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
    // Digits one by one, as the tokenizer.json of SmolLM and of StarCoder say it.
    let mut digits: Value = serde_json::from_slice(&golden("byte-level.json")).unwrap();
    let bytes = digits["pre_tokenizer"].clone();
    assert_eq!(bytes["type"], "ByteLevel");
    digits["pre_tokenizer"] = serde_json::json!({
        "type": "Sequence", "pretokenizers": [{ "type": "Digits", "individual_digits": true }, bytes],
    });
    let digits = Tokenizer::from_json(&serde_json::to_vec(&digits).unwrap()).unwrap();
    for (file, pre, reference) in [
        ("byte-level.gguf", "phi-2", open("byte-level.json")),
        ("byte-level.gguf", "olmo", open("byte-level.json")),
        ("byte-level.gguf", "smollm", digits),
        ("llama-3.gguf", "falcon3", open("llama-3.json")),
        ("byte-level.gguf", "stablelm2", cut_as("byte-level.gguf", "qwen2")),
    ] {
        let tokenizer = cut_as(file, pre);
        for text in texts.iter().chain(&["1234 five 67th, ²³ ٣٤ in 2024.", "x1y22z333 can't 4's"]) {
            assert_eq!(tokenizer.encode(text).unwrap(), reference.encode(text).unwrap(), "{pre}: {text:?}");
        }
    }
}

#[test]
fn a_vocabulary_of_another_kind_is_refused_by_name() {
    let named = |model: &str, pre: &str| {
        let bytes = golden("byte-level.gguf");
        let mut header = gguf::Header::read(Cursor::new(&bytes), &Limits::default()).unwrap();
        for (key, value) in &mut header.metadata {
            match key.as_str() {
                "tokenizer.ggml.model" => *value = gguf::Value::String(model.to_owned()),
                "tokenizer.ggml.pre" => *value = gguf::Value::String(pre.to_owned()),
                _ => {}
            }
        }
        Tokenizer::from_gguf(&header).unwrap_err().to_string()
    };
    assert_eq!(
        named("rwkv", "gpt-2"),
        "the tokenizer: `tokenizer.ggml.model` is rwkv; `llama` and `gpt2` are read"
    );
    assert!(named("gpt2", "tekken").contains("as `tekken` (`tokenizer.ggml.pre`); known are gpt-2"));
    assert!(named("llama", "x").contains("`tokenizer.ggml.scores` is not one score for each of"));
}

#[test]
fn windows_hold_tokens_and_the_next_ones() {
    let (mut windows, notes) = Windows::infer(&[3]).unwrap();
    assert_eq!((windows.length, windows.stride), (3, 3));
    assert!(notes[0].contains("windows of 3 tokens"));
    let tokens: Vec<u32> = (10..18).collect();
    let samples = windows.of(&tokens).unwrap();
    assert_eq!(
        (samples.x.shape(), values(&samples.x)),
        (&[2, 3][..], &[10.0, 11.0, 12.0, 13.0, 14.0, 15.0][..])
    );
    assert_eq!(samples.y, Some(vec![11, 12, 13, 14, 15, 16]));
    (windows.stride, windows.most) = (1, Some(4));
    assert_eq!(windows.of(&tokens).unwrap().len(), 4);
    let message = windows.of(&tokens[..3]).unwrap_err().to_string();
    assert_eq!(message, "the text has 3 tokens; a window of 3 and the token behind it are needed");
    let message = Windows::infer(&[3, 32, 32]).unwrap_err().to_string();
    assert!(message.contains("no sequence of tokens"), "{message}");
}
