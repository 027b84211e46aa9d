// Steps of a recurrent layer. CPU twin: fewbit_runtime::cpu::recurrent.
//
//   h, c ← cell(x[t], R·h + bias, c) for each step t,   the cell by the constant CELL: see fewbit_graph::op::Cell
//
// One workgroup takes all steps of one direction of one sequence; each invocation has every 64th hidden unit. R lies
// transposed, so that neighbours read neighbours. The last h is where y has it; c, and what GRU hands from its gates to its
// candidate, are in a scratch buffer. A long sequence is cut into several runs of this kernel.

//#import prelude/activation.wgsl
//#import prelude/groups.wgsl

override CELL: u32 = 0u;  // 0 LSTM, 1 GRU, 2 GRU with linear_before_reset, 3 RNN with ACTIVATION

struct Params {
  first_group: u32,
  end_group: u32,
  steps: u32,
  batch: u32,
  directions: u32,
  hidden: u32,
  reverse: u32,     // whether direction 0 runs in reverse; direction 1 always does
  has_h: u32,       // whether there is a state before the first step
  has_c: u32,
  with_cell: u32,   // whether the last c follows the last h
  begin: u32,       // the steps of this run
  end: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;         // [T, B, D, G, H]
@group(0) @binding(2) var<storage, read> r: array<f32>;         // [D, H, G, H]: term, gate, unit
@group(0) @binding(3) var<storage, read> bias: array<f32>;      // [D, G, H]
@group(0) @binding(4) var<storage, read> first_h: array<f32>;   // [D, B, H]
@group(0) @binding(5) var<storage, read> first_c: array<f32>;
@group(0) @binding(6) var<storage, read_write> y: array<f32>;   // [T (+ 1), D, B, H]
@group(0) @binding(7) var<storage, read_write> kept: array<f32>; // [3, D, B, H]: c, r⊙h, z

fn gates() -> u32 {
  return select(select(1u, 3u, CELL == 1u || CELL == 2u), 4u, CELL == 0u);
}

fn place_of(step: u32, direction: u32) -> u32 {
  return select(step, params.steps - 1u - step, direction == 1u || params.reverse == 1u);
}

// Element k of the state before a step; base is that of the group in [D, B, H].
fn state(step: u32, direction: u32, base: u32, k: u32) -> f32 {
  if (step > 0u) {
    let layer = params.directions * params.batch * params.hidden;
    return y[place_of(step - 1u, direction) * layer + base + k];
  }
  if (params.has_h == 1u) {
    return first_h[base + k];
  }
  return 0.0;
}

fn work(group: u32, invocation: u32) {
  let hidden = params.hidden;
  let direction = group / params.batch;
  let sequence = group % params.batch;
  let base = group * hidden;
  let layer = params.directions * params.batch * hidden;
  let rows = gates() * hidden;
  let weights = direction * hidden * rows;
  if (params.begin == 0u) {
    for (var j = invocation; j < hidden; j += 64u) {
      var c = 0.0;
      if (params.has_c == 1u) {
        c = first_c[base + j];
      }
      kept[base + j] = c;
    }
  }
  for (var step = params.begin; step < params.end; step++) {
    let t = place_of(step, direction);
    let own = ((t * params.batch + sequence) * params.directions + direction) * rows;
    for (var j = invocation; j < hidden; j += 64u) {
      // Sums of the gates of unit j; a GRU whose candidate waits for r⊙h has it apart.
      var sums = vec4f();
      for (var k = 0u; k < hidden; k++) {
        let h = state(step, direction, base, k);
        let row = weights + k * rows + j;
        sums.x += h * r[row];
        if (CELL < 3u) {
          sums.y += h * r[row + hidden];
        }
        if (CELL == 0u || CELL == 2u) {
          sums.z += h * r[row + 2u * hidden];
        }
        if (CELL == 0u) {
          sums.w += h * r[row + 3u * hidden];
        }
      }
      for (var gate = 0u; gate < gates(); gate++) {
        sums[gate] += bias[direction * rows + gate * hidden + j];
      }
      let h = state(step, direction, base, j);
      let to = t * layer + base + j;
      if (CELL == 0u) {
        let input = sigmoid(x[own + j] + sums.x);
        let output = sigmoid(x[own + hidden + j] + sums.y);
        let forget = sigmoid(x[own + 2u * hidden + j] + sums.z);
        let c = forget * kept[base + j] + input * tangent(x[own + 3u * hidden + j] + sums.w);
        kept[base + j] = c;
        y[to] = output * tangent(c);
      } else if (CELL == 1u) {
        kept[layer + base + j] = sigmoid(x[own + hidden + j] + sums.y) * h;
        kept[2u * layer + base + j] = sigmoid(x[own + j] + sums.x);
      } else if (CELL == 2u) {
        let z = sigmoid(x[own + j] + sums.x);
        let reset = sigmoid(x[own + hidden + j] + sums.y);
        y[to] = (1.0 - z) * tangent(x[own + 2u * hidden + j] + reset * sums.z) + z * h;
      } else {
        y[to] = activate(x[own + j] + sums.x, 0.0, 0.0);
      }
    }
    storageBarrier();
    if (CELL == 1u) {
      for (var j = invocation; j < hidden; j += 64u) {
        var sum = 0.0;
        for (var k = 0u; k < hidden; k++) {
          sum += kept[layer + base + k] * r[weights + k * rows + 2u * hidden + j];
        }
        sum += bias[direction * rows + 2u * hidden + j];
        let z = kept[2u * layer + base + j];
        let n = tangent(x[own + 2u * hidden + j] + sum);
        y[t * layer + base + j] = (1.0 - z) * n + z * state(step, direction, base, j);
      }
      storageBarrier();
    }
  }
  if (params.with_cell == 1u && params.end == params.steps) {
    for (var j = invocation; j < hidden; j += 64u) {
      y[params.steps * layer + base + j] = kept[base + j];
    }
  }
}
