// The gradient of a function of each element. CPU twin: fewbit_runtime::cpu::stage.
//
//   y[i] = g[i]·f′(x[i]),   f by the constant ACTIVATION; at a corner of f the slope on its left
//
// One invocation computes one element. Two reads, one write: memory is the limit.

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
@group(0) @binding(1) var<storage, read> g: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

// Whether a clamp to [low, high] lets a little less than v pass, v growing with x.
fn rising(v: f32, low: f32, high: f32) -> bool {
  return v > low && v <= high;
}

fn slope(v: f32, a: f32, b: f32) -> f32 {
  switch ACTIVATION {
    case 1u: { return select(0.0, 1.0, v > 0.0); }
    case 2u: { return select(a, 1.0, v > 0.0); }
    case 3u: { return select(0.0, 1.0, rising(v, a, b)); }
    case 4u: {
      // What falls with x comes from above on the left.
      let inner = a * v + b;
      let passes = select(rising(inner, 0.0, 1.0), inner >= 0.0 && inner < 1.0, a < 0.0);
      return select(0.0, a, passes);
    }
    case 5u: { return select(select(1.0, v / 3.0 + 0.5, v <= 3.0), 0.0, v <= -3.0); }
    case 6u: { return bell(v); }
    case 7u: { return sigmoid(v) + v * bell(v); }
    case 8u: {
      let e = exp(-2.0 * abs(v));
      return 4.0 * (e / ((1.0 + e) * (1.0 + e)));
    }
    case 9u: { return exp(v); }
    case 10u: { return 1.0 / v; }
    case 11u: { return 0.5 / sqrt(v); }
    case 12u: { return select(-1.0, 1.0, v > 0.0); }
    case 13u: { return -1.0; }
    case 14u: { return -1.0 / (v * v); }
    case 15u: { return 1.1283792 * exp(-v * v); }
    case 16u: { return 0.5 * (1.0 + error_function(v * 0.70710678)) + v * 0.39894228 * exp(-0.5 * v * v); }
    case 17u: { return sigmoid(v); }
    case 18u: { return select(a * exp(min(v, 0.0)), 1.0, v > 0.0); }
    case 22u: { return select(0.0, 1.2 * bell(v), rising(1.2 * sigmoid(v) - 0.1, 0.0, 1.0)); }
    case 23u: { return sine_and_cosine(v).y; }
    case 24u: { return -sine_and_cosine(v).x; }
    case 25u: {
      let t = tangent_of(v);
      return 1.0 + t * t;
    }
    case 26u: { return 1.0 / sqrt((1.0 - v) * (1.0 + v)); }
    case 27u: { return -1.0 / sqrt((1.0 - v) * (1.0 + v)); }
    case 28u: { return 1.0 / (1.0 + v * v); }
    case 29u: { return 0.5 * (exp(v) + exp(-v)); }
    case 30u: { return hyperbolic_sine(v); }
    case 31u: { return 1.0 / sqrt(v * v + 1.0); }
    case 32u: { return 1.0 / sqrt((v - 1.0) * (v + 1.0)); }
    case 33u: { return 1.0 / ((1.0 - v) * (1.0 + v)); }
    default: { return 0.0; } // the staircases
  }
}

// sigmoid·(1 − sigmoid) = e/(1 + e)², e = e^−|x|.
fn bell(v: f32) -> f32 {
  let e = exp(-abs(v));
  return e / ((1.0 + e) * (1.0 + e));
}

fn element(i: u32) {
  y[i] = g[i] * slope(x[i], params.a, params.b);
}
