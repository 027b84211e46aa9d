// Sums and maxima of many elements: 64 lanes each gather some, then halve their number until one is left. The order
// is fixed, so the same input gives the same bits. Needs prelude/nan.wgsl: a NaN among the elements stays.

// Five sums and two maxima.
struct Statistics {
  sums: vec4f,
  rest: vec4f, // one sum, two maxima, nothing
}

// Half as many as there are lanes: compilers that clear this memory word by word take their time.
var<workgroup> lanes: array<Statistics, 32>;

fn combine(a: Statistics, b: Statistics) -> Statistics {
  let y = larger(a.rest.y, b.rest.y);
  let z = larger(a.rest.z, b.rest.z);
  return Statistics(a.sums + b.sums, vec4f(a.rest.x + b.rest.x, y, z, 0.0));
}

// The combination of all lanes, in lane 0.
fn gather(own: Statistics, lane: u32) -> Statistics {
  var mine = own;
  for (var step = 32u; step > 0u; step /= 2u) {
    workgroupBarrier();
    if (lane >= step && lane < 2u * step) {
      lanes[lane - step] = mine;
    }
    workgroupBarrier();
    if (lane < step) {
      mine = combine(mine, lanes[lane]);
    }
  }
  return mine;
}
