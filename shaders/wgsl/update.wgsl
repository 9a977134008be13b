// Changes of parameters, value by value over a range of their buffer.

#include "common/index.wgsl"
#include "common/update_rules.wgsl"

@group(0) @binding(1) var<storage, read_write> values: array<f32>;
@group(0) @binding(2) var<storage, read_write> gradient: array<f32>;
@group(0) @binding(3) var<storage, read_write> first: array<f32>;
@group(0) @binding(4) var<storage, read_write> second: array<f32>;

@compute @workgroup_size(64)
fn sgd(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = value_index(id, groups);
    if i >= u.len {
        return;
    }
    let moved = sgd_rule(Moved(values[i], first[i], 0.0), gradient[i]);
    first[i] = moved.first;
    values[i] = moved.value;
}

@compute @workgroup_size(64)
fn adamw(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = value_index(id, groups);
    if i >= u.len {
        return;
    }
    let moved = adamw_rule(Moved(values[i], first[i], second[i]), gradient[i]);
    first[i] = moved.first;
    second[i] = moved.second;
    values[i] = moved.value;
}

@compute @workgroup_size(64)
fn average(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = value_index(id, groups);
    if i >= u.len {
        return;
    }
    first[i] = average_rule(first[i], values[i]);
}

@compute @workgroup_size(64)
fn add(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = value_index(id, groups);
    if i >= u.len {
        return;
    }
    first[i] = first[i] + values[i];
}
