// How an update of a scatter meets the element that is there, by the constant REDUCTION. Needs nan.wgsl.

override REDUCTION: u32 = 0u;  // 0 replace, 1 add, 2 multiply, 3 the larger, 4 the smaller

fn reduced(there: f32, update: f32) -> f32 {
  switch REDUCTION {
    case 1u: { return there + update; }
    case 2u: { return there * update; }
    case 3u: { return larger(there, update); }
    case 4u: { return smaller(there, update); }
    default: { return update; }
  }
}
