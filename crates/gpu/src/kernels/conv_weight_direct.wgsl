// The gradient of a convolution along its weights where a group has few output channels, depthwise above all.
// CPU twin: fewbit_runtime::cpu::conv.
//
//   y[chunk, o, l] = Σₖ g[n, o, q]·x[n, group(o)·C + c, window(q, t)],   k = (n, q) in the chunk, l = (c, t)
//
//   g  images × outputs × out_h × out_w,   x  images × (groups·C) × in_h × in_w
//
// The sum over all images and places is cut into chunks that reduce.wgsl adds. One workgroup computes four neighbouring
// l of one output channel: each invocation sums every 64th place, then they halve their number until one is left.

//#import prelude/groups.wgsl
//#import prelude/window.wgsl

struct Params {
  first_group: u32,
  end_group: u32,
  quads: u32,             // lanes / 4, rounded up
  lanes: u32,             // C·taps
  window: Window,
  outputs: u32,
  outputs_per_group: u32,
  channels: u32,          // C
  all_channels: u32,
  depth: u32,             // images·places
  chunk: u32,
  pad_0: u32,
  pad_1: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> g: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

var<workgroup> parts: array<vec4f, 64>;

fn work(group: u32, invocation: u32) {
  let quad = group % params.quads;
  let row = group / params.quads;
  let output = row % params.outputs;
  let begin = row / params.outputs * params.chunk;
  let end = min(begin + params.chunk, params.depth);

  let area = params.window.in_h * params.window.in_w;
  let taps = params.window.kernel_h * params.window.kernel_w;
  let lane = 4u * quad + vec4u(0u, 1u, 2u, 3u);
  let live = lane < vec4u(params.lanes);
  let channel = lane / taps;
  let tap = lane - channel * taps;
  let tap_row = tap / params.window.kernel_w;
  // What lies before the image wraps around, and so is beyond its end.
  let down = tap_row * params.window.dilation_h - params.window.pad_h;
  let right = (tap - tap_row * params.window.kernel_w) * params.window.dilation_w - params.window.pad_w;
  let first = (output / params.outputs_per_group * params.channels + channel) * area;

  var sums = vec4f();
  for (var k = begin + invocation; k < end; k += 64u) {
    let place = place_of(k);
    let rows = place.row * params.window.stride_h + down;
    let columns = place.column * params.window.stride_w + right;
    let inside = (rows < vec4u(params.window.in_h)) & (columns < vec4u(params.window.in_w)) & live;
    let at = place.image * params.all_channels * area + first + rows * params.window.in_w + columns;
    let i = select(vec4u(), at, inside);
    let values = select(vec4f(), vec4f(x[i.x], x[i.y], x[i.z], x[i.w]), inside);
    let out_area = params.window.out_h * params.window.out_w;
    let position = place.row * params.window.out_w + place.column;
    sums += g[(place.image * params.outputs + output) * out_area + position] * values;
  }
  parts[invocation] = sums;
  for (var step = 32u; step > 0u; step /= 2u) {
    workgroupBarrier();
    if (invocation < step) {
      parts[invocation] += parts[invocation + step];
    }
  }
  if (invocation == 0u) {
    for (var j = 0u; j < 4u; j++) {
      if (live[j]) {
        y[row * params.lanes + lane[j]] = parts[0][j];
      }
    }
  }
}
