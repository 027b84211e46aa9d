//! The 16-bit floats and f32.

/// IEEE 754 binary16, exactly: 1 sign, 5 exponent and 10 fraction bits.
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

/// The nearest binary16, half to even; what is beyond the largest becomes an infinity.
pub fn to_f16(x: f32) -> u16 {
    let sign = (x.to_bits() >> 16 & 0x8000) as u16;
    let magnitude = x.to_bits() & 0x7fff_ffff;
    match magnitude {
        // Not a number: a quiet one, with what fits of its payload.
        0x7f80_0001.. => sign | 0x7e00 | (magnitude >> 13 & 0x1ff) as u16,
        // From 65520 on, halfway beyond the largest.
        0x477f_f000.. => sign | 0x7c00,
        // Normal: drop 13 bits of the fraction, rounding half to even.
        0x3880_0000.. => {
            let odd = magnitude >> 13 & 1;
            sign | ((magnitude - (112 << 23) + 0xfff + odd) >> 13) as u16
        }
        // Subnormal: a whole number of 2⁻²⁴.
        _ => sign | (f32::from_bits(magnitude) * 16_777_216.0).round_ties_even() as u16,
    }
}

/// The nearest bfloat16, half to even.
pub fn to_bf16(x: f32) -> u16 {
    let bits = x.to_bits();
    if x.is_nan() { (bits >> 16) as u16 | 0x40 } else { ((bits + 0x7fff + (bits >> 16 & 1)) >> 16) as u16 }
}

/// bfloat16, exactly: the upper half of an f32.
pub fn from_bf16(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

/// The nearest binary16, half to even, as f32.
pub fn round_to_f16(x: f32) -> f32 {
    from_f16(to_f16(x))
}

/// The nearest bfloat16, half to even, as f32.
pub fn round_to_bf16(x: f32) -> f32 {
    from_bf16(to_bf16(x))
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
        assert_eq!(from_bf16(0x3fc0), 1.5);
    }

    #[test]
    fn every_f16_survives_f32_and_ties_go_to_even() {
        for bits in 0..=u16::MAX {
            let x = from_f16(bits);
            let same = if x.is_nan() { from_f16(to_f16(x)).is_nan() } else { to_f16(x) == bits };
            assert!(same, "{bits:#06x}");
            if x.abs() < 65504.0 {
                // The numbers halfway to the next one go to the even neighbour.
                let half = (f64::from(x) + f64::from(from_f16(bits + 1))) / 2.0;
                assert_eq!(to_f16(half as f32), bits + (bits & 1), "{bits:#06x}");
            }
        }
        assert_eq!(to_f16(65519.0), 0x7bff);
        assert_eq!(to_f16(65520.0), 0x7c00);
        assert_eq!(
            [to_bf16(1.5), to_bf16(f32::from_bits(0x3f80_8000)), to_bf16(f32::from_bits(0x3f81_8000))],
            [0x3fc0, 0x3f80, 0x3f82]
        );
    }
}
