// Adds the parts of histogram.wgsl. CPU twin: fewbit_runtime::cpu::observe.
//
//   y[slot] = Σ over parts of x[part, slot], as a float: exact up to 2²⁴; NaN if the range is none
//
// One invocation computes one slot.

//#import prelude/elements.wgsl

struct Params {
  first_group: u32,
  end_group: u32,
  len: u32,
  parts: u32,
  not_a_number: f32, // WGSL refuses to name one
  pad_0: u32,
  pad_1: u32,
  pad_2: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read> range: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

fn element(i: u32) {
  var sum = 0u;
  for (var part = 0u; part < params.parts; part++) {
    sum += x[part * params.len + i];
  }
  let width = range[1] - range[0];
  let ranged = range[0] <= range[1] && (bitcast<u32>(width) & 0x7f800000u) != 0x7f800000u;
  y[i] = select(params.not_a_number, f32(sum), ranged);
}
