// A matrix rearranged for gemm.wgsl: rows k = (tap, inner), the column index fastest, padded with zeros.
// CPU twin: fewbit_runtime::cpu::gemm (packing).
//
//   y[b, k, j] = j < columns ? x[b, k, j] : 0,   x strided, y dense of batches × taps × inner × padded
//
// One invocation writes one element.

//#import prelude/elements.wgsl
//#import prelude/strided.wgsl

struct Params {
  first_group: u32,
  end_group: u32,
  len: u32,
  columns: u32,
  padded: u32,
  pad_0: u32,
  pad_1: u32,
  pad_2: u32,
  strided: Strided,  // first: x
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

fn element(i: u32) {
  var value = 0.0;
  if (i % params.padded < params.columns) {
    value = x[offsets_of(i).x];
  }
  y[i] = value;
}
