// `product.wgsl` for adapters that are processors, where a workgroup is one register of eight lanes: no workgroup memory
// and no barriers; each value is loaded once by some lane and broadcast to the others. A workgroup makes 32 rows of 32
// columns, four neighbouring ones a lane.
//
// `forward` and `input_gradient` want a number of channels that 8 divides and take eight inner indices at a time;
// `forward_any` and `input_gradient_any` take any, one lane an inner index, 16 rows.

#include "common/gather.wgsl"
#include "common/finish.wgsl"
#include "common/pairs.wgsl"

@group(0) @binding(1) var<storage, read> weights: array<u64>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> input: array<u64>;
@group(0) @binding(4) var<storage, read_write> residual: array<f32>;
@group(0) @binding(5) var<storage, read_write> output: array<f32>;

// Values c and c + 1 of the channels at a place of the input; zeros outside.
fn input_pair(at: i32, c: u32) -> vec2<f32> {
    let value = two(input[(u32(max(at, 0)) + c) / 2u]);
    return select(vec2<f32>(), value, at >= 0);
}

fn one_weight(at: u32) -> f32 {
    return two(weights[at / 2u])[at % 2u];
}

// Four neighbouring columns of a row of the weights; the stride is a multiple of four.
fn row_of_weights(row: u32, column: u32) -> vec4<f32> {
    let at = (row * u.weight_stride + min(column, u.weight_stride - 4u)) / 2u;
    return vec4<f32>(two(weights[at]), two(weights[at + 1u]));
}

// `finish_row` with a loop whose end is not known when it is compiled, and which therefore stays one: with all values of 32
// rows written out, the compiler works three times as long, for nothing.
fn finish_row_by_loop(row: u32, column: u32, sum: vec4<f32>) {
    if row >= u.rows {
        return;
    }
    let at = output_at(row);
    let end = min(column + 4u, u.columns);
    var left = sum;
    for (var c = column; c < end; c++) {
        finish_value(at, c, left.x);
        left = left.yzww;
    }
}

fn product(transposed: bool, group: vec3<u32>, groups: vec3<u32>, id: u32) {
    let first_row = (group.y + group.z * groups.y) * 32u;
    if first_row >= u.rows {
        return;
    }
    let column = group.x * 32u + 4u * id;
#for r in 0..32 step 2
    let place$(r) = place_of(min(first_row + $(r)u + id / 4u, u.rows - 1u));
#end
#for r in 0..32
    var sum$(r) = vec4<f32>();
#end
    for (var ty = 0u; ty < u.taps_y; ty++) {
        for (var tx = 0u; tx < u.taps_x; tx++) {
#for r in 0..32 step 2
            let at$(r) = input_at(place$(r), ty, tx);
#end
            let base = weight_row(ty, tx);
            for (var c = 0u; c < u.in_c; c += 8u) {
#for r in 0..32 step 2
                let x$(r) = input_pair(at$(r), c + 2u * (id % 4u));
#end
#for i in 0..8
                var w$(i): vec4<f32>;
#end
                if transposed {
#for j in 0..4
                    let line$(j) = ((base + min(column + $(j)u, u.columns - 1u)) * u.weight_stride + c) / 2u;
#end
#for i in 0..8 step 2
#for j in 0..4
                    let t$(i)_$(j) = two(weights[line$(j) + $(i / 2)u]);
                    w$(i)[$(j)] = t$(i)_$(j).x;
                    w$(i + 1)[$(j)] = t$(i)_$(j).y;
#end
#end
                } else {
#for i in 0..8
                    w$(i) = row_of_weights(base + c + $(i)u, column);
#end
                }
#for r in 0..32
#for i in 0..8
                sum$(r) = fma(vec4<f32>(subgroupBroadcast(x$(r / 2 * 2)[$(i % 2)], $(r % 2 * 4 + i / 2)u)), w$(i), sum$(r));
#end
#end
            }
        }
    }
#for r in 0..32
    finish_row_by_loop(first_row + $(r)u, column, sum$(r));
#end
}

fn product_any(transposed: bool, group: vec3<u32>, groups: vec3<u32>, id: u32) {
    let first_row = (group.y + group.z * groups.y) * 16u;
    if first_row >= u.rows {
        return;
    }
    let column = group.x * 32u + 4u * id;
    let inner = u.taps_y * u.taps_x * u.in_c;
#for r in 0..16
    let place$(r) = place_of(min(first_row + $(r)u, u.rows - 1u));
    var sum$(r) = vec4<f32>();
#end
    for (var start = 0u; start < inner; start += 8u) {
        let k = min(start + id, inner - 1u);
        let tap = k / u.in_c;
        let c = k % u.in_c;
        let ty = tap / u.taps_x;
        let tx = tap % u.taps_x;
        // Past the end every input is zero, so it does not matter which weights it meets.
        let there = start + id < inner;
        let line = weight_row(ty, tx) + select(c, 0u, transposed);
#for r in 0..16
        let at$(r) = input_at(place$(r), ty, tx);
        let first_of$(r) = u32(max(at$(r), 0)) + c;
        let x$(r) = select(0.0, two(input[first_of$(r) / 2u])[first_of$(r) % 2u], there && at$(r) >= 0);
#end
#for i in 0..8
        let line$(i) = subgroupBroadcast(line, $(i)u);
        let c$(i) = subgroupBroadcast(c, $(i)u);
        var w$(i): vec4<f32>;
        if transposed {
#for j in 0..4
            w$(i)[$(j)] = one_weight((line$(i) + min(column + $(j)u, u.columns - 1u)) * u.weight_stride + c$(i));
#end
        } else {
            w$(i) = row_of_weights(line$(i), column);
        }
#for r in 0..16
        sum$(r) = fma(vec4<f32>(subgroupBroadcast(x$(r), $(i)u)), w$(i), sum$(r));
#end
#end
    }
#for r in 0..16
    finish_row_by_loop(first_row + $(r)u, column, sum$(r));
#end
}

@compute @workgroup_size(8)
fn forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) id: u32,
) {
    product(false, group, groups, id);
}

@compute @workgroup_size(8)
fn input_gradient(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) id: u32,
) {
    product(true, group, groups, id);
}

@compute @workgroup_size(8)
fn forward_any(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) id: u32,
) {
    product_any(false, group, groups, id);
}

@compute @workgroup_size(8)
fn input_gradient_any(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) id: u32,
) {
    product_any(true, group, groups, id);
}
