// The quantizer, bit for bit that of `fewbit_numeric::Affine::fake`:
//
//   x̂ = s·(clamp(⌊x/s + frac z⌉ + ⌊z⌋, low, high) − z), half to even; a scale of 0 keeps x.
//
// WGSL's division may be off by 2.5 units in the last place, which flips a code where x/s lies next to a tie. There,
// and only there, prelude/division.wgsl computes it again. Needs prelude/nan.wgsl as well.

fn fake_quantize(x: f32, s: f32, z: f32, low: f32, high: f32) -> f32 {
  if (s == 0.0) {
    return x;
  }
  return s * (code_of(x, s, z, low, high) - z);
}

// The code that x becomes on a grid of scale s ≠ 0.
fn code_of(x: f32, s: f32, z: f32, low: f32, high: f32) -> f32 {
  let whole = floor(z);
  let shift = z - whole;
  var code = whole;
  if (!is_nan(x)) {
    // Codes have at most 17 bits: beyond 2²⁰ every quotient is clipped.
    var q = clamp(x / s, -1048576.0, 1048576.0);
    let v = q + shift;
    let from_tie = abs(abs(v - floor(v)) - 0.5);
    if (from_tie <= 1e-6 * (abs(q) + 1.0) && abs(q) > 1e-9) {
      q = divide(x, s);
    }
    code = round(q + shift) + whole;
  }
  code = select(code, low, code < low);
  code = select(code, high, code > high);
  return code;
}
