// The gradient of a convolution along its input, where a group has few input channels, depthwise above all, or strides
// are long. Others run on gemm.wgsl. CPU twin: fewbit_runtime::cpu::conv.
//
//   y[n, c, p] = Σ_o,t w[o, c, t]·g[n, o, q] over the q and t with window(q, t) = p, o in the group of c
//
//   g  images × outputs × out_h × out_w,   w  outputs × C × taps,   y  images × (groups·C) × in_h × in_w
//
// One invocation computes four places, 64 apart, of one input channel. Places run over all images.

//#import prelude/groups.wgsl
//#import prelude/window.wgsl

override STRIDED: bool = true; // false where both strides are 1

struct Params {
  first_group: u32,
  end_group: u32,
  place_tiles: u32,
  places: u32,
  window: Window,         // of the convolution: in is y's, out is g's
  channels: u32,          // C, of one group
  all_channels: u32,
  outputs: u32,
  outputs_per_group: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> g: array<f32>;
@group(0) @binding(2) var<storage, read> w: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

// Where the windows that start at these places lie in a row of g; `none` where no window does.
fn windows_at(starts: vec4u, stride: u32, none: u32) -> vec4u {
  if (!STRIDED) {
    return starts;
  }
  let window = starts / stride;
  // Starts before the first window wrap around, and so are beyond the last.
  return select(vec4u(none), window, window * stride == starts);
}

fn work(group: u32, invocation: u32) {
  let channel = group / params.place_tiles;
  let first = (group % params.place_tiles) * 256u + invocation;
  let l = vec4u(first, first + 64u, first + 128u, first + 192u);
  let live = l < vec4u(params.places);

  let area = params.window.in_h * params.window.in_w;
  let out_area = params.window.out_h * params.window.out_w;
  let taps = params.window.kernel_h * params.window.kernel_w;
  let first_output = channel / params.channels * params.outputs_per_group;
  let images = l / area;
  let positions = l - images * area;
  let row = positions / params.window.in_w;
  let column = positions - row * params.window.in_w;
  let top = row + params.window.pad_h;
  let left = column + params.window.pad_w;
  let base = (images * params.outputs + first_output) * out_area;
  let first_tap = (first_output * params.channels + channel % params.channels) * taps;

  var sums = vec4f();
  for (var ky = 0u; ky < params.window.kernel_h; ky++) {
    let rows = windows_at(top - ky * params.window.dilation_h, params.window.stride_h, params.window.out_h);
    for (var kx = 0u; kx < params.window.kernel_w; kx++) {
      let columns = windows_at(left - kx * params.window.dilation_w, params.window.stride_w, params.window.out_w);
      let inside = (rows < vec4u(params.window.out_h)) & (columns < vec4u(params.window.out_w)) & live;
      var i = select(vec4u(), base + rows * params.window.out_w + columns, inside);
      var tap = first_tap + ky * params.window.kernel_w + kx;
      for (var o = 0u; o < params.outputs_per_group; o++) {
        sums += w[tap] * select(vec4f(), vec4f(g[i.x], g[i.y], g[i.z], g[i.w]), inside);
        tap += params.channels * taps;
        i += out_area;
      }
    }
  }

  for (var j = 0u; j < 4u; j++) {
    if (live[j]) {
      y[(images[j] * params.all_channels + channel) * area + positions[j]] = sums[j];
    }
  }
}
