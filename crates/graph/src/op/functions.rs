//! Functions of elements.

use serde::{Deserialize, Serialize};

/// A function of one element.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the formula beside each name says it all")]
pub enum Unary {
    Relu,                                  // max(x, 0)
    LeakyRelu { alpha: f32 },              // x < 0 ? αx : x
    Clip { min: f32, max: f32 },           // min(max(x, min), max); ReLU6 is [0, 6]
    HardSigmoid { alpha: f32, beta: f32 }, // clamp(αx + β, 0, 1)
    HardSwish,                             // x·clamp(x/6 + ½, 0, 1)
    Sigmoid,                               // 1/(1 + e⁻ˣ)
    Silu,                                  // x·sigmoid(x)
    Tanh,
    Exp,
    Log,
    Sqrt,
    Abs,
    Neg,
    Reciprocal,
    Erf,
    Gelu,               // x·Φ(x), exact with erf
    Softplus,           // ln(1 + eˣ)
    Elu { alpha: f32 }, // x < 0 ? α(eˣ − 1) : x
    Round,              // half to even
    Floor,
    Sign,             // −1, 0, 1
    RectifiedSigmoid, // h: clamp(1.2·sigmoid(x) − 0.1, 0, 1), AdaRound's eq. 23 with ζ = 1.1, γ = −0.1
    Ceil,
    Sin, // of x in radians, like all that follow
    Cos,
    Tan,
    Asin,
    Acos,
    Atan,
    Sinh,
    Cosh,
    Asinh,
    Acosh,
    Atanh,
    Not,                                      // x = 0 ? 1 : 0
    IsNan,                                    // 1 or 0
    IsInf { positive: bool, negative: bool }, // 1 for an infinity of a sign that is asked for, else 0
}

/// A function of two elements. Comparisons and logic give 1 or 0; whatever is not 0 counts as true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are the formulas")]
pub enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    Max,
    Min,
    Pow,
    Mod,  // a − b·⌊a/b⌋, with the sign of b, rounded once; NaN for b = 0
    Fmod, // a − b·trunc(a/b), with the sign of a, exact; NaN for b = 0
    Equal,
    Less,
    LessOrEqual,
    And,
    Or,
    Xor,
}

impl Unary {
    /// The function's ordinary name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Relu => "Relu",
            Self::LeakyRelu { .. } => "LeakyRelu",
            Self::Clip { .. } => "Clip",
            Self::HardSigmoid { .. } => "HardSigmoid",
            Self::HardSwish => "HardSwish",
            Self::Sigmoid => "Sigmoid",
            Self::Silu => "Silu",
            Self::Tanh => "Tanh",
            Self::Exp => "Exp",
            Self::Log => "Log",
            Self::Sqrt => "Sqrt",
            Self::Abs => "Abs",
            Self::Neg => "Neg",
            Self::Reciprocal => "Reciprocal",
            Self::Erf => "Erf",
            Self::Gelu => "Gelu",
            Self::Softplus => "Softplus",
            Self::Elu { .. } => "Elu",
            Self::Round => "Round",
            Self::Floor => "Floor",
            Self::Sign => "Sign",
            Self::RectifiedSigmoid => "RectifiedSigmoid",
            Self::Ceil => "Ceil",
            Self::Sin => "Sin",
            Self::Cos => "Cos",
            Self::Tan => "Tan",
            Self::Asin => "Asin",
            Self::Acos => "Acos",
            Self::Atan => "Atan",
            Self::Sinh => "Sinh",
            Self::Cosh => "Cosh",
            Self::Asinh => "Asinh",
            Self::Acosh => "Acosh",
            Self::Atanh => "Atanh",
            Self::Not => "Not",
            Self::IsNan => "IsNaN",
            Self::IsInf { .. } => "IsInf",
        }
    }

    /// Whether its slope is 0 wherever it has one: it lets no gradient through.
    pub fn is_step(self) -> bool {
        matches!(
            self,
            Self::Round
                | Self::Floor
                | Self::Ceil
                | Self::Sign
                | Self::Not
                | Self::IsNan
                | Self::IsInf { .. }
        )
    }
}

impl Binary {
    /// The function's ordinary name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Add => "Add",
            Self::Sub => "Sub",
            Self::Mul => "Mul",
            Self::Div => "Div",
            Self::Max => "Max",
            Self::Min => "Min",
            Self::Pow => "Pow",
            Self::Mod => "Mod",
            Self::Fmod => "Fmod",
            Self::Equal => "Equal",
            Self::Less => "Less",
            Self::LessOrEqual => "LessOrEqual",
            Self::And => "And",
            Self::Or => "Or",
            Self::Xor => "Xor",
        }
    }

    /// Whether its slope is 0 wherever it has one: comparisons and logic.
    pub fn is_step(self) -> bool {
        matches!(self, Self::Equal | Self::Less | Self::LessOrEqual | Self::And | Self::Or | Self::Xor)
    }
}
