// to[i] = sum over pieces of partial[first + piece * stride + i], in order: slices of weight gradients, columns of row
// blocks, and the gradient of learned positions over a batch's items.

#include "common/index.wgsl"

struct Reduce {
    len: u32,
    pieces: u32,
    stride: u32,
    first: u32,
}

@group(0) @binding(0) var<uniform> u: Reduce;
@group(0) @binding(1) var<storage, read_write> partial: array<f32>;
@group(0) @binding(2) var<storage, read_write> to: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = value_index(id, groups);
    if i >= u.len {
        return;
    }
    var sum = 0.0;
    for (var piece = 0u; piece < u.pieces; piece++) {
        sum += partial[u.first + piece * u.stride + i];
    }
    to[i] = sum;
}
