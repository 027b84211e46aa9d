// The gradient of gather.wgsl. CPU twin: fewbit_runtime::cpu::gather.
//
//   y[o, a, j] = Σ g[o, k, j] over the k with indices[k] = a, in order
//
// One invocation computes one element and looks at every index, the same for its neighbours: without an addition that
// others may interrupt there is no scattering, and the order of the sum would be left to chance.

//#import prelude/elements.wgsl
//#import prelude/index.wgsl

struct Params {
  first_group: u32,
  end_group: u32,
  len: u32,
  inner: u32,
  count: u32,
  length: u32,
  pad_0: u32,
  pad_1: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> g: array<f32>;
@group(0) @binding(2) var<storage, read> indices: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

fn element(i: u32) {
  let row = i / params.inner;
  let place = row % params.length;
  var at = row / params.length * params.count * params.inner + i % params.inner;
  var sum = 0.0;
  for (var k = 0u; k < params.count; k++) {
    if (index_on(params.length, indices[k]) == place) {
      sum += g[at];
    }
    at += params.inner;
  }
  y[i] = sum;
}
