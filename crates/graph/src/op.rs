//! The operators: a closed set, so that a new one does not compile until every layer has answered for it.
//!
//! Attributes are resolved when a file is read; nothing here is looked up by name when a graph runs. All arithmetic
//! is in f32. Shapes are row-major; images are N×C×H×W (or N×C×L). Every operator but [`Op::Opaque`] has a
//! meaning in terms of real numbers that can be differentiated by rule.

mod functions;
mod learn;
mod recurrent;

use serde::{Deserialize, Serialize};

pub use functions::{Binary, Unary};
pub use learn::{
    Bernoulli, ConvInputGrad, ConvWeightGrad, Estimator, Mask, PoolGrad, QuantizerInput, ScaleSlope, Slope,
    SoftRoundInput, Update,
};
pub use recurrent::{Cell, Direction, Recurrent};

/// One operator. The comment of each lists its inputs and outputs in order; inputs marked ? may be absent at the end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Op {
    /// Convolution (cross-correlation): x [N, C, *S], w [O, C/groups, *K], bias? \[O\] → [N, O, *S′].
    Conv(Conv),
    /// Matrix product with NumPy's broadcasting of leading axes: a [.., M, K], b [.., K, N] → [.., M, N].
    MatMul,
    /// alpha·A′·B′ + beta·C, where ′ transposes if asked: a, b, c? (broadcast to [M, N]) → [M, N].
    Gemm(Gemm),
    /// Inference batch normalization: x [N, C, ..], scale, bias, mean, variance \[C\] → scale·(x − mean)/√(variance + ε) + bias.
    BatchNorm {
        /// ε.
        epsilon: f32,
    },
    /// A function of each element: x → y of the same shape.
    Unary(Unary),
    /// A function of two elements with NumPy's broadcasting: a, b → c.
    Binary(Binary),
    /// A window's maximum or mean: x [N, C, *S] → [N, C, *S′].
    Pool(Pool),
    /// A reduction over axes: x → y.
    Reduce(Reduce),
    /// exp(x − max)/Σ along an axis: x → y of the same shape.
    Softmax {
        /// The axis that sums to one.
        axis: usize,
    },
    /// ln softmax along an axis: x → y of the same shape.
    LogSoftmax {
        /// The axis.
        axis: usize,
    },
    /// Concatenation along an axis: one or more tensors → one.
    Concat {
        /// The axis.
        axis: usize,
    },
    /// Padding: x → y.
    Pad(Pad),
    /// A part of a tensor: x → y.
    Slice(Slice),
    /// The same values in another shape: x → y.
    Reshape(Reshape),
    /// y's axis i is x's axis perm\[i\]: x → y.
    Transpose {
        /// The permutation.
        perm: Vec<usize>,
    },
    /// The quantizer: x, scale [1 or C], zero point [1 or C], bounds \[2\] (smallest and largest code) → x̂ of x's shape.
    ///
    /// x̂ = s·(clamp(⌊x/s + frac z⌉ + ⌊z⌋, n, p) − z) as in `fewbit_numeric::Affine::fake`, round half to even.
    /// A scale of 0 means "kept in float": x̂ = x. So a slider that turns a quantizer off is a feed like any other.
    FakeQuantize {
        /// The axis along which scales and zero points lie; 0 where they have one element.
        axis: usize,
        /// How a gradient passes through it.
        estimator: Estimator,
    },
    /// The gradient of [`Op::FakeQuantize`]: g (of x̂), x, scale, zero point, bounds → of x's shape. A scale of 0 lets g
    /// pass to x, and nothing to the others.
    FakeQuantizeGrad {
        /// The axis along which scales and zero points lie.
        axis: usize,
        /// The rule.
        estimator: Estimator,
        /// Along what.
        wrt: QuantizerInput,
    },
    /// Soft rounding (AdaRound, Nagel et al. 2020, arXiv 2004.10568, eq. 22–23): base, v, scale \[1 or C\], zero point
    /// \[1 or C\], bounds \[2\] → s·(clamp(base + h(v) + z, n, p) − z) of v's shape, h being
    /// [`Unary::RectifiedSigmoid`]. `base` holds whole numbers: ⌊w/s⌋.
    SoftRound {
        /// The axis along which scales and zero points lie.
        axis: usize,
    },
    /// The gradient of [`Op::SoftRound`]: g, base, v, scale, zero point, bounds → of v's shape.
    SoftRoundGrad {
        /// The axis along which scales and zero points lie.
        axis: usize,
        /// Along what.
        wrt: SoftRoundInput,
    },
    /// The gradient of [`Op::Conv`] along x: g [N, O, *S′], w → [N, C, *S].
    ConvInputGrad(ConvInputGrad),
    /// The gradient of [`Op::Conv`] along w: g [N, O, *S′], x → [O, C/groups, *K].
    ConvWeightGrad(ConvWeightGrad),
    /// The gradient of [`Op::Pool`]: g, x → of x's shape. Of equal maxima the first in the window takes it all.
    PoolGrad(PoolGrad),
    /// The gradient of [`Op::Unary`]: g, x → g·f′(x); where f has a corner, the slope on its left (0 for Relu at 0);
    /// 0 for [`Unary::Round`], [`Unary::Floor`] and [`Unary::Sign`].
    UnaryGrad(Unary),
    /// One of two, by a condition: condition, a, b, each broadcast to the other → a where the condition is not 0, else b.
    Where,
    /// Where along an axis the largest or smallest element is: x → its index. A NaN is larger and smaller than any number.
    ArgReduce {
        /// Whether the largest is looked for.
        max: bool,
        /// The axis.
        axis: usize,
        /// Whether it stays with length 1.
        keep_dims: bool,
        /// Whether of equal elements the last counts, not the first.
        last: bool,
    },
    /// The k largest or smallest elements along an axis: x → x with that axis k long, in the order of their size. Of equal
    /// elements the one with the lower index comes first; NaN counts as larger than any number.
    TopK {
        /// The axis.
        axis: usize,
        /// How many; at most the length of the axis.
        k: usize,
        /// Whether they are the largest, in descending order; else the smallest, in ascending order.
        largest: bool,
        /// Whether their indices are given, not their values.
        indices: bool,
    },
    /// Running sums along an axis, term by term: x → y of the same shape.
    CumSum {
        /// The axis.
        axis: usize,
        /// Whether an element's sum leaves it out.
        exclusive: bool,
        /// Whether the sums run from the end of the axis.
        reverse: bool,
    },
    /// Elements along an axis: x, indices → x with that axis replaced by the axes of the indices.
    ///
    /// Indices are whole numbers in f32, here and in all operators that take some. Negative ones count from the end;
    /// one that still lies outside of its axis takes the nearest element inside, and NaN the first.
    Gather {
        /// The axis.
        axis: usize,
    },
    /// The gradient of [`Op::Gather`]: g, indices → x's shape; what was taken several times is summed in order.
    GatherGrad {
        /// The axis.
        axis: usize,
        /// Its length in x.
        length: usize,
    },
    /// y\[i\] = x\[i with indices\[i\] at the axis\]: x, indices (of x's rank, and elsewhere no longer than x) → of the
    /// indices' shape.
    GatherElements {
        /// The axis.
        axis: usize,
    },
    /// Parts of x by the places where they begin: x [*B, *N, *S], indices [*B, *P, n], whose last axis lists an index for
    /// each of the n axes N → [*B, *P, *S].
    GatherNd {
        /// The number of axes B.
        batch_dims: usize,
    },
    /// x with elements replaced, or combined with others: x, indices, updates (of the indices' shape) → y of x's shape, with
    /// updates\[i\] going to place i with indices\[i\] at the axis. Updates of one place take effect in ascending order of i.
    ScatterElements {
        /// The axis.
        axis: usize,
        /// How an update meets what is there.
        reduction: ScatterReduction,
    },
    /// x with parts replaced, or combined with others: x [*N, *S], indices [*P, n], updates [*P, *S] → y of x's shape.
    /// Updates of one place take effect in ascending order of P.
    ScatterNd {
        /// How an update meets what is there.
        reduction: ScatterReduction,
    },
    /// A recurrent layer; see [`Recurrent`] for its inputs → [T, D, B, H].
    Recurrent(Recurrent),
    /// NumPy's broadcasting to a shape: x → that shape.
    Expand {
        /// The shape.
        shape: Vec<usize>,
    },
    /// Random zeros and ones: like (for the shape alone), step \[1\] (a whole number below 2²⁴) → of like's shape.
    Bernoulli(Bernoulli),
    /// A step of an optimizer; see [`Update`] for its inputs → of the first one's shape.
    Update(Update),
    /// Compares a tensor with a reference, for error analysis: a (reference), b → [C, 8] with C the length of `axis`.
    ///
    /// With e = b − a, over all elements of a channel: Σa², Σe², Σa, Σe, Σa·e, max|e|, max|a|, count.
    Compare {
        /// The channel axis.
        axis: usize,
    },
    /// An observer of ranges: x → [C, 5]: min, max, Σx, Σx², count of each channel.
    Moments {
        /// The channel axis; with `None` the tensor is one channel.
        axis: Option<usize>,
    },
    /// An observer of distributions: x, range \[2\] → [bins + 3] counts: the bins, below, above, not finite.
    ///
    /// The bins are those of `fewbit_numeric::histogram::Histogram`. Counts are exact up to 2²⁴ elements.
    Histogram {
        /// The number of bins.
        bins: usize,
    },
    /// An operator that we do not know: shown, exported untouched, refused by name when run.
    Opaque(Opaque),
}

/// Attributes of [`Op::Conv`]. Vectors have one entry for each spatial axis (1 or 2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conv {
    /// Input and output channels are split into this many groups.
    pub groups: usize,
    /// Steps of the window.
    pub strides: Vec<usize>,
    /// Distances of taps.
    pub dilations: Vec<usize>,
    /// Zeros before each spatial axis.
    pub pads_begin: Vec<usize>,
    /// Zeros after each spatial axis.
    pub pads_end: Vec<usize>,
}

/// Attributes of [`Op::Gemm`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gemm {
    /// Factor of the product.
    pub alpha: f32,
    /// Factor of the addend.
    pub beta: f32,
    /// Whether a is given as [K, M].
    pub trans_a: bool,
    /// Whether b is given as [N, K].
    pub trans_b: bool,
}

/// What a window or a reduction makes of its elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are the formulas")]
pub enum Reducer {
    Max,
    Min,
    Mean,
    Sum,
    Prod,
}

/// How an update of [`Op::ScatterElements`] and [`Op::ScatterNd`] meets the element that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ScatterReduction {
    /// It takes its place; of several updates the last one stays.
    Replace,
    /// Their sum.
    Add,
    /// Their product.
    Mul,
    /// The larger; NaN if one is.
    Max,
    /// The smaller; NaN if one is.
    Min,
}

/// Attributes of [`Op::Pool`]. Every window covers at least one element of x: shape inference refuses others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// Max or mean.
    pub kind: PoolKind,
    /// The window.
    pub kernel: Vec<usize>,
    /// Steps of the window.
    pub strides: Vec<usize>,
    /// Distances of taps.
    pub dilations: Vec<usize>,
    /// Padding before each spatial axis: −∞ for a maximum, nothing or zeros for a mean.
    pub pads_begin: Vec<usize>,
    /// Padding after each spatial axis.
    pub pads_end: Vec<usize>,
    /// Whether a last, partly covered window counts (it never starts beyond the input and its padding at the front).
    pub ceil_mode: bool,
}

/// The kinds of [`Pool`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PoolKind {
    /// The largest element.
    Max,
    /// The mean; `count_include_pad` says whether padding counts as zeros.
    Mean {
        /// Whether padding counts.
        count_include_pad: bool,
    },
}

/// Attributes of [`Op::Reduce`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reduce {
    /// What is computed.
    pub kind: Reducer,
    /// The axes that vanish, ascending.
    pub axes: Vec<usize>,
    /// Whether they stay with length 1.
    pub keep_dims: bool,
}

/// Attributes of [`Op::Pad`]; one entry for each axis. Removal comes first: what is left is repeated or mirrored, and
/// at least one element is left. A mirror reaches less far than what is left is long.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pad {
    /// What fills the new places.
    pub mode: PadMode,
    /// New places before each axis; negative removes.
    pub begin: Vec<i64>,
    /// New places after each axis; negative removes.
    pub end: Vec<i64>,
}

/// What fills padding.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum PadMode {
    /// A constant.
    Constant(f32),
    /// The mirror image without the edge.
    Reflect,
    /// The edge.
    Edge,
}

/// Attributes of [`Op::Slice`]; entry i belongs to axis i, every axis is listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slice {
    /// First index, ONNX style: negative counts from the end, clamped (see [`crate::infer::slice_axis`]).
    pub starts: Vec<i64>,
    /// Index after the last, likewise.
    pub ends: Vec<i64>,
    /// Steps; negative walks backwards.
    pub steps: Vec<i64>,
}

/// How [`Op::Reshape`] makes its shape.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reshape {
    /// The listed lengths; 0 copies the input's axis at that place, −1 (at most once) takes what is left.
    To(Vec<i64>),
    /// Two axes: those before `axis` and those from it on.
    Flatten {
        /// The first axis of the second group.
        axis: usize,
    },
    /// Without these axes of length 1; none listed: without all of them.
    Squeeze {
        /// The axes, ascending.
        axes: Vec<usize>,
    },
    /// With new axes of length 1 at these places of the result.
    Unsqueeze {
        /// The axes, ascending.
        axes: Vec<usize>,
    },
}

/// An operator that we do not know, as it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opaque {
    /// Its domain; empty for ONNX's own.
    pub domain: String,
    /// Its name, like `GridSample`.
    pub name: String,
    /// Its node as the file has it, for writing it out again.
    pub encoded: Vec<u8>,
}

impl Op {
    /// A quantizer with the straight-through estimator.
    pub fn fake_quantize(axis: usize) -> Self {
        Self::FakeQuantize { axis, estimator: Estimator::default() }
    }

    /// The operator's ordinary name, as people know it.
    pub fn name(&self) -> &str {
        match self {
            Self::Conv(_) => "Conv",
            Self::MatMul => "MatMul",
            Self::Gemm(_) => "Gemm",
            Self::BatchNorm { .. } => "BatchNorm",
            Self::Unary(unary) => unary.name(),
            Self::Binary(binary) => binary.name(),
            Self::Pool(Pool { kind: PoolKind::Max, .. }) => "MaxPool",
            Self::Pool(_) => "AveragePool",
            Self::Reduce(reduce) => match reduce.kind {
                Reducer::Max => "ReduceMax",
                Reducer::Min => "ReduceMin",
                Reducer::Mean => "ReduceMean",
                Reducer::Sum => "ReduceSum",
                Reducer::Prod => "ReduceProd",
            },
            Self::Softmax { .. } => "Softmax",
            Self::LogSoftmax { .. } => "LogSoftmax",
            Self::Concat { .. } => "Concat",
            Self::Pad(_) => "Pad",
            Self::Slice(_) => "Slice",
            Self::Reshape(_) => "Reshape",
            Self::Transpose { .. } => "Transpose",
            Self::FakeQuantize { .. } => "FakeQuantize",
            Self::FakeQuantizeGrad { .. } => "FakeQuantizeGrad",
            Self::SoftRound { .. } => "SoftRound",
            Self::SoftRoundGrad { .. } => "SoftRoundGrad",
            Self::ConvInputGrad(_) => "ConvInputGrad",
            Self::ConvWeightGrad(_) => "ConvWeightGrad",
            Self::PoolGrad(_) => "PoolGrad",
            Self::UnaryGrad(_) => "UnaryGrad",
            Self::Where => "Where",
            Self::ArgReduce { max: true, .. } => "ArgMax",
            Self::ArgReduce { .. } => "ArgMin",
            Self::TopK { indices: false, .. } => "TopK",
            Self::TopK { .. } => "TopKIndices",
            Self::CumSum { .. } => "CumSum",
            Self::Gather { .. } => "Gather",
            Self::GatherGrad { .. } => "GatherGrad",
            Self::GatherElements { .. } => "GatherElements",
            Self::GatherNd { .. } => "GatherND",
            Self::ScatterElements { .. } => "ScatterElements",
            Self::ScatterNd { .. } => "ScatterND",
            Self::Recurrent(recurrent) => recurrent.name(),
            Self::Expand { .. } => "Expand",
            Self::Bernoulli(_) => "Bernoulli",
            Self::Update(update) => update.name(),
            Self::Compare { .. } => "Compare",
            Self::Moments { .. } => "Moments",
            Self::Histogram { .. } => "Histogram",
            Self::Opaque(opaque) => &opaque.name,
        }
    }
}
