//! Operators with parameters for each channel: batch normalization and the quantizer.

use fewbit_numeric::Affine;

use crate::cpu::broadcast::Run;
use crate::cpu::simd::{Level, dispatch};

/// (x − mean)·(scale/√(variance + ε)) + bias, with `parameters` scale, bias, mean and variance of each channel.
pub(super) fn batch_norm(
    level: Level,
    epsilon: f32,
    data: &mut [f32],
    [scale, bias, mean, variance]: [&[f32]; 4],
    runs: impl Iterator<Item = Run>,
) {
    let channel = |c: usize| (scale[c] / (variance[c] + epsilon).sqrt(), bias[c], mean[c]);
    dispatch!(level, _simd => {
        for Run { at, len, from, stride } in runs {
            let part = &mut data[at..at + len];
            if stride == 0 {
                let (factor, bias, mean) = channel(from);
                part.iter_mut().for_each(|x| *x = (*x - mean) * factor + bias);
            } else {
                for (i, x) in part.iter_mut().enumerate() {
                    let (factor, bias, mean) = channel(from + i);
                    *x = (*x - mean) * factor + bias;
                }
            }
        }
    });
}

/// [`Affine::fake`] of each element, with `parameters` scale and zero point of each channel (or of all) and the bounds;
/// a channel whose scale is 0 is left alone.
pub(super) fn fake_quantize(
    level: Level,
    data: &mut [f32],
    [scale, zero_point, bounds]: [&[f32]; 3],
    runs: impl Iterator<Item = Run>,
) {
    let grid = |c: usize| Affine {
        scale: scale[c % scale.len()],
        zero_point: zero_point[c % zero_point.len()],
        min_code: bounds[0],
        max_code: bounds[1],
    };
    dispatch!(level, _simd => {
        for Run { at, len, from, stride } in runs {
            let part = &mut data[at..at + len];
            if stride == 0 {
                fake(grid(from), part);
            } else {
                part.iter_mut().enumerate().for_each(|(i, x)| fake(grid(from + i), std::slice::from_mut(x)));
            }
        }
    });
}

/// [`Affine::fake`] for bounds of any kind, in a form that compiles to vectors.
#[inline(always)]
fn fake(grid: Affine, data: &mut [f32]) {
    let Affine { scale, zero_point, min_code, max_code } = grid;
    if scale == 0.0 {
        return;
    }
    let whole = zero_point.floor();
    let fraction = zero_point - whole;
    for x in data {
        let rounded = (*x / scale + fraction).round_ties_even() + whole;
        let rounded = if rounded.is_nan() { whole } else { rounded };
        let code = if rounded < min_code { min_code } else { rounded };
        let code = if code > max_code { max_code } else { code };
        *x = scale * (code - zero_point);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::broadcast::Broadcast;

    #[test]
    fn the_vector_form_of_the_quantizer_is_affine_fake_bit_for_bit() {
        let level = Level::new();
        let values: Vec<f32> = (0..20_000)
            .map(|i: u32| f32::from_bits(i.wrapping_mul(0x9E37_79B9)))
            .chain([0.0, -0.0, 0.05, -0.05, 0.15, f32::NAN, f32::INFINITY, f32::NEG_INFINITY])
            .collect();
        for (scale, zero_point) in [(0.1, 0.0), (0.1, 3.0), (2.0, 0.5), (0.037, -1.25), (1e-30, 2.0)] {
            let grid = Affine { scale, zero_point, min_code: -8.0, max_code: 7.0 };
            let mut found = values.clone();
            let runs = Broadcast::new(&[1], &[found.len()]);
            let runs = runs.runs(0, values.len());
            fake_quantize(level, &mut found, [&[scale], &[zero_point], &[-8.0, 7.0]], runs);
            for (&x, &found) in values.iter().zip(&found) {
                assert_eq!(grid.fake(x).to_bits(), found.to_bits(), "{x:e} on {grid:?}");
            }
        }
    }
}
