//! The gradients of a convolution.

mod depthwise;
mod flat;
mod input;
mod tile;
mod weight;

pub(crate) use input::ConvInputGrad;
pub(crate) use weight::ConvWeightGrad;
