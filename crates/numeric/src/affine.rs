//! The uniform affine quantizer: one grid, one value at a time.
//!
//! With scale Δ, zero point z and codes n ..= p
//!
//! > q = clamp(⌊x/Δ⌉ + z, n, p),   x̂ = Δ·(q − z)
//!
//! where ⌊·⌉ rounds half to even (ONNX `QuantizeLinear`; Jacob et al. 2018, arXiv 1712.05877, eq. 1).
//! A zero point with a fraction shifts the grid: its fraction is added before rounding, its integer part after,
//! so that integer zero points keep ONNX's rule for ties. The binary format ±Δ is the grid with scale 2Δ and zero point ½.

use serde::{Deserialize, Serialize};

use crate::format::{Format, Symmetry};

/// A closed interval of real values that a grid is asked to cover; `min <= max`, both finite.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Range {
    /// The smallest value.
    pub min: f32,
    /// The largest value.
    pub max: f32,
}

impl Range {
    /// The range of `values`; [0, 0] if there are none. Values that are not finite are passed over.
    pub fn of(values: impl IntoIterator<Item = f32>) -> Self {
        let mut range = Self { min: f32::INFINITY, max: f32::NEG_INFINITY };
        for x in values.into_iter().filter(|x| x.is_finite()) {
            range = Self { min: range.min.min(x), max: range.max.max(x) };
        }
        if range.min <= range.max { range } else { Self { min: 0.0, max: 0.0 } }
    }

    /// The largest magnitude in the range.
    pub fn max_abs(self) -> f32 {
        self.min.abs().max(self.max.abs())
    }

    /// The range with both ends multiplied by `factor`.
    #[must_use]
    pub fn scaled(self, factor: f32) -> Self {
        Self { min: self.min * factor, max: self.max * factor }
    }

    /// The smallest range that covers both.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self { min: self.min.min(other.min), max: self.max.max(other.max) }
    }
}

/// The grid of one block: scale, zero point and the codes that exist.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Affine {
    /// The distance Δ of two levels; positive.
    pub scale: f32,
    /// The code z (perhaps with a fraction) that stands for the value 0.
    pub zero_point: f32,
    /// The smallest code n.
    pub min_code: f32,
    /// The largest code p.
    pub max_code: f32,
}

impl Affine {
    /// The grid of `format` that covers `range`.
    ///
    /// Symmetric formats use the larger magnitude of the two ends; asymmetric ones widen the range to hold 0.
    /// A range that is only 0 gets scale 1. For the binary format the range's largest magnitude *is* Δ.
    /// The scale is never subnormal (x/Δ would overflow, and GPUs take subnormals for 0) nor infinite: a range for
    /// which it would be gets the nearest scale that can be used.
    pub fn covering(format: Format, range: Range) -> Self {
        let (min_code, max_code) = format.code_range();
        let (min_code, max_code) = (min_code as f32, max_code as f32);
        let steps = max_code - min_code;
        let (low, high) = (range.min.min(0.0), range.max.max(0.0));
        let scale = usable(match format.symmetry() {
            _ if format.is_binary() => 2.0 * range.max_abs(),
            Symmetry::Restricted => range.max_abs() / max_code,
            Symmetry::Full if format.signed() => range.max_abs() / (steps / 2.0),
            Symmetry::Full => high / max_code,
            Symmetry::Asymmetric if (high - low).is_finite() => (high - low) / steps,
            Symmetry::Asymmetric => high / steps - low / steps,
        });
        let zero_point = match format.symmetry() {
            _ if format.is_binary() => 0.5,
            Symmetry::Restricted | Symmetry::Full => 0.0,
            Symmetry::Asymmetric => (min_code - round_half_even(low / scale)).max(min_code).min(max_code),
        };
        Self { scale, zero_point, min_code, max_code }
    }

    /// The code of `x`, as a whole number in a float. NaN becomes the zero point's code.
    #[inline]
    pub fn code(self, x: f32) -> f32 {
        let whole = self.zero_point.floor();
        let rounded = round_half_even(x / self.scale + (self.zero_point - whole)) + whole;
        let code = if rounded.is_nan() { whole } else { rounded };
        code.max(self.min_code).min(self.max_code)
    }

    /// The value that `code` stands for.
    #[inline]
    pub fn value(self, code: f32) -> f32 {
        self.scale * (code - self.zero_point)
    }

    /// The value of the grid for `x`: what quantizing and dequantizing makes of it.
    #[inline]
    pub fn fake(self, x: f32) -> f32 {
        self.value(self.code(x))
    }

    /// The values of the smallest and the largest code.
    pub fn level_range(self) -> Range {
        Range { min: self.value(self.min_code), max: self.value(self.max_code) }
    }

    /// The values beyond which a code is clipped: half a step outside [`Self::level_range`].
    pub fn clip_range(self) -> Range {
        let half = 0.5 * self.scale;
        let levels = self.level_range();
        Range { min: levels.min - half, max: levels.max + half }
    }

    /// Whether `x` lies outside the levels, so that its error is clipping and not rounding.
    pub fn clips(self, x: f32) -> bool {
        let levels = self.level_range();
        x < levels.min || x > levels.max
    }
}

/// The nearest positive, normal scale; 1 for 0 and NaN.
fn usable(scale: f32) -> f32 {
    if scale > 0.0 { scale.clamp(f32::MIN_POSITIVE, f32::MAX) } else { 1.0 }
}

/// The whole number nearest to `x`, half to even: [`f32::round_ties_even`], bit for bit.
///
/// Where the machine's baseline has no instruction for that (x86-64), it is a call for each value and keeps loops from
/// being vectorised. Adding 2²³ instead leaves no bits for a fraction, so the addition itself rounds.
#[inline]
pub fn round_half_even(x: f32) -> f32 {
    const NO_FRACTION: f32 = (1u32 << 23) as f32;
    if cfg!(not(target_arch = "x86_64")) {
        return x.round_ties_even();
    }
    let rounded = (x.abs() + NO_FRACTION) - NO_FRACTION;
    if x.abs() < NO_FRACTION { rounded.copysign(x) } else { x }
}
