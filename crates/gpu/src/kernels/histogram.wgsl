// The counts of a histogram, in parts that histogram_sum.wgsl adds. CPU twin: fewbit_runtime::cpu::observe.
//
//   y[part, slot] = how many of the part's elements belong in the slot
//
// Slots are the bins, then below, above and not finite. Bin b holds edges[b] <= x < edges[b + 1], the last bin its upper
// edge as well; edges are computed by the host, and only comparisons with them decide. A workgroup counts one part
// and a stretch of WINDOW slots in its own memory: integers, so their order does not matter.

//#import prelude/grid.wgsl

const WINDOW = 2064u;

struct Params {
  first_group: u32,
  end_group: u32,
  bins: u32,
  windows: u32,
  part: u32,     // the number of elements of a part
  len: u32,
  pad_0: u32,
  pad_1: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> edges: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<u32>;

var<workgroup> slots: array<atomic<u32>, WINDOW>;

fn slot_of(value: f32) -> u32 {
  if ((bitcast<u32>(value) & 0x7f800000u) == 0x7f800000u) {
    return params.bins + 2u;
  }
  let low = edges[0];
  let high = edges[params.bins];
  if (value < low) {
    return params.bins;
  }
  if (value > high) {
    return params.bins + 1u;
  }
  let last = params.bins - 1u;
  let guess = min(u32(max((value - low) / (high - low) * f32(params.bins), 0.0)), last);
  if (edges[guess] <= value && (value < edges[guess + 1u] || guess == last)) {
    return guess;
  }
  // The number of inner edges that are not above the value.
  var first = 0u;
  var end = last;
  while (first < end) {
    let middle = (first + end) / 2u;
    if (edges[middle + 1u] <= value) {
      first = middle + 1u;
    } else {
      end = middle;
    }
  }
  return first;
}

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) invocation: u32,
) {
  let group = group_of(id, count);
  if (group >= params.end_group) {
    return;
  }
  let part = group / params.windows;
  let first_slot = (group % params.windows) * WINDOW;
  for (var slot = invocation; slot < WINDOW; slot += 256u) {
    atomicStore(&slots[slot], 0u);
  }
  workgroupBarrier();
  let begin = part * params.part;
  let end = min(begin + params.part, params.len);
  for (var j = begin + invocation; j < end; j += 256u) {
    let slot = slot_of(x[j]) - first_slot;
    if (slot < WINDOW) {
      atomicAdd(&slots[slot], 1u);
    }
  }
  workgroupBarrier();
  let all = params.bins + 3u;
  for (var slot = invocation; slot < WINDOW && first_slot + slot < all; slot += 256u) {
    y[part * all + first_slot + slot] = atomicLoad(&slots[slot]);
  }
}
