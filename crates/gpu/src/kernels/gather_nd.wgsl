// Parts of a tensor by the indices of some of its axes. CPU twin: fewbit_runtime::cpu::scatter.
//
//   y[p, j] = x[start of p, j],   j over the elements of a part
//
// One invocation computes one element.

//#import prelude/elements.wgsl
//#import prelude/index.wgsl
//#import prelude/parts.wgsl

struct Params {
  first_group: u32,
  end_group: u32,
  len: u32,
  pad_0: u32,
  parts: Parts,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> indices: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

fn element(i: u32) {
  y[i] = x[start_of(i / params.parts.inner) + i % params.parts.inner];
}
