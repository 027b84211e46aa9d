//! Checkpoints to models: the tensors of safetensors or GGUF, and a configuration that says which network they belong to.
//!
//! [`Weights`] are the tensors, in one file or several; [`read`] makes a [`Model`] of them, with token ids or pictures as its
//! input and scores as its output. Every projection is a layer with the checkpoint's name. In reading order: `builder` has what
//! transformers have in common, then a file for each architecture; `gguf` and `names` are about llama.cpp's files.

mod bert;
mod builder;
mod config;
mod encoder;
mod gguf;
mod gpt2;
mod llama;
mod llama_cpp;
mod names;
mod rope;
mod vit;
mod vocabulary;
mod weights;

use std::collections::BTreeMap;
use std::io::{Read, Seek};

use fewbit_graph::Model;
use serde::Deserialize;

pub use llama_cpp::{LlamaCpp, OF_THE_FILE};
pub use names::to_gguf;
pub use weights::{Weights, shards};

use crate::error::{Place, Problem, ReadError, WriteError};
use crate::limits::Limits;
use crate::onnx::Element;
use crate::onnx::write::{Export, Layers, write};
use bert::{Bert, Family, Task};
use builder::Builder;
use config::{field, parse};
use gpt2::Gpt2;
use llama::{Decoder, Style};
use names::Names;
use vit::Vit;

/// The input of models of text: token ids [N, T].
pub const TOKENS: &str = "input_ids";
/// The input of models of pictures: [N, C, H, W].
pub const PIXELS: &str = "pixel_values";
/// The name of the length of a text, among the lengths that [`read`] takes.
pub const LENGTH: &str = "T";
const BATCH: &str = "N";
/// How many tokens a text has, unless told otherwise or the model has fewer positions.
const TOKENS_AT_FIRST: usize = 64;

/// The architectures that become models, as `config.json` names them.
pub const ARCHITECTURES: [&str; 22] = [
    "LlamaForCausalLM",
    "MistralForCausalLM",
    "Qwen2ForCausalLM",
    "Qwen3ForCausalLM",
    "StableLmForCausalLM",
    "GemmaForCausalLM",
    "GPT2LMHeadModel",
    "BertModel",
    "BertForMaskedLM",
    "BertForSequenceClassification",
    "BertForTokenClassification",
    "RobertaModel",
    "RobertaForMaskedLM",
    "RobertaForSequenceClassification",
    "RobertaForTokenClassification",
    "XLMRobertaForSequenceClassification",
    "DistilBertModel",
    "DistilBertForMaskedLM",
    "DistilBertForSequenceClassification",
    "DistilBertForTokenClassification",
    "ViTModel",
    "ViTForImageClassification",
];

#[derive(Deserialize)]
struct Kind {
    architectures: Option<Vec<String>>,
}

/// A model as it was read.
#[derive(Clone, Debug)]
pub struct Import {
    /// The model. Its metadata tell the `architecture`.
    pub model: Model,
    /// What its input holds: token ids are whole numbers.
    pub element: Element,
    /// Lengths that could be others, by name, and what they are here.
    pub lengths: BTreeMap<String, usize>,
}

impl Import {
    /// The model as an ONNX file, which gives the same bits and has layers of the same names: what an engine elsewhere takes.
    ///
    /// # Errors
    /// None for a model as it was read; those of [`write`](crate::onnx::write::write()).
    pub fn to_onnx(&self) -> Result<Vec<u8>, WriteError> {
        let export = Export {
            graph: &self.model.graph,
            codes: BTreeMap::new(),
            layers: Layers::Float { integer_biases: false },
            metadata: self.model.metadata.clone(),
        };
        Ok(write(&export)?.bytes)
    }
}

/// Reads the model that `weights` belong to. `config` is the text of `config.json`, which GGUF does without.
///
/// Of a model of text, [`LENGTH`] in `dims` is the number of tokens. The batch stays free.
///
/// # Errors
/// [`ReadError`]: an architecture that is none of [`ARCHITECTURES`], a configuration that contradicts itself, a tensor that is
/// missing or has another shape than the configuration says, more values than `limits` allow in memory, a length that is none of the model's or too large for it.
pub fn read<R: Read + Seek>(
    weights: &mut Weights<R>,
    config: Option<&[u8]>,
    dims: &BTreeMap<String, usize>,
    limits: &Limits,
) -> Result<Import, ReadError> {
    let (architecture, network) = match config {
        Some(config) if !weights.is_gguf() => configured(weights, config)?,
        _ if weights.is_gguf() => {
            (gguf::architecture(weights)?.to_owned(), Network::Decoder(gguf::configured(weights)?))
        }
        _ => return Err(field("config.json", "missing", "beside the tensors, and say what they belong to")),
    };
    let tokens = network.tokens(dims)?;
    let (found, limit) = (weights.float_bytes(), limits.file_bytes);
    if found > limit {
        let what = "bytes of weights as 32-bit floats";
        return Err(Place::File.error(Problem::TooLarge { what, found, limit }));
    }
    let mut builder = Builder::new(weights, limits.filled_elements);
    network.build(&mut builder, tokens.unwrap_or(0))?;
    let model =
        Model { graph: builder.graph, metadata: BTreeMap::from([("architecture".to_owned(), architecture)]) };
    Ok(Import {
        model,
        element: if tokens.is_some() { Element::I64 } else { Element::F32 },
        lengths: tokens.map(|tokens| (LENGTH.to_owned(), tokens)).into_iter().collect(),
    })
}

/// A network that is known.
enum Network {
    Decoder(Decoder),
    Gpt2(Gpt2),
    Bert(Bert),
    Vit(Vit),
}

/// The architecture that a configuration names, and the network that it describes.
fn configured<R: Read + Seek>(weights: &Weights<R>, config: &[u8]) -> Result<(String, Network), ReadError> {
    let kind: Kind = parse(config)?;
    let found = kind.architectures.unwrap_or_default();
    let Some(name) = found.iter().find(|name| ARCHITECTURES.contains(&name.as_str())) else {
        let found = if found.is_empty() { "missing".to_owned() } else { found.join(", ") };
        return Err(field("architectures", found, format!("one of {}", ARCHITECTURES.join(", "))));
    };
    let prefix = |prefix: &'static str| {
        let is_there = weights.tensors().any(|tensor| tensor.name.starts_with(prefix));
        if is_there { prefix } else { "" }
    };
    let network = match name.as_str() {
        "GPT2LMHeadModel" => Network::Gpt2(Gpt2::configured(config, prefix("transformer."))?),
        "ViTModel" => Network::Vit(Vit::configured(config, prefix("vit."), false)?),
        "ViTForImageClassification" => Network::Vit(Vit::configured(config, prefix("vit."), true)?),
        name => match name.split_once("For").unwrap_or((name, "")) {
            (_, "CausalLM") => {
                let names = Names::HuggingFace(prefix("model."));
                let style = match name {
                    "StableLmForCausalLM" => Style::StableLm,
                    "GemmaForCausalLM" => Style::Gemma,
                    _ => Style::Llama,
                };
                Network::Decoder(llama::configured(config, names, style)?)
            }
            (family, task) => {
                let family = match family {
                    family if family.starts_with("Bert") => Family::Bert,
                    family if family.starts_with("Distil") => Family::DistilBert,
                    _ => Family::Roberta,
                };
                let task = match task {
                    "MaskedLM" => Task::MaskedLanguage,
                    "SequenceClassification" => Task::Text,
                    "TokenClassification" => Task::Token,
                    _ => Task::Hidden,
                };
                Network::Bert(Bert::configured(config, prefix(family.prefix()), family, task)?)
            }
        },
    };
    Ok((name.clone(), network))
}

impl Network {
    /// The most tokens; none of a network of pictures.
    fn positions(&self) -> Option<usize> {
        match self {
            Self::Decoder(decoder) => Some(decoder.positions),
            Self::Gpt2(gpt2) => Some(gpt2.positions),
            Self::Bert(bert) => Some(bert.positions()),
            Self::Vit(_) => None,
        }
    }

    /// The number of tokens; none of a network of pictures.
    fn tokens(&self, dims: &BTreeMap<String, usize>) -> Result<Option<usize>, ReadError> {
        let most = self.positions();
        if let Some((name, length)) = dims.iter().find(|(name, _)| most.is_none() || *name != LENGTH) {
            let needed =
                if most.is_some() { "T, the number of tokens" } else { "none: it has no free length" };
            return Err(field("a length", format!("{name}={length}"), needed));
        }
        let Some(most) = most else { return Ok(None) };
        match dims.get(LENGTH) {
            None => Ok(Some(most.min(TOKENS_AT_FIRST))),
            Some(&length) if (1..=most).contains(&length) => Ok(Some(length)),
            Some(length) => Err(field(LENGTH, length, format!("a number from 1 to {most}"))),
        }
    }

    fn build(&self, builder: &mut Builder<'_>, tokens: usize) -> Result<(), ReadError> {
        match self {
            Self::Decoder(decoder) => decoder.build(builder, tokens),
            Self::Gpt2(gpt2) => gpt2.build(builder, tokens),
            Self::Bert(bert) => bert.build(builder, tokens),
            Self::Vit(vit) => vit.build(builder),
        }
    }
}
