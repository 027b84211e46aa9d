//! What encoders have in common: blocks of attention to all sides and a feed-forward part, with a LayerNorm for each.

use fewbit_graph::WireId;
use fewbit_graph::op::Binary;
use serde::Deserialize;

use super::builder::{Builder, Heads};
use super::config::{length, parse, part};
use crate::error::ReadError;

/// The blocks of an encoder.
#[derive(Clone, Debug)]
pub(super) struct Encoder {
    /// What the modules are called.
    pub(super) modules: &'static Modules,
    /// Numbers of a token.
    pub(super) width: usize,
    inner: usize,
    blocks: usize,
    heads: Heads,
    /// What keeps the LayerNorms from dividing by 0.
    pub(super) epsilon: f32,
    /// The function of the feed-forward part.
    pub(super) activation: String,
}

/// What the modules of a block are called, behind the block's own name.
#[derive(Debug)]
pub(super) struct Modules {
    /// The blocks, before their number.
    pub(super) blocks: &'static str,
    /// The attention, which has no parameters of its own.
    pub(super) attention: &'static str,
    /// Queries, keys and values.
    pub(super) parts: [&'static str; 3],
    /// What the heads' answers go through.
    pub(super) mixed: &'static str,
    /// The feed-forward part: up and down.
    pub(super) feed_forward: [&'static str; 2],
    /// The LayerNorms of the attention and of the feed-forward part.
    pub(super) norms: [&'static str; 2],
    /// Whether LayerNorms are in front of their parts; else behind the sums.
    pub(super) norms_first: bool,
}

#[derive(Deserialize)]
struct Config {
    hidden_size: u64,
    num_hidden_layers: u64,
    num_attention_heads: u64,
    intermediate_size: u64,
    hidden_act: Option<String>,
    layer_norm_eps: Option<f32>,
}

impl Encoder {
    /// The blocks after a `config.json`.
    pub(super) fn configured(json: &[u8], modules: &'static Modules) -> Result<Self, ReadError> {
        let config: Config = parse(json)?;
        let width = length("hidden_size", config.hidden_size)?;
        let heads = length("num_attention_heads", config.num_attention_heads)?;
        part("num_attention_heads", heads, width)?;
        Ok(Self {
            modules,
            width,
            inner: length("intermediate_size", config.intermediate_size)?,
            blocks: length("num_hidden_layers", config.num_hidden_layers)?,
            heads: Heads::equal(heads, width),
            epsilon: config.layer_norm_eps.unwrap_or(1e-12),
            activation: config.hidden_act.unwrap_or_else(|| "gelu".to_owned()),
        })
    }

    /// Adds the blocks: [N, T, D] → [N, T, D]. The mask is broadcast to [N, heads, T, T].
    pub(super) fn build(
        &self,
        builder: &mut Builder<'_>,
        prefix: &str,
        mut x: WireId,
        mask: Option<WireId>,
    ) -> Result<WireId, ReadError> {
        for i in 0..self.blocks {
            x = self.block(builder, &format!("{prefix}{}.{i}", self.modules.blocks), x, mask)?;
        }
        Ok(x)
    }

    fn block(
        &self,
        builder: &mut Builder<'_>,
        block: &str,
        x: WireId,
        mask: Option<WireId>,
    ) -> Result<WireId, ReadError> {
        let Self { width, inner, heads, ref activation, .. } = *self;
        let Modules { attention, parts, mixed, feed_forward, norms, .. } = *self.modules;
        let name = |what: &str| format!("{block}.{what}");
        let [attention_norm, feed_forward_norm] = norms.map(name);
        let mixed = name(mixed);
        let x = self.beside(builder, &attention_norm, group(&mixed), x, |builder, x| {
            let answers = builder.attention(&name(attention), x, parts.map(name), heads, mask)?;
            builder.linear(&mixed, answers, width, width)
        })?;
        let [up, down] = feed_forward.map(name);
        self.beside(builder, &feed_forward_norm, group(&down), x, |builder, x| {
            let x = builder.linear(&up, x, width, inner)?;
            let x = builder.activation(group(&up), activation, x)?;
            builder.linear(&down, x, inner, width)
        })
    }

    /// x + part(norm(x)), or norm(x + part(x)); the sum is a node of `module`.
    fn beside<'w>(
        &self,
        builder: &mut Builder<'w>,
        norm: &str,
        module: &str,
        x: WireId,
        part: impl FnOnce(&mut Builder<'w>, WireId) -> Result<WireId, ReadError>,
    ) -> Result<WireId, ReadError> {
        let Self { width, epsilon, .. } = *self;
        if self.modules.norms_first {
            let normal = builder.layer_norm(norm, x, width, epsilon)?;
            let y = part(builder, normal)?;
            return Ok(builder.binary(module, Binary::Add, y, x));
        }
        let y = part(builder, x)?;
        let sum = builder.binary(module, Binary::Add, y, x);
        builder.layer_norm(norm, sum, width, epsilon)
    }

    /// Makes the hidden states [N, T, D] outputs, and what the module `pooler` makes of the first one [N, D] if there is one.
    pub(super) fn hidden(&self, builder: &mut Builder<'_>, pooler: &str, x: WireId) -> Result<(), ReadError> {
        builder.output("last_hidden_state", x);
        if builder.has(&format!("{pooler}.weight")) {
            let pooled = builder.pooled(pooler, x, self.width)?;
            builder.output("pooler_output", pooled);
        }
        Ok(())
    }
}

/// The module that a module is a part of.
fn group(module: &str) -> &str {
    module.rsplit_once('.').map_or(module, |(group, _)| group)
}
