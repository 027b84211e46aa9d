// A step of an optimizer: see `fewbit_graph::op::Update`. CPU twin: fewbit_runtime::cpu::stage.
//
//   0  μ·m + g                                   a = m, b = g
//   1  β·m + (1 − β)·g                           a = m, b = g
//   2  β·v + (1 − β)·g²                          a = v, b = g
//   3  p − η·(g + λ·p)                           a = p, b = g, rates η, λ
//   4  p − η·sign g                              a = p, b = g, rate η
//   5  p − η·(m·r₁/(√(v·r₂) + ε) + λ·p)          a = p, b = m, c = v, rates η, r₁, r₂, λ
//
// One invocation computes one element. Memory is the limit.

//#import prelude/elements.wgsl

override RULE: u32 = 0u;

struct Params {
  first_group: u32,
  end_group: u32,
  len: u32,
  decay: f32,        // μ or β
  complement: f32,   // 1 − β
  epsilon: f32,
  pad_0: u32,
  pad_1: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read> c: array<f32>;
@group(0) @binding(4) var<storage, read> rates: array<f32>;
@group(0) @binding(5) var<storage, read_write> y: array<f32>;

fn element(i: u32) {
  let p = a[i];
  let g = b[i];
  switch RULE {
    case 1u: { y[i] = params.decay * p + params.complement * g; }
    case 2u: { y[i] = params.decay * p + params.complement * (g * g); }
    case 3u: { y[i] = p - rates[0] * (g + rates[1] * p); }
    case 4u: { y[i] = p - rates[0] * sign(g); }
    case 5u: { y[i] = p - rates[0] * (g * rates[1] / (sqrt(c[i] * rates[2]) + params.epsilon) + rates[3] * p); }
    default: { y[i] = params.decay * p + g; }
  }
}
