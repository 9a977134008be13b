// A convolution with its normalisation folded in, for inference.

#include "common/fold.wgsl"

@group(0) @binding(6) var<storage, read_write> folded: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = value_index(id, groups);
    if i < u.rows * u.stride {
        folded[i] = fold(i);
    }
}
