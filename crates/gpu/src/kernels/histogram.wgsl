// The counts of a histogram, in parts that histogram_sum.wgsl adds. CPU twin: fewbit_runtime::cpu::observe.
//
//   y[part, slot] = how many of the part's elements belong in the slot
//
// Slots are the bins, then below, above and not finite. The bin of x in range [low, high] is, as in
// `fewbit_numeric::Histogram`, min(⌊(x − low)·k⌋, bins − 1) with k = bins/(high − low), or 0 where that is not finite: each
// operation rounded to nearest. A workgroup counts one part and a stretch of WINDOW slots in its own memory:
// integers, so their order does not matter.

//#import prelude/division.wgsl
//#import prelude/groups.wgsl

// Small, because compilers that clear this memory word by word take their time; 2,048 bins are four windows.
const WINDOW = 520u;

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
@group(0) @binding(2) var<storage, read> range: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<u32>;

var<workgroup> slots: array<atomic<u32>, WINDOW>;

fn slot_of(value: f32, bins_per_unit: f32) -> u32 {
  if (!is_finite(value)) {
    return params.bins + 2u;
  }
  if (value < range[0]) {
    return params.bins;
  }
  if (value > range[1]) {
    return params.bins + 1u;
  }
  return min(u32((value - range[0]) * bins_per_unit), params.bins - 1u);
}

fn is_finite(value: f32) -> bool {
  return (bitcast<u32>(value) & 0x7f800000u) != 0x7f800000u;
}

fn work(group: u32, invocation: u32) {
  let part = group / params.windows;
  let first_slot = (group % params.windows) * WINDOW;
  for (var slot = invocation; slot < WINDOW; slot += 64u) {
    atomicStore(&slots[slot], 0u);
  }
  workgroupBarrier();
  let quotient = divide(f32(params.bins), range[1] - range[0]);
  let bins_per_unit = select(0.0, quotient, is_finite(quotient));
  let begin = part * params.part;
  let end = min(begin + params.part, params.len);
  for (var j = begin + invocation; j < end; j += 64u) {
    let slot = slot_of(x[j], bins_per_unit) - first_slot;
    if (slot < WINDOW) {
      atomicAdd(&slots[slot], 1u);
    }
  }
  workgroupBarrier();
  let all = params.bins + 3u;
  for (var slot = invocation; slot < WINDOW && first_slot + slot < all; slot += 64u) {
    y[part * all + first_slot + slot] = atomicLoad(&slots[slot]);
  }
}
