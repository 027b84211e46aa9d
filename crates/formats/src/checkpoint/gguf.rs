//! Llama-style decoders as GGUF describes them.

use super::builder::Heads;
use super::config::{field, length, positive};
use super::llama::{Decoder, Style};
use super::names::Names;
use super::rope::{Pairs, Rope, Scaling};
use super::weights::{Store, Weights};
use crate::error::{Place, Problem, ReadError};
use crate::gguf::Value;

/// The architectures of GGUF that become graphs, and whether neighbours are pairs in their rotary positions.
pub(super) const ARCHITECTURES: [(&str, bool); 3] = [("llama", true), ("qwen2", false), ("qwen3", false)];

/// Divisors of the frequencies of rotary positions.
pub(super) const FREQUENCIES: &str = "rope_freqs.weight";

/// The architecture of a GGUF file, if it is one that becomes a graph.
pub(super) fn architecture<R>(weights: &Weights<R>) -> Result<&'static str, ReadError> {
    let found = weights.gguf("general.architecture").and_then(Value::as_str).unwrap_or("missing");
    let known = ARCHITECTURES.iter().map(|(name, _)| *name);
    known.clone().find(|name| *name == found).ok_or_else(|| {
        let known: Vec<&str> = known.collect();
        field("general.architecture", found, format!("one of {}", known.join(", ")))
    })
}

/// A decoder after the metadata of a GGUF file.
pub(super) fn configured<R: std::io::Read + std::io::Seek>(
    weights: &mut Weights<R>,
) -> Result<Decoder, ReadError> {
    let architecture = architecture(weights)?;
    let name = |key: &str| format!("{architecture}.{key}");
    let get = |key: &str| weights.gguf(&name(key));
    let whole = |key: &str| get(key).map(|value| value.as_u64().unwrap_or(0));
    let required = |key: &str| {
        let value = whole(key).ok_or_else(|| {
            let problem = Problem::Missing { what: "the metadata", name: name(key), found: Vec::new() };
            Place::File.error(problem)
        });
        length(&name(key), value?)
    };
    let optional = |key: &str, or: usize| whole(key).map_or(Ok(or), |value| length(&name(key), value));
    if whole("expert_count").is_some_and(|count| count > 0) {
        return Err(field(
            &name("expert_count"),
            whole("expert_count").unwrap_or(0),
            "0: experts are not run",
        ));
    }
    let width = required("embedding_length")?;
    let query = required("attention.head_count")?;
    let depth = optional("attention.key_length", width.checked_div(query).unwrap_or(0))?;
    let blocks = required("block_count")?;
    let number = |key: &str, or: f64| get(key).map_or(Some(or), Value::as_f64).unwrap_or(f64::NAN);
    let factor = positive(&name("rope.scaling.factor"), number("rope.scaling.factor", 1.0))?;
    let scaling = match get("rope.scaling.type").and_then(Value::as_str) {
        None | Some("none") => Scaling::None,
        Some("linear") => Scaling::Linear(factor),
        Some(other) => return Err(field(&name("rope.scaling.type"), other, "none or linear")),
    };
    let epsilon = number("attention.layer_norm_rms_epsilon", 1e-6);
    let mut decoder = Decoder {
        names: Names::Gguf,
        style: Style::Llama,
        width,
        inner: required("feed_forward_length")?,
        heads: Heads { query, key: optional("attention.head_count_kv", query)?, depth },
        epsilon: positive(&name("attention.layer_norm_rms_epsilon"), epsilon)? as f32,
        activation: "silu".to_owned(),
        rope: Rope {
            theta: positive(&name("rope.freq_base"), number("rope.freq_base", 10_000.0))?,
            scaling,
            turned: optional("rope.dimension_count", depth)?,
            pairs: match ARCHITECTURES.contains(&(architecture, true)) {
                true => Pairs::Neighbours,
                false => Pairs::Halves,
            },
        },
        positions: optional("context_length", 2048)?,
        windows: vec![None; blocks],
    };
    if weights.shape(FREQUENCIES).is_some() {
        decoder.rope.scaling = Scaling::Factors(weights.values(FREQUENCIES)?);
    }
    Ok(decoder)
}
