//! Batch normalization.

use crate::grad::site::{Gradient, Site};
use crate::graph::WireId;
use crate::op::{Binary, Unary};

/// With r = 1/√(variance + ε), y = scale·(x − mean)·r + bias:
/// dx = g·scale·r, dbias = Σg, dscale = r·Σg·(x − mean), dmean = −scale·r·Σg, dvariance = −½·scale·r³·Σg·(x − mean).
pub(super) fn batch_norm(site: &mut Site<'_, '_>, epsilon: f32) -> Gradient {
    let &[x, scale, _, mean, variance] = site.node.inputs.as_slice() else { return Ok(site.g) };
    let g = site.g;
    let rank = site.shape_of(x).len();
    match site.input {
        0 => {
            let r = reciprocal_deviation(site, variance, epsilon)?;
            let gain = site.binary(Binary::Mul, scale, r)?;
            let gain = site.along(gain, 1, rank)?;
            site.binary(Binary::Mul, g, gain)
        }
        2 => site.summed_to_channels(g, 1),
        3 => {
            let r = reciprocal_deviation(site, variance, epsilon)?;
            let gain = site.binary(Binary::Mul, scale, r)?;
            let sum = site.summed_to_channels(g, 1)?;
            let product = site.binary(Binary::Mul, gain, sum)?;
            site.unary(Unary::Neg, product)
        }
        1 => {
            let r = reciprocal_deviation(site, variance, epsilon)?;
            let sum = covariance(site, x, mean)?;
            site.binary(Binary::Mul, r, sum)
        }
        _ => {
            let r = reciprocal_deviation(site, variance, epsilon)?;
            let square = site.binary(Binary::Mul, r, r)?;
            let cube = site.binary(Binary::Mul, square, r)?;
            let half = site.constant(-0.5);
            let slope = site.binary(Binary::Mul, scale, cube)?;
            let slope = site.binary(Binary::Mul, slope, half)?;
            let sum = covariance(site, x, mean)?;
            site.binary(Binary::Mul, slope, sum)
        }
    }
}

/// 1/√(variance + ε), of each channel.
fn reciprocal_deviation(site: &mut Site<'_, '_>, variance: WireId, epsilon: f32) -> Gradient {
    let epsilon = site.constant(epsilon);
    let sum = site.binary(Binary::Add, variance, epsilon)?;
    let root = site.unary(Unary::Sqrt, sum)?;
    site.unary(Unary::Reciprocal, root)
}

/// Σg·(x − mean), of each channel.
fn covariance(site: &mut Site<'_, '_>, x: WireId, mean: WireId) -> Gradient {
    let mean = site.along(mean, 1, site.shape_of(x).len())?;
    let centred = site.binary(Binary::Sub, x, mean)?;
    let product = site.binary(Binary::Mul, site.g, centred)?;
    site.summed_to_channels(product, 1)
}
