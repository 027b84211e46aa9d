// The entry point of kernels that compute each element on its own: calls `element(i)` for each i below `params.len`.
//
// One axis of a dispatch holds 65,535 workgroups, so steps are folded onto two; and long steps are cut into slices,
// each with its own first_group and end_group. Every kernel's Params begin with these two.

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) invocation: u32,
) {
  let group = params.first_group + id.y * count.x + id.x;
  let i = group * 64u + invocation;
  if (group < params.end_group && i < params.len) {
    element(i);
  }
}
