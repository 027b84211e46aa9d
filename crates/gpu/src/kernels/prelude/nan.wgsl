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

// A NaN that no compiler can see, as WGSL refuses to name one.
fn not_a_number() -> f32 {
  return bitcast<f32>(params.end_group | 0x7fc00000u);
}
