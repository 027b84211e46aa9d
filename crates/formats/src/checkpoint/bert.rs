//! Encoders in the style of BERT (Devlin et al. 2019, arXiv 1810.04805) and RoBERTa (Liu et al. 2019, arXiv 1907.11692): learned
//! positions, attention to both sides, LayerNorm after each part.

use fewbit_graph::op::{Binary, Unary};
use fewbit_graph::{Dim, Op, WireId};
use serde::Deserialize;

use super::builder::{Builder, Heads};
use super::config::{field, length, parse, part};
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

/// An encoder.
#[derive(Clone, Debug)]
pub(super) struct Bert {
    /// `bert.`, `roberta.`, or nothing.
    prefix: &'static str,
    roberta: bool,
    task: Task,
    width: usize,
    inner: usize,
    blocks: usize,
    heads: Heads,
    epsilon: f32,
    activation: String,
    /// The token that fills texts up, which nobody attends to.
    padding: Option<u32>,
    /// The rows of the table of positions.
    rows: usize,
}

#[derive(Deserialize)]
struct Config {
    hidden_size: u64,
    num_hidden_layers: u64,
    num_attention_heads: u64,
    intermediate_size: u64,
    hidden_act: Option<String>,
    layer_norm_eps: Option<f32>,
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
        roberta: bool,
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
        let width = length("hidden_size", config.hidden_size)?;
        let heads = length("num_attention_heads", config.num_attention_heads)?;
        part("num_attention_heads", heads, width)?;
        let bert = Self {
            prefix,
            roberta,
            task,
            width,
            inner: length("intermediate_size", config.intermediate_size)?,
            blocks: length("num_hidden_layers", config.num_hidden_layers)?,
            heads: Heads::equal(heads, width),
            epsilon: config.layer_norm_eps.unwrap_or(1e-12),
            activation: config.hidden_act.unwrap_or_else(|| "gelu".to_owned()),
            padding: config.pad_token_id,
            rows: length("max_position_embeddings", config.max_position_embeddings)?,
        };
        match bert.positions() {
            0 => {
                Err(field("max_position_embeddings", bert.rows, "more than the number of the padding token"))
            }
            _ => Ok(bert),
        }
    }

    /// The first row of the table of positions that a text uses: RoBERTa counts from behind the number of its padding token.
    fn first(&self) -> usize {
        if self.roberta { self.padding.unwrap_or(1) as usize + 1 } else { 0 }
    }

    /// The most positions.
    pub(super) fn positions(&self) -> usize {
        self.rows.saturating_sub(self.first())
    }

    /// Adds the network to an empty graph. The token types are all 0, and padding is hidden where the ids have it.
    pub(super) fn build(&self, builder: &mut Builder<'_>, tokens: usize) -> Result<(), ReadError> {
        let Self { prefix, width, epsilon, .. } = *self;
        let ids = builder.graph.input(TOKENS, vec![Dim::Symbol(BATCH.to_owned()), Dim::Known(tokens)]);
        let name = |what: &str| format!("{prefix}embeddings.{what}");
        let (table, x) = builder.embedding(&name("word_embeddings"), ids, width)?;
        let module = name("position_embeddings");
        let places = self.places(builder, &module, ids, tokens)?;
        let x = builder.binary(&module, Binary::Add, x, places);
        let module = name("token_type_embeddings");
        let types = format!("{module}.weight");
        let rows = builder.length(&types, 0)?;
        let types = builder.table(&types, rows, width, 0..1)?;
        let x = builder.binary(&module, Binary::Add, x, types);
        let mut x = builder.layer_norm(&name("LayerNorm"), x, width, epsilon)?;
        let mask = self.padding.map(|padding| builder.padding_mask("attention_mask", ids, padding));
        for i in 0..self.blocks {
            x = self.block(builder, &format!("{prefix}encoder.layer.{i}"), x, mask)?;
        }
        let pooler = format!("{prefix}pooler.dense");
        match (self.task, self.roberta) {
            (Task::Hidden, _) => {
                builder.output("last_hidden_state", x);
                if builder.has(&format!("{pooler}.weight")) {
                    let pooled = builder.pooled(&pooler, x, width)?;
                    builder.output("pooler_output", pooled);
                }
                return Ok(());
            }
            (Task::MaskedLanguage, false) => {
                let names = ["transform.dense", "transform.LayerNorm", "decoder", "bias"];
                x = self.scores(builder, x, table, names.map(|name| format!("cls.predictions.{name}")))?;
            }
            (Task::MaskedLanguage, true) => {
                let names = ["dense", "layer_norm", "decoder", "bias"];
                x = self.scores(builder, x, table, names.map(|name| format!("lm_head.{name}")))?;
            }
            (Task::Text, false) => {
                let pooled = builder.pooled(&pooler, x, width)?;
                x = builder.labels("classifier", pooled, width)?;
            }
            (Task::Text, true) => {
                let pooled = builder.pooled("classifier.dense", x, width)?;
                x = builder.labels("classifier.out_proj", pooled, width)?;
            }
            (Task::Token, _) => x = builder.labels("classifier", x, width)?,
        }
        builder.output("logits", x);
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
        let table = format!("{module}.weight");
        let Some(padding) = self.padding.filter(|_| self.roberta) else {
            return builder.table(&table, self.rows, self.width, self.first()..self.first() + tokens);
        };
        let is_padding = builder.with_number(module, Binary::Equal, ids, padding as f32);
        let counts = builder.unary(module, Unary::Not, is_padding);
        let sums = Op::CumSum { axis: 1, exclusive: false, reverse: false };
        let sums = builder.node(module, "CumSum", sums, &[counts]);
        let own = builder.binary(module, Binary::Mul, sums, counts);
        let rows = builder.with_number(module, Binary::Add, own, padding as f32);
        let table = builder.parameter(&table, &[self.rows, self.width])?;
        Ok(builder.node(module, "Gather", Op::Gather { axis: 0 }, &[table, rows]))
    }

    fn block(
        &self,
        builder: &mut Builder<'_>,
        block: &str,
        x: WireId,
        mask: Option<WireId>,
    ) -> Result<WireId, ReadError> {
        let Self { width, inner, heads, epsilon, .. } = *self;
        let name = |what: &str| format!("{block}.{what}");
        let parts = ["query", "key", "value"].map(|part| name(&format!("attention.self.{part}")));
        let mixed = builder.attention(&name("attention.self"), x, parts, heads, mask)?;
        let attended = builder.linear(&name("attention.output.dense"), mixed, width, width)?;
        let sum = builder.binary(&name("attention.output"), Binary::Add, attended, x);
        let x = builder.layer_norm(&name("attention.output.LayerNorm"), sum, width, epsilon)?;
        let up = builder.linear(&name("intermediate.dense"), x, width, inner)?;
        let active = builder.activation(&name("intermediate"), &self.activation, up)?;
        let down = builder.linear(&name("output.dense"), active, inner, width)?;
        let sum = builder.binary(&name("output"), Binary::Add, down, x);
        builder.layer_norm(&name("output.LayerNorm"), sum, width, epsilon)
    }

    /// Scores of tokens by the embedding itself.
    fn scores(
        &self,
        builder: &mut Builder<'_>,
        x: WireId,
        table: WireId,
        [dense, norm, decoder, bias]: [String; 4],
    ) -> Result<WireId, ReadError> {
        let x = builder.linear(&dense, x, self.width, self.width)?;
        let active = if self.roberta { "gelu" } else { &self.activation };
        let x = builder.activation(&dense, active, x)?;
        let x = builder.layer_norm(&norm, x, self.width, self.epsilon)?;
        let vocabulary = builder.length(&format!("{}embeddings.word_embeddings.weight", self.prefix), 0)?;
        if builder.has(&format!("{decoder}.weight")) {
            return builder.linear(&decoder, x, self.width, vocabulary);
        }
        let scores = builder.tied(&decoder, table, x, vocabulary)?;
        if builder.has(&format!("{decoder}.bias")) {
            return Ok(scores);
        }
        let bias = builder.parameter(&bias, &[vocabulary])?;
        Ok(builder.binary(&decoder, Binary::Add, scores, bias))
    }
}
