// `update.wgsl` for adapters that are processors: two values at a time. Behind an odd number of values there is padding,
// which is zero and stays zero.

#include "common/index.wgsl"
#include "common/update_rules.wgsl"
#include "common/pairs.wgsl"

@group(0) @binding(1) var<storage, read_write> values: array<u64>;
@group(0) @binding(2) var<storage, read_write> gradient: array<u64>;
@group(0) @binding(3) var<storage, read_write> first: array<u64>;
@group(0) @binding(4) var<storage, read_write> second: array<u64>;

@compute @workgroup_size(64)
fn sgd(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = value_index(id, groups);
    if 2u * i >= u.len {
        return;
    }
    let p = two(values[i]);
    let v = two(first[i]);
    let g = two(gradient[i]);
    let x = sgd_rule(Moved(p.x, v.x, 0.0), g.x);
    let y = sgd_rule(Moved(p.y, v.y, 0.0), g.y);
    first[i] = pair(x.first, y.first);
    values[i] = pair(x.value, y.value);
}

@compute @workgroup_size(64)
fn adamw(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = value_index(id, groups);
    if 2u * i >= u.len {
        return;
    }
    let p = two(values[i]);
    let m = two(first[i]);
    let v = two(second[i]);
    let g = two(gradient[i]);
    let x = adamw_rule(Moved(p.x, m.x, v.x), g.x);
    let y = adamw_rule(Moved(p.y, m.y, v.y), g.y);
    first[i] = pair(x.first, y.first);
    second[i] = pair(x.second, y.second);
    values[i] = pair(x.value, y.value);
}

@compute @workgroup_size(64)
fn average(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = value_index(id, groups);
    if 2u * i >= u.len {
        return;
    }
    let p = two(values[i]);
    let v = two(first[i]);
    first[i] = pair(average_rule(v.x, p.x), average_rule(v.y, p.y));
}

@compute @workgroup_size(64)
fn add(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = value_index(id, groups);
    if 2u * i >= u.len {
        return;
    }
    let p = two(values[i]);
    let v = two(first[i]);
    first[i] = pair(v.x + p.x, v.y + p.y);
}
