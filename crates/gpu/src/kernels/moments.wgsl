// The ranges and moments of channels, in parts that statistics.wgsl combines. CPU twin: fewbit_runtime::cpu::observe.
//
//   y[c, part] = (Σx, Σx², 0, 0 | 0, max x, max −x, 0)   over the part's elements of channel c
//
// x is outer × channels × inner. One workgroup gathers one part.

//#import prelude/groups.wgsl
//#import prelude/nan.wgsl
//#import prelude/statistics.wgsl

struct Params {
  first_group: u32,
  end_group: u32,
  channels: u32,
  inner: u32,
  parts: u32,
  part: u32,      // the number of elements of a part
  len: u32,       // of a channel
  lowest: f32,    // −∞
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;

fn work(group: u32, lane: u32) {
  let channel = group / params.parts;
  let begin = (group % params.parts) * params.part;
  let end = min(begin + params.part, params.len);
  var mine = Statistics(vec4f(), vec4f(0.0, params.lowest, params.lowest, 0.0));
  for (var j = begin + lane; j < end; j += 64u) {
    let value = x[(j / params.inner * params.channels + channel) * params.inner + j % params.inner];
    mine = combine(mine, Statistics(vec4f(value, value * value, 0.0, 0.0), vec4f(0.0, value, -value, 0.0)));
  }
  let all = gather(mine, lane);
  if (lane == 0u) {
    y[2u * group] = all.sums;
    y[2u * group + 1u] = all.rest;
  }
}
