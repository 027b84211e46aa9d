// Where the maximum of each window lies, for pool_grad.wgsl. CPU twin: fewbit_runtime::cpu::pool_grad.
//
//   y[n, c, q] = the place in its plane of the first of the largest x[n, c, window(q, t)]
//
// One invocation computes one window: images of the window are the N·C planes of x.

//#import prelude/elements.wgsl
//#import prelude/nan.wgsl
//#import prelude/window.wgsl

struct Params {
  first_group: u32,
  end_group: u32,
  len: u32,
  pad_0: u32,
  window: Window,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;

fn element(i: u32) {
  let place = place_of(i);
  let plane = place.image * params.window.in_h * params.window.in_w;
  var found = false;
  var largest = 0.0;
  var at = 0u;
  for (var ky = 0u; ky < params.window.kernel_h; ky++) {
    let row = place.y + ky * params.window.dilation_h;
    for (var kx = 0u; kx < params.window.kernel_w; kx++) {
      let column = place.x + kx * params.window.dilation_w;
      if (row < params.window.in_h && column < params.window.in_w) {
        let position = row * params.window.in_w + column;
        let value = x[plane + position];
        // A NaN is larger than all others.
        if (!found || value > largest || (is_nan(value) && !is_nan(largest))) {
          found = true;
          largest = value;
          at = position;
        }
      }
    }
  }
  y[i] = at;
}
