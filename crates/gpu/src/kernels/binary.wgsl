// A function of two elements with NumPy's broadcasting: strides of 0 along the axes that are stretched.
// CPU twin: fewbit_runtime::cpu::broadcast.
//
//   y[i] = epilogue(f(a[i], b[i])),   f by the constant FUNCTION
//
// One invocation computes one element.

//#import prelude/activation.wgsl
//#import prelude/division.wgsl
//#import prelude/elements.wgsl
//#import prelude/epilogue.wgsl
//#import prelude/nan.wgsl
//#import prelude/quantizer.wgsl
//#import prelude/strided.wgsl

override FUNCTION: u32 = 0u;

struct Params {
  first_group: u32,
  end_group: u32,
  len: u32,
  pad_0: u32,
  epilogue: Epilogue,
  strided: Strided,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

fn apply(p: f32, q: f32) -> f32 {
  switch FUNCTION {
    case 1u: { return p - q; }
    case 2u: { return p * q; }
    case 3u: { return divide(p, q); }
    case 4u: { return larger(p, q); }
    case 5u: { return smaller(p, q); }
    case 6u: { return power(p, q); }
    case 7u: { return modulo(p, q); }
    case 8u: { return remainder(p, q); }
    case 9u: { return truth(p == q); }
    case 10u: { return truth(p < q); }
    case 11u: { return truth(p <= q); }
    case 12u: { return truth(holds(p) && holds(q)); }
    case 13u: { return truth(holds(p) || holds(q)); }
    case 14u: { return truth(holds(p) != holds(q)); }
    default: { return p + q; }
  }
}

// pow of WGSL knows no negative base, and is off by many units in the last place even for squares: whole exponents up
// to 64 are products.
fn power(base: f32, exponent: f32) -> f32 {
  let whole = exponent == floor(exponent);
  if (whole && abs(exponent) <= 64.0) {
    var result = 1.0;
    var square = base;
    for (var rest = u32(abs(exponent)); rest > 0u; rest >>= 1u) {
      if ((rest & 1u) == 1u) {
        result *= square;
      }
      square *= square;
    }
    return select(result, 1.0 / result, exponent < 0.0);
  }
  let magnitude = pow(abs(base), exponent);
  if (base >= 0.0) {
    return magnitude;
  }
  if (!whole) {
    return not_a_number();
  }
  // Beyond 2²⁴ every float is even.
  let odd = abs(exponent) < 16777216.0 && (u32(abs(exponent)) & 1u) == 1u;
  return select(magnitude, -magnitude, odd);
}

fn truth(holds: bool) -> f32 {
  return select(0.0, 1.0, holds);
}

// The bits are asked: NaN is not 0.
fn holds(v: f32) -> bool {
  return (bitcast<u32>(v) & 0x7fffffffu) != 0u;
}

// p − q·trunc(p/q), exact, by long division of the significands.
fn remainder(p: f32, q: f32) -> f32 {
  let p_exponent = i32((bitcast<u32>(p) >> 23u) & 255u);
  let q_exponent = i32((bitcast<u32>(q) >> 23u) & 255u);
  // Numbers below 2⁻¹²⁶ may be 0 on a device, and are here.
  if (p_exponent == 255 || q_exponent == 0 || is_nan(q)) {
    return not_a_number();
  }
  if (p_exponent < q_exponent || p_exponent == 0) {
    return p;
  }
  var rest = (bitcast<u32>(p) & 0x7fffffu) | 0x800000u;
  let divisor = (bitcast<u32>(q) & 0x7fffffu) | 0x800000u;
  for (var i = p_exponent; i > q_exponent; i--) {
    if (rest >= divisor) {
      rest -= divisor;
    }
    rest <<= 1u;
  }
  if (rest >= divisor) {
    rest -= divisor;
  }
  // rest·2^(q's exponent − 23), in two steps, as the power alone may be too small.
  let magnitude = f32(rest) * power_of_two(-23) * power_of_two(q_exponent - 127);
  return select(magnitude, -magnitude, p < 0.0);
}

fn modulo(p: f32, q: f32) -> f32 {
  let rest = remainder(p, q);
  return select(rest, rest + q, rest != 0.0 && (rest < 0.0) != (q < 0.0));
}

fn element(i: u32) {
  let offsets = offsets_of(i);
  y[i] = epilogue(apply(a[offsets.x], b[offsets.y]), i);
}
