//! A `tokenizer.json` held to what it has to be before it is used: `tokenizers` trusts parts of it.

mod charsmap;

use serde_json::{Map, Value};

use crate::error::DataError;

/// Bytes of a pattern, at most.
const MOST_PATTERN: usize = 1 << 13;

const NORMALIZERS: [&str; 14] = [
    "BertNormalizer",
    "ByteLevel",
    "Lowercase",
    "NFC",
    "NFD",
    "NFKC",
    "NFKD",
    "Nmt",
    "Precompiled",
    "Prepend",
    "Replace",
    "Sequence",
    "Strip",
    "StripAccents",
];
const PRE_TOKENIZERS: [&str; 12] = [
    "BertPreTokenizer",
    "ByteLevel",
    "CharDelimiterSplit",
    "Digits",
    "FixedLength",
    "Metaspace",
    "Punctuation",
    "Sequence",
    "Split",
    "UnicodeScripts",
    "Whitespace",
    "WhitespaceSplit",
];
const DECODERS: [&str; 10] = [
    "BPEDecoder",
    "ByteFallback",
    "ByteLevel",
    "CTC",
    "Fuse",
    "Metaspace",
    "Replace",
    "Sequence",
    "Strip",
    "WordPiece",
];

/// Makes `file` what is applied here: without what would be put around a text or cut off it, and without chance.
///
/// # Errors
/// [`DataError::Tokenizer`] with the place of what is not as it has to be.
pub(super) fn check(file: &mut Map<String, Value>) -> Result<(), DataError> {
    for left_out in ["truncation", "padding", "post_processor"] {
        file.insert(left_out.to_owned(), Value::Null);
    }
    for (key, kinds, parts) in [
        ("normalizer", &NORMALIZERS[..], "normalizers"),
        ("pre_tokenizer", &PRE_TOKENIZERS, "pretokenizers"),
        ("decoder", &DECODERS, "decoders"),
    ] {
        if let Some(step) = file.get(key).filter(|step| !step.is_null()) {
            check_step(key, step, kinds, parts)?;
        }
    }
    match file.get_mut("model") {
        Some(Value::Object(model)) => check_model(model),
        _ => Err(wrong("model", "it is missing")),
    }
}

/// A step of normalization, of cutting into words or of decoding, and those inside it.
fn check_step(place: &str, step: &Value, kinds: &[&str], parts: &str) -> Result<(), DataError> {
    let kind = step.get("type").and_then(Value::as_str).ok_or_else(|| wrong(place, "it has no `type`"))?;
    if !kinds.contains(&kind) {
        return Err(wrong(place, format!("`{kind}` is not known; there are {}", kinds.join(", "))));
    }
    let number = |key: &str| step.get(key).map(|value| value.as_u64().ok_or(value));
    let is_decoder = place.starts_with("decoder");
    match kind {
        "Sequence" => {
            let inside = step.get(parts).and_then(Value::as_array);
            let inside = inside.ok_or_else(|| wrong(place, format!("a Sequence has a list `{parts}`")))?;
            for (i, step) in inside.iter().enumerate() {
                check_step(&format!("{place}.{parts}[{i}]"), step, kinds, parts)?;
            }
            Ok(())
        }
        "Replace" | "Split" => check_pattern(place, step.get("pattern").unwrap_or(&Value::Null)),
        "FixedLength" if number("length") == Some(Ok(0)) => {
            Err(wrong(place, "words of length 0 have no end"))
        }
        "Strip" if is_decoder && number("stop") != Some(Ok(0)) => {
            Err(wrong(place, "only what begins a text is stripped: `stop` has to be 0"))
        }
        "Precompiled" => match step.get("precompiled_charsmap").and_then(Value::as_str) {
            Some(text) => {
                charsmap::check(text).map_err(|why| wrong(&format!("{place}.precompiled_charsmap"), why))
            }
            None => Err(wrong(place, "it has no `precompiled_charsmap`")),
        },
        _ => Ok(()),
    }
}

fn check_pattern(place: &str, pattern: &Value) -> Result<(), DataError> {
    let text = pattern.get("String").or(pattern.get("Regex")).and_then(Value::as_str);
    match text {
        Some("") => Err(wrong(place, "its pattern is empty")),
        Some(text) if text.len() > MOST_PATTERN => Err(wrong(
            place,
            format!("its pattern has {} bytes, more than the {MOST_PATTERN} that are read", text.len()),
        )),
        Some(_) => Ok(()),
        None => Err(wrong(place, "its pattern is neither a String nor a Regex")),
    }
}

fn check_model(model: &mut Map<String, Value>) -> Result<(), DataError> {
    // The oldest files do not say what their model is.
    let guess = match model.get("vocab") {
        _ if model.contains_key("merges") => "BPE",
        Some(Value::Array(_)) => "Unigram",
        _ if model.contains_key("continuing_subword_prefix") => "WordPiece",
        _ => "WordLevel",
    };
    let kind = model.entry("type").or_insert_with(|| guess.into());
    match kind.as_str() {
        Some("BPE") => {
            model.insert("dropout".to_owned(), Value::Null);
            check_merges(model)
        }
        Some("Unigram" | "WordPiece" | "WordLevel") => Ok(()),
        _ => Err(wrong(
            "model",
            format!("its type is {kind}; BPE, Unigram, WordLevel and WordPiece are known"),
        )),
    }
}

/// Each merge makes a token of two tokens.
fn check_merges(model: &Map<String, Value>) -> Result<(), DataError> {
    let Some(Value::Object(vocabulary)) = model.get("vocab") else {
        return Err(wrong("model.vocab", "it is no list of tokens and their numbers"));
    };
    let Some(Value::Array(merges)) = model.get("merges") else {
        return Err(wrong("model.merges", "it is no list"));
    };
    let prefix = model.get("continuing_subword_prefix").and_then(Value::as_str).unwrap_or_default();
    for (i, merge) in merges.iter().enumerate() {
        let pair = match merge {
            // What a first line of an older file says of its version is passed over.
            Value::String(line) if line.starts_with("#version") => continue,
            Value::String(line) => line.split_once(' '),
            Value::Array(pair) => match pair.as_slice() {
                [Value::String(a), Value::String(b)] => Some((a.as_str(), b.as_str())),
                _ => None,
            },
            _ => None,
        };
        let place = || format!("model.merges[{i}]");
        let (a, b) = pair.ok_or_else(|| wrong(&place(), "it is no pair of tokens"))?;
        let rest = b.strip_prefix(prefix);
        let rest = rest.ok_or_else(|| wrong(&place(), format!("`{b}` does not begin with `{prefix}`")))?;
        for token in [a, b, &format!("{a}{rest}")] {
            if !vocabulary.contains_key(token) {
                return Err(wrong(&place(), format!("`{token}` is no token")));
            }
        }
    }
    Ok(())
}

fn wrong(place: &str, why: impl Into<String>) -> DataError {
    DataError::Tokenizer(format!("`{place}`: {}", why.into()))
}
