// The entry point of kernels that work in groups: calls `work(group, invocation)` for each workgroup of a step.
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
  if (group < params.end_group) {
    work(group, invocation);
  }
}
