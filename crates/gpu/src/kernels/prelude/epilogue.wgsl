// What follows a kernel's own result, fused into its store: an activation, then a quantizer.
// Needs activation.wgsl, and quantizer.wgsl with division.wgsl and nan.wgsl. Params have it as the member `epilogue`.

override QUANTIZE: bool = false;

struct Epilogue {
  a: f32,         // the activation's attributes
  b: f32,
  inner: u32,     // the number of elements behind the quantizer's axis
  scales: u32,    // 1 or the length of that axis
  zeros: u32,     // likewise
  pad_0: u32,
  pad_1: u32,
  pad_2: u32,
}

@group(0) @binding(6) var<storage, read> quantizer_scale: array<f32>;
@group(0) @binding(7) var<storage, read> quantizer_zero: array<f32>;
@group(0) @binding(8) var<storage, read> quantizer_bounds: array<f32>;

// The stored value for the result v at place i of the output.
fn epilogue(v: f32, i: u32) -> f32 {
  let y = activate(v, params.epilogue.a, params.epilogue.b);
  if (QUANTIZE) {
    let channel = i / params.epilogue.inner;
    let s = quantizer_scale[channel % params.epilogue.scales];
    let z = quantizer_zero[channel % params.epilogue.zeros];
    return fake_quantize(y, s, z, quantizer_bounds[0], quantizer_bounds[1]);
  }
  return y;
}
