// Single elements by their places along an axis. CPU twin: fewbit_runtime::cpu::scatter.
//
//   y[i] = x[i with indices[i] at the axis]
//
// One invocation computes one element.

//#import prelude/elements.wgsl
//#import prelude/index.wgsl
//#import prelude/strided.wgsl

struct Params {
  first_group: u32,
  end_group: u32,
  len: u32,
  length: u32,       // of the axis of x
  strided: Strided,  // first: x without the axis
  stride: u32,       // of the axis of x
  pad_0: u32,
  pad_1: u32,
  pad_2: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> indices: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

fn element(i: u32) {
  y[i] = x[u32(offsets_of(i).x) + index_on(params.length, indices[i]) * params.stride];
}
