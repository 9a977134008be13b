// Maximum pool and mean over positions, forward and backward.
//
// A window's first maximum in reading order wins a tie. The backward passes ask, for each input value, which windows it
// won, so no two invocations write one place.

#include "common/index.wgsl"

struct Pool {
    items: u32,
    in_h: u32,
    in_w: u32,
    out_h: u32,
    out_w: u32,
    channels: u32,
    kernel: u32,
    stride: u32,
    padding: u32,
    // 1: the gradient is added to what is there.
    add: u32,
}

@group(0) @binding(0) var<uniform> u: Pool;
@group(0) @binding(1) var<storage, read_write> input: array<f32>;
// The output, or its gradient.
@group(0) @binding(2) var<storage, read_write> output: array<f32>;
@group(0) @binding(3) var<storage, read_write> d_input: array<f32>;

fn is_nan(value: f32) -> bool {
    return (bitcast<u32>(value) & 0x7fffffffu) > 0x7f800000u;
}

// First and one past the last input place of a window, inside the input.
fn span(window: u32, size: u32) -> vec2<u32> {
    let start = i32(window * u.stride) - i32(u.padding);
    return vec2<u32>(u32(max(start, 0)), min(u32(max(start + i32(u.kernel), 0)), size));
}

@compute @workgroup_size(64)
fn max_pool(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = value_index(id, groups);
    if i >= u.items * u.out_h * u.out_w * u.channels {
        return;
    }
    let c = i % u.channels;
    let x = i / u.channels % u.out_w;
    let y = i / u.channels / u.out_w % u.out_h;
    let item = i / u.channels / u.out_w / u.out_h;
    let rows = span(y, u.in_h);
    let columns = span(x, u.in_w);
    var best = input[((item * u.in_h + rows.x) * u.in_w + columns.x) * u.channels + c];
    for (var iy = rows.x; iy < rows.y; iy++) {
        for (var ix = columns.x; ix < columns.y; ix++) {
            let value = input[((item * u.in_h + iy) * u.in_w + ix) * u.channels + c];
            if value > best || is_nan(value) {
                best = value;
            }
        }
    }
    output[i] = best;
}

// Input position that wins a window.
fn winner(item: u32, c: u32, y: u32, x: u32) -> u32 {
    let rows = span(y, u.in_h);
    let columns = span(x, u.in_w);
    var at = rows.x * u.in_w + columns.x;
    var best = input[(item * u.in_h * u.in_w + at) * u.channels + c];
    for (var iy = rows.x; iy < rows.y; iy++) {
        for (var ix = columns.x; ix < columns.y; ix++) {
            let value = input[((item * u.in_h + iy) * u.in_w + ix) * u.channels + c];
            if value > best {
                best = value;
                at = iy * u.in_w + ix;
            }
        }
    }
    return at;
}

@compute @workgroup_size(64)
fn max_pool_backward(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = value_index(id, groups);
    if i >= u.items * u.in_h * u.in_w * u.channels {
        return;
    }
    let c = i % u.channels;
    let x = i / u.channels % u.in_w;
    let y = i / u.channels / u.in_w % u.in_h;
    let item = i / u.channels / u.in_w / u.in_h;
    // Windows that hold the place: those that start at most kernel - 1 before it.
    let first_y = (max(y + u.padding + 1u, u.kernel) - u.kernel + u.stride - 1u) / u.stride;
    let first_x = (max(x + u.padding + 1u, u.kernel) - u.kernel + u.stride - 1u) / u.stride;
    let end_y = min((y + u.padding) / u.stride + 1u, u.out_h);
    let end_x = min((x + u.padding) / u.stride + 1u, u.out_w);
    var sum = select(0.0, d_input[i], u.add != 0u);
    for (var oy = first_y; oy < end_y; oy++) {
        for (var ox = first_x; ox < end_x; ox++) {
            if winner(item, c, oy, ox) == y * u.in_w + x {
                sum += output[((item * u.out_h + oy) * u.out_w + ox) * u.channels + c];
            }
        }
    }
    d_input[i] = sum;
}

@compute @workgroup_size(64)
fn mean(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = value_index(id, groups);
    if i >= u.items * u.channels {
        return;
    }
    let pixels = u.in_h * u.in_w;
    let first = i / u.channels * pixels * u.channels + i % u.channels;
    var sum = 0.0;
    for (var p = 0u; p < pixels; p++) {
        sum += input[first + p * u.channels];
    }
    output[i] = sum / f32(pixels);
}

@compute @workgroup_size(64)
fn mean_backward(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = value_index(id, groups);
    let pixels = u.in_h * u.in_w;
    if i >= u.items * pixels * u.channels {
        return;
    }
    let item = i / u.channels / pixels;
    let g = output[item * u.channels + i % u.channels] / f32(pixels);
    d_input[i] = select(0.0, d_input[i], u.add != 0u) + g;
}
