//! The vocabulary in a GGUF file's metadata, written as a `tokenizer.json`
//! ([keys](https://github.com/ggml-org/ggml/blob/master/docs/gguf.md#tokenizer)).

use std::collections::BTreeMap;

use fewbit_formats::gguf::{Header, Value};
use serde_json::{Map, json};

use crate::error::DataError;

/// Bytes of a token, at most: every way to split it is looked at.
const MOST_TOKEN_BYTES: usize = 1 << 10;

/// What `tokenizer.ggml.token_type` says of a token.
const CONTROL: u64 = 3;
const USER_DEFINED: u64 = 4;
const UNKNOWN: u64 = 2;
const NORMAL: u64 = 1;

/// How byte-level vocabularies cut text into words.
struct Words {
    /// What `tokenizer.ggml.pre` calls it: names for which llama.cpp takes the same expressions.
    names: &'static [&'static str],
    /// Expressions whose matches are words, one after the other.
    splits: &'static [&'static str],
    /// Whether GPT-2's own expression comes last.
    by_gpt2: bool,
    /// Whether a word that is a token is taken as it is, whatever merges say.
    whole: bool,
}

/// The expressions of GPT-2, Llama 3 and Qwen 2, as their own `tokenizer.json` have them, and digits one by one before GPT-2's.
const WORDS: [Words; 4] = [
    Words { names: &["gpt-2", "gpt2", "phi-2", "mpt", "olmo"], splits: &[], by_gpt2: true, whole: false },
    Words {
        names: &["smollm", "starcoder", "command-r", "refact", "codeshell", "exaone"],
        splits: &[r"\p{N}"],
        by_gpt2: true,
        whole: false,
    },
    Words {
        names: &["llama-bpe", "llama3", "llama-v3", "falcon3", "lfm2"],
        splits: &[
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        ],
        by_gpt2: false,
        whole: true,
    },
    Words {
        names: &["qwen2", "deepseek-r1-qwen", "stablelm2"],
        splits: &[
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        ],
        by_gpt2: false,
        whole: false,
    },
];

type Json = Map<String, serde_json::Value>;

/// The tokenizer of `header`.
pub(super) fn tokenizer_json(header: &Header) -> Result<Json, DataError> {
    let vocabulary = Vocabulary::of(header)?;
    let json = match header.get("tokenizer.ggml.model") {
        Some(Value::String(model)) if model == "gpt2" => vocabulary.byte_level(header)?,
        Some(Value::String(model)) if model == "llama" => vocabulary.sentence_piece(header)?,
        Some(other) => {
            return Err(wrong(format!("`tokenizer.ggml.model` is {other}; `llama` and `gpt2` are read")));
        }
        None => return Err(wrong("the file carries no `tokenizer.ggml.model`".to_owned())),
    };
    match json {
        serde_json::Value::Object(json) => Ok(json),
        _ => Ok(Json::new()),
    }
}

/// Tokens and their kinds.
struct Vocabulary<'a> {
    tokens: Vec<&'a str>,
    kinds: Vec<u64>,
    /// The number of each token; of one that occurs twice, the first.
    numbers: BTreeMap<&'a str, u32>,
}

impl<'a> Vocabulary<'a> {
    fn of(header: &'a Header) -> Result<Self, DataError> {
        let tokens = strings(header, "tokenizer.ggml.tokens")?;
        if let Some(long) = tokens.iter().position(|token| token.len() > MOST_TOKEN_BYTES) {
            return Err(wrong(format!("token {long} is longer than {MOST_TOKEN_BYTES} bytes")));
        }
        let kinds = match header.get("tokenizer.ggml.token_type") {
            None => vec![NORMAL; tokens.len()],
            Some(Value::Array(kinds)) if kinds.len() == tokens.len() => {
                kinds.iter().map(|kind| kind.as_u64().unwrap_or_default()).collect()
            }
            Some(_) => {
                return Err(wrong(format!(
                    "`tokenizer.ggml.token_type` is not one kind for each of {} tokens",
                    tokens.len()
                )));
            }
        };
        let mut numbers = BTreeMap::new();
        for (&token, number) in tokens.iter().zip(0..) {
            numbers.entry(token).or_insert(number);
        }
        Ok(Self { tokens, kinds, numbers })
    }

    /// Tokens that are found in the text before it is cut into words.
    fn added(&self) -> Vec<serde_json::Value> {
        let all = self.tokens.iter().zip(&self.kinds).zip(0u32..);
        let added =
            all.filter(|&((token, &kind), _)| !token.is_empty() && matches!(kind, CONTROL | USER_DEFINED));
        let entry = |((token, &kind), id): ((&&str, &u64), u32)| {
            json!({
                "id": id, "content": token, "special": kind == CONTROL,
                "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
            })
        };
        added.map(entry).collect()
    }

    /// Byte-pair encoding of bytes, as GPT-2 has it (Radford et al. 2019).
    fn byte_level(&self, header: &Header) -> Result<serde_json::Value, DataError> {
        let pre = match header.get("tokenizer.ggml.pre") {
            Some(Value::String(pre)) => pre.as_str(),
            _ => "gpt-2",
        };
        let Some(words) = WORDS.iter().find(|words| words.names.contains(&pre)) else {
            let known: Vec<&str> = WORDS.iter().flat_map(|words| words.names.iter().copied()).collect();
            return Err(wrong(format!(
                "text is cut into words as `{pre}` (`tokenizer.ggml.pre`); known are {}; take the model's tokenizer.json",
                known.join(", ")
            )));
        };
        let merges = strings(header, "tokenizer.ggml.merges")?;
        let bytes = |use_regex: bool| json!({ "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": use_regex });
        let split = |regex: &&str| json!({ "type": "Split", "pattern": { "Regex": regex }, "behavior": "Isolated", "invert": false });
        let steps: Vec<serde_json::Value> =
            words.splits.iter().map(split).chain([bytes(words.by_gpt2)]).collect();
        let pre_tokenizer = json!({ "type": "Sequence", "pretokenizers": steps });
        Ok(json!({
            "version": "1.0", "added_tokens": self.added(), "normalizer": null,
            "pre_tokenizer": pre_tokenizer, "decoder": bytes(true),
            "model": {
                "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
                "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false,
                "ignore_merges": words.whole, "vocab": self.numbers, "merges": merges,
            },
        }))
    }

    /// SentencePiece's byte-pair encoding (Kudo and Richardson 2018, arXiv 1808.06226): of two neighbours those are merged that make
    /// the token with the highest score. Characters that are no token become bytes.
    fn sentence_piece(&self, header: &Header) -> Result<serde_json::Value, DataError> {
        let scores: Vec<f32> = match header.get("tokenizer.ggml.scores") {
            Some(Value::Array(scores)) if scores.len() == self.tokens.len() => scores
                .iter()
                .map(|score| if let Value::F32(score) = score { *score } else { f32::MIN })
                .collect(),
            _ => {
                return Err(wrong(format!(
                    "`tokenizer.ggml.scores` is not one score for each of {} tokens",
                    self.tokens.len()
                )));
            }
        };
        let unknown =
            self.tokens.iter().zip(&self.kinds).find(|(_, kind)| **kind == UNKNOWN).map(|(token, _)| token);
        let mut normalizers = Vec::new();
        if !matches!(header.get("tokenizer.ggml.add_space_prefix"), Some(Value::Bool(false))) {
            normalizers.push(json!({ "type": "Prepend", "prepend": "▁" }));
        }
        normalizers.push(json!({ "type": "Replace", "pattern": { "String": " " }, "content": "▁" }));
        let decoders = json!([
            { "type": "Replace", "pattern": { "String": "▁" }, "content": " " },
            { "type": "ByteFallback" }, { "type": "Fuse" },
            { "type": "Strip", "content": " ", "start": normalizers.len() - 1, "stop": 0 },
        ]);
        Ok(json!({
            "version": "1.0", "added_tokens": self.added(),
            "normalizer": { "type": "Sequence", "normalizers": normalizers },
            "pre_tokenizer": null, "decoder": { "type": "Sequence", "decoders": decoders },
            "model": {
                "type": "BPE", "dropout": null, "unk_token": unknown, "continuing_subword_prefix": null,
                "end_of_word_suffix": null, "fuse_unk": true, "byte_fallback": true, "ignore_merges": false,
                "vocab": self.numbers, "merges": self.merges(&scores),
            },
        }))
    }

    /// The pairs of tokens that make a token, those with the highest score first.
    fn merges(&self, scores: &[f32]) -> Vec<[&'a str; 2]> {
        let mut ranked: Vec<(f32, u32, u32, [&str; 2])> = Vec::new();
        for ((&token, &kind), &score) in self.tokens.iter().zip(&self.kinds).zip(scores) {
            if kind != NORMAL {
                continue;
            }
            for (at, _) in token.char_indices().skip(1) {
                let (left, right) = token.split_at(at);
                if let (Some(&a), Some(&b)) = (self.numbers.get(left), self.numbers.get(right)) {
                    ranked.push((score, a, b, [left, right]));
                }
            }
        }
        ranked.sort_by(|x, y| y.0.total_cmp(&x.0).then((x.1, x.2).cmp(&(y.1, y.2))));
        ranked.into_iter().map(|(.., pair)| pair).collect()
    }
}

fn strings<'a>(header: &'a Header, key: &str) -> Result<Vec<&'a str>, DataError> {
    let Some(Value::Array(values)) = header.get(key) else {
        return Err(wrong(format!("the file carries no list `{key}`")));
    };
    let string = |(i, value): (usize, &'a Value)| match value {
        Value::String(text) => Ok(text.as_str()),
        other => Err(wrong(format!("element {i} of `{key}` is {other}; a text is needed"))),
    };
    values.iter().enumerate().map(string).collect()
}

fn wrong(why: String) -> DataError {
    DataError::Tokenizer(why)
}
