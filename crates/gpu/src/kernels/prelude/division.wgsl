// Division, correctly rounded. WGSL's own may be off by 2.5 units in the last place.

// x/s rounded to nearest, half to even, by long division of the significands. Where x, s or the quotient is not
// a normal number it is WGSL's.
fn divide(x: f32, s: f32) -> f32 {
  let x_bits = bitcast<u32>(x);
  let s_bits = bitcast<u32>(s);
  let x_exponent = i32((x_bits >> 23u) & 255u);
  let s_exponent = i32((s_bits >> 23u) & 255u);
  if (x_exponent == 0 || s_exponent == 0 || x_exponent == 255 || s_exponent == 255) {
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
  // q is floor(2^25·(x's significand)/(s's)), of 25 or 26 bits; 24 are kept.
  let dropped = select(1u, 2u, q >= (1u << 25u));
  let low = q & ((1u << dropped) - 1u);
  let half = 1u << (dropped - 1u);
  var kept = q >> dropped;
  if (low > half || (low == half && (rest != 0u || (kept & 1u) == 1u))) {
    kept += 1u;
  }
  let exponent = x_exponent - s_exponent - 25 + i32(dropped);
  if (exponent < -149 || exponent > 103) {
    return x / s;
  }
  let some = exponent / 2;
  let magnitude = f32(kept) * power_of_two(some) * power_of_two(exponent - some);
  return select(magnitude, -magnitude, ((x_bits ^ s_bits) >> 31u) == 1u);
}

fn power_of_two(exponent: i32) -> f32 {
  return bitcast<f32>(u32(exponent + 127) << 23u);
}
