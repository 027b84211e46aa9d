//! Tokenizers of Hugging Face's as GGUF has them.

use fewbit_formats::checkpoint::LlamaCpp;
use fewbit_formats::gguf::Value;
use serde_json::json;

use crate::weights;

/// The metadata of a tokenizer beside the golden `llama`, which has 48 tokens.
fn metadata(tokenizer: &serde_json::Value) -> Result<Vec<(String, Value)>, String> {
    let (mut weights, config) = weights("llama");
    let config = config.unwrap();
    let mut decoder = LlamaCpp::of(&mut weights, Some(&config)).unwrap().unwrap();
    assert!(!decoder.has_tokenizer());
    let added = decoder.add_tokenizer(&serde_json::to_vec(tokenizer).unwrap(), &config);
    assert_eq!(decoder.has_tokenizer(), added.is_ok());
    added.map(|()| decoder.metadata).map_err(|why| why.to_string())
}

fn value(metadata: &[(String, Value)], name: &str) -> String {
    let name = format!("tokenizer.ggml.{name}");
    metadata
        .iter()
        .find(|(key, _)| *key == name)
        .map_or_else(|| "none".to_owned(), |(_, value)| value.to_string())
}

fn item(metadata: &[(String, Value)], name: &str, i: usize) -> String {
    let name = format!("tokenizer.ggml.{name}");
    let found = metadata.iter().find(|(key, _)| *key == name);
    let Some((_, Value::Array(values))) = found else { return "none".to_owned() };
    values[i].to_string()
}

#[test]
fn byte_pairs_keep_their_merges() {
    let told = metadata(&json!({
        "model": { "type": "BPE", "vocab": { "a": 0, "b": 1, "ab": 2 }, "merges": [["a", "b"]] },
        "added_tokens": [{ "id": 3, "content": "<end>", "special": true }, { "id": 4, "content": "<tool>", "special": false }],
        "pre_tokenizer": { "type": "ByteLevel", "add_prefix_space": false, "use_regex": true },
    }))
    .unwrap();
    assert_eq!([value(&told, "model"), value(&told, "pre")], ["gpt2", "gpt-2"]);
    assert_eq!(item(&told, "merges", 0), "a b");
    assert_eq!([2, 3, 47].map(|i| item(&told, "tokens", i)), ["ab", "<end>", "[PAD47]"]);
    assert_eq!([2, 3, 4, 47].map(|i| item(&told, "token_type", i)), ["1", "3", "4", "5"]);
    assert_eq!([value(&told, "bos_token_id"), value(&told, "eos_token_id")], ["1", "2"]);
    assert_eq!(value(&told, "scores"), "none");
}

#[test]
fn what_is_merged_first_scores_highest() {
    let told = metadata(&json!({
        "model": {
            "type": "BPE", "byte_fallback": true, "unk_token": "<unk>", "merges": ["b c", "a bc"],
            "vocab": { "<unk>": 0, "<0x0A>": 1, "a": 2, "b": 3, "c": 4, "abc": 5, "bc": 6 },
        },
        "added_tokens": [{ "id": 0, "content": "<unk>", "special": true }],
    }))
    .unwrap();
    assert_eq!(value(&told, "model"), "llama");
    assert_eq!([0, 1, 2].map(|i| item(&told, "token_type", i)), ["2", "6", "1"]);
    assert_eq!([6, 5, 2].map(|i| item(&told, "scores", i)), ["-0", "-1", "-2"]);
}

#[test]
fn a_tokenizer_that_llama_cpp_has_no_name_for_is_refused() {
    let bytes = json!({ "type": "ByteLevel", "use_regex": true });
    let model = json!({ "type": "BPE", "vocab": { "a": 0 }, "merges": [] });
    for (tokenizer, part) in [
        (json!({ "model": { "type": "WordPiece", "vocab": { "a": 0 } } }), "WordPiece; it has to be BPE"),
        (json!({ "model": { "type": "BPE", "vocab": { "a": 48 } }, "pre_tokenizer": bytes }), "below 48"),
        (
            json!({ "model": model, "pre_tokenizer": { "type": "Whitespace" } }),
            "that of GPT-2, Llama 3 or Qwen 2",
        ),
        (json!({ "model": model }), "is missing"),
        (json!({ "model": 7 }), "tokenizer.json"),
    ] {
        let said = metadata(&tokenizer).unwrap_err();
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn the_tokenizer_of_a_gguf_stays_as_it_is() {
    let (mut weights, _) = weights("llama_mixed.gguf");
    let decoder = LlamaCpp::of(&mut weights, None).unwrap().unwrap();
    assert!(!decoder.has_tokenizer());
    assert_eq!(decoder.metadata[0].1, Value::String("llama".to_owned()));
    assert_eq!(decoder.extra[0].0, "rope_freqs.weight");
}
