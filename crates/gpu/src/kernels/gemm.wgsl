// The product of two matrices, of which one may be a convolution's windows that are never written down (implicit
// GEMM). CPU twins: fewbit_runtime::cpu::conv, fewbit_runtime::cpu::matmul.
//
//   y[l, u] = epilogue(alpha·Σₖ x[k, l]·w[k, u] + beta·bias[l, u]),   k = (tap, channel)
//
// Lanes l are the places of a convolution's output (all images, one after the other), or one side of a matrix product;
// units u are output channels, or the other side; a batch is a convolution's group, or one product of many.
//   x  batches × images × channels × in_h × in_w; a matrix [K, L] is one image of height 1 with K channels
//   w  batches × taps × channels × units, padded with zeros to a multiple of 8 units (see pack.wgsl)
//   bias and y are strided
//
// One invocation computes 8 lanes × 8 units in registers; a workgroup of 64 has 2^lane_shift invocations side by side
// in lanes, the rest in units. Its 8 lanes lie 2^lane_shift apart, so that neighbours load neighbouring x.

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
  lane_tiles: u32,
  unit_tiles: u32,
  epilogue: Epilogue,
  window: Window,
  lane_shift: u32,
  lanes: u32,
  units: u32,
  unit_quads: u32,      // padded units / 4
  channels: u32,
  channel_stride: u32,
  image_stride: u32,
  x_offset: u32,
  x_batch: u32,
  w_offset: u32,        // in quads, like w_batch
  w_batch: u32,
  y_offset: u32,
  y_batch: u32,
  y_image: u32,
  y_row: u32,
  y_lane: u32,
  y_unit: u32,
  bias_batch: u32,
  bias_lane: u32,
  bias_unit: u32,
  alpha: f32,
  beta: f32,
  pad_0: u32,
  pad_1: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> w: array<vec4f>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

fn load(i: vec4u, inside: vec4<bool>) -> vec4f {
  return select(vec4f(), vec4f(x[i.x], x[i.y], x[i.z], x[i.w]), inside);
}

// Column j holds the products of the units with lane j.
fn outer(units: vec4f, lanes: vec4f) -> mat4x4f {
  return mat4x4f(units * lanes.x, units * lanes.y, units * lanes.z, units * lanes.w);
}

fn work(group: u32, invocation: u32) {
  let lane_tile = group % params.lane_tiles;
  let row = group / params.lane_tiles;
  let unit_tile = row % params.unit_tiles;
  let batch = row / params.unit_tiles;

  let apart = 1u << params.lane_shift;
  let l = (lane_tile << (params.lane_shift + 3u)) + (invocation & (apart - 1u));
  let u = 8u * (unit_tile * (64u >> params.lane_shift) + (invocation >> params.lane_shift));

  let la = vec4u(l, l + apart, l + 2u * apart, l + 3u * apart);
  let lb = la + 4u * apart;
  let live_a = la < vec4u(params.lanes);
  let live_b = lb < vec4u(params.lanes);
  let p0 = place_of(la.x);
  let p1 = place_of(la.y);
  let p2 = place_of(la.z);
  let p3 = place_of(la.w);
  let p4 = place_of(lb.x);
  let p5 = place_of(lb.y);
  let p6 = place_of(lb.z);
  let p7 = place_of(lb.w);
  let first = params.x_offset + batch * params.x_batch;
  let image_a = first + vec4u(p0.image, p1.image, p2.image, p3.image) * params.image_stride;
  let image_b = first + vec4u(p4.image, p5.image, p6.image, p7.image) * params.image_stride;
  let top_a = vec4u(p0.y, p1.y, p2.y, p3.y);
  let top_b = vec4u(p4.y, p5.y, p6.y, p7.y);
  let left_a = vec4u(p0.x, p1.x, p2.x, p3.x);
  let left_b = vec4u(p4.x, p5.x, p6.x, p7.x);

  // Sums of units 0–3 and 4–7 (rows) with lanes a and b.
  var low_a = mat4x4f();
  var low_b = mat4x4f();
  var high_a = mat4x4f();
  var high_b = mat4x4f();
  // Surplus units compute the last tile again, and store nothing.
  var quad = params.w_offset + batch * params.w_batch + min(u / 4u, params.unit_quads - 2u);
  for (var ky = 0u; ky < params.window.kernel_h; ky++) {
    let y_a = top_a + ky * params.window.dilation_h;
    let y_b = top_b + ky * params.window.dilation_h;
    for (var kx = 0u; kx < params.window.kernel_w; kx++) {
      let x_a = left_a + kx * params.window.dilation_w;
      let x_b = left_b + kx * params.window.dilation_w;
      let inside_a = (y_a < vec4u(params.window.in_h)) & (x_a < vec4u(params.window.in_w)) & live_a;
      let inside_b = (y_b < vec4u(params.window.in_h)) & (x_b < vec4u(params.window.in_w)) & live_b;
      var i_a = select(vec4u(), image_a + y_a * params.window.in_w + x_a, inside_a);
      var i_b = select(vec4u(), image_b + y_b * params.window.in_w + x_b, inside_b);
      for (var c = 0u; c < params.channels; c++) {
        let low = w[quad];
        let high = w[quad + 1u];
        let a = load(i_a, inside_a);
        let b = load(i_b, inside_b);
        low_a += outer(low, a);
        low_b += outer(low, b);
        high_a += outer(high, a);
        high_b += outer(high, b);
        quad += params.unit_quads;
        i_a += params.channel_stride;
        i_b += params.channel_stride;
      }
    }
  }

  // One copy of the epilogue's code for all 64 sums: compiling it 64 times takes longer than running it.
  var sums = array<mat4x4f, 4>(low_a, high_a, low_b, high_b);
  for (var j = 0u; j < 8u; j++) {
    let lane = l + j * apart;
    if (lane >= params.lanes) {
      break;
    }
    let place = place_of(lane);
    let base = params.y_offset + batch * params.y_batch + place.image * params.y_image + place.row * params.y_row
      + place.column * params.y_lane;
    let bias_base = batch * params.bias_batch + lane * params.bias_lane;
    for (var k = 0u; k < 8u; k++) {
      let unit = u + k;
      if (unit >= params.units) {
        break;
      }
      let sum = sums[(j / 4u) * 2u + k / 4u][j % 4u][k % 4u];
      let i = base + unit * params.y_unit;
      y[i] = epilogue(params.alpha * sum + params.beta * bias[bias_base + unit * params.bias_unit], i);
    }
  }
}
