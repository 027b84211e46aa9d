// The gradient of a pooling. CPU twin: fewbit_runtime::cpu::pool_grad.
//
//   y[n, c, p] = Σ g[n, c, q] over the q whose maximum lies at p (from pool_argmax.wgsl), or
//   y[n, c, p] = Σ g[n, c, q]/count(q) over the q whose window covers p      (MEAN)
//
// count is the number of taps of q within the image or, with INCLUDE_PAD, within the padded image. One invocation
// computes one element of y, and looks at each window that may cover it: images of the window are the N·C planes.

//#import prelude/elements.wgsl
//#import prelude/window.wgsl

override MEAN: bool = false;
override INCLUDE_PAD: bool = false;

struct Params {
  first_group: u32,
  end_group: u32,
  len: u32,
  pad_0: u32,
  window: Window,
  end_h: u32,        // height and width, with INCLUDE_PAD with the padding behind them
  end_w: u32,
  pad_1: u32,
  pad_2: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> g: array<f32>;
@group(0) @binding(2) var<storage, read> maxima: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

// How many taps of a window that starts at `start` count.
fn covered(start: i32, end: u32, kernel: u32, dilation: u32) -> u32 {
  let apart = i32(dilation);
  let first = select(0, (max(-start, 0) + apart - 1) / apart, !INCLUDE_PAD);
  let last = min(i32(kernel) - 1, (i32(end) - 1 - start) / apart);
  return u32(max(last - first + 1, 0));
}

fn element(i: u32) {
  let area = params.window.in_h * params.window.in_w;
  let plane = i / area;
  let position = i - plane * area;
  let row = position / params.window.in_w;
  let column = position - row * params.window.in_w;
  let base = plane * params.window.out_h * params.window.out_w;
  var sum = 0.0;
  for (var ky = 0u; ky < params.window.kernel_h; ky++) {
    // A start before the first window wraps around, and so is beyond the last.
    let start_y = row + params.window.pad_h - ky * params.window.dilation_h;
    let q_y = start_y / params.window.stride_h;
    if (q_y >= params.window.out_h || q_y * params.window.stride_h != start_y) {
      continue;
    }
    let count_y = covered(i32(start_y - params.window.pad_h), params.end_h, params.window.kernel_h, params.window.dilation_h);
    for (var kx = 0u; kx < params.window.kernel_w; kx++) {
      let start_x = column + params.window.pad_w - kx * params.window.dilation_w;
      let q_x = start_x / params.window.stride_w;
      if (q_x >= params.window.out_w || q_x * params.window.stride_w != start_x) {
        continue;
      }
      let q = base + q_y * params.window.out_w + q_x;
      if (MEAN) {
        let count_x = covered(i32(start_x - params.window.pad_w), params.end_w, params.window.kernel_w, params.window.dilation_w);
        sum += g[q] / f32(count_y * count_x);
      } else if (maxima[q] == position) {
        sum += g[q];
      }
    }
  }
  y[i] = sum;
}
