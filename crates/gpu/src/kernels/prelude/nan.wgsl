// Comparisons that let NaN through. A compiler may take it that x == x always holds, so the bits are asked.

fn is_nan(x: f32) -> bool {
  return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;
}

// The larger of the two; NaN if one is.
fn larger(a: f32, b: f32) -> f32 {
  return select(a, b, b > a || is_nan(b));
}

// The smaller of the two; NaN if one is.
fn smaller(a: f32, b: f32) -> f32 {
  return select(a, b, b < a || is_nan(b));
}
