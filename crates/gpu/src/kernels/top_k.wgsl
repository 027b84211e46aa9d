// The first elements along an axis by their size, and where they are. CPU twin: fewbit_runtime::cpu::order.
//
//   y[j] = x[iⱼ], or with INDICES iⱼ, for j < k, i₀ i₁ … being the places in the order of keys: the largest key first, of
//   equal ones the lower index first, or with LAST the higher one
//
// LANES invocations share one line: for each j every one looks at each LANES-th element for the first key after the last
// one that was found, and they join what they found.

//#import prelude/groups.wgsl

override LARGEST: bool = true;
override INDICES: bool = false;
override LAST: bool = false;
override NAN_FIRST: bool = true;  // whether a NaN comes first, not last
override LANES: u32 = 1u;         // 1 or 64

struct Params {
  first_group: u32,
  end_group: u32,
  lines: u32,
  length: u32,
  stride: u32,   // of the axis: the number of elements behind it
  k: u32,
  pad_0: u32,
  pad_1: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

// A key and a place; the key 0 stands for nothing, and all others are larger.
var<workgroup> lanes: array<vec2u, 64>;

// Larger for what comes first: floats in their order as whole numbers.
fn key(v: f32) -> u32 {
  let bits = bitcast<u32>(v);
  if ((bits & 0x7fffffffu) > 0x7f800000u) {
    return select(1u, 0xffffffffu, NAN_FIRST);
  }
  let whole = select(bits, 0u, bits == 0x80000000u);
  let ascending = select(whole | 0x80000000u, ~whole, whole >= 0x80000000u);
  return select(~ascending, ascending, LARGEST);
}

// Whether a comes before b.
fn is_before(a: vec2u, b: vec2u) -> bool {
  let place = (a.y > b.y) == LAST && a.y != b.y;
  return a.x > b.x || (a.x == b.x && a.x != 0u && place);
}

fn work(group: u32, invocation: u32) {
  let line = group * (64u / LANES) + invocation / LANES;
  let lane = invocation % LANES;
  let outer = line / params.stride;
  let inner = line % params.stride;
  let length = select(0u, params.length, line < params.lines);
  var last = vec2u(0u, 0u);
  for (var j = 0u; j < params.k; j++) {
    var best = vec2u(0u, 0u);
    for (var i = lane; i < length; i += LANES) {
      let found = vec2u(key(x[(outer * params.length + i) * params.stride + inner]), i);
      if (is_before(found, best) && (j == 0u || is_before(last, found))) {
        best = found;
      }
    }
    if (LANES > 1u) {
      lanes[invocation] = best;
      for (var step = LANES / 2u; step > 0u; step /= 2u) {
        workgroupBarrier();
        if (lane < step && is_before(lanes[invocation + step], lanes[invocation])) {
          lanes[invocation] = lanes[invocation + step];
        }
      }
      workgroupBarrier();
      best = lanes[0];
      workgroupBarrier();
    }
    if (lane == 0u && length > 0u) {
      let to = (outer * params.k + j) * params.stride + inner;
      if (INDICES) {
        y[to] = f32(best.y);
      } else {
        y[to] = x[(outer * params.length + best.y) * params.stride + inner];
      }
    }
    last = best;
  }
}
