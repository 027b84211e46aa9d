//! What was found: plain values for the page, the command line and files.
//!
//! Every error is that of b against a reference a, with e = b − a over n values:
//! MSE = Σe²/n · SQNR = 10·log₁₀(Σa²/Σe²) dB, higher is better · cosine = Σab/√(Σa²·Σb²), 1 is best · max|e|.

use std::collections::BTreeMap;

use fewbit_numeric::{Affine, Range};
use serde::{Deserialize, Serialize};

use crate::recipe::Choice;

/// How far a tensor is from its reference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Errors {
    /// The number of values compared.
    pub n: u64,
    /// Mean squared error.
    pub mse: f64,
    /// Signal to quantization noise, dB; +∞ without noise, 0 without signal. Higher is better.
    pub sqnr_db: f64,
    /// Cosine similarity; 1 is best.
    pub cosine: f64,
    /// The largest magnitude of the error.
    pub max_abs: f64,
    /// The share of Σe² that a constant added to each channel removes (what bias correction can repair), 0–1.
    pub mean_shift: f64,
}

/// What a model is, before anything is quantized.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ModelFacts {
    /// The name that people see.
    pub name: String,
    /// BLAKE3 of its canonical form, hexadecimal.
    pub id: String,
    /// The number of parameters, all of them.
    pub parameters: u64,
    /// Multiply-accumulates for one sample.
    pub macs: u64,
    /// Inputs with their shapes, like `x` → `N×1×28×28`.
    pub inputs: Vec<(String, String)>,
    /// Outputs with their shapes.
    pub outputs: Vec<(String, String)>,
    /// How often each operator occurs, as the file has it.
    pub operators: BTreeMap<String, u64>,
    /// Operators that cannot run.
    pub unsupported: Vec<Unsupported>,
    /// The lengths that the file leaves free, and what they are here; none where they vary still.
    pub lengths: BTreeMap<String, Option<usize>>,
    /// The layers, in the order in which they run.
    pub layers: Vec<LayerFacts>,
    /// The compact graph.
    pub nodes: Vec<NodeFacts>,
    /// What was rewritten before quantizing, like "folded BatchNorm bn1 into conv1".
    pub rewrites: Vec<String>,
    /// What the file says of itself.
    pub metadata: BTreeMap<String, String>,
    /// All parameters as 32-bit floats, in bytes.
    pub float_bytes: u64,
    /// The most bytes of values between nodes that are needed at once, for one sample; 0 where shapes are not known.
    pub activation_bytes: u64,
}

/// An operator that cannot run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsupported {
    /// The node.
    pub node: String,
    /// Its operator, with the domain if it is not ONNX's own.
    pub operator: String,
    /// Why.
    pub reason: String,
}

/// What a layer is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerFacts {
    /// Its name.
    pub name: String,
    /// Its operator.
    pub operator: String,
    /// The shape of its weights.
    pub weight_shape: Vec<usize>,
    /// The axis of output channels.
    pub channel_axis: usize,
    /// Whether every channel has its own filter: Conv with as many groups as channels.
    pub depthwise: bool,
    /// Steps of a convolution's window; empty otherwise.
    pub strides: Vec<usize>,
    /// Parameters, with the bias.
    pub parameters: u64,
    /// Multiply-accumulates for one sample.
    pub macs: u64,
}

/// A node of the compact graph (after rewrites).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeFacts {
    /// Its name.
    pub name: String,
    /// Its operator.
    pub operator: String,
    /// The nodes that it reads from.
    pub inputs: Vec<u32>,
    /// The layer that it is.
    pub layer: Option<u32>,
    /// The shape of its output for one sample, like `16×28×28`.
    pub shape: String,
}

/// What was asked of a tensor, and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Applied {
    /// What the recipe asks.
    pub asked: Choice,
    /// What was done.
    pub done: Choice,
    /// Why that differs.
    pub reason: Option<String>,
}

/// What quantizing does to one layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerReport {
    /// The weights: asked and done.
    pub weights: Applied,
    /// The input: asked and done.
    pub activations: Applied,
    /// What the layer's parameters take, in bits: codes, scales, zero points, and the bias at 32 bits.
    pub bits: u64,
    /// Quantized weights against float.
    pub weight: Option<Errors>,
    /// This layer's output, its inputs in float: what its own quantizers do.
    pub local: Option<Errors>,
    /// This layer's output in the quantized network: what has come together until here.
    pub cumulative: Option<Errors>,
}

/// The whole model against float.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Answers seen: samples, or of a language model tokens.
    pub n: u32,
    /// Answers that there are.
    pub of: u32,
    /// Right answers of the quantized model; `None` without labels.
    pub correct: Option<u32>,
    /// Right answers of the float model to the same.
    pub float_correct: Option<u32>,
    /// Wilson's 95 % interval of the accuracy, 0–1.
    pub interval: Option<[f64; 2]>,
    /// How often both give the same answer.
    pub agree: u32,
    /// Mean KL(float ‖ quantized) of the softmax of the outputs, in nat.
    pub kl: f64,
    /// Mean cross-entropy of the labels, in nat, of the quantized and of the float model; `None` without labels.
    pub loss: Option<[f64; 2]>,
    /// Answers for each sample: 1, or of a language model as many as a sample has tokens.
    pub per_sample: u32,
    /// The quantized outputs against the float ones.
    pub logits: Errors,
    /// Whether answers are one score for each class. If not, only `n`, `of` and `logits` mean anything.
    pub classifies: bool,
}

impl Evaluation {
    /// The perplexity of the quantized and of the float model, the exponentials of [`Self::loss`]; of a language model with labels.
    pub fn perplexity(&self) -> Option<[f64; 2]> {
        self.loss.filter(|_| self.per_sample > 1).map(|loss| loss.map(libm::exp))
    }
}

/// What the model takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Size {
    /// All parameters with scales and zero points, in bytes, rounded up.
    pub bytes: u64,
    /// All parameters in 32-bit floats, in bytes.
    pub float_bytes: u64,
    /// Bits for each quantizable weight, with scales and zero points (biases apart).
    pub effective_bits: f64,
    /// Multiply-accumulates for one sample.
    pub macs: u64,
    /// Σ MACs · bits of the weights · bits of the input.
    pub bit_operations: u64,
}

/// One level of a grid.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Level {
    /// The code.
    pub code: i32,
    /// The value it stands for.
    pub value: f32,
    /// How many values became it.
    pub count: u64,
}

/// A tensor (the weights or the input of a layer) in float and quantized, for looking at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TensorView {
    /// The number of values.
    pub n: u64,
    /// The values seen.
    pub range: Range,
    /// The left edge of the first bin and the right edge of the last.
    pub bins_range: Range,
    /// Float values in each bin.
    pub float_bins: Vec<u64>,
    /// Quantized values in each bin.
    pub quantized_bins: Vec<u64>,
    /// Float values below the first and above the last bin.
    pub outside: [u64; 2],
    /// The levels, where all values shown share one grid of at most 256 levels.
    pub levels: Vec<Level>,
    /// The grid, where all values shown share one.
    pub grid: Option<Affine>,
    /// The lines beyond which values are clipped (the outermost, where there are several grids).
    pub clip: Option<Range>,
    /// Values clipped below and above.
    pub clipped: [u64; 2],
    /// Σe² from rounding and from clipping, divided by n.
    pub rounding_mse: f64,
    /// See `rounding_mse`.
    pub clipping_mse: f64,
    /// Quantized against float.
    pub errors: Errors,
}

/// The range of one output channel.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChannelRange {
    /// Float values.
    pub float: Range,
    /// From the smallest to the largest level in use.
    pub levels: Range,
    /// Weight SQNR of the channel, dB.
    pub sqnr_db: f64,
}

/// The weights of one channel, for looking at single ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChannelWeights {
    /// The channel.
    pub channel: u32,
    /// The shape of one channel's weights, like 16×3×3.
    pub shape: Vec<usize>,
    /// Float values, row-major.
    pub values: Vec<f32>,
    /// Codes; empty if kept in float.
    pub codes: Vec<i32>,
    /// The grid of each value's block: one for each group of the channel.
    pub grids: Vec<Affine>,
    /// Values in each group.
    pub group_len: usize,
}

/// Everything about the layer that is looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerView {
    /// The layer.
    pub layer: u32,
    /// The channel that `weights` is narrowed to, if one is.
    pub channel: Option<u32>,
    /// Its weights.
    pub weights: TensorView,
    /// The ranges of its output channels.
    pub channels: Vec<ChannelRange>,
    /// The weights of the channel looked at (the first, if none is chosen).
    pub channel_weights: ChannelWeights,
    /// Its input, over the calibration samples; `None` until observed.
    pub input: Option<TensorView>,
}

/// What quantizing one layer means for the outputs of the model, all else in float, and the other way round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sensitivity {
    /// The layer.
    pub layer: u32,
    /// Samples seen.
    pub n: u32,
    /// The outputs with only this layer quantized, against float.
    pub only: Evaluation,
    /// The outputs with all layers but this one quantized, against float.
    pub all_but: Evaluation,
}
