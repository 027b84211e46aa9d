//! The gradients of quantizers, and soft rounding.

use std::ops::Range;

use fewbit_graph::op::{Estimator, Mask, QuantizerInput, ScaleSlope, Slope, SoftRoundInput};

use crate::cpu::broadcast::Run;
use crate::cpu::simd::{Level, dispatch};
use crate::cpu::stage::unary::rectified_sigmoid;
use crate::cpu::stage::unary_grad;

/// The grid of one channel.
#[derive(Clone, Copy)]
struct Grid {
    scale: f32,
    zero_point: f32,
    min_code: f32,
    max_code: f32,
}

/// Scale and zero point of each channel (or of all), and the bounds.
#[derive(Clone, Copy)]
pub(super) struct Grids<'a> {
    pub(super) scale: &'a [f32],
    pub(super) zero_point: &'a [f32],
    pub(super) bounds: &'a [f32],
}

impl Grids<'_> {
    fn of(&self, channel: usize) -> Grid {
        Grid {
            scale: self.scale[channel % self.scale.len()],
            zero_point: self.zero_point[channel % self.zero_point.len()],
            min_code: self.bounds[0],
            max_code: self.bounds[1],
        }
    }
}

/// The channel and the place of each stretch of elements that share one.
fn stretches(runs: impl Iterator<Item = Run>) -> impl Iterator<Item = (usize, Range<usize>)> {
    runs.flat_map(|Run { at, len, from, stride }| {
        let (count, size) = if stride == 0 { (1, len) } else { (len, 1) };
        (0..count).map(move |i| (from + i, at + i * size..at + (i + 1) * size))
    })
}

/// Where a value lies on its grid.
struct Place {
    /// x/s.
    ratio: f32,
    /// x/s + frac z: the place from the whole part of the zero point on.
    place: f32,
    /// `place`, rounded.
    rounded: f32,
    /// q − z.
    code: f32,
    is_clipped: bool,
}

impl Grid {
    /// The operations are those of the quantizer, so that both decide alike.
    #[inline(always)]
    fn place(self, x: f32, mask: Mask) -> Place {
        let whole = self.zero_point.floor();
        let ratio = x / self.scale;
        let place = ratio + (self.zero_point - whole);
        let rounded = place.round_ties_even();
        let seen = if mask == Mask::Value { place } else { rounded };
        let is_clipped = (seen < self.min_code - whole) | (seen > self.max_code - whole);
        let code = rounded + whole;
        let code = if code < self.min_code { self.min_code } else { code };
        let code = if code > self.max_code { self.max_code } else { code };
        Place { ratio, place, rounded, code: code - self.zero_point, is_clipped }
    }
}

/// Replaces each gradient of x̂ by its share along `wrt`; see [`Estimator`].
pub(super) fn fake_quantize(
    level: Level,
    (estimator, wrt): (Estimator, QuantizerInput),
    g: &mut [f32],
    x: &[f32],
    grids: Grids<'_>,
    runs: impl Iterator<Item = Run>,
) {
    let Estimator { mask, slope, scale } = estimator;
    match (wrt, slope, scale) {
        (QuantizerInput::Value, Slope::Straight, _) => {
            along(level, mask, g, x, grids, runs, true, |g, _, at| if at.is_clipped { 0.0 } else { g });
        }
        (QuantizerInput::Value, Slope::Ewgs { delta }, _) => {
            along(level, mask, g, x, grids, runs, true, |g, _, at| {
                let sign = if g < 0.0 { -1.0 } else { 1.0 };
                let passed = g * (1.0 + delta * sign * (at.place - at.rounded));
                if at.is_clipped { 0.0 } else { passed }
            });
        }
        (QuantizerInput::Value, Slope::Dsq { alpha }, _) => {
            let steep = libm::log(2.0 / f64::from(alpha) - 1.0) as f32;
            let height = steep / (2.0 * (1.0 - alpha));
            along(level, mask, g, x, grids, runs, true, |g, _, at| {
                let tanh = libm::tanhf(steep * (at.place - at.place.floor() - 0.5));
                if at.is_clipped { 0.0 } else { g * (height * (1.0 - tanh * tanh)) }
            });
        }
        (QuantizerInput::Scale, _, ScaleSlope::Lsq) => {
            along(level, mask, g, x, grids, runs, false, |g, _, at| {
                g * if at.is_clipped { at.code } else { at.code - at.ratio }
            });
        }
        (QuantizerInput::Scale, _, ScaleSlope::Pact) => {
            along(
                level,
                mask,
                g,
                x,
                grids,
                runs,
                false,
                |g, _, at| {
                    if at.is_clipped { g * at.code } else { 0.0 }
                },
            );
        }
        (QuantizerInput::ZeroPoint, ..) => {
            along(
                level,
                mask,
                g,
                x,
                grids,
                runs,
                false,
                |g, scale, at| {
                    if at.is_clipped { -scale * g } else { 0.0 }
                },
            );
        }
    }
}

/// Replaces each gradient by `rule` of it, the scale and the place of x. Where the scale is 0 the gradient passes or not.
#[expect(clippy::too_many_arguments, reason = "the loop that all rules share")]
#[inline(always)]
fn along(
    level: Level,
    mask: Mask,
    g: &mut [f32],
    x: &[f32],
    grids: Grids<'_>,
    runs: impl Iterator<Item = Run>,
    passes_float: bool,
    rule: impl Fn(f32, f32, Place) -> f32,
) {
    dispatch!(level, _simd => {
        for (channel, part) in stretches(runs) {
            let (grid, g) = (grids.of(channel), &mut g[part.clone()]);
            if grid.scale != 0.0 {
                for (g, &x) in g.iter_mut().zip(&x[part]) {
                    *g = rule(*g, grid.scale, grid.place(x, mask));
                }
            } else if !passes_float {
                g.fill(0.0);
            }
        }
    });
}

impl Grid {
    /// base + h + z, cut off at the bounds, less z; and whether it was cut off.
    #[inline(always)]
    fn soft(self, base: f32, h: f32) -> (f32, bool) {
        let place = base + h + self.zero_point;
        let code = if place < self.min_code { self.min_code } else { place };
        let code = if code > self.max_code { self.max_code } else { code };
        (code - self.zero_point, (place < self.min_code) | (place > self.max_code))
    }
}

/// Replaces each rounding variable by the value that it stands for.
pub(super) fn soft_round(
    level: Level,
    v: &mut [f32],
    base: &[f32],
    grids: Grids<'_>,
    runs: impl Iterator<Item = Run>,
) {
    dispatch!(level, _simd => {
        for (channel, part) in stretches(runs) {
            let grid = grids.of(channel);
            for (v, &base) in v[part.clone()].iter_mut().zip(&base[part]) {
                *v = grid.scale * grid.soft(base, rectified_sigmoid(*v)).0;
            }
        }
    });
}

/// Replaces each gradient of a soft value by its share along `wrt`.
pub(super) fn soft_round_grad(
    level: Level,
    wrt: SoftRoundInput,
    g: &mut [f32],
    [base, v]: [&[f32]; 2],
    grids: Grids<'_>,
    runs: impl Iterator<Item = Run>,
) {
    dispatch!(level, _simd => {
        for (channel, part) in stretches(runs) {
            let grid = grids.of(channel);
            let forward = base[part.clone()].iter().zip(&v[part.clone()]);
            for (g, (&base, &v)) in g[part].iter_mut().zip(forward) {
                let (code, is_clipped) = grid.soft(base, rectified_sigmoid(v));
                *g *= match wrt {
                    SoftRoundInput::Scale => code,
                    SoftRoundInput::Rounding if is_clipped => 0.0,
                    SoftRoundInput::Rounding => grid.scale * unary_grad::rectified_sigmoid(v),
                };
            }
        }
    });
}
