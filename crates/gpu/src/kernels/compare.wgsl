// The error of a tensor against a reference, in parts that statistics.wgsl combines.
// CPU twin: fewbit_runtime::cpu::observe.
//
//   y[c, part] = (Σa², Σe², Σa, Σe | Σa·e, max|e|, max|a|, 0),   e = b − a, over the part's elements of channel c
//
// a and b are outer × channels × inner. One workgroup gathers one part.

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
  pad_0: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;

fn work(group: u32, lane: u32) {
  let channel = group / params.parts;
  let begin = (group % params.parts) * params.part;
  let end = min(begin + params.part, params.len);
  var mine = Statistics(vec4f(), vec4f());
  for (var j = begin + lane; j < end; j += 64u) {
    let i = (j / params.inner * params.channels + channel) * params.inner + j % params.inner;
    let s = a[i];
    let e = b[i] - s;
    mine = combine(mine, Statistics(vec4f(s * s, e * e, s, e), vec4f(s * e, abs(e), abs(s), 0.0)));
  }
  let all = gather(mine, lane);
  if (lane == 0u) {
    y[2u * group] = all.sums;
    y[2u * group + 1u] = all.rest;
  }
}
