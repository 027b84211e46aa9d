// Sums and maxima of many elements: 64 lanes each gather some, then halve their number until one is left. The order
// is fixed, so the same input gives the same bits.

// Five sums and three maxima.
struct Statistics {
  sums: vec4f,
  rest: vec4f, // one sum, three maxima
}

var<workgroup> lanes: array<Statistics, 64>;

fn combine(a: Statistics, b: Statistics) -> Statistics {
  return Statistics(a.sums + b.sums, vec4f(a.rest.x + b.rest.x, max(a.rest.yzw, b.rest.yzw)));
}

// Puts the combination of all lanes into lanes[0].
fn gather(mine: Statistics, lane: u32) {
  lanes[lane] = mine;
  for (var step = 32u; step > 0u; step /= 2u) {
    workgroupBarrier();
    if (lane < step) {
      lanes[lane] = combine(lanes[lane], lanes[lane + step]);
    }
  }
  workgroupBarrier();
}
