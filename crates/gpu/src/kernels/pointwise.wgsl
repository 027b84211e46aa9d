// A function of each element, a quantizer, or first the one and then the other.
// CPU twin: fewbit_runtime::cpu::stage.
//
//   y[i] = epilogue(x[i])
//
// One invocation computes one element. Read once, written once: memory is the limit.

//#import prelude/activation.wgsl
//#import prelude/division.wgsl
//#import prelude/elements.wgsl
//#import prelude/epilogue.wgsl
//#import prelude/nan.wgsl
//#import prelude/quantizer.wgsl

struct Params {
  first_group: u32,
  end_group: u32,
  len: u32,
  pad_0: u32,
  epilogue: Epilogue,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

fn element(i: u32) {
  y[i] = epilogue(x[i], i);
}
