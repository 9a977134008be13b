// Running statistics folded into a convolution's weights and a bias, for inference.

#include "common/index.wgsl"

struct Fold {
    // Rows of the weights, their columns, and values from one row to the next.
    rows: u32,
    columns: u32,
    stride: u32,
    epsilon: f32,
}

@group(0) @binding(0) var<uniform> u: Fold;
@group(0) @binding(1) var<storage, read> scale: array<f32>;
@group(0) @binding(2) var<storage, read> shift: array<f32>;
// Means, then variances.
@group(0) @binding(3) var<storage, read> running: array<f32>;
@group(0) @binding(4) var<storage, read> weights: array<f32>;
@group(0) @binding(5) var<storage, read_write> folded: array<f32>;
@group(0) @binding(6) var<storage, read_write> bias: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = value_index(id, groups);
    if i >= u.rows * u.stride {
        return;
    }
    let c = i % u.stride;
    if c >= u.columns {
        folded[i] = 0.0;
        return;
    }
    let factor = scale[c] / sqrt(running[u.columns + c] + u.epsilon);
    folded[i] = weights[i] * factor;
    if i < u.stride {
        bias[c] = shift[c] - running[c] * factor;
    }
}
