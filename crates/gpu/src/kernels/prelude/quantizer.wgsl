// The quantizer, bit for bit that of `fewbit_numeric::Affine::fake`:
//
//   x̂ = s·(clamp(⌊x/s + frac z⌉ + ⌊z⌋, low, high) − z), half to even; a scale of 0 keeps x.
//
// WGSL's division may be off by 2.5 units in the last place, which flips a code where x/s lies next to a tie. There,
// and only there, the quotient is computed again with integers, correctly rounded.

fn fake_quantize(x: f32, s: f32, z: f32, low: f32, high: f32) -> f32 {
  if (s == 0.0) {
    return x;
  }
  let whole = floor(z);
  let shift = z - whole;
  var code = whole;
  if ((bitcast<u32>(x) & 0x7fffffffu) <= 0x7f800000u) {
    // Codes have at most 17 bits: beyond 2²⁰ every quotient is clipped.
    var q = clamp(x / s, -1048576.0, 1048576.0);
    let v = q + shift;
    let from_tie = abs(abs(v - floor(v)) - 0.5);
    if (from_tie <= 1e-6 * (abs(q) + 1.0) && abs(q) > 1e-9) {
      q = divide(x, s);
    }
    code = round(q + shift) + whole;
  }
  return s * (clamp(code, low, high) - z);
}

// x/s rounded to nearest, for a quotient between 1e-9 and 2²⁰ of normal numbers: 25 steps of long division.
fn divide(x: f32, s: f32) -> f32 {
  let x_bits = bitcast<u32>(x);
  let s_bits = bitcast<u32>(s);
  let x_exponent = (x_bits >> 23u) & 255u;
  let s_exponent = (s_bits >> 23u) & 255u;
  if (x_exponent == 0u || s_exponent == 0u) {
    return x / s;
  }
  var rest = (x_bits & 0x7fffffu) | 0x800000u;
  let divisor = (s_bits & 0x7fffffu) | 0x800000u;
  var q = 0u;
  for (var i = 0u; i < 26u; i++) {
    q <<= 1u;
    if (rest >= divisor) {
      rest -= divisor;
      q |= 1u;
    }
    rest <<= 1u;
  }
  // q is ⌊2²⁵·(x's significand)/(s's)⌋, of 25 or 26 bits; 24 are kept.
  let dropped = select(1u, 2u, q >= (1u << 25u));
  let low = q & ((1u << dropped) - 1u);
  let half = 1u << (dropped - 1u);
  var kept = q >> dropped;
  if (low > half || (low == half && (rest != 0u || (kept & 1u) == 1u))) {
    kept += 1u;
  }
  let exponent = i32(x_exponent) - i32(s_exponent) - 25 + i32(dropped);
  let magnitude = f32(kept) * bitcast<f32>(u32(exponent + 127) << 23u);
  return select(magnitude, -magnitude, ((x_bits ^ s_bits) >> 31u) == 1u);
}
