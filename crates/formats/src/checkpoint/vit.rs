//! The vision transformer (Dosovitskiy et al. 2021, arXiv 2010.11929): patches of a picture as tokens, LayerNorm before each
//! part.

use fewbit_graph::op::{self, Binary, PadMode};
use fewbit_graph::{Dim, Op, WireId};
use serde::Deserialize;

use super::builder::{Builder, Heads};
use super::config::{length, parse, part};
use super::{BATCH, PIXELS};
use crate::error::ReadError;

/// A vision transformer.
#[derive(Clone, Debug)]
pub(super) struct Vit {
    /// `vit.`, or nothing.
    prefix: &'static str,
    width: usize,
    inner: usize,
    blocks: usize,
    heads: Heads,
    epsilon: f32,
    activation: String,
    /// Height and width of a picture.
    picture: [usize; 2],
    /// Height and width of a patch.
    patch: [usize; 2],
    channels: usize,
    /// Whether scores of labels are wanted; else the last hidden states.
    head: bool,
}

/// One length for both axes, or one for each.
#[derive(Clone, Copy, Deserialize)]
#[serde(untagged)]
enum Size {
    Square(u64),
    Sides([u64; 2]),
}

impl Size {
    fn sides(self, what: &str) -> Result<[usize; 2], ReadError> {
        let [height, width] = match self {
            Self::Square(side) => [side; 2],
            Self::Sides(sides) => sides,
        };
        Ok([length(what, height)?, length(what, width)?])
    }
}

#[derive(Deserialize)]
struct Config {
    hidden_size: u64,
    num_hidden_layers: u64,
    num_attention_heads: u64,
    intermediate_size: u64,
    hidden_act: Option<String>,
    layer_norm_eps: Option<f32>,
    image_size: Size,
    patch_size: Size,
    num_channels: Option<u64>,
}

impl Vit {
    /// A vision transformer after its `config.json`.
    pub(super) fn configured(json: &[u8], prefix: &'static str, head: bool) -> Result<Self, ReadError> {
        let config: Config = parse(json)?;
        let width = length("hidden_size", config.hidden_size)?;
        let heads = length("num_attention_heads", config.num_attention_heads)?;
        part("num_attention_heads", heads, width)?;
        let picture = config.image_size.sides("image_size")?;
        let patch = config.patch_size.sides("patch_size")?;
        for (patch, picture) in patch.into_iter().zip(picture) {
            part("patch_size", patch, picture)?;
        }
        Ok(Self {
            prefix,
            width,
            inner: length("intermediate_size", config.intermediate_size)?,
            blocks: length("num_hidden_layers", config.num_hidden_layers)?,
            heads: Heads::equal(heads, width),
            epsilon: config.layer_norm_eps.unwrap_or(1e-12),
            activation: config.hidden_act.unwrap_or_else(|| "gelu".to_owned()),
            picture,
            patch,
            channels: length("num_channels", config.num_channels.unwrap_or(3))?,
            head,
        })
    }

    /// Adds the network to an empty graph: pictures [N, C, H, W] → scores [N, L], or hidden states [N, 1 + P, D].
    pub(super) fn build(&self, builder: &mut Builder<'_>) -> Result<(), ReadError> {
        let Self { prefix, width, epsilon, head, .. } = *self;
        let mut x = self.tokens(builder)?;
        for i in 0..self.blocks {
            x = self.block(builder, &format!("{prefix}encoder.layer.{i}"), x)?;
        }
        let module = format!("{prefix}layernorm");
        let x = builder.layer_norm(&module, x, width, epsilon)?;
        let pooler = format!("{prefix}pooler.dense");
        if !head {
            builder.output("last_hidden_state", x);
            if builder.has(&format!("{pooler}.weight")) {
                let pooled = builder.pooled(&pooler, x, width)?;
                builder.output("pooler_output", pooled);
            }
            return Ok(());
        }
        let first = builder.first("classifier", x, width);
        let logits = builder.labels("classifier", first, width)?;
        builder.output("logits", logits);
        Ok(())
    }

    /// The patches behind the class token, with their positions: [N, 1 + P, D].
    fn tokens(&self, builder: &mut Builder<'_>) -> Result<WireId, ReadError> {
        let Self { width, channels, picture: [height, across], patch: [rows, columns], .. } = *self;
        let name = |what: &str| format!("{}embeddings.{what}", self.prefix);
        let shape =
            vec![Dim::Symbol(BATCH.to_owned()), Dim::Known(channels), Dim::Known(height), Dim::Known(across)];
        let pixels = builder.graph.input(PIXELS, shape);
        let module = name("patch_embeddings.projection");
        let weight = builder.parameter(&format!("{module}.weight"), &[width, channels, rows, columns])?;
        let bias = builder.parameter(&format!("{module}.bias"), &[width])?;
        let conv = op::Conv {
            groups: 1,
            strides: vec![rows, columns],
            dilations: vec![1; 2],
            pads_begin: vec![0; 2],
            pads_end: vec![0; 2],
        };
        let patches = builder.node(&module, "Conv", Op::Conv(conv), &[pixels, weight, bias]);
        let flat = builder.reshape(&module, patches, &[0, width as i64, -1]);
        let rows_of = builder.transpose(&module, flat, &[0, 2, 1]);
        // A row of zeros in front, to which the class token is added with its position.
        let front = op::Pad { mode: PadMode::Constant(0.0), begin: vec![0, 1, 0], end: vec![0; 3] };
        let padded = builder.node(&module, "Pad", Op::Pad(front), &[rows_of]);
        let count = (height.checked_div(rows).unwrap_or(0))
            .saturating_mul(across.checked_div(columns).unwrap_or(0))
            .saturating_add(1);
        let positions = name("position_embeddings");
        let mut places = builder.values(&positions, &[1, count, width])?;
        let class = builder.values(&name("cls_token"), &[1, 1, width])?;
        places.iter_mut().zip(class).for_each(|(place, class)| *place += class);
        let places = builder.constant(&positions, &[1, count, width], places)?;
        Ok(builder.binary(&positions, Binary::Add, padded, places))
    }

    fn block(&self, builder: &mut Builder<'_>, block: &str, x: WireId) -> Result<WireId, ReadError> {
        let Self { width, inner, heads, epsilon, .. } = *self;
        let name = |what: &str| format!("{block}.{what}");
        let normal = builder.layer_norm(&name("layernorm_before"), x, width, epsilon)?;
        let parts = ["query", "key", "value"].map(|part| name(&format!("attention.attention.{part}")));
        let mixed = builder.attention(&name("attention.attention"), normal, parts, heads, None)?;
        let attended = builder.linear(&name("attention.output.dense"), mixed, width, width)?;
        let x = builder.binary(&name("attention.output"), Binary::Add, attended, x);
        let normal = builder.layer_norm(&name("layernorm_after"), x, width, epsilon)?;
        let up = builder.linear(&name("intermediate.dense"), normal, width, inner)?;
        let active = builder.activation(&name("intermediate"), &self.activation, up)?;
        let down = builder.linear(&name("output.dense"), active, inner, width)?;
        Ok(builder.binary(&name("output"), Binary::Add, down, x))
    }
}
