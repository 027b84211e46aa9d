//! The vision transformer (Dosovitskiy et al. 2021, arXiv 2010.11929): patches of a picture as tokens, LayerNorm before each
//! part.

use fewbit_graph::op::{self, Binary, PadMode};
use fewbit_graph::{Dim, Op, WireId};
use serde::Deserialize;

use super::builder::Builder;
use super::config::{length, parse, part};
use super::encoder::{Encoder, Modules};
use super::{BATCH, PIXELS};
use crate::error::ReadError;

const MODULES: Modules = Modules {
    blocks: "encoder.layer",
    attention: "attention.attention",
    parts: ["attention.attention.query", "attention.attention.key", "attention.attention.value"],
    mixed: "attention.output.dense",
    feed_forward: ["intermediate.dense", "output.dense"],
    norms: ["layernorm_before", "layernorm_after"],
    norms_first: true,
};

/// A vision transformer.
#[derive(Clone, Debug)]
pub(super) struct Vit {
    /// `vit.`, or nothing.
    prefix: &'static str,
    encoder: Encoder,
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
    image_size: Size,
    patch_size: Size,
    num_channels: Option<u64>,
}

impl Vit {
    /// A vision transformer after its `config.json`.
    pub(super) fn configured(json: &[u8], prefix: &'static str, head: bool) -> Result<Self, ReadError> {
        let config: Config = parse(json)?;
        let picture = config.image_size.sides("image_size")?;
        let patch = config.patch_size.sides("patch_size")?;
        for (patch, picture) in patch.into_iter().zip(picture) {
            part("patch_size", patch, picture)?;
        }
        Ok(Self {
            prefix,
            encoder: Encoder::configured(json, &MODULES)?,
            picture,
            patch,
            channels: length("num_channels", config.num_channels.unwrap_or(3))?,
            head,
        })
    }

    /// Adds the network to an empty graph: pictures [N, C, H, W] → scores [N, L], or hidden states [N, 1 + P, D].
    pub(super) fn build(&self, builder: &mut Builder<'_>) -> Result<(), ReadError> {
        let Self { prefix, ref encoder, head, .. } = *self;
        let Encoder { width, epsilon, .. } = *encoder;
        let x = self.tokens(builder)?;
        let x = encoder.build(builder, prefix, x, None)?;
        let x = builder.layer_norm(&format!("{prefix}layernorm"), x, width, epsilon)?;
        if !head {
            return encoder.hidden(builder, &format!("{prefix}pooler.dense"), x);
        }
        let first = builder.first("classifier", x, width);
        let logits = builder.labels("classifier", first, width)?;
        builder.output("logits", logits);
        Ok(())
    }

    /// The patches behind the class token, with their positions: [N, 1 + P, D].
    fn tokens(&self, builder: &mut Builder<'_>) -> Result<WireId, ReadError> {
        let Self { channels, picture: [height, across], patch: [rows, columns], .. } = *self;
        let width = self.encoder.width;
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
}
