// Softmax or, with LOGARITHM, its logarithm along one axis. CPU twin: fewbit_runtime::cpu::softmax.
//
//   y[j] = exp(x[j] − m)/Σᵢ exp(x[i] − m)   or   (x[j] − m) − ln Σᵢ exp(x[i] − m),   m = max x
//
// LANES invocations share one row: each takes every LANES-th element; maximum and sum are gathered in a fixed order.

//#import prelude/groups.wgsl

override LOGARITHM: bool = false;
override LANES: u32 = 1u; // 1 or 64

struct Params {
  first_group: u32,
  end_group: u32,
  rows: u32,
  length: u32,
  stride: u32,   // of the axis: the number of elements behind it
  lowest: f32,   // −∞
  pad_0: u32,
  pad_1: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

var<workgroup> lanes: array<f32, 64>;

// The maximum or the sum over the LANES invocations of a row.
fn gather(mine: f32, invocation: u32, sum: bool) -> f32 {
  if (LANES == 1u) {
    return mine;
  }
  workgroupBarrier();
  lanes[invocation] = mine;
  for (var step = LANES / 2u; step > 0u; step /= 2u) {
    workgroupBarrier();
    if (invocation % LANES < step) {
      let a = lanes[invocation];
      let b = lanes[invocation + step];
      lanes[invocation] = select(max(a, b), a + b, sum);
    }
  }
  workgroupBarrier();
  return lanes[invocation - invocation % LANES];
}

fn work(group: u32, invocation: u32) {
  let row = group * (64u / LANES) + invocation / LANES;
  let lane = invocation % LANES;
  let base = row / params.stride * params.stride * params.length + row % params.stride;
  let length = select(0u, params.length, row < params.rows);
  var largest = params.lowest;
  for (var j = lane; j < length; j += LANES) {
    largest = max(largest, x[base + j * params.stride]);
  }
  largest = gather(largest, invocation, false);
  var sum = 0.0;
  for (var j = lane; j < length; j += LANES) {
    sum += exp(x[base + j * params.stride] - largest);
  }
  sum = gather(sum, invocation, true);
  let log_sum = log(sum);
  for (var j = lane; j < length; j += LANES) {
    let i = base + j * params.stride;
    let shifted = x[i] - largest;
    y[i] = select(exp(shifted) / sum, shifted - log_sum, LOGARITHM);
  }
}
