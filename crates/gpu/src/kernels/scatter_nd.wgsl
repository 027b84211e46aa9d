// Updates of parts by the indices of some axes, in y, which holds x. CPU twin: fewbit_runtime::cpu::scatter.
//
//   y[start of p, j] ∘= updates[p, j],   j over the elements of a part
//
// One invocation takes element j of all parts, in ascending order of p.

//#import prelude/elements.wgsl
//#import prelude/index.wgsl
//#import prelude/nan.wgsl
//#import prelude/parts.wgsl
//#import prelude/reduction.wgsl

struct Params {
  first_group: u32,
  end_group: u32,
  len: u32,       // the elements of a part
  pad_0: u32,
  parts: Parts,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> indices: array<f32>;
@group(0) @binding(2) var<storage, read> updates: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

fn element(j: u32) {
  for (var p = 0u; p < params.parts.count; p++) {
    let to = start_of(p) + j;
    y[to] = reduced(y[to], updates[p * params.parts.inner + j]);
  }
}
