// One of two values by a condition, with NumPy's broadcasting: strides of 0 along the axes that are stretched.
// CPU twin: fewbit_runtime::cpu::choice.
//
//   y[i] = a[i] where condition[i] is not 0, else b[i]
//
// One invocation computes one element.

//#import prelude/elements.wgsl

struct Params {
  first_group: u32,
  end_group: u32,
  len: u32,
  rank: u32,
  lengths: array<vec4u, 2>,
  condition: array<vec4i, 2>,  // strides
  a: array<vec4i, 2>,
  b: array<vec4i, 2>,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> condition: array<f32>;
@group(0) @binding(2) var<storage, read> a: array<f32>;
@group(0) @binding(3) var<storage, read> b: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

fn element(i: u32) {
  var offsets = vec3i();
  var rest = i;
  for (var axis = params.rank; axis > 0u; axis--) {
    let word = (axis - 1u) / 4u;
    let part = (axis - 1u) % 4u;
    let length = params.lengths[word][part];
    let strides = vec3i(params.condition[word][part], params.a[word][part], params.b[word][part]);
    offsets += i32(rest % length) * strides;
    rest /= length;
  }
  // The bits are asked: NaN is not 0.
  let holds = (bitcast<u32>(condition[offsets.x]) & 0x7fffffffu) != 0u;
  if (holds) {
    y[i] = a[offsets.y];
  } else {
    y[i] = b[offsets.z];
  }
}
