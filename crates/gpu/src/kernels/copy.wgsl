// A strided copy: Slice, Transpose, Expand, and each part of a Concat. CPU twin: fewbit_runtime::cpu::layout.
//
//   y[second(i)] = x[first(i)],   i over the elements that move
//
// One invocation moves one element.

//#import prelude/elements.wgsl
//#import prelude/strided.wgsl

struct Params {
  first_group: u32,
  end_group: u32,
  len: u32,
  pad_0: u32,
  strided: Strided,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

fn element(i: u32) {
  let offsets = offsets_of(i);
  y[offsets.y] = x[offsets.x];
}
