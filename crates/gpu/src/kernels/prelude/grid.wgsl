// Which workgroup this is, counted over all of a step.
//
// One axis of a dispatch holds 65,535 workgroups, so steps are folded onto two; and long steps are cut into slices,
// each with its own first_group and end_group. Every kernel's Params begin with these two.

fn group_of(id: vec3u, count: vec3u) -> u32 {
  return params.first_group + id.y * count.x + id.x;
}
