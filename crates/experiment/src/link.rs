//! Links: a document as a short text for an address's fragment.
//!
//! `v1.` and then, in base64url, the deflated JSON of how the document differs from [`Document::of`] its model. Deflated
//! is zlib's form (RFC 1950), whose checksum tells a damaged link from another one. What equals the default is left out;
//! rules of the same choice share one entry. A later version of the format gets another prefix, and every prefix ever
//! published keeps its reader. A link may carry what came of the work, so that whoever opens it can tell whether it comes
//! out the same.

use std::collections::BTreeMap;

use data_encoding::BASE64URL_NOPAD;
use fewbit_numeric::Format;
use fewbit_quant::{Choice, Pipeline, Rule};
use serde::{Deserialize, Serialize};

use crate::document::{Document, ModelRef};
use crate::failure::{Code, Failure};
use crate::gallery;
use crate::replay::Expectation;

const PREFIX: &str = "v1.";
/// Longest fragment that is looked at.
const MOST_TEXT: usize = 1 << 16;
/// Longest JSON that a fragment may inflate to.
const MOST_JSON: usize = 1 << 20;
/// Deflate's best effort: links are short and rare.
const EFFORT: u8 = 10;

/// Choices for weights and input, and the patterns that they are for.
type Group = (Option<Choice>, Option<Choice>, Vec<String>);

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Difference {
    /// The gallery's model.
    #[serde(skip_serializing_if = "Option::is_none")]
    m: Option<String>,
    /// A file's name and the model's hash.
    #[serde(skip_serializing_if = "Option::is_none")]
    f: Option<(String, String)>,
    /// Lengths that the model's file leaves free.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    d: BTreeMap<String, usize>,
    /// The base of weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    w: Option<Choice>,
    /// The base of activations.
    #[serde(skip_serializing_if = "Option::is_none")]
    a: Option<Choice>,
    /// The edges.
    #[serde(skip_serializing_if = "Option::is_none")]
    e: Option<Format>,
    /// Rules: weights, activations, patterns.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    r: Vec<Group>,
    /// Calibration samples.
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<u32>,
    /// The seed.
    #[serde(skip_serializing_if = "Option::is_none")]
    s: Option<u64>,
    /// The pipeline.
    #[serde(skip_serializing_if = "Option::is_none")]
    p: Option<Pipeline>,
    /// What came of it: the layers' hashes, 4 bytes each, in base64url; right answers, and of how many.
    #[serde(skip_serializing_if = "Option::is_none")]
    x: Option<(String, Option<(u32, u32)>)>,
    /// The layer looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    l: Option<u32>,
    /// The channel looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    c: Option<u32>,
    /// Whether counts are logarithmic.
    #[serde(skip_serializing_if = "Option::is_none")]
    g: Option<bool>,
}

/// A document, and what came of it where it was written, if the link says so.
#[derive(Clone, Debug, PartialEq)]
pub struct Linked {
    /// The document.
    pub document: Document,
    /// What to expect of it.
    pub expectation: Option<Expectation>,
}

/// The fragment (without `#`) that stands for `document`.
///
/// # Errors
/// [`Code::BadLink`] if the document cannot be written, which none of ours gives cause for.
pub fn write(document: &Document) -> Result<String, Failure> {
    write_with(document, None)
}

/// The same with what came of it.
///
/// # Errors
/// Those of [`write`].
pub fn write_with(document: &Document, expectation: Option<&Expectation>) -> Result<String, Failure> {
    let default = Document::of(document.model.clone());
    let (recipe, base) = (&document.recipe, &default.recipe);
    let (view, plain) = (&document.view, &default.view);
    let (m, f) = match &document.model {
        ModelRef::Gallery(id) => ((id != gallery::FIRST).then(|| id.clone()), None),
        ModelRef::File { name, id } => (None, Some((name.clone(), id.clone()))),
    };
    let difference = Difference {
        m,
        f,
        d: document.lengths.clone(),
        w: (recipe.weights != base.weights).then_some(recipe.weights),
        a: (recipe.activations != base.activations).then_some(recipe.activations),
        e: recipe.edges,
        r: grouped(&recipe.rules),
        n: (recipe.calibration_samples != base.calibration_samples).then_some(recipe.calibration_samples),
        s: (recipe.seed != base.seed).then_some(recipe.seed),
        p: (!recipe.pipeline.is_empty()).then(|| recipe.pipeline.clone()),
        x: expectation.map(|expectation| {
            let hashes: Vec<u8> = expectation.layers.iter().flat_map(|hash| hash.to_be_bytes()).collect();
            (BASE64URL_NOPAD.encode(&hashes), expectation.correct)
        }),
        l: (view.layer != plain.layer).then_some(view.layer),
        c: view.channel,
        g: view.log_counts.then_some(true),
    };
    let json = serde_json::to_vec(&difference)
        .map_err(|e| Failure::new(Code::BadLink, format!("this work cannot be written as a link: {e}")))?;
    Ok(format!(
        "{PREFIX}{}",
        BASE64URL_NOPAD.encode(&miniz_oxide::deflate::compress_to_vec_zlib(&json, EFFORT))
    ))
}

/// The document that a fragment (with or without `#`, or a whole address) stands for.
///
/// # Errors
/// [`Code::BadLink`] with the place at which it breaks off.
pub fn read(link: &str) -> Result<Document, Failure> {
    Ok(open(link)?.document)
}

/// The document, and what came of it if the link says so.
///
/// # Errors
/// Those of [`read`].
pub fn open(link: &str) -> Result<Linked, Failure> {
    let fragment = link.rsplit_once('#').map_or(link, |(_, fragment)| fragment).trim();
    let bad = |message: String| {
        Failure::new(Code::BadLink, message)
            .hint("copy the whole link again; parts of it are missing or changed")
    };
    if fragment.len() > MOST_TEXT {
        return Err(bad(format!("it has {} characters; at most {MOST_TEXT} are read", fragment.len()))
            .at(format!("character {}", MOST_TEXT + 1)));
    }
    let Some(text) = fragment.strip_prefix(PREFIX) else {
        let start: String = fragment.chars().take(12).collect();
        return Err(bad(format!("it begins with `{start}`, and not with `{PREFIX}`")).at("character 1"));
    };
    let packed = BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|e| {
        bad(format!("it is not base64url: {}", e.kind))
            .at(format!("character {}", PREFIX.len() + e.position + 1))
    })?;
    let json = miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(&packed, MOST_JSON).map_err(|e| {
        bad(format!("it does not inflate: {e}")).at(format!("byte {} of its JSON", e.output.len()))
    })?;
    let difference: Difference = serde_json::from_slice(&json).map_err(|e| {
        bad(format!("it says something unknown: {e}")).at(format!("column {} of its JSON", e.column()))
    })?;
    let expectation = difference.x.as_ref().map(|(hashes, correct)| {
        let hashes = BASE64URL_NOPAD.decode(hashes.as_bytes()).ok();
        let hashes = hashes.filter(|bytes| bytes.len().is_multiple_of(4)).ok_or_else(|| {
            bad("what it expects are no hashes of layers".to_owned()).at("the key x of its JSON")
        })?;
        let (words, _) = hashes.as_chunks::<4>();
        Ok(Expectation {
            layers: words.iter().map(|&word| u32::from_be_bytes(word)).collect(),
            correct: *correct,
        })
    });
    Ok(Linked { expectation: expectation.transpose()?, document: document_of(difference) })
}

fn document_of(difference: Difference) -> Document {
    let model = match (difference.m, difference.f) {
        (_, Some((name, id))) => ModelRef::File { name, id },
        (Some(id), None) => ModelRef::Gallery(id),
        (None, None) => ModelRef::Gallery(gallery::FIRST.to_owned()),
    };
    let mut document = Document { lengths: difference.d, ..Document::of(model) };
    let (recipe, view) = (&mut document.recipe, &mut document.view);
    recipe.weights = difference.w.unwrap_or(recipe.weights);
    recipe.activations = difference.a.unwrap_or(recipe.activations);
    recipe.edges = difference.e;
    recipe.calibration_samples = difference.n.unwrap_or(recipe.calibration_samples).max(1);
    recipe.seed = difference.s.unwrap_or(recipe.seed);
    recipe.pipeline = difference.p.unwrap_or_default();
    recipe.rules = difference
        .r
        .into_iter()
        .flat_map(|(weights, activations, patterns)| {
            patterns.into_iter().map(move |pattern| Rule { pattern, weights, activations })
        })
        .collect();
    view.layer = difference.l.unwrap_or(view.layer);
    view.channel = difference.c;
    view.log_counts = difference.g.unwrap_or(false);
    document
}

/// Rules with the same choices share an entry. A rule for one layer may move before rules for other layers, to its like, but
/// never across a pattern with `*`, nor across another rule for the same layer.
fn grouped(rules: &[Rule]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut movable = 0;
    for Rule { pattern, weights, activations } in rules {
        let is_one_layer = !pattern.contains('*');
        let stops =
            |(w, a, names): &&mut Group| (*w, *a) == (*weights, *activations) || names.contains(pattern);
        let reached = groups.iter_mut().skip(movable).rev().find(stops).filter(|_| is_one_layer);
        match reached {
            Some((w, a, names)) if (*w, *a) == (*weights, *activations) => names.push(pattern.clone()),
            _ => groups.push((*weights, *activations, vec![pattern.clone()])),
        }
        if !is_one_layer {
            movable = groups.len();
        }
    }
    groups
}
