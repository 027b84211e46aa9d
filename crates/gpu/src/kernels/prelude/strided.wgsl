// Two strided views of one index space of up to eight axes. Params have it as `strided`.

struct Strided {
  rank: u32,
  first_offset: i32,
  second_offset: i32,
  pad_0: u32,
  lengths: array<vec4u, 2>,
  first: array<vec4i, 2>,
  second: array<vec4i, 2>,
}

// Where element i (row-major) lies in the first and in the second view.
fn offsets_of(i: u32) -> vec2i {
  var offsets = vec2i(params.strided.first_offset, params.strided.second_offset);
  var rest = i;
  for (var axis = params.strided.rank; axis > 0u; axis--) {
    let word = (axis - 1u) / 4u;
    let part = (axis - 1u) % 4u;
    let length = params.strided.lengths[word][part];
    let index = i32(rest % length);
    rest /= length;
    offsets += index * vec2i(params.strided.first[word][part], params.strided.second[word][part]);
  }
  return offsets;
}
