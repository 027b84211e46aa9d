// Updates of single elements by their places along an axis, in y, which holds x. CPU twin: fewbit_runtime::cpu::scatter.
//
//   y[i with indices[i] at the axis] ∘= updates[i]
//
// One invocation takes all updates along the axis, in ascending order: other lines change other elements.

//#import prelude/elements.wgsl
//#import prelude/index.wgsl
//#import prelude/nan.wgsl
//#import prelude/reduction.wgsl
//#import prelude/strided.wgsl

struct Params {
  first_group: u32,
  end_group: u32,
  len: u32,           // the number of lines
  length: u32,        // of the axis of y
  strided: Strided,   // the axes of the indices without the axis; first: y, second: the indices
  stride: u32,        // of the axis of y
  count: u32,         // the length of the axis of the indices
  index_stride: u32,  // and its stride
  pad_0: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> indices: array<f32>;
@group(0) @binding(2) var<storage, read> updates: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

fn element(line: u32) {
  let offsets = vec2u(offsets_of(line));
  for (var i = 0u; i < params.count; i++) {
    let at = offsets.y + i * params.index_stride;
    let to = offsets.x + index_on(params.length, indices[at]) * params.stride;
    y[to] = reduced(y[to], updates[at]);
  }
}
