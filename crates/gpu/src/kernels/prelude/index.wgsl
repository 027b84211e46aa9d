// Indices: whole numbers in f32.

// The place that an index means on an axis of this length: a negative one counts from the end; one beyond the axis
// means its nearest end, and NaN its first element.
fn index_on(length: u32, index: f32) -> u32 {
  let whole = trunc(index);
  let from_front = select(whole, whole + f32(length), whole < 0.0);
  // A comparison with NaN may go either way.
  let is_number = (bitcast<u32>(index) & 0x7fffffffu) <= 0x7f800000u;
  return select(0u, u32(clamp(from_front, 0.0, f32(length - 1u))), is_number);
}
