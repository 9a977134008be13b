// Layer normalisation of each position's channels, forward and backward; a workgroup takes a position.
//
// n = (x - mean) / sqrt(variance + epsilon), out = scale n + shift; with g = scale d_out,
// dx = (g - mean(g) - n mean(g n)) / sqrt(variance + epsilon).

#include "common/index.wgsl"
#include "common/total.wgsl"

struct LayerNorm {
    rows: u32,
    channels: u32,
    epsilon: f32,
    // Bits: 1 mean and 1 / deviation of each position are kept, 2 the gradient is added to what is there.
    flags: u32,
    block_rows: u32,
}

@group(0) @binding(0) var<uniform> u: LayerNorm;
@group(0) @binding(1) var<storage, read> scale: array<f32>;
@group(0) @binding(2) var<storage, read> shift: array<f32>;
@group(0) @binding(3) var<storage, read_write> input: array<f32>;
// The output, or its gradient.
@group(0) @binding(4) var<storage, read_write> output: array<f32>;
@group(0) @binding(5) var<storage, read_write> kept: array<f32>;
@group(0) @binding(6) var<storage, read_write> d_input: array<f32>;
// Blocks of sums of the gradient, then of the gradient times the normalised value.
@group(0) @binding(7) var<storage, read_write> partial: array<f32>;

const WIDTH: u32 = 64u;
@compute @workgroup_size(64)
fn forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) id: u32,
) {
    let row = row_index(group, groups);
    if row >= u.rows {
        return;
    }
    let first = row * u.channels;
    let count = f32(u.channels);
    var sum = 0.0;
    for (var c = id; c < u.channels; c += WIDTH) {
        sum += input[first + c];
    }
    let mean = total(id, vec2<f32>(sum, 0.0)).x / count;
    var squares = 0.0;
    for (var c = id; c < u.channels; c += WIDTH) {
        let d = input[first + c] - mean;
        squares = fma(d, d, squares);
    }
    let inverse = 1.0 / sqrt(total(id, vec2<f32>(squares, 0.0)).x / count + u.epsilon);
    if id == 0u && (u.flags & 1u) != 0u {
        kept[2u * row] = mean;
        kept[2u * row + 1u] = inverse;
    }
    for (var c = id; c < u.channels; c += WIDTH) {
        output[first + c] = fma((input[first + c] - mean) * inverse, scale[c], shift[c]);
    }
}

@compute @workgroup_size(64)
fn backward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) id: u32,
) {
    let row = row_index(group, groups);
    if row >= u.rows {
        return;
    }
    let first = row * u.channels;
    let mean = kept[2u * row];
    let inverse = kept[2u * row + 1u];
    var sums = vec2<f32>(0.0);
    for (var c = id; c < u.channels; c += WIDTH) {
        let g = output[first + c] * scale[c];
        sums += vec2<f32>(g, g * (input[first + c] - mean) * inverse);
    }
    let means = total(id, sums) / f32(u.channels);
    for (var c = id; c < u.channels; c += WIDTH) {
        let n = (input[first + c] - mean) * inverse;
        let value = (output[first + c] * scale[c] - means.x - n * means.y) * inverse;
        d_input[first + c] = select(0.0, d_input[first + c], (u.flags & 2u) != 0u) + value;
    }
}

// Sums for the gradients of shift and scale over a block of rows; `reduce.wgsl` adds the blocks.
@compute @workgroup_size(64)
fn parameters(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) id: u32) {
    let c = group.x * WIDTH + id;
    if c >= u.channels {
        return;
    }
    let end = min((group.y + 1u) * u.block_rows, u.rows);
    var plain = 0.0;
    var by_normal = 0.0;
    for (var row = group.y * u.block_rows; row < end; row++) {
        let d = output[row * u.channels + c];
        plain += d;
        by_normal += d * (input[row * u.channels + c] - kept[2u * row]) * kept[2u * row + 1u];
    }
    partial[group.y * 2u * u.channels + c] = plain;
    partial[(group.y * 2u + 1u) * u.channels + c] = by_normal;
}
