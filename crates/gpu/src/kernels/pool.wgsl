// A window's maximum or mean. CPU twin: fewbit_runtime::cpu::pool.
//
//   y[n, c, p] = epilogue(max or mean over the taps t of x[n, c, window(p, t)])
//
// Padding never wins a maximum. A mean divides by the number of its taps within the image, or, with INCLUDE_PAD, within
// the padded image. One invocation computes one element: images of the window are the N·C planes of x.

//#import prelude/activation.wgsl
//#import prelude/division.wgsl
//#import prelude/elements.wgsl
//#import prelude/epilogue.wgsl
//#import prelude/nan.wgsl
//#import prelude/quantizer.wgsl
//#import prelude/window.wgsl

override MEAN: bool = false;
override INCLUDE_PAD: bool = false;

struct Params {
  first_group: u32,
  end_group: u32,
  len: u32,
  pad_0: u32,
  epilogue: Epilogue,
  window: Window,
  end_h: u32,        // height and width with the padding behind them
  end_w: u32,
  lowest: f32,       // −∞
  pad_1: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

fn element(i: u32) {
  let place = place_of(i);
  let plane = place.image * params.window.in_h * params.window.in_w;
  var sum = 0.0;
  var largest = params.lowest;
  var taps = 0u;
  for (var ky = 0u; ky < params.window.kernel_h; ky++) {
    let row = place.y + ky * params.window.dilation_h;
    for (var kx = 0u; kx < params.window.kernel_w; kx++) {
      let column = place.x + kx * params.window.dilation_w;
      let inside = row < params.window.in_h && column < params.window.in_w;
      let value = x[select(0u, plane + row * params.window.in_w + column, inside)];
      if (inside) {
        sum += value;
        largest = larger(largest, value);
      }
      // Padding in front wraps around, so it is told by the sign.
      let padded = (i32(row) < 0 || row < params.end_h) && (i32(column) < 0 || column < params.end_w);
      taps += select(0u, 1u, select(inside, padded, INCLUDE_PAD));
    }
  }
  y[i] = epilogue(select(largest, sum / f32(taps), MEAN), i);
}
