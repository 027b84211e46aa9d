//! Vocabularies of `tokenizer.json` as GGUF has them: byte-pair encoding, of bytes as GPT-2 has it or of characters with bytes to
//! fall back on as Llama 2 has it.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::config::{field, parse};
use crate::error::ReadError;
use crate::gguf::Value;

/// What a token is, by llama.cpp's numbers.
const NORMAL: i32 = 1;
const UNKNOWN: i32 = 2;
const CONTROL: i32 = 3;
const USER_DEFINED: i32 = 4;
const UNUSED: i32 = 5;
const BYTE: i32 = 6;

/// How Llama 3 splits text. Qwen 2 takes digits one by one.
const LLAMA_3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

#[derive(Deserialize)]
struct Tokenizer {
    model: Model,
    #[serde(default)]
    added_tokens: Vec<Added>,
    pre_tokenizer: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Model {
    #[serde(rename = "type")]
    kind: Option<String>,
    vocab: BTreeMap<String, u32>,
    #[serde(default)]
    merges: Vec<Merge>,
    #[serde(default)]
    byte_fallback: bool,
    unk_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Merge {
    Text(String),
    Pair(String, String),
}

impl Merge {
    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Pair(left, right) => format!("{left} {right}"),
        }
    }

    /// What it makes.
    fn whole(&self) -> String {
        self.text().replacen(' ', "", 1)
    }
}

#[derive(Deserialize)]
struct Added {
    id: u32,
    content: String,
    #[serde(default)]
    special: bool,
}

#[derive(Deserialize)]
struct Config {
    bos_token_id: Option<Ids>,
    eos_token_id: Option<Ids>,
    pad_token_id: Option<Ids>,
}

/// One token, or several of which the first counts.
#[derive(Deserialize)]
#[serde(untagged)]
enum Ids {
    One(u32),
    Several(Vec<u32>),
}

impl Ids {
    fn first(&self) -> Option<u32> {
        match self {
            Self::One(id) => Some(*id),
            Self::Several(ids) => ids.first().copied(),
        }
    }
}

/// The metadata of a tokenizer for an embedding of `rows` rows. Rows without a token get one that is not used.
///
/// # Errors
/// [`ReadError`] for a tokenizer that llama.cpp has no name for.
pub(super) fn metadata(
    tokenizer: &[u8],
    config: &[u8],
    rows: usize,
) -> Result<Vec<(String, Value)>, ReadError> {
    let tokenizer: Tokenizer = parse_tokenizer(tokenizer)?;
    let config: Config = parse(config)?;
    let model = &tokenizer.model;
    if model.kind.as_deref().unwrap_or("BPE") != "BPE" {
        let found = model.kind.as_deref().unwrap_or_default();
        return Err(field("the tokenizer's model", found, "BPE"));
    }
    let mut tokens: Vec<Option<(&str, i32)>> = vec![None; rows];
    let mut put = |id: u32, text, kind| match tokens.get_mut(id as usize) {
        Some(place) => {
            *place = Some((text, kind));
            Ok(())
        }
        None => {
            Err(field("a token of the tokenizer", id, format!("below {rows}, the rows of the embedding")))
        }
    };
    for (text, &id) in &model.vocab {
        let is_byte = model.byte_fallback && text.len() == 6 && text.starts_with("<0x");
        let kind = match model.unk_token.as_ref() {
            Some(unknown) if unknown == text => UNKNOWN,
            _ if is_byte => BYTE,
            _ => NORMAL,
        };
        put(id, text.as_str(), kind)?;
    }
    for added in &tokenizer.added_tokens {
        let is_unknown = model.unk_token.as_ref() == Some(&added.content);
        let kind = match added.special {
            _ if is_unknown && model.byte_fallback => UNKNOWN,
            true => CONTROL,
            false => USER_DEFINED,
        };
        put(added.id, added.content.as_str(), kind)?;
    }
    let texts = tokens.iter().enumerate().map(|(id, token)| match token {
        Some((text, _)) => Value::String((*text).to_owned()),
        None => Value::String(format!("[PAD{id}]")),
    });
    let kinds = tokens.iter().map(|token| Value::I32(token.map_or(UNUSED, |(_, kind)| kind)));
    let mut all = Vec::new();
    let mut own = |key: &str, value: Value| all.push((format!("tokenizer.ggml.{key}"), value));
    if model.byte_fallback {
        own("model", Value::String("llama".to_owned()));
        own("pre", Value::String("default".to_owned()));
        own("scores", Value::Array(scores(model, &tokens)));
    } else {
        own("model", Value::String("gpt2".to_owned()));
        own("pre", Value::String(splitting(tokenizer.pre_tokenizer.as_ref())?.to_owned()));
        let merges = model.merges.iter().map(|merge| Value::String(merge.text()));
        own("merges", Value::Array(merges.collect()));
    }
    own("tokens", Value::Array(texts.collect()));
    own("token_type", Value::Array(kinds.collect()));
    for (key, ids) in [
        ("bos_token_id", &config.bos_token_id),
        ("eos_token_id", &config.eos_token_id),
        ("padding_token_id", &config.pad_token_id),
    ] {
        if let Some(id) = ids.as_ref().and_then(Ids::first) {
            own(key, Value::U32(id));
        }
    }
    Ok(all)
}

fn parse_tokenizer(json: &[u8]) -> Result<Tokenizer, ReadError> {
    parse(json).map_err(|why: ReadError| {
        let place = crate::error::Place::Member("tokenizer.json".to_owned());
        place.error(why.problem)
    })
}

/// The scores by which llama.cpp merges characters, the highest first: a token that an earlier merge makes has a higher one.
fn scores(model: &Model, tokens: &[Option<(&str, i32)>]) -> Vec<Value> {
    let mut ranks: BTreeMap<String, usize> = BTreeMap::new();
    for (rank, merge) in model.merges.iter().enumerate() {
        ranks.entry(merge.whole()).or_insert(rank);
    }
    let last = model.merges.len();
    let score = |token: &Option<(&str, i32)>| match token {
        Some((text, NORMAL)) => -(ranks.get(*text).copied().unwrap_or(last) as f32),
        _ => 0.0,
    };
    tokens.iter().map(score).map(Value::F32).collect()
}

/// What llama.cpp calls the way in which text is split before bytes are merged.
fn splitting(steps: Option<&serde_json::Value>) -> Result<&'static str, ReadError> {
    let unknown = || {
        let found = steps.map_or_else(|| "missing".to_owned(), serde_json::Value::to_string);
        field("the tokenizer's way to split text", found, "that of GPT-2, Llama 3 or Qwen 2")
    };
    let steps = steps.ok_or_else(unknown)?;
    let list = match steps.get("pretokenizers").and_then(|list| list.as_array()) {
        Some(list) => list.iter().collect(),
        None => vec![steps],
    };
    let kind =
        |step: &serde_json::Value| step.get("type").and_then(|kind| kind.as_str()).unwrap_or("").to_owned();
    let pattern = |step: &serde_json::Value| {
        step.get("pattern").and_then(|pattern| pattern.get("Regex")?.as_str()).map(str::to_owned)
    };
    let by_regex = |step: &serde_json::Value| step.get("use_regex").and_then(serde_json::Value::as_bool);
    match list.as_slice() {
        [bytes] if kind(bytes) == "ByteLevel" && by_regex(bytes) != Some(false) => Ok("gpt-2"),
        [split, bytes] if kind(split) == "Split" && kind(bytes) == "ByteLevel" => {
            match pattern(split).ok_or_else(unknown)? {
                found if found == LLAMA_3 => Ok("llama-bpe"),
                found if found == LLAMA_3.replace("{1,3}", "") => Ok("qwen2"),
                _ => Err(unknown()),
            }
        }
        _ => Err(unknown()),
    }
}
