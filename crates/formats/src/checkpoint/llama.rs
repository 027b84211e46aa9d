//! Decoders in the style of Llama (Touvron et al. 2023, arXiv 2302.13971): RMSNorm before each part, rotary positions, groups
//! of heads that share keys and values, a gated feed-forward part. Mistral, Qwen2 and Qwen3 differ in what is there: biases,
//! a window, norms of queries and keys. StableLM 2 (Bellagente et al. 2024, arXiv 2402.17834) has LayerNorms and turns a part of
//! each head; Gemma (2024, arXiv 2403.08295) has weights of norms less 1, and embeddings times √width.

use fewbit_graph::op::Binary;
use fewbit_graph::{Dim, WireId};
use serde::Deserialize;

use super::builder::{Builder, Heads};
use super::config::{field, length, parse, part, positive};
use super::names::Names;
use super::rope::{Pairs, Rope, Scaling, Tables};
use super::{BATCH, TOKENS};
use crate::error::ReadError;

/// Decoders that differ in more than what their configuration says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Llama,
    StableLm,
    Gemma,
}

/// What makes one such decoder different from another.
#[derive(Clone, Debug)]
pub(super) struct Decoder {
    pub(super) names: Names,
    pub(super) style: Style,
    pub(super) width: usize,
    pub(super) inner: usize,
    pub(super) heads: Heads,
    pub(super) epsilon: f32,
    pub(super) activation: String,
    pub(super) rope: Rope,
    /// The most positions.
    pub(super) positions: usize,
    /// How far back a block looks; none: to the start.
    pub(super) windows: Vec<Option<usize>>,
}

#[derive(Deserialize)]
struct Config {
    hidden_size: u64,
    intermediate_size: u64,
    num_hidden_layers: u64,
    num_attention_heads: u64,
    num_key_value_heads: Option<u64>,
    head_dim: Option<u64>,
    rms_norm_eps: Option<f32>,
    layer_norm_eps: Option<f32>,
    hidden_act: Option<String>,
    hidden_activation: Option<String>,
    qk_layernorm: Option<bool>,
    use_parallel_residual: Option<bool>,
    max_position_embeddings: Option<u64>,
    rope_theta: Option<f64>,
    rope_scaling: Option<RopeScaling>,
    /// Since version 5 of transformers: base and scaling together.
    rope_parameters: Option<RopeScaling>,
    partial_rotary_factor: Option<f64>,
    sliding_window: Option<u64>,
    use_sliding_window: Option<bool>,
    max_window_layers: Option<u64>,
    layer_types: Option<Vec<String>>,
    model_type: Option<String>,
}

#[derive(Deserialize)]
struct RopeScaling {
    rope_type: Option<String>,
    /// What `rope_type` was called before; some files have both.
    #[serde(rename = "type")]
    kind: Option<String>,
    rope_theta: Option<f64>,
    factor: Option<f64>,
    low_freq_factor: Option<f64>,
    high_freq_factor: Option<f64>,
    original_max_position_embeddings: Option<f64>,
    partial_rotary_factor: Option<f64>,
}

impl RopeScaling {
    fn scaling(&self) -> Result<Scaling, ReadError> {
        let given = |what: &str, value: Option<f64>| positive(what, value.unwrap_or(f64::NAN));
        match self.rope_type.as_deref().or(self.kind.as_deref()).unwrap_or("default") {
            // `dynamic` changes frequencies beyond the positions that the model has, which are refused.
            "default" | "dynamic" => Ok(Scaling::None),
            "linear" => Ok(Scaling::Linear(given("rope_scaling.factor", self.factor)?)),
            "llama3" => {
                let low = given("rope_scaling.low_freq_factor", self.low_freq_factor)?;
                let high = given("rope_scaling.high_freq_factor", self.high_freq_factor)?;
                if high <= low {
                    return Err(field("rope_scaling.high_freq_factor", high, format!("more than {low}")));
                }
                let factor = given("rope_scaling.factor", self.factor)?;
                let context = "rope_scaling.original_max_position_embeddings";
                let context = given(context, self.original_max_position_embeddings)?;
                Ok(Scaling::Llama3 { factor, low, high, context })
            }
            other => Err(field("rope_scaling.rope_type", other, "default, linear, dynamic or llama3")),
        }
    }
}

/// A decoder after its `config.json`.
pub(super) fn configured(json: &[u8], names: Names, style: Style) -> Result<Decoder, ReadError> {
    let config: Config = parse(json)?;
    for (what, value) in
        [("qk_layernorm", config.qk_layernorm), ("use_parallel_residual", config.use_parallel_residual)]
    {
        if style == Style::StableLm && value == Some(true) {
            return Err(field(what, true, "false: it is not run otherwise"));
        }
    }
    let width = length("hidden_size", config.hidden_size)?;
    let query = length("num_attention_heads", config.num_attention_heads)?;
    let key =
        length("num_key_value_heads", config.num_key_value_heads.unwrap_or(config.num_attention_heads))?;
    let depth = match config.head_dim {
        Some(depth) => length("head_dim", depth)?,
        None => {
            part("num_attention_heads", query, width)?;
            width.checked_div(query).unwrap_or(0)
        }
    };
    let blocks = length("num_hidden_layers", config.num_hidden_layers)?;
    let rope = config.rope_parameters.as_ref().or(config.rope_scaling.as_ref());
    let theta = rope.and_then(|rope| rope.rope_theta).or(config.rope_theta).unwrap_or(10_000.0);
    let whole = if style == Style::StableLm { 0.25 } else { 1.0 };
    let share = rope.and_then(|rope| rope.partial_rotary_factor).or(config.partial_rotary_factor);
    let share = positive("partial_rotary_factor", share.unwrap_or(whole))?;
    let epsilon = match style {
        Style::StableLm => config.layer_norm_eps.unwrap_or(1e-5),
        Style::Llama | Style::Gemma => config.rms_norm_eps.unwrap_or(1e-6),
    };
    let activation = match style {
        // Files of before 2024-03 say `gelu` under `hidden_act`, and mean this.
        Style::Gemma => config.hidden_activation.clone().unwrap_or_else(|| "gelu_pytorch_tanh".to_owned()),
        Style::Llama | Style::StableLm => config.hidden_act.clone().unwrap_or_else(|| "silu".to_owned()),
    };
    Ok(Decoder {
        names,
        style,
        width,
        inner: length("intermediate_size", config.intermediate_size)?,
        heads: Heads { query, key, depth },
        epsilon,
        activation,
        rope: Rope {
            theta: positive("rope_theta", theta)?,
            scaling: rope.map_or(Ok(Scaling::None), RopeScaling::scaling)?,
            turned: (depth as f64 * share) as usize,
            pairs: Pairs::Halves,
        },
        positions: length("max_position_embeddings", config.max_position_embeddings.unwrap_or(2048))?,
        windows: config.windows(blocks)?,
    })
}

impl Config {
    /// How far back each block looks.
    fn windows(&self, blocks: usize) -> Result<Vec<Option<usize>>, ReadError> {
        let Some(window) = self.sliding_window.filter(|_| self.use_sliding_window != Some(false)) else {
            return Ok(vec![None; blocks]);
        };
        let window = length("sliding_window", window)?;
        // Qwen2 has windows only where it says so, and not in its first blocks; Mistral has them everywhere.
        let is_qwen = self.model_type.as_deref().is_some_and(|name| name.starts_with("qwen"));
        let first = match (is_qwen, self.use_sliding_window) {
            (true, Some(true)) => self.max_window_layers.unwrap_or(0),
            (true, _) => u64::MAX,
            (false, _) => 0,
        };
        let slides = |i: usize| match &self.layer_types {
            Some(types) => types.get(i).is_some_and(|kind| kind == "sliding_attention"),
            None => i as u64 >= first,
        };
        Ok((0..blocks).map(|i| slides(i).then_some(window)).collect())
    }
}

impl Decoder {
    fn check(&self) -> Result<(), ReadError> {
        part("the number of heads with keys", self.heads.key, self.heads.query)?;
        part("2", 2, self.heads.depth).map_err(|_| field("head_dim", self.heads.depth, "an even number"))?;
        let turned = self.rope.turned;
        if turned == 0 || !turned.is_multiple_of(2) || turned > self.heads.depth {
            let needed = format!("an even number up to {}", self.heads.depth);
            return Err(field("how many numbers of a head are turned", turned, needed));
        }
        Ok(())
    }

    /// The norm of numbers of a token, [N, T, D] → [N, T, D].
    fn norm(&self, builder: &mut Builder<'_>, module: &str, x: WireId) -> Result<WireId, ReadError> {
        match self.style {
            Style::Llama => builder.rms_norm(module, x, 2, self.width, self.epsilon, 0.0),
            Style::Gemma => builder.rms_norm(module, x, 2, self.width, self.epsilon, 1.0),
            Style::StableLm => builder.layer_norm(module, x, self.width, self.epsilon),
        }
    }

    /// Adds the decoder to an empty graph: token ids [N, T] → scores [N, T, V].
    pub(super) fn build(&self, builder: &mut Builder<'_>, tokens: usize) -> Result<(), ReadError> {
        self.check()?;
        let names = &self.names;
        let ids = builder.graph.input(TOKENS, vec![Dim::Symbol(BATCH.to_owned()), Dim::Known(tokens)]);
        let module = names.whole("embed_tokens");
        let (table, mut x) = builder.embedding(&module, ids, self.width)?;
        if self.style == Style::Gemma {
            x = builder.with_number(&module, Binary::Mul, x, (self.width as f32).sqrt());
        }
        let rope = Tables::new(builder, &self.rope, tokens, self.heads.depth)?;
        let mut masks: Vec<(Option<usize>, WireId)> = Vec::new();
        for (i, &window) in self.windows.iter().enumerate() {
            // A window that all positions fit into hides nothing.
            let window = window.filter(|&window| window < tokens);
            let mask = match masks.iter().find(|(of, _)| *of == window) {
                Some(&(_, mask)) => mask,
                None => {
                    let mask = builder.causal_mask("causal_mask", tokens, window)?;
                    masks.push((window, mask));
                    mask
                }
            };
            x = self.block(builder, i, x, rope, mask)?;
        }
        let x = self.norm(builder, &names.whole("norm"), x)?;
        let vocabulary = builder.length(&format!("{}.weight", names.whole("embed_tokens")), 0)?;
        let head = names.whole("lm_head");
        let logits = match builder.has(&format!("{head}.weight")) {
            true => builder.linear(&head, x, self.width, vocabulary)?,
            false => builder.tied(&head, table, x, vocabulary)?,
        };
        builder.output("logits", logits);
        Ok(())
    }

    fn block(
        &self,
        builder: &mut Builder<'_>,
        i: usize,
        x: WireId,
        rope: Tables,
        mask: WireId,
    ) -> Result<WireId, ReadError> {
        let Self { width, inner, heads, epsilon, .. } = *self;
        let name = |what: &str| self.names.block(i, what);
        let attention = self.names.group(i, "self_attn");
        let normal = self.norm(builder, &name("input_layernorm"), x)?;
        let mut parts = [normal; 3];
        for (part, (what, norm, count)) in parts.iter_mut().zip([
            ("self_attn.q_proj", Some("self_attn.q_norm"), heads.query),
            ("self_attn.k_proj", Some("self_attn.k_norm"), heads.key),
            ("self_attn.v_proj", None, heads.key),
        ]) {
            let module = name(what);
            let flat = builder.linear(&module, normal, width, count.saturating_mul(heads.depth))?;
            *part = builder.split_heads(&module, flat, count, heads.depth);
            let Some(norm) = norm.map(name) else { continue };
            if builder.has(&format!("{norm}.weight")) {
                *part = builder.rms_norm(&norm, *part, 3, heads.depth, epsilon, 0.0)?;
            }
            *part = rope.turn(builder, &module, *part);
        }
        let mixed = builder.attend(&attention, parts, heads, Some(mask));
        let attended = builder.linear(
            &name("self_attn.o_proj"),
            mixed,
            heads.query.saturating_mul(heads.depth),
            width,
        )?;
        let x = builder.binary(&attention, Binary::Add, x, attended);
        let normal = self.norm(builder, &name("post_attention_layernorm"), x)?;
        let gate = builder.linear(&name("mlp.gate_proj"), normal, width, inner)?;
        let feed_forward = self.names.group(i, "mlp");
        let gate = builder.activation(&feed_forward, &self.activation, gate)?;
        let up = builder.linear(&name("mlp.up_proj"), normal, width, inner)?;
        let gated = builder.binary(&feed_forward, Binary::Mul, gate, up);
        let down = builder.linear(&name("mlp.down_proj"), gated, inner, width)?;
        Ok(builder.binary(&feed_forward, Binary::Add, x, down))
    }
}
