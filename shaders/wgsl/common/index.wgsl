// Which value an invocation of a kernel in workgroups of 64 takes, and which row a workgroup takes: the grid has a second
// dimension where one is not enough.

fn value_index(id: vec3<u32>, groups: vec3<u32>) -> u32 {
    return id.x + id.y * groups.x * 64u;
}

fn row_index(group: vec3<u32>, groups: vec3<u32>) -> u32 {
    return group.x + group.y * groups.x;
}
