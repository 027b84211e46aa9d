// The gradient of a convolution along its weights, a product of two matrices: of the gradients and of the windows, that
// are never written down. CPU twin: fewbit_runtime::cpu::conv.
//
//   y[chunk, batch, u, l] = Σₖ g[n, u, q]·x[n, c, window(q, t)],   k = (n, q) in the chunk, l = (c, t)
//
//   g  images × (batches·units) × out_h × out_w,   x  images × (batches·channels) × in_h × in_w;   batches are groups
//
// One invocation computes 8 units × 8 lanes in registers; a workgroup of 64 has 2^lane_shift invocations side by side in
// lanes, 2^unit_shift in units, and what is left of them in slices of the depth. Both operands are read along k, 8
// places for each slice at a time, and turned over in workgroup memory. Slices take turns with these places and are
// added in order at the end; the sum over all images and places is cut into chunks that reduce.wgsl adds.

//#import prelude/groups.wgsl
//#import prelude/window.wgsl

struct Params {
  first_group: u32,
  end_group: u32,
  lane_tiles: u32,
  unit_tiles: u32,
  window: Window,
  lane_shift: u32,    // 2 to 5
  unit_shift: u32,    // 1 to 3, and both together at most 6
  batches: u32,
  units: u32,
  lanes: u32,
  channels: u32,      // of one batch
  depth: u32,         // images·places
  chunk: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> g: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

// Where the window's tap of a lane lies: its channel's image, how far below and beside the window's place, and whether
// there is such a lane.
struct Tap {
  image: u32,
  y: u32,
  x: u32,
  live: u32,
}

var<workgroup> taps: array<Tap, 256>;
var<workgroup> gradients: array<vec4f, 256>;  // places × quads of units
var<workgroup> windows: array<vec4f, 512>;    // places × quads of lanes

fn tap_of(lane: u32) -> Tap {
  let count = params.window.kernel_h * params.window.kernel_w;
  let channel = lane / count;
  let tap = lane - channel * count;
  let row = tap / params.window.kernel_w;
  let column = tap - row * params.window.kernel_w;
  // What lies before the image wraps around, and so is beyond its end.
  return Tap(
    channel * params.window.in_h * params.window.in_w,
    row * params.window.dilation_h - params.window.pad_h,
    column * params.window.dilation_w - params.window.pad_w,
    select(0u, 1u, lane < params.lanes),
  );
}

// x at the tap of a lane of this tile, for the place whose window begins at (top, left) of an image.
fn value_at(lane: u32, image: u32, top: u32, left: u32, live: bool) -> f32 {
  let tap = taps[lane];
  let row = top + tap.y;
  let column = left + tap.x;
  let inside = live && tap.live != 0u && row < params.window.in_h && column < params.window.in_w;
  let i = select(0u, image + tap.image + row * params.window.in_w + column, inside);
  return select(0.0, x[i], inside);
}

// Column j holds the products of the units with lane j.
fn outer(units: vec4f, lanes: vec4f) -> mat4x4f {
  return mat4x4f(units * lanes.x, units * lanes.y, units * lanes.z, units * lanes.w);
}

fn work(group: u32, invocation: u32) {
  let lane_tile = group % params.lane_tiles;
  let rows = group / params.lane_tiles;
  let unit_tile = rows % params.unit_tiles;
  let products = rows / params.unit_tiles;
  let batch = products % params.batches;
  let begin = products / params.batches * params.chunk;
  let end = min(begin + params.chunk, params.depth);

  let apart = 1u << params.lane_shift;
  let lane_quads = 2u * apart;
  let unit_quads = 2u << params.unit_shift;
  let slices = 64u >> (params.lane_shift + params.unit_shift);
  let first_lane = lane_tile * 4u * lane_quads;
  let first_unit = unit_tile * 4u * unit_quads;
  for (var lane = invocation; lane < 4u * lane_quads; lane += 64u) {
    taps[lane] = tap_of(first_lane + lane);
  }

  let places = params.window.out_h * params.window.out_w;
  let area = params.window.in_h * params.window.in_w;
  let depth = 8u * slices;
  let ahead = invocation % depth;
  let my_lane = invocation & (apart - 1u);
  let my_unit = 2u * ((invocation >> params.lane_shift) & ((1u << params.unit_shift) - 1u));
  let my_slice = invocation >> (params.lane_shift + params.unit_shift);

  // Sums of units 0–3 and 4–7 (rows) with the lanes of quads a and b.
  var low_a = mat4x4f();
  var low_b = mat4x4f();
  var high_a = mat4x4f();
  var high_b = mat4x4f();
  for (var k = begin; k < end; k += depth) {
    workgroupBarrier();
    let live = k + ahead < end;
    let image = (k + ahead) / places;
    let place = k + ahead - image * places;
    let row = place / params.window.out_w;
    let top = row * params.window.stride_h;
    let left = (place - row * params.window.out_w) * params.window.stride_w;
    let product = image * params.batches + batch;
    let x_base = product * params.channels * area;
    for (var quad = invocation / depth; quad < lane_quads; quad += 64u / depth) {
      let lane = 4u * quad;
      windows[ahead * lane_quads + quad] = vec4f(
        value_at(lane, x_base, top, left, live),
        value_at(lane + 1u, x_base, top, left, live),
        value_at(lane + 2u, x_base, top, left, live),
        value_at(lane + 3u, x_base, top, left, live),
      );
    }
    for (var quad = invocation / depth; quad < unit_quads; quad += 64u / depth) {
      let u = first_unit + 4u * quad + vec4u(0u, 1u, 2u, 3u);
      let inside = (u < vec4u(params.units)) & vec4<bool>(live);
      let i = select(vec4u(), (product * params.units + u) * places + place, inside);
      gradients[ahead * unit_quads + quad] = select(vec4f(), vec4f(g[i.x], g[i.y], g[i.z], g[i.w]), inside);
    }
    workgroupBarrier();
    for (var d = my_slice; d < depth; d += slices) {
      let low = gradients[d * unit_quads + my_unit];
      let high = gradients[d * unit_quads + my_unit + 1u];
      let a = windows[d * lane_quads + my_lane];
      let b = windows[d * lane_quads + my_lane + apart];
      low_a += outer(low, a);
      low_b += outer(low, b);
      high_a += outer(high, a);
      high_b += outer(high, b);
    }
  }

  // One copy of the store's code for all sums: four units of a lane at a time.
  var sums = array<mat4x4f, 4>(low_a, high_a, low_b, high_b);
  let others = 64u / slices;
  for (var j = 0u; j < 16u; j++) {
    workgroupBarrier();
    windows[invocation] = sums[j / 4u][j % 4u];
    workgroupBarrier();
    let lane = first_lane + 4u * (my_lane + j / 8u * apart) + j % 4u;
    if (my_slice == 0u && lane < params.lanes) {
      var sum = windows[invocation];
      for (var slice = 1u; slice < slices; slice++) {
        sum += windows[invocation + slice * others];
      }
      let unit = first_unit + 4u * (my_unit + j / 4u % 2u);
      for (var k = 0u; k < 4u && unit + k < params.units; k++) {
        y[(products * params.units + unit + k) * params.lanes + lane] = sum[k];
      }
    }
  }
}
