//! Encoders in the style of BERT (Devlin et al. 2019, arXiv 1810.04805), RoBERTa (Liu et al. 2019, arXiv 1907.11692) and
//! DistilBERT (Sanh et al. 2019, arXiv 1910.01108): learned positions, attention to both sides, LayerNorm after each part.

use fewbit_graph::op::{Binary, Unary};
use fewbit_graph::{Dim, Op, WireId};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::builder::Builder;
use super::config::{field, length, parse};
use super::encoder::{Encoder, Modules};
use super::{BATCH, TOKENS};
use crate::error::ReadError;

/// What an encoder is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    /// Hidden states [N, T, D], and what the pooler makes of the first one [N, D] if there is one.
    Hidden,
    /// Scores of tokens [N, T, V].
    MaskedLanguage,
    /// Scores of labels for the text [N, L].
    Text,
    /// Scores of labels for each token [N, T, L].
    Token,
}

/// What makes one such encoder different from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Bert,
    Roberta,
    /// Without types of tokens, and its modules and fields have names of their own.
    DistilBert,
}

impl Family {
    /// What the names of an encoder's tensors begin with, under a head.
    pub(super) fn prefix(self) -> &'static str {
        match self {
            Self::Bert => "bert.",
            Self::Roberta => "roberta.",
            Self::DistilBert => "distilbert.",
        }
    }

    fn modules(self) -> &'static Modules {
        match self {
            Self::Bert | Self::Roberta => &MODULES,
            Self::DistilBert => &DISTILLED,
        }
    }
}

const MODULES: Modules = Modules {
    blocks: "encoder.layer",
    attention: "attention.self",
    parts: ["attention.self.query", "attention.self.key", "attention.self.value"],
    mixed: "attention.output.dense",
    feed_forward: ["intermediate.dense", "output.dense"],
    norms: ["attention.output.LayerNorm", "output.LayerNorm"],
    norms_first: false,
};

const DISTILLED: Modules = Modules {
    blocks: "transformer.layer",
    attention: "attention",
    parts: ["attention.q_lin", "attention.k_lin", "attention.v_lin"],
    mixed: "attention.out_lin",
    feed_forward: ["ffn.lin1", "ffn.lin2"],
    norms: ["sa_layer_norm", "output_layer_norm"],
    norms_first: false,
};

/// DistilBERT's names for fields of the configuration, and those of the others.
const DISTILLED_FIELDS: [(&str, &str); 5] = [
    ("dim", "hidden_size"),
    ("n_layers", "num_hidden_layers"),
    ("n_heads", "num_attention_heads"),
    ("hidden_dim", "intermediate_size"),
    ("activation", "hidden_act"),
];

/// An encoder.
#[derive(Clone, Debug)]
pub(super) struct Bert {
    /// That of its family, or nothing.
    prefix: &'static str,
    family: Family,
    task: Task,
    encoder: Encoder,
    /// The token that fills texts up, which nobody attends to.
    padding: Option<u32>,
    /// The rows of the table of positions.
    rows: usize,
}

#[derive(Deserialize)]
struct Config {
    max_position_embeddings: u64,
    pad_token_id: Option<u32>,
    position_embedding_type: Option<String>,
    is_decoder: Option<bool>,
}

impl Bert {
    /// An encoder after its `config.json`.
    pub(super) fn configured(
        json: &[u8],
        prefix: &'static str,
        family: Family,
        task: Task,
    ) -> Result<Self, ReadError> {
        let config: Config = parse(json)?;
        if config.is_decoder == Some(true) {
            return Err(field("is_decoder", "true", "false: it is an encoder that is run"));
        }
        match config.position_embedding_type.as_deref() {
            None | Some("absolute") => {}
            Some(other) => return Err(field("position_embedding_type", other, "absolute")),
        }
        let encoder = match family {
            Family::DistilBert => Encoder::configured(&renamed(json)?, family.modules())?,
            Family::Bert | Family::Roberta => Encoder::configured(json, family.modules())?,
        };
        let rows = length("max_position_embeddings", config.max_position_embeddings)?;
        let bert = Self { prefix, family, task, encoder, padding: config.pad_token_id, rows };
        match bert.positions() {
            0 => {
                Err(field("max_position_embeddings", bert.rows, "more than the number of the padding token"))
            }
            _ => Ok(bert),
        }
    }

    /// The first row of the table of positions that a text uses: RoBERTa counts from behind the number of its padding token.
    fn first(&self) -> usize {
        if self.family == Family::Roberta { self.padding.unwrap_or(1) as usize + 1 } else { 0 }
    }

    /// The most positions.
    pub(super) fn positions(&self) -> usize {
        self.rows.saturating_sub(self.first())
    }

    /// Adds the network to an empty graph. The token types are all 0, and padding is hidden where the ids have it.
    pub(super) fn build(&self, builder: &mut Builder<'_>, tokens: usize) -> Result<(), ReadError> {
        let Self { prefix, family, ref encoder, .. } = *self;
        let Encoder { width, epsilon, .. } = *encoder;
        let ids = builder.graph.input(TOKENS, vec![Dim::Symbol(BATCH.to_owned()), Dim::Known(tokens)]);
        let name = |what: &str| format!("{prefix}embeddings.{what}");
        let (table, x) = builder.embedding(&name("word_embeddings"), ids, width)?;
        let module = name("position_embeddings");
        let places = self.places(builder, &module, ids, tokens)?;
        let mut x = builder.binary(&module, Binary::Add, x, places);
        if family != Family::DistilBert {
            let module = name("token_type_embeddings");
            let types = format!("{module}.weight");
            let rows = builder.length(&types, 0)?;
            let types = builder.table(&types, rows, width, 0..1)?;
            x = builder.binary(&module, Binary::Add, x, types);
        }
        let x = builder.layer_norm(&name("LayerNorm"), x, width, epsilon)?;
        let mask = self.padding.map(|padding| builder.padding_mask("attention_mask", ids, padding));
        let x = encoder.build(builder, prefix, x, mask)?;
        let pooler = format!("{prefix}pooler.dense");
        let logits = match (self.task, family) {
            (Task::Hidden, _) => return encoder.hidden(builder, &pooler, x),
            (Task::MaskedLanguage, _) => self.scores(builder, x, table)?,
            (Task::Token, _) => builder.labels("classifier", x, width)?,
            (Task::Text, Family::Bert) => {
                let pooled = builder.pooled(&pooler, x, width)?;
                builder.labels("classifier", pooled, width)?
            }
            (Task::Text, Family::Roberta) => {
                let pooled = builder.pooled("classifier.dense", x, width)?;
                builder.labels("classifier.out_proj", pooled, width)?
            }
            (Task::Text, Family::DistilBert) => {
                let first = builder.first("pre_classifier", x, width);
                let dense = builder.linear("pre_classifier", first, width, width)?;
                let active = builder.unary("pre_classifier", Unary::Relu, dense);
                builder.labels("classifier", active, width)?
            }
        };
        builder.output("logits", logits);
        Ok(())
    }

    /// What the table of positions has for a text. RoBERTa counts the tokens that are no padding, and padding has a place of
    /// its own.
    fn places(
        &self,
        builder: &mut Builder<'_>,
        module: &str,
        ids: WireId,
        tokens: usize,
    ) -> Result<WireId, ReadError> {
        let (table, width) = (format!("{module}.weight"), self.encoder.width);
        let Some(padding) = self.padding.filter(|_| self.family == Family::Roberta) else {
            return builder.table(&table, self.rows, width, self.first()..self.first() + tokens);
        };
        let is_padding = builder.with_number(module, Binary::Equal, ids, padding as f32);
        let counts = builder.unary(module, Unary::Not, is_padding);
        let sums = Op::CumSum { axis: 1, exclusive: false, reverse: false };
        let sums = builder.node(module, "CumSum", sums, &[counts]);
        let own = builder.binary(module, Binary::Mul, sums, counts);
        let rows = builder.with_number(module, Binary::Add, own, padding as f32);
        let table = builder.parameter(&table, &[self.rows, width])?;
        Ok(builder.node(module, "Gather", Op::Gather { axis: 0 }, &[table, rows]))
    }

    /// Scores of tokens by the embedding itself.
    fn scores(&self, builder: &mut Builder<'_>, x: WireId, table: WireId) -> Result<WireId, ReadError> {
        let Encoder { width, epsilon, ref activation, .. } = self.encoder;
        let (activation, [dense, norm, decoder, bias]) = match self.family {
            Family::Bert => (
                activation.as_str(),
                ["transform.dense", "transform.LayerNorm", "decoder", "bias"]
                    .map(|name| format!("cls.predictions.{name}")),
            ),
            Family::Roberta => {
                ("gelu", ["dense", "layer_norm", "decoder", "bias"].map(|name| format!("lm_head.{name}")))
            }
            Family::DistilBert => (
                activation.as_str(),
                ["transform", "layer_norm", "projector", "projector.bias"]
                    .map(|name| format!("vocab_{name}")),
            ),
        };
        let x = builder.linear(&dense, x, width, width)?;
        let x = builder.activation(&dense, activation, x)?;
        let x = builder.layer_norm(&norm, x, width, epsilon)?;
        let vocabulary = builder.length(&format!("{}embeddings.word_embeddings.weight", self.prefix), 0)?;
        if builder.has(&format!("{decoder}.weight")) {
            return builder.linear(&decoder, x, width, vocabulary);
        }
        let scores = builder.tied(&decoder, table, x, vocabulary)?;
        if builder.has(&format!("{decoder}.bias")) {
            return Ok(scores);
        }
        let bias = builder.parameter(&bias, &[vocabulary])?;
        Ok(builder.binary(&decoder, Binary::Add, scores, bias))
    }
}

/// A configuration of DistilBERT's with the fields of the others.
fn renamed(json: &[u8]) -> Result<Vec<u8>, ReadError> {
    let mut fields: Map<String, Value> = parse(json)?;
    for (own, common) in DISTILLED_FIELDS {
        if let Some(value) = fields.remove(own) {
            fields.insert(common.to_owned(), value);
        }
    }
    Ok(Value::Object(fields).to_string().into_bytes())
}
