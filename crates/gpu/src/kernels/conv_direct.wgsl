// A convolution with few output channels in a group, depthwise above all. CPU twin: fewbit_runtime::cpu::conv.
//
//   y[n, o, p] = epilogue(bias[o] + Σ_c,t w[o, c, t]·x[n, group(o)·C + c, window(p, t)])
//
//   x  images × (groups·C) × in_h × in_w,   w  outputs × C × taps,   y  images × outputs × out_h × out_w
//
// One invocation computes four places, 64 apart, of one output channel. Places run over all images.

//#import prelude/activation.wgsl
//#import prelude/division.wgsl
//#import prelude/epilogue.wgsl
//#import prelude/groups.wgsl
//#import prelude/nan.wgsl
//#import prelude/quantizer.wgsl
//#import prelude/window.wgsl

struct Params {
  first_group: u32,
  end_group: u32,
  place_tiles: u32,
  places: u32,
  epilogue: Epilogue,
  window: Window,
  channels: u32,          // C, of one group
  outputs: u32,
  outputs_per_group: u32,
  has_bias: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> w: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

fn work(group: u32, invocation: u32) {
  let output = group / params.place_tiles;
  let l = (group % params.place_tiles) * 256u + invocation;

  let area = params.window.in_h * params.window.in_w;
  let taps = params.window.kernel_h * params.window.kernel_w;
  let groups = params.outputs / params.outputs_per_group;
  let first_channel = output / params.outputs_per_group * params.channels;
  let p0 = place_of(l);
  let p1 = place_of(l + 64u);
  let p2 = place_of(l + 128u);
  let p3 = place_of(l + 192u);
  let live = vec4u(l, l + 64u, l + 128u, l + 192u) < vec4u(params.places);
  let image = (vec4u(p0.image, p1.image, p2.image, p3.image) * groups * params.channels + first_channel) * area;
  let top = vec4u(p0.y, p1.y, p2.y, p3.y);
  let left = vec4u(p0.x, p1.x, p2.x, p3.x);

  var sums = vec4f();
  for (var ky = 0u; ky < params.window.kernel_h; ky++) {
    let rows = top + ky * params.window.dilation_h;
    for (var kx = 0u; kx < params.window.kernel_w; kx++) {
      let columns = left + kx * params.window.dilation_w;
      let inside = (rows < vec4u(params.window.in_h)) & (columns < vec4u(params.window.in_w)) & live;
      var i = select(vec4u(), image + rows * params.window.in_w + columns, inside);
      var tap = output * params.channels * taps + ky * params.window.kernel_w + kx;
      for (var c = 0u; c < params.channels; c++) {
        sums += w[tap] * select(vec4f(), vec4f(x[i.x], x[i.y], x[i.z], x[i.w]), inside);
        tap += taps;
        i += area;
      }
    }
  }

  let offset = select(0.0, bias[output], params.has_bias != 0u);
  let out_area = params.window.out_h * params.window.out_w;
  for (var j = 0u; j < 4u; j++) {
    let lane = l + j * 64u;
    if (lane >= params.places) {
      break;
    }
    let place = place_of(lane);
    let i = (place.image * params.outputs + output) * out_area + place.row * params.window.out_w + place.column;
    y[i] = epilogue(sums[j] + offset, i);
  }
}
