// A reduction over some axes. CPU twin: fewbit_runtime::cpu::reduce.
//
//   y[o, part] = max, min, sum or product over r of x[o, r],   divided by params.divisor
//
// o runs over the kept axes, r over the others. LANES invocations share one output: each combines every LANES-th
// element of its part, then they halve their number until one is left. A long reduction is cut into parts that a second
// run of this kernel combines. All of it in a fixed order: the same input gives the same bits.

//#import prelude/groups.wgsl
//#import prelude/nan.wgsl
//#import prelude/strided.wgsl

override KIND: u32 = 0u;   // 0 max, 1 min, 2 sum, 3 product
override LANES: u32 = 1u;  // 1 or 64

struct Params {
  first_group: u32,
  end_group: u32,
  outputs: u32,
  parts: u32,
  reduced: u32,      // the number of elements of each output
  part: u32,         // of which one part has so many
  identity: f32,
  divisor: f32,
  strided: Strided,  // first: the kept axes
  rank: u32,         // the reduced axes
  pad_0: u32,
  pad_1: u32,
  pad_2: u32,
  lengths: array<vec4u, 2>,
  strides: array<vec4i, 2>,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

var<workgroup> lanes: array<f32, 64>;

fn combine(a: f32, b: f32) -> f32 {
  switch KIND {
    case 0u: { return larger(a, b); }
    case 1u: { return smaller(a, b); }
    case 3u: { return a * b; }
    default: { return a + b; }
  }
}

fn reduced_offset(i: u32) -> i32 {
  var offset = 0;
  var rest = i;
  for (var axis = params.rank; axis > 0u; axis--) {
    let word = (axis - 1u) / 4u;
    let part = (axis - 1u) % 4u;
    let length = params.lengths[word][part];
    offset += i32(rest % length) * params.strides[word][part];
    rest /= length;
  }
  return offset;
}

fn work(group: u32, invocation: u32) {
  let lane = invocation % LANES;
  let i = group * (64u / LANES) + invocation / LANES;
  let live = i < params.outputs * params.parts;
  var value = params.identity;
  if (live) {
    let base = offsets_of(i / params.parts).x;
    let begin = (i % params.parts) * params.part;
    let end = min(begin + params.part, params.reduced);
    for (var r = begin + lane; r < end; r += LANES) {
      value = combine(value, x[base + reduced_offset(r)]);
    }
  }
  if (LANES > 1u) {
    lanes[invocation] = value;
    for (var step = LANES / 2u; step > 0u; step /= 2u) {
      workgroupBarrier();
      if (lane < step) {
        lanes[invocation] = combine(lanes[invocation], lanes[invocation + step]);
      }
    }
    value = lanes[invocation];
  }
  if (live && lane == 0u) {
    y[i] = value / params.divisor;
  }
}
