// Changes of parameters, value by value over a range of the arena: SGD with momentum, AdamW, and the moving average.

#include "common/index.wgsl"

struct Update {
    len: u32,
    // SGD: momentum. AdamW: beta 1. Average: decay.
    first_decay: f32,
    // AdamW: beta 2.
    second_decay: f32,
    // Factor on the gradient.
    scale: f32,
    // SGD: weight decay. AdamW: learning rate x weight decay.
    weight_decay: f32,
    // AdamW's is divided by 1 - beta1^step.
    learning_rate: f32,
    // 1 / sqrt(1 - beta2^step)
    correction: f32,
    epsilon: f32,
}

@group(0) @binding(0) var<uniform> u: Update;
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
    let p = values[i];
    let v = u.first_decay * first[i] + (u.scale * gradient[i] + u.weight_decay * p);
    first[i] = v;
    values[i] = p - u.learning_rate * v;
}

@compute @workgroup_size(64)
fn adamw(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = value_index(id, groups);
    if i >= u.len {
        return;
    }
    let g = u.scale * gradient[i];
    let m = u.first_decay * first[i] + (1.0 - u.first_decay) * g;
    let v = u.second_decay * second[i] + (1.0 - u.second_decay) * g * g;
    first[i] = m;
    second[i] = v;
    let p = values[i] - u.weight_decay * values[i];
    values[i] = p - u.learning_rate * (m / (sqrt(v) * u.correction + u.epsilon));
}

// first = decay first + (1 - decay) values
@compute @workgroup_size(64)
fn average(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = value_index(id, groups);
    if i >= u.len {
        return;
    }
    first[i] = u.first_decay * first[i] + (1.0 - u.first_decay) * values[i];
}
