// Soft rounding and its gradients along the rounding variables or the scales. CPU twin: fewbit_runtime::cpu::stage.
//
// With h = clamp(1.2·sigmoid(v) − 0.1, 0, 1), t = base + h + z and q = clamp(t, low, high):
//   the value      s·(q − z)
//   along v        g·s·h′(v) where t is in [low, high], else 0;   h′ = 1.2·sigmoid·(1 − sigmoid) where 0 < h < 1, else 0
//   along s        g·(q − z)
//
// One invocation computes one element. Memory is the limit.

//#import prelude/elements.wgsl

override WRT: u32 = 0u; // 0 the value itself, 1 along v, 2 along s

struct Params {
  first_group: u32,
  end_group: u32,
  len: u32,
  inner: u32,    // the number of elements behind the axis of the scales
  scales: u32,   // 1 or the length of that axis
  zeros: u32,    // likewise
  pad_0: u32,
  pad_1: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> g: array<f32>;
@group(0) @binding(2) var<storage, read> base: array<f32>;
@group(0) @binding(3) var<storage, read> v: array<f32>;
@group(0) @binding(4) var<storage, read> scale: array<f32>;
@group(0) @binding(5) var<storage, read> zero: array<f32>;
@group(0) @binding(6) var<storage, read> bounds: array<f32>;
@group(0) @binding(7) var<storage, read_write> y: array<f32>;

fn element(i: u32) {
  let channel = i / params.inner;
  let s = scale[channel % params.scales];
  let z = zero[channel % params.zeros];
  // By e^-|v|, so that nothing overflows.
  let e = exp(-abs(v[i]));
  let sigma = select(1.0, e, v[i] < 0.0) / (1.0 + e);
  let stretched = 1.2 * sigma - 0.1;
  let t = base[i] + clamp(stretched, 0.0, 1.0) + z;
  let steps = clamp(t, bounds[0], bounds[1]) - z;
  switch WRT {
    case 1u: {
      let moves = stretched > 0.0 && stretched < 1.0 && t >= bounds[0] && t <= bounds[1];
      y[i] = select(0.0, g[i] * (s * (1.2 * sigma * (1.0 - sigma))), moves);
    }
    case 2u: { y[i] = g[i] * steps; }
    default: { y[i] = s * steps; }
  }
}
