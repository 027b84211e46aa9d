// Running sums along an axis. CPU twin: fewbit_runtime::cpu::cumsum.
//
//   y[i] = x[0] + … + x[i], or with EXCLUSIVE without x[i]; with REVERSE from the other end
//
// One invocation computes one line, term by term.

//#import prelude/elements.wgsl

override EXCLUSIVE: bool = false;
override REVERSE: bool = false;

struct Params {
  first_group: u32,
  end_group: u32,
  len: u32,      // the number of lines
  length: u32,
  stride: u32,   // of the axis: the number of elements behind it
  pad_0: u32,
  pad_1: u32,
  pad_2: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

fn element(line: u32) {
  let base = line / params.stride * params.stride * params.length + line % params.stride;
  var sum = 0.0;
  for (var step = 0u; step < params.length; step++) {
    let along = select(step, params.length - 1u - step, REVERSE);
    let at = base + along * params.stride;
    let before = sum;
    sum += x[at];
    y[at] = select(sum, before, EXCLUSIVE);
  }
}
