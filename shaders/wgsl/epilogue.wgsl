// What ends a step, value by value: learned positions, GELU, dropout, residual sum; forward, backward, and the sum that
// hands a gradient on.

#include "common/index.wgsl"
#include "common/dropout.wgsl"
#include "common/gelu.wgsl"

struct Tail {
    len: u32,
    // Values of the table of positions, which repeats with every item.
    table_len: u32,
    // Bits: 1 positions, 2 GELU, 4 dropout, 8 residual, 16 the value is read from `input`, 32 what goes into the GELU is
    // kept, 64 a gradient is added to what is there.
    parts: u32,
    // Which dropout of the graph, the threshold of its bits, and the factor of what stays.
    dropout: u32,
    threshold: u32,
    scale: f32,
}

@group(0) @binding(0) var<uniform> u: Tail;
@group(0) @binding(1) var<storage, read> table: array<f32>;
// Two words a dropout: the streams of this pass.
@group(0) @binding(2) var<storage, read> seeds: array<u32>;
@group(0) @binding(3) var<storage, read_write> input: array<f32>;
@group(0) @binding(4) var<storage, read_write> kept: array<f32>;
@group(0) @binding(5) var<storage, read_write> residual: array<f32>;
@group(0) @binding(6) var<storage, read_write> output: array<f32>;

fn has(part: u32) -> bool {
    return (u.parts & part) != 0u;
}

// Multiplied rather than chosen, so that a NaN is not hidden.
fn mask(i: u32) -> f32 {
    let bits = random_bits(seeds[2u * u.dropout], seeds[2u * u.dropout + 1u], i);
    return select(0.0, u.scale, bits >= u.threshold);
}

@compute @workgroup_size(64)
fn forward(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = value_index(id, groups);
    if i >= u.len {
        return;
    }
    var value = 0.0;
    if has(16u) {
        value = input[i];
    } else {
        value = output[i];
    }
    if has(1u) {
        value += table[i % u.table_len];
    }
    if has(32u) {
        kept[i] = value;
    }
    if has(2u) {
        value = gelu(value);
    }
    if has(4u) {
        value *= mask(i);
    }
    if has(8u) {
        value += residual[i];
    }
    output[i] = value;
}

// `output` is the gradient of the epilogue's output and becomes that of what went into it; `residual` is its gradient.
@compute @workgroup_size(64)
fn backward(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = value_index(id, groups);
    if i >= u.len {
        return;
    }
    var g = output[i];
    if has(8u) {
        residual[i] = select(0.0, residual[i], has(64u)) + g;
    }
    if has(4u) {
        g *= mask(i);
    }
    if has(2u) {
        g *= gelu_slope(kept[i]);
    }
    output[i] = g;
}

// output = input, or output + input.
@compute @workgroup_size(64)
fn accumulate(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = value_index(id, groups);
    if i >= u.len {
        return;
    }
    output[i] = select(0.0, output[i], has(64u)) + input[i];
}
