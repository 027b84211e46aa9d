// Random zeros and ones from Philox 4×32-10 (Salmon et al. 2011), the words of `fewbit_numeric::Philox` bit for bit.
// CPU twin: fewbit_runtime::cpu::bernoulli.
//
//   y[4i + j] = word j of the block at [i, 0, step, stream], its upper 24 bits over 2²⁴, < probability
//
// One invocation computes one block: four elements. (A buffer holds whole vectors.)

//#import prelude/elements.wgsl

const ROUNDS = 10u;
const MULTIPLIERS = vec2u(0xd2511f53u, 0xcd9e8d57u);
const WEYL = vec2u(0x9e3779b9u, 0xbb67ae85u);

struct Params {
  first_group: u32,
  end_group: u32,
  len: u32,           // the number of blocks
  stream: u32,
  key: vec2u,
  probability: f32,
  pad_0: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> step_number: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;

// The upper words of a·b, by halves of 16 bits: WGSL has no product of 64.
fn upper(a: vec2u, b: vec2u) -> vec2u {
  let a_low = a & vec2u(0xffffu);
  let a_high = a >> vec2u(16u);
  let b_low = b & vec2u(0xffffu);
  let b_high = b >> vec2u(16u);
  let low = a_low * b_low;
  let crossed = a_high * b_low + (low >> vec2u(16u));
  let middle = a_low * b_high + (crossed & vec2u(0xffffu));
  return a_high * b_high + (crossed >> vec2u(16u)) + (middle >> vec2u(16u));
}

fn element(i: u32) {
  var counter = vec4u(i, 0u, u32(step_number[0]), params.stream);
  var key = params.key;
  for (var round = 0u; round < ROUNDS; round++) {
    let low = MULTIPLIERS * counter.xz;
    let high = upper(MULTIPLIERS, counter.xz);
    counter = vec4u(high.y ^ counter.y ^ key.x, low.y, high.x ^ counter.w ^ key.y, low.x);
    key += WEYL;
  }
  let uniforms = vec4f(counter >> vec4u(8u)) * (1.0 / 16777216.0);
  y[i] = select(vec4f(), vec4f(1.0), uniforms < vec4f(params.probability));
}
