// Inference batch normalization. CPU twin: fewbit_runtime::cpu::stage.
//
//   y[n, c, p] = (x[n, c, p] − mean[c])·(scale[c]/√(variance[c] + ε)) + bias[c]
//
// One invocation computes one element.

//#import prelude/elements.wgsl

struct Params {
  first_group: u32,
  end_group: u32,
  len: u32,
  channels: u32,
  inner: u32,      // the number of elements behind the channel axis
  epsilon: f32,
  pad_0: u32,
  pad_1: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> scale: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<storage, read> mean: array<f32>;
@group(0) @binding(6) var<storage, read> variance: array<f32>;

fn element(i: u32) {
  let c = i / params.inner % params.channels;
  y[i] = (x[i] - mean[c]) * (scale[c] / sqrt(variance[c] + params.epsilon)) + bias[c];
}
