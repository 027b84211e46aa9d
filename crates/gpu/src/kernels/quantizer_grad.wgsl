// The gradient of the quantizer, along its values, its scales or its zero points. CPU twin: fewbit_runtime::cpu::stage.
//
// With u = x/s + z and q the code of x:
//                 inside                                    clipped
//   along x       g·slope                                   0
//   along s       g·((q − z) − x/s)  (0 with PACT)          g·(q − z)
//   along z       0                                         −g·s
//   slope         1 | 1 + δ·sign g·(u − q) | c·(1 − tanh²(c·t))/(2(1 − α)),   t = frac u − ½
//
// Clipped is u outside [low, high], or with ROUNDED ⌊u⌉. A scale of 0 lets g pass to x, and nothing to the others.
// One invocation computes one element. Two reads, one write: memory is the limit.

//#import prelude/division.wgsl
//#import prelude/elements.wgsl
//#import prelude/nan.wgsl
//#import prelude/quantizer.wgsl

override WRT: u32 = 0u;          // 0 values, 1 scales, 2 zero points
override SLOPE: u32 = 0u;        // 0 straight, 1 EWGS, 2 DSQ
override ROUNDED: bool = false;
override PACT: bool = false;

struct Params {
  first_group: u32,
  end_group: u32,
  len: u32,
  inner: u32,    // the number of elements behind the axis of the scales
  scales: u32,   // 1 or the length of that axis
  zeros: u32,    // likewise
  a: f32,        // EWGS: δ; DSQ: c
  b: f32,        // DSQ: 2c/(1 − α)
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> g: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> scale: array<f32>;
@group(0) @binding(4) var<storage, read> zero: array<f32>;
@group(0) @binding(5) var<storage, read> bounds: array<f32>;
@group(0) @binding(6) var<storage, read_write> y: array<f32>;

// x/s, correctly rounded where its place on the grid is next to a whole number or a tie: what counts as clipped hangs
// on these. The grid is shifted by the fraction of the zero point.
fn quotient(v: f32, s: f32, shift: f32) -> f32 {
  let near = v / s;
  let twice = 2.0 * (near + shift);
  if (abs(twice - round(twice)) <= 4e-6 * (abs(twice) + 1.0)) {
    return divide(v, s);
  }
  return near;
}

fn slope(gradient: f32, place: f32, code: f32) -> f32 {
  switch SLOPE {
    case 1u: { return 1.0 + params.a * sign(gradient) * (place - code); }
    case 2u: {
      // 1 − tanh²y = 4e/(1 + e)², e = e^−2|y|.
      let e = exp(-2.0 * abs(params.a * (place - floor(place) - 0.5)));
      return params.b * (e / ((1.0 + e) * (1.0 + e)));
    }
    default: { return 1.0; }
  }
}

fn element(i: u32) {
  let channel = i / params.inner;
  let s = scale[channel % params.scales];
  let z = zero[channel % params.zeros];
  let gradient = g[i];
  if (s == 0.0) {
    y[i] = select(0.0, gradient, WRT == 0u);
    return;
  }
  let value = x[i];
  let whole = floor(z);
  let q = quotient(value, s, z - whole);
  // Places and codes without the whole part of z.
  let place = q + (z - whole);
  let seen = select(place, round(place), ROUNDED);
  let clipped = seen < bounds[0] - whole || seen > bounds[1] - whole;
  let code = code_of(value, s, z, bounds[0], bounds[1]);
  switch WRT {
    case 1u: {
      let inside = select((code - z) - q, 0.0, PACT);
      y[i] = gradient * select(inside, code - z, clipped);
    }
    case 2u: { y[i] = select(0.0, -(s * gradient), clipped); }
    default: { y[i] = select(gradient * slope(gradient, place, code - whole), 0.0, clipped); }
  }
}
