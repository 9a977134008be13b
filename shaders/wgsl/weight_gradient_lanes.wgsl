// `weight_gradient.wgsl` for adapters that are processors; see `product_lanes.wgsl`. A workgroup makes 32 inner indices by
// 32 columns over one slice of the rows.
//
// `main` wants a number of channels that 32 divides and a number of columns that 4 divides; `any` takes any.

#include "common/gather.wgsl"
#include "common/pairs.wgsl"

@group(0) @binding(1) var<storage, read_write> input: array<u64>;
@group(0) @binding(2) var<storage, read_write> d_output: array<u64>;
@group(0) @binding(3) var<storage, read_write> partial: array<f32>;

// The place of the row after this one's.
fn next(place: vec3<i32>) -> vec3<i32> {
    var after = place;
    after.z += u.in_mul;
    if after.z >= i32(u.row_w) * u.in_mul + u.in_base_x {
        after.z = u.in_base_x;
        after.y += u.in_mul;
        if after.y >= i32(u.row_h) * u.in_mul + u.in_base_y {
            after.y = u.in_base_y;
            after.x += 1;
        }
    }
    return after;
}

fn write_row(group: vec3<u32>, k: u32, column: u32, sum: vec4<f32>) {
    let inner = u.taps_y * u.taps_x * u.in_c;
    // Columns up to the stride are padding and get the zeros they must hold.
    if k >= inner || column >= u.weight_stride {
        return;
    }
    let at = (group.z * inner + k) * u.weight_stride + column;
    // The stride is a multiple of four, which the compiler does not know: the loop stays one.
    let end = min(4u, u.weight_stride - column);
    var left = sum;
    for (var j = 0u; j < end; j++) {
        partial[at + j] = select(0.0, left.x, column + j < u.columns);
        left = left.yzww;
    }
}

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) id: u32) {
    let first = group.y * 32u;
    let column = group.x * 32u + 4u * id;
    let safe_column = min(column, u.columns - 4u);
    let first_row = group.z * u.slice_rows;
    let end_row = min(first_row + u.slice_rows, u.rows);
    let tap = first / u.in_c;
    let channel = first % u.in_c + 2u * id;
    let ty = tap / u.taps_x;
    let tx = tap % u.taps_x;
#for k in 0..32
    var sum$(k) = vec4<f32>();
#end
    var place = place_of(first_row);
    for (var row = first_row; row < end_row; row++) {
        let at = input_at(place, ty, tx);
        place = next(place);
        if at < 0 {
            continue;
        }
        let pair = (u32(at) + channel) / 2u;
        let x0 = two(input[pair]);
        let x1 = two(input[pair + 8u]);
        let d = (row * u.columns + safe_column) / 2u;
        let w = vec4<f32>(two(d_output[d]), two(d_output[d + 1u]));
#for k in 0..32
        sum$(k) = fma(vec4<f32>(subgroupBroadcast(x$(k / 16)[$(k % 2)], $(k % 16 / 2)u)), w, sum$(k));
#end
    }
#for k in 0..32
    write_row(group, first + $(k)u, column, sum$(k));
#end
}

@compute @workgroup_size(8)
fn any(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) id: u32) {
    let inner = u.taps_y * u.taps_x * u.in_c;
    let first = group.y * 32u;
    let column = group.x * 32u + 4u * id;
    let first_row = group.z * u.slice_rows;
    let end_row = min(first_row + u.slice_rows, u.rows);
#for j in 0..4
    let k$(j) = min(first + $(8 * j)u + id, inner - 1u);
    let tap$(j) = k$(j) / u.in_c;
    let ty$(j) = tap$(j) / u.taps_x;
    let tx$(j) = tap$(j) % u.taps_x;
    let c$(j) = k$(j) % u.in_c;
#end
#for k in 0..32
    var sum$(k) = vec4<f32>();
#end
    var place = place_of(first_row);
    for (var row = first_row; row < end_row; row++) {
#for j in 0..4
        let at$(j) = input_at(place, ty$(j), tx$(j));
        let first_of$(j) = u32(max(at$(j), 0)) + c$(j);
        let x$(j) = select(0.0, two(input[first_of$(j) / 2u])[first_of$(j) % 2u], at$(j) >= 0);
#end
        place = next(place);
        var w: vec4<f32>;
#for j in 0..4
        let d$(j) = row * u.columns + min(column + $(j)u, u.columns - 1u);
        w[$(j)] = two(d_output[d$(j) / 2u])[d$(j) % 2u];
#end
#for k in 0..32
        sum$(k) = fma(vec4<f32>(subgroupBroadcast(x$(k / 8), $(k % 8)u)), w, sum$(k));
#end
    }
#for k in 0..32
    write_row(group, first + $(k)u, column, sum$(k));
#end
}
