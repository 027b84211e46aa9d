//! A decoder as llama.cpp stores it: names, metadata, and the order of rows
//! ([specification](https://github.com/ggml-org/ggml/blob/master/docs/gguf.md)).

use std::io::{Read, Seek};

use super::llama::Decoder;
use super::names::to_gguf;
use super::rope::{Pairs, Rope, Scaling};
use super::weights::{Store, Weights};
use super::{Network, configured, gguf, vocabulary};
use crate::error::ReadError;
use crate::gguf::Value;

/// GGUF's metadata that say how the values of one file are stored, and how it is split.
pub const OF_THE_FILE: [&str; 5] =
    ["general.file_type", "general.quantization_version", "split.no", "split.count", "split.tensors.count"];

const TOKENIZER: &str = "tokenizer.ggml.model";

/// What llama.cpp wants to know of a decoder, whatever its tensors are stored as.
#[derive(Clone, Debug, PartialEq)]
pub struct LlamaCpp {
    /// Names and values, the architecture first.
    pub metadata: Vec<(String, Value)>,
    /// Vectors that are no parameters of the model, in F32.
    pub extra: Vec<(String, Vec<f32>)>,
    /// Heads of the projections whose rows lie in another order there: of queries and of keys.
    interleaved: Option<[usize; 2]>,
    is_gguf: bool,
    /// The rows of the embedding.
    rows: usize,
}

impl LlamaCpp {
    /// What llama.cpp wants to know of a checkpoint; none if it is no Llama, Mistral, Qwen2 or Qwen3. A tokenizer is there if the
    /// checkpoint is GGUF.
    ///
    /// # Errors
    /// Those of [`super::read`] about the configuration.
    pub fn of<R: Read + Seek>(
        weights: &mut Weights<R>,
        config: Option<&[u8]>,
    ) -> Result<Option<Self>, ReadError> {
        if weights.is_gguf() {
            gguf::architecture(weights)?;
            let metadata = match weights.metadata() {
                Some(crate::tensors::Metadata::Gguf(entries)) => entries.clone(),
                _ => Vec::new(),
            };
            let mut metadata: Vec<_> =
                metadata.into_iter().filter(|(name, _)| !OF_THE_FILE.contains(&name.as_str())).collect();
            metadata.sort_by_key(|(name, _)| name != "general.architecture");
            metadata.push(version());
            let extra = match weights.shape(gguf::FREQUENCIES) {
                Some(_) => vec![(gguf::FREQUENCIES.to_owned(), weights.values(gguf::FREQUENCIES)?)],
                None => Vec::new(),
            };
            return Ok(Some(Self { metadata, extra, interleaved: None, is_gguf: true, rows: 0 }));
        }
        let Some(config) = config else { return Ok(None) };
        let (architecture, network) = configured(weights, config)?;
        let Network::Decoder(decoder) = network else { return Ok(None) };
        let architecture = match architecture.as_str() {
            "Qwen2ForCausalLM" => "qwen2",
            "Qwen3ForCausalLM" => "qwen3",
            "LlamaForCausalLM" | "MistralForCausalLM" => "llama",
            _ => return Ok(None),
        };
        let vocabulary = weights
            .shape(&format!("{}.weight", decoder.names.whole("embed_tokens")))
            .and_then(|shape| shape.first().copied());
        let interleaved = (architecture == "llama").then_some([decoder.heads.query, decoder.heads.key]);
        Ok(Some(Self {
            metadata: metadata(architecture, &decoder, vocabulary),
            extra: frequencies(&decoder.rope),
            interleaved,
            is_gguf: false,
            rows: vocabulary.and_then(|rows| usize::try_from(rows).ok()).unwrap_or(0),
        }))
    }

    /// Adds the tokenizer of a folder of Hugging Face's, from its `tokenizer.json` and `config.json`.
    ///
    /// # Errors
    /// [`ReadError`] for one that llama.cpp has no name for; nothing is added then.
    pub fn add_tokenizer(&mut self, tokenizer: &[u8], config: &[u8]) -> Result<(), ReadError> {
        let all = vocabulary::metadata(tokenizer, config, self.rows)?;
        self.metadata.retain(|(name, _)| !name.starts_with("tokenizer."));
        self.metadata.extend(all);
        Ok(())
    }

    /// Whether the metadata have a tokenizer.
    pub fn has_tokenizer(&self) -> bool {
        let kind = self.metadata.iter().find(|(name, _)| name == TOKENIZER);
        kind.is_some_and(|(_, kind)| kind.as_str() != Some("no_vocab"))
    }

    /// What llama.cpp calls a parameter of the model; none for what is no parameter of its own.
    pub fn name(&self, parameter: &str) -> Option<String> {
        if !self.is_gguf {
            return to_gguf(parameter);
        }
        let known = ["blk.", "token_embd.", "output.", "output_norm."];
        let is_own = known.iter().any(|front| parameter.starts_with(front))
            && (parameter.ends_with(".weight") || parameter.ends_with(".bias"));
        is_own.then(|| parameter.to_owned())
    }

    /// Among how many heads the rows of a parameter are put into another order: row s·half + i of each head becomes row 2i + s.
    /// None if they stay.
    pub fn heads(&self, parameter: &str) -> Option<usize> {
        let [query, key] = self.interleaved?;
        let (module, _) = parameter.rsplit_once('.')?;
        match module.rsplit_once('.')?.1 {
            "q_proj" => Some(query),
            "k_proj" => Some(key),
            _ => None,
        }
    }
}

fn version() -> (String, Value) {
    ("general.quantization_version".to_owned(), Value::U32(2))
}

fn metadata(architecture: &str, decoder: &Decoder, vocabulary: Option<u64>) -> Vec<(String, Value)> {
    let Decoder { width, inner, heads, rope, .. } = decoder;
    let count = |n: usize| Value::U32(u32::try_from(n).unwrap_or(u32::MAX));
    let mut all =
        vec![("general.architecture".to_owned(), Value::String(architecture.to_owned())), version()];
    let mut own = |key: &str, value: Value| all.push((format!("{architecture}.{key}"), value));
    own("context_length", count(decoder.positions));
    own("embedding_length", count(*width));
    own("block_count", count(decoder.windows.len()));
    own("feed_forward_length", count(*inner));
    own("attention.head_count", count(heads.query));
    own("attention.head_count_kv", count(heads.key));
    own("attention.key_length", count(heads.depth));
    own("attention.value_length", count(heads.depth));
    own("attention.layer_norm_rms_epsilon", Value::F32(decoder.epsilon));
    own("rope.dimension_count", count(rope.turned));
    own("rope.freq_base", Value::F32(rope.theta as f32));
    if let Scaling::Linear(factor) = rope.scaling {
        own("rope.scaling.type", Value::String("linear".to_owned()));
        own("rope.scaling.factor", Value::F32(factor as f32));
    }
    if let Some(vocabulary) = vocabulary {
        own("vocab_size", Value::U32(u32::try_from(vocabulary).unwrap_or(u32::MAX)));
    }
    // Without a tokenizer, llama.cpp takes token ids alone.
    all.push((TOKENIZER.to_owned(), Value::String("no_vocab".to_owned())));
    all
}

/// The divisors of frequencies that are scaled one by one.
fn frequencies(rope: &Rope) -> Vec<(String, Vec<f32>)> {
    if !matches!(rope.scaling, Scaling::Llama3 { .. }) {
        return Vec::new();
    }
    let plain = Rope { scaling: Scaling::None, pairs: Pairs::Halves, ..rope.clone() };
    let factors = (0..rope.turned / 2).map(|i| (plain.frequency(i) / rope.frequency(i)) as f32);
    vec![(gguf::FREQUENCIES.to_owned(), factors.collect())]
}
