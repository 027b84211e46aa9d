//! GPT-2 (Radford et al. 2019): learned positions, LayerNorm before each part, projections stored by columns.

use fewbit_graph::op::Binary;
use fewbit_graph::{Dim, WireId};
use serde::Deserialize;

use super::builder::{Builder, Heads};
use super::config::{field, length, parse, part};
use super::{BATCH, TOKENS};
use crate::error::ReadError;

/// A GPT-2.
#[derive(Clone, Debug)]
pub(super) struct Gpt2 {
    /// `transformer.`, or nothing.
    prefix: &'static str,
    width: usize,
    inner: usize,
    blocks: usize,
    heads: Heads,
    epsilon: f32,
    activation: String,
    /// The most positions.
    pub(super) positions: usize,
}

#[derive(Deserialize)]
struct Config {
    n_embd: u64,
    n_layer: u64,
    n_head: u64,
    n_positions: Option<u64>,
    n_inner: Option<u64>,
    layer_norm_epsilon: Option<f32>,
    activation_function: Option<String>,
    scale_attn_weights: Option<bool>,
    scale_attn_by_inverse_layer_idx: Option<bool>,
}

impl Gpt2 {
    /// A GPT-2 after its `config.json`.
    pub(super) fn configured(json: &[u8], prefix: &'static str) -> Result<Self, ReadError> {
        let config: Config = parse(json)?;
        if config.scale_attn_weights == Some(false) || config.scale_attn_by_inverse_layer_idx == Some(true) {
            let what = "the scale of attention (scale_attn_weights, scale_attn_by_inverse_layer_idx)";
            return Err(field(what, "unusual", "1/√depth in every block"));
        }
        let width = length("n_embd", config.n_embd)?;
        let heads = length("n_head", config.n_head)?;
        part("n_head", heads, width)?;
        Ok(Self {
            prefix,
            width,
            inner: length("n_inner", config.n_inner.unwrap_or(4 * width as u64))?,
            blocks: length("n_layer", config.n_layer)?,
            heads: Heads::equal(heads, width),
            epsilon: config.layer_norm_epsilon.unwrap_or(1e-5),
            activation: config.activation_function.unwrap_or_else(|| "gelu_new".to_owned()),
            positions: length("n_positions", config.n_positions.unwrap_or(1024))?,
        })
    }

    /// Adds the network to an empty graph: token ids [N, T] → scores [N, T, V].
    pub(super) fn build(&self, builder: &mut Builder<'_>, tokens: usize) -> Result<(), ReadError> {
        let Self { prefix, width, .. } = *self;
        let ids = builder.graph.input(TOKENS, vec![Dim::Symbol(BATCH.to_owned()), Dim::Known(tokens)]);
        let embedding = format!("{prefix}wte");
        let (table, x) = builder.embedding(&embedding, ids, width)?;
        let positions = format!("{prefix}wpe");
        let places = builder.table(&format!("{positions}.weight"), self.positions, width, 0..tokens)?;
        let mut x = builder.binary(&positions, Binary::Add, x, places);
        let mask = builder.causal_mask("causal_mask", tokens, None)?;
        for i in 0..self.blocks {
            x = self.block(builder, &format!("{prefix}h.{i}"), x, mask)?;
        }
        let x = builder.layer_norm(&format!("{prefix}ln_f"), x, width, self.epsilon)?;
        let vocabulary = builder.length(&format!("{embedding}.weight"), 0)?;
        let logits = match builder.has("lm_head.weight") {
            true => builder.linear("lm_head", x, width, vocabulary)?,
            false => builder.tied("lm_head", table, x, vocabulary)?,
        };
        builder.output("logits", logits);
        Ok(())
    }

    fn block(
        &self,
        builder: &mut Builder<'_>,
        block: &str,
        x: WireId,
        mask: WireId,
    ) -> Result<WireId, ReadError> {
        let Self { width, inner, heads, epsilon, .. } = *self;
        let name = |what: &str| format!("{block}.{what}");
        let normal = builder.layer_norm(&name("ln_1"), x, width, epsilon)?;
        let module = name("attn.c_attn");
        let all = builder.linear_by_columns(&module, normal, width, width.saturating_mul(3))?;
        let parts = [0, 1, 2].map(|i: usize| {
            let own = builder.slice(&module, all, 3, 2, i * width..(i + 1) * width);
            builder.split_heads(&module, own, heads.query, heads.depth)
        });
        let mixed = builder.attend(&name("attn"), parts, heads, Some(mask));
        let attended = builder.linear_by_columns(&name("attn.c_proj"), mixed, width, width)?;
        let x = builder.binary(&name("attn"), Binary::Add, x, attended);
        let normal = builder.layer_norm(&name("ln_2"), x, width, epsilon)?;
        let up = builder.linear_by_columns(&name("mlp.c_fc"), normal, width, inner)?;
        let active = builder.activation(&name("mlp.act"), &self.activation, up)?;
        let down = builder.linear_by_columns(&name("mlp.c_proj"), active, inner, width)?;
        Ok(builder.binary(&name("mlp"), Binary::Add, x, down))
    }
}
