//! Attributes of the operators that only learning needs.

use serde::{Deserialize, Serialize};

use crate::op::{Conv, Pool};

/// How a gradient passes through a quantizer whose staircase has none: the rule *is* the method.
///
/// Let u = x/s + z be the place of x on the grid of codes, n and p the smallest and the largest code, q the code that x
/// becomes, and g the gradient of x̂. The default is the straight-through estimator with the mask of LSQ's paper.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Estimator {
    /// Where x counts as clipped.
    pub mask: Mask,
    /// What becomes of g inside.
    pub slope: Slope,
    /// The slope of x̂ along the scale.
    pub scale: ScaleSlope,
}

/// Where x counts as clipped, so that no gradient reaches it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mask {
    /// Where u < n or u > p (LSQ, Esser et al. 2020, arXiv 1902.08153, eq. 3).
    #[default]
    Value,
    /// Where ⌊u⌉ < n or ⌊u⌉ > p, as PyTorch's fake-quantize operators have it: half a step wider.
    Rounded,
}

/// ∂x̂/∂x inside the grid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Slope {
    /// 1 (Bengio et al. 2013, arXiv 1308.3432).
    #[default]
    Straight,
    /// 1 + δ·sign(g)·(u − q): EWGS (Lee et al. 2021, arXiv 2104.00903, eq. 4), in steps of the grid.
    Ewgs {
        /// δ; 0 is the straight-through estimator.
        delta: f32,
    },
    /// The slope of a tanh that stands for each step: with c = ln(2/α − 1) and t the distance of u from the middle
    /// between the two codes around it, c·(1 − tanh²(c·t)) / (2·(1 − α)) (DSQ, Gong et al. 2019, arXiv 1908.05033, eq. 4).
    Dsq {
        /// α, 0 < α < 1: small is close to the staircase.
        alpha: f32,
    },
}

/// ∂x̂/∂s. Where x is clipped it is q − z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ScaleSlope {
    /// (q − z) − x/s inside: LSQ, eq. 3.
    #[default]
    Lsq,
    /// 0 inside: PACT's clipping level α = s·(p − z) (Choi et al. 2018, arXiv 1805.06085, eq. 3).
    Pact,
}

/// What a gradient of a quantizer is taken along.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum QuantizerInput {
    /// The values x.
    Value,
    /// The scale: each element's own part, of x's shape, not yet summed.
    Scale,
    /// The zero point, likewise: −s where x is clipped, else 0 (LSQ+'s offset β = −s·z: Bhalgat et al. 2020, arXiv 2004.09576, eq. 7).
    ZeroPoint,
}

/// What a gradient of [`crate::Op::SoftRound`] is taken along.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SoftRoundInput {
    /// The rounding variables v.
    Rounding,
    /// The scale: each element's own part, of v's shape, not yet summed. The whole part of the codes does not move
    /// (GENIE-M, Jeon et al. 2023, arXiv 2212.04780).
    Scale,
}

/// Attributes of [`crate::Op::ConvInputGrad`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConvInputGrad {
    /// The convolution.
    pub conv: Conv,
    /// The lengths of the spatial axes of its x.
    pub spatial: Vec<usize>,
}

/// Attributes of [`crate::Op::ConvWeightGrad`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConvWeightGrad {
    /// The convolution.
    pub conv: Conv,
    /// The lengths of the spatial axes of its w.
    pub kernel: Vec<usize>,
}

/// Attributes of [`crate::Op::PoolGrad`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolGrad {
    /// The pooling.
    pub pool: Pool,
}

/// Attributes of [`crate::Op::Bernoulli`]: which draws.
///
/// Element i at step t is 1 if `uniform(word) < probability`, with word i mod 4 of the Philox block of `seed` at the
/// counter [⌊i/4⌋, 0, t, stream]; see [`fewbit_numeric::philox`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bernoulli {
    /// The key.
    pub seed: u64,
    /// The last word of the counter: each use of randomness has its own.
    pub stream: u32,
    /// The probability of a 1.
    pub probability: f32,
}

/// An optimizer's arithmetic: each a function of the elements of tensors of one shape, and of a few rates, which are fed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Update {
    /// m, g → μ·m + g: heavy-ball momentum.
    Momentum {
        /// μ.
        momentum: f32,
    },
    /// m, g → β·m + (1 − β)·g: Adam's first moment.
    Mean {
        /// β.
        decay: f32,
    },
    /// v, g → β·v + (1 − β)·g²: Adam's second moment.
    Square {
        /// β.
        decay: f32,
    },
    /// p, g, rates \[2\] = (η, λ) → p − η·(g + λ·p): gradient descent with weight decay.
    Descend,
    /// p, g, rates \[1\] = (η) → p − η·sign(g): SignSGD.
    Sign,
    /// p, m, v, rates \[4\] = (η, 1/(1 − β₁ᵗ), 1/(1 − β₂ᵗ), λ) → p − η·(m·r₁/(√(v·r₂) + ε) + λ·p): Adam (Kingma & Ba
    /// 2015, arXiv 1412.6980, algorithm 1) and, with λ > 0, AdamW (Loshchilov & Hutter 2019, arXiv 1711.05101).
    Adam {
        /// ε.
        epsilon: f32,
    },
}

impl Update {
    /// How many tensors of one shape it takes, and how many rates after them.
    pub fn inputs(self) -> (usize, usize) {
        match self {
            Self::Momentum { .. } | Self::Mean { .. } | Self::Square { .. } => (2, 0),
            Self::Descend => (2, 2),
            Self::Sign => (2, 1),
            Self::Adam { .. } => (3, 4),
        }
    }

    /// Its ordinary name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Momentum { .. } => "Momentum",
            Self::Mean { .. } => "RunningMean",
            Self::Square { .. } => "RunningSquare",
            Self::Descend => "Descend",
            Self::Sign => "SignDescend",
            Self::Adam { .. } => "Adam",
        }
    }
}
