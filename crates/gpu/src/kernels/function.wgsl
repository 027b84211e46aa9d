// The functions of one element that are no activations: circular and hyperbolic ones, and questions.
// CPU twin: fewbit_runtime::cpu::stage.
//
//   y[i] = f(x[i]),   f by the constant ACTIVATION, which goes on from those of activation.wgsl
//
// One invocation computes one element.

//#import prelude/activation.wgsl
//#import prelude/elements.wgsl
//#import prelude/nan.wgsl
//#import prelude/trigonometry.wgsl

struct Params {
  first_group: u32,
  end_group: u32,
  len: u32,
  a: f32,         // the function's attributes
  b: f32,
  pad_0: u32,
  pad_1: u32,
  pad_2: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

fn apply(v: f32) -> f32 {
  switch ACTIVATION {
    case 23u: { return sine_and_cosine(v).x; }
    case 24u: { return sine_and_cosine(v).y; }
    case 25u: { return tangent_of(v); }
    case 26u: { return arcsine_and_arccosine(v).x; }
    case 27u: { return arcsine_and_arccosine(v).y; }
    case 28u: { return arctangent(v); }
    case 29u: { return hyperbolic_sine(v); }
    case 30u: { return 0.5 * (exp(v) + exp(-v)); }
    case 31u: { return inverse_hyperbolic_sine(v); }
    case 32u: { return inverse_hyperbolic_cosine(v); }
    case 33u: { return inverse_hyperbolic_tangent(v); }
    case 34u: { return ceil(v); }
    case 35u: { return select(0.0, 1.0, v == 0.0); }
    case 36u: { return select(0.0, 1.0, is_nan(v)); }
    default: { return is_infinite(bitcast<u32>(v)); }
  }
}

// 1 for an infinity of a sign that is asked for.
fn is_infinite(bits: u32) -> f32 {
  return select(select(0.0, params.b, bits == 0xff800000u), params.a, bits == 0x7f800000u);
}

fn element(i: u32) {
  y[i] = apply(x[i]);
}
