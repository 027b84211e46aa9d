// Parts of a tensor by the indices of some of its axes. Needs index.wgsl; Params have it as `parts`, and the indices are
// the buffer `indices`.

struct Parts {
  listed: u32,   // how many axes there are indices for
  inner: u32,    // the elements of a part
  batch: u32,    // the elements of a batch of x
  count: u32,    // how many parts each batch has
  lengths: array<vec4u, 2>,
  strides: array<vec4u, 2>,
}

// Where part number i begins.
fn start_of(i: u32) -> u32 {
  var start = i / params.parts.count * params.parts.batch;
  for (var axis = 0u; axis < params.parts.listed; axis++) {
    let index = indices[i * params.parts.listed + axis];
    start += index_on(params.parts.lengths[axis / 4u][axis % 4u], index) * params.parts.strides[axis / 4u][axis % 4u];
  }
  return start;
}
