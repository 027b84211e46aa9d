//! The attributes of operators as names and values, for people to read and for hashes to cover.

use std::fmt;

use crate::op::{
    Cell, Direction, Estimator, Mask, Op, PadMode, PoolKind, QuantizerInput, Recurrent, Reshape, ScaleSlope,
    ScatterReduction, Slope, SoftRoundInput, Unary, Update,
};

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum Attribute {
    /// Yes or no.
    Flag(bool),
    /// A whole number.
    Int(i64),
    /// Whole numbers.
    Ints(Vec<i64>),
    /// A real number.
    Float(f32),
    /// One of a few words, or a name.
    Text(String),
    /// What only its owner can read.
    Bytes(Vec<u8>),
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Int(int) => write!(f, "{int}"),
            Self::Ints(ints) => write!(f, "{ints:?}"),
            Self::Float(float) => write!(f, "{float:?}"),
            Self::Text(text) => f.write_str(text),
            Self::Bytes(bytes) => write!(f, "{} bytes", bytes.len()),
        }
    }
}

impl Op {
    /// The attributes, each with its name, in a fixed order. [`Op::name`] and these tell any two operators apart.
    ///
    /// They are part of every [`crate::ModelId`]: an attribute that is added to an operator later on is left out
    /// where it has the value that it had before it was thought of.
    pub fn attributes(&self) -> Vec<(&'static str, Attribute)> {
        match self {
            Self::Conv(conv) => vec![
                ("groups", int(conv.groups)),
                ("strides", ints(&conv.strides)),
                ("dilations", ints(&conv.dilations)),
                ("pads_begin", ints(&conv.pads_begin)),
                ("pads_end", ints(&conv.pads_end)),
            ],
            Self::Gemm(gemm) => vec![
                ("alpha", Attribute::Float(gemm.alpha)),
                ("beta", Attribute::Float(gemm.beta)),
                ("trans_a", Attribute::Flag(gemm.trans_a)),
                ("trans_b", Attribute::Flag(gemm.trans_b)),
            ],
            Self::BatchNorm { epsilon } => vec![("epsilon", Attribute::Float(*epsilon))],
            Self::Unary(unary) => unary.attributes(),
            Self::MatMul | Self::Binary(_) | Self::Where => Vec::new(),
            Self::Pool(pool) => {
                let mut attributes = vec![
                    ("kernel", ints(&pool.kernel)),
                    ("strides", ints(&pool.strides)),
                    ("dilations", ints(&pool.dilations)),
                    ("pads_begin", ints(&pool.pads_begin)),
                    ("pads_end", ints(&pool.pads_end)),
                    ("ceil_mode", Attribute::Flag(pool.ceil_mode)),
                ];
                if let PoolKind::Mean { count_include_pad } = pool.kind {
                    attributes.push(("count_include_pad", Attribute::Flag(count_include_pad)));
                }
                attributes
            }
            Self::Reduce(reduce) => {
                vec![("axes", ints(&reduce.axes)), ("keep_dims", Attribute::Flag(reduce.keep_dims))]
            }
            Self::Softmax { axis }
            | Self::LogSoftmax { axis }
            | Self::Concat { axis }
            | Self::Compare { axis }
            | Self::Gather { axis }
            | Self::GatherElements { axis }
            | Self::SoftRound { axis } => vec![("axis", int(*axis))],
            Self::FakeQuantize { axis, estimator } => {
                let mut attributes = vec![("axis", int(*axis))];
                if *estimator != Estimator::default() {
                    attributes.extend(estimator.attributes());
                }
                attributes
            }
            Self::FakeQuantizeGrad { axis, estimator, wrt } => {
                let along = match wrt {
                    QuantizerInput::Value => "value",
                    QuantizerInput::Scale => "scale",
                    QuantizerInput::ZeroPoint => "zero point",
                };
                let mut attributes = vec![("axis", int(*axis)), ("along", text(along))];
                attributes.extend(estimator.attributes());
                attributes
            }
            Self::SoftRoundGrad { axis, wrt } => {
                let along = match wrt {
                    SoftRoundInput::Rounding => "rounding",
                    SoftRoundInput::Scale => "scale",
                };
                vec![("axis", int(*axis)), ("along", text(along))]
            }
            Self::ConvInputGrad(grad) => {
                let mut attributes = Self::Conv(grad.conv.clone()).attributes();
                attributes.push(("spatial", ints(&grad.spatial)));
                attributes
            }
            Self::ConvWeightGrad(grad) => {
                let mut attributes = Self::Conv(grad.conv.clone()).attributes();
                attributes.push(("kernel", ints(&grad.kernel)));
                attributes
            }
            Self::PoolGrad(grad) => {
                let mut attributes = vec![("pooling", text(Self::Pool(grad.pool.clone()).name()))];
                attributes.extend(Self::Pool(grad.pool.clone()).attributes());
                attributes
            }
            Self::UnaryGrad(unary) => {
                let mut attributes = vec![("of", text(unary.name()))];
                attributes.extend(unary.attributes());
                attributes
            }
            Self::ArgReduce { max: _, axis, keep_dims, last } => vec![
                ("axis", int(*axis)),
                ("keep_dims", Attribute::Flag(*keep_dims)),
                ("last", Attribute::Flag(*last)),
            ],
            Self::TopK { axis, k, largest, indices: _ } => {
                vec![("axis", int(*axis)), ("k", int(*k)), ("largest", Attribute::Flag(*largest))]
            }
            Self::CumSum { axis, exclusive, reverse } => vec![
                ("axis", int(*axis)),
                ("exclusive", Attribute::Flag(*exclusive)),
                ("reverse", Attribute::Flag(*reverse)),
            ],
            Self::GatherNd { batch_dims } => vec![("batch_dims", int(*batch_dims))],
            Self::ScatterElements { axis, reduction } => {
                vec![("axis", int(*axis)), ("reduction", text(reduction.word()))]
            }
            Self::ScatterNd { reduction } => vec![("reduction", text(reduction.word()))],
            Self::Recurrent(recurrent) => recurrent.attributes(),
            Self::GatherGrad { axis, length } => vec![("axis", int(*axis)), ("length", int(*length))],
            Self::Expand { shape } => vec![("shape", ints(shape))],
            Self::Bernoulli(draw) => vec![
                ("seed", Attribute::Int(draw.seed as i64)),
                ("stream", Attribute::Int(i64::from(draw.stream))),
                ("probability", Attribute::Float(draw.probability)),
            ],
            Self::Update(update) => match update {
                Update::Momentum { momentum } => vec![("momentum", Attribute::Float(*momentum))],
                Update::Mean { decay } | Update::Square { decay } => {
                    vec![("decay", Attribute::Float(*decay))]
                }
                Update::Adam { epsilon } => vec![("epsilon", Attribute::Float(*epsilon))],
                Update::Descend | Update::Sign => Vec::new(),
            },
            Self::Pad(pad) => {
                let mode = match pad.mode {
                    PadMode::Constant(value) => ("value", Attribute::Float(value)),
                    PadMode::Reflect => ("mode", text("reflect")),
                    PadMode::Edge => ("mode", text("edge")),
                };
                let (begin, end) = (pad.begin.clone(), pad.end.clone());
                vec![mode, ("begin", Attribute::Ints(begin)), ("end", Attribute::Ints(end))]
            }
            Self::Slice(slice) => vec![
                ("starts", Attribute::Ints(slice.starts.clone())),
                ("ends", Attribute::Ints(slice.ends.clone())),
                ("steps", Attribute::Ints(slice.steps.clone())),
            ],
            Self::Reshape(reshape) => vec![match reshape {
                Reshape::To(lengths) => ("to", Attribute::Ints(lengths.clone())),
                Reshape::Flatten { axis } => ("flatten", int(*axis)),
                Reshape::Squeeze { axes } => ("squeeze", ints(axes)),
                Reshape::Unsqueeze { axes } => ("unsqueeze", ints(axes)),
            }],
            Self::Transpose { perm } => vec![("perm", ints(perm))],
            Self::Moments { axis } => axis.iter().map(|&axis| ("axis", int(axis))).collect(),
            Self::Histogram { bins } => vec![("bins", int(*bins))],
            Self::Opaque(opaque) => {
                vec![("domain", text(&opaque.domain)), ("encoded", Attribute::Bytes(opaque.encoded.clone()))]
            }
        }
    }
}

impl Estimator {
    fn attributes(self) -> Vec<(&'static str, Attribute)> {
        let mask = match self.mask {
            Mask::Value => "value",
            Mask::Rounded => "rounded",
        };
        let scale = match self.scale {
            ScaleSlope::Lsq => "lsq",
            ScaleSlope::Pact => "pact",
        };
        let slope = match self.slope {
            Slope::Straight => ("slope", text("straight")),
            Slope::Ewgs { delta } => ("ewgs", Attribute::Float(delta)),
            Slope::Dsq { alpha } => ("dsq", Attribute::Float(alpha)),
        };
        vec![("mask", text(mask)), slope, ("scale", text(scale))]
    }
}

impl ScatterReduction {
    fn word(self) -> &'static str {
        match self {
            Self::Replace => "replace",
            Self::Add => "add",
            Self::Mul => "mul",
            Self::Max => "max",
            Self::Min => "min",
        }
    }
}

impl Recurrent {
    fn attributes(self) -> Vec<(&'static str, Attribute)> {
        let direction = match self.direction {
            Direction::Forward => "forward",
            Direction::Reverse => "reverse",
            Direction::Bidirectional => "bidirectional",
        };
        let more = match self.cell {
            Cell::Lstm => ("with_cell", self.with_cell),
            Cell::Gru { linear_before_reset } => ("linear_before_reset", linear_before_reset),
            Cell::Rnn { relu } => ("relu", relu),
        };
        vec![("direction", text(direction)), (more.0, Attribute::Flag(more.1))]
    }
}

impl Unary {
    fn attributes(self) -> Vec<(&'static str, Attribute)> {
        match self {
            Self::LeakyRelu { alpha } | Self::Elu { alpha } => vec![("alpha", Attribute::Float(alpha))],
            Self::Clip { min, max } => vec![("min", Attribute::Float(min)), ("max", Attribute::Float(max))],
            Self::HardSigmoid { alpha, beta } => {
                vec![("alpha", Attribute::Float(alpha)), ("beta", Attribute::Float(beta))]
            }
            Self::IsInf { positive, negative } => {
                vec![("positive", Attribute::Flag(positive)), ("negative", Attribute::Flag(negative))]
            }
            Self::Relu
            | Self::HardSwish
            | Self::Sigmoid
            | Self::Silu
            | Self::Tanh
            | Self::Exp
            | Self::Log
            | Self::Sqrt
            | Self::Abs
            | Self::Neg
            | Self::Reciprocal
            | Self::Erf
            | Self::Gelu
            | Self::Softplus
            | Self::Round
            | Self::Floor
            | Self::Sign
            | Self::RectifiedSigmoid
            | Self::Ceil
            | Self::Sin
            | Self::Cos
            | Self::Tan
            | Self::Asin
            | Self::Acos
            | Self::Atan
            | Self::Sinh
            | Self::Cosh
            | Self::Asinh
            | Self::Acosh
            | Self::Atanh
            | Self::Not
            | Self::IsNan => Vec::new(),
        }
    }
}

fn int(value: usize) -> Attribute {
    Attribute::Int(value as i64)
}

fn ints(values: &[usize]) -> Attribute {
    Attribute::Ints(values.iter().map(|&value| value as i64).collect())
}

fn text(value: &str) -> Attribute {
    Attribute::Text(value.to_owned())
}
