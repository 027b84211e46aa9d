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

// A NaN that no compiler can see, as WGSL refuses to name one.
fn not_a_number() -> f32 {
  return bitcast<f32>(params.end_group | 0x7fc00000u);
}

fn element(i: u32) {
  let offsets = offsets_of(i);
  y[i] = epilogue(apply(a[offsets.x], b[offsets.y]), i);
}
