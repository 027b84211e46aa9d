//! How near is right.

/// How far an engine's values may be from the oracle's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Tolerance {
    /// The f32 nearest to the oracle's value, bit for bit (but 0 equals −0).
    Exact,
    /// At most this many f32 steps from the oracle's value.
    Ulp(u32),
    /// At most this part of max(1, |expected|).
    Relative(f64),
}

impl Tolerance {
    /// How many times the allowed distance `found` is away from `expected`; right is at most 1.
    ///
    /// NaN equals NaN, and an infinity equals itself.
    pub fn distance(self, expected: f64, found: f32) -> f64 {
        let nearest = expected as f32;
        if nearest == found || (nearest.is_nan() && found.is_nan()) {
            return 0.0;
        }
        let distance = match self {
            Self::Exact => f64::INFINITY,
            Self::Ulp(allowed) => {
                let steps = (steps_from_zero(nearest) - steps_from_zero(found)).unsigned_abs();
                f64::from(u32::try_from(steps).unwrap_or(u32::MAX)) / f64::from(allowed.max(1))
            }
            Self::Relative(part) => (f64::from(found) - expected).abs() / (part * expected.abs().max(1.0)),
        };
        if distance.is_nan() || !found.is_finite() || !nearest.is_finite() { f64::INFINITY } else { distance }
    }
}

/// The place of `x` among all floats, counted from 0.
fn steps_from_zero(x: f32) -> i64 {
    let magnitude = i64::from(x.to_bits() & 0x7FFF_FFFF);
    if x.is_sign_negative() { -magnitude } else { magnitude }
}
