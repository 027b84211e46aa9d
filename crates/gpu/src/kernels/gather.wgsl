// Elements along an axis. CPU twin: fewbit_runtime::cpu::gather.
//
//   y[o, k, j] = x[o, indices[k], j],   x outer × length × inner, y outer × count × inner
//
// One invocation computes one element.

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
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> indices: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

fn element(i: u32) {
  let row = i / params.inner;
  let outer = row / params.count;
  let index = index_on(params.length, indices[row % params.count]);
  y[i] = x[(outer * params.length + index) * params.inner + i % params.inner];
}
