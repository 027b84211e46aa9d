// Padding and cropping. CPU twin: fewbit_runtime::cpu::layout.
//
//   y[i] = x[i − begin] inside the kept part of x, else a constant, the mirror image or the edge of that part
//
// One invocation writes one element.

//#import prelude/elements.wgsl

override MODE: u32 = 0u; // 0 constant, 1 reflect, 2 edge

struct Params {
  first_group: u32,
  end_group: u32,
  len: u32,
  rank: u32,
  value: f32,
  pad_0: u32,
  pad_1: u32,
  pad_2: u32,
  lengths: array<vec4u, 2>,  // of y
  begin: array<vec4i, 2>,
  low: array<vec4i, 2>,      // the first index of x that is kept
  high: array<vec4i, 2>,     // and the last
  strides: array<vec4i, 2>,  // of x
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

fn element(i: u32) {
  var rest = i;
  var offset = 0;
  var inside = true;
  for (var axis = params.rank; axis > 0u; axis--) {
    let word = (axis - 1u) / 4u;
    let part = (axis - 1u) % 4u;
    let length = params.lengths[word][part];
    let low = params.low[word][part];
    let high = params.high[word][part];
    let wanted = i32(rest % length) - params.begin[word][part];
    rest /= length;
    var index = clamp(wanted, low, high);
    if (MODE == 0u) {
      inside = inside && index == wanted;
    }
    if (MODE == 1u) {
      // Mirrored at an edge: as far inside as it was outside.
      index = 2 * index - wanted;
    }
    offset += index * params.strides[word][part];
  }
  y[i] = select(params.value, x[offset], inside);
}
