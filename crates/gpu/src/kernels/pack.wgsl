// A matrix rearranged for gemm.wgsl: rows k = (outer, inner), the column index fastest, padded with zeros.
// CPU twin: fewbit_runtime::cpu::gemm (packing).
//
//   y[b, k, j] = j < columns ? x[b, k, j] : 0,   x strided, y dense of batches × outer × inner × padded
//
// One invocation writes one element.

//#import prelude/elements.wgsl

struct Params {
  first_group: u32,
  end_group: u32,
  len: u32,
  columns: u32,
  padded: u32,
  inner: u32,
  outer: u32,
  column_stride: u32,
  inner_stride: u32,
  outer_stride: u32,
  batch_stride: u32,
  pad_0: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

fn element(i: u32) {
  let column = i % params.padded;
  let row = i / params.padded;
  let inner = row % params.inner;
  let rows = row / params.inner;
  let outer = rows % params.outer;
  let batch = rows / params.outer;
  var value = 0.0;
  if (column < params.columns) {
    value = x[batch * params.batch_stride + outer * params.outer_stride + inner * params.inner_stride
      + column * params.column_stride];
  }
  y[i] = value;
}
