//! The 16-bit floats as f32; those conversions are exact; and f32 rounded to them.

/// IEEE 754 binary16: 1 sign, 5 exponent and 10 fraction bits.
pub fn from_f16(bits: u16) -> f32 {
    let sign = u32::from(bits >> 15) << 31;
    let exponent = u32::from(bits >> 10 & 0x1f);
    let fraction = u32::from(bits & 0x3ff);
    match exponent {
        // Subnormal: fraction · 2⁻²⁴.
        0 => f32::from_bits((fraction as f32 * 2f32.powi(-24)).to_bits() | sign),
        0x1f => f32::from_bits(sign | 0x7f80_0000 | fraction << 13),
        // The biases of the exponents differ by 127 − 15.
        _ => f32::from_bits(sign | (exponent + 112) << 23 | fraction << 13),
    }
}

/// bfloat16: the upper half of an f32.
pub fn from_bf16(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

/// The nearest binary16, ties to even, as f32.
pub fn round_to_f16(x: f32) -> f32 {
    if x.abs() < 2f32.powi(-14) {
        return (x * 2f32.powi(24)).round_ties_even() * 2f32.powi(-24);
    }
    let rounded = drop_bits(x, 13);
    if rounded.abs() > 65504.0 { f32::INFINITY.copysign(x) } else { rounded }
}

/// The nearest bfloat16, ties to even, as f32.
pub fn round_to_bf16(x: f32) -> f32 {
    drop_bits(x, 16)
}

/// Rounds the last `count` bits of the fraction away.
fn drop_bits(x: f32, count: u32) -> f32 {
    if !x.is_finite() {
        return x;
    }
    let bits = x.to_bits();
    let half = (1 << (count - 1)) - 1 + (bits >> count & 1);
    f32::from_bits((bits + half) >> count << count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f16_values_are_those_of_the_standard() {
        for (bits, value) in [
            (0x0000, 0.0),
            (0x8000, -0.0),
            (0x0001, 5.960_464_5e-8),
            (0x03ff, 6.097_555e-5),
            (0x0400, 6.103_515_6e-5),
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x3555, 0.333_251_95),
            (0x7bff, 65504.0),
            (0x7c00, f32::INFINITY),
            (0xfc00, f32::NEG_INFINITY),
        ] {
            assert_eq!(from_f16(bits).to_bits(), f32::to_bits(value), "{bits:#06x}");
        }
        assert!(from_f16(0x7e00).is_nan());
        for (x, rounded) in [
            (1.0 + 2f32.powi(-11), 1.0),
            (65520.0, f32::INFINITY),
            (65519.0, 65504.0),
            (3e-8, 5.960_464_5e-8),
        ] {
            assert_eq!(round_to_f16(x), rounded, "{x}");
        }
        assert_eq!(round_to_bf16(-1.005), -1.007_812_5);
        assert_eq!(from_bf16(0x3fc0), 1.5);
    }
}
