// Combines the parts of compare.wgsl and moments.wgsl. CPU twin: fewbit_runtime::cpu::observe.
//
//   y[c] = Σa², Σe², Σa, Σe, Σa·e, max|e|, max|a|, count   (MOMENTS false)
//   y[c] = min, max, Σx, Σx², count                        (MOMENTS true)
//
// One workgroup computes one channel.

//#import prelude/groups.wgsl
//#import prelude/nan.wgsl
//#import prelude/statistics.wgsl

override MOMENTS: bool = false;

struct Params {
  first_group: u32,
  end_group: u32,
  parts: u32,
  count: f32,
  lowest: f32,    // −∞
  pad_0: u32,
  pad_1: u32,
  pad_2: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

fn work(channel: u32, lane: u32) {
  var mine = Statistics(vec4f(), vec4f(0.0, params.lowest, params.lowest, 0.0));
  for (var j = lane; j < params.parts; j += 64u) {
    let i = 2u * (channel * params.parts + j);
    mine = combine(mine, Statistics(x[i], x[i + 1u]));
  }
  let all = gather(mine, lane);
  if (lane == 0u) {
    if (MOMENTS) {
      let i = 5u * channel;
      y[i] = -all.rest.z;
      y[i + 1u] = all.rest.y;
      y[i + 2u] = all.sums.x;
      y[i + 3u] = all.sums.y;
      y[i + 4u] = params.count;
    } else {
      let i = 8u * channel;
      y[i] = all.sums.x;
      y[i + 1u] = all.sums.y;
      y[i + 2u] = all.sums.z;
      y[i + 3u] = all.sums.w;
      y[i + 4u] = all.rest.x;
      y[i + 5u] = all.rest.y;
      y[i + 6u] = all.rest.z;
      y[i + 7u] = params.count;
    }
  }
}
