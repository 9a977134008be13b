// out = finish(gathered rows x weights): convolutions, linear layers, and the gradient of their input.
//
// `forward` reads weights as rows of (tap, channel) by columns; `input_gradient` reads the same weights transposed. A
// workgroup makes a 64 x 64 tile, each of its 16 x 16 invocations 4 x 4 of it, over inner slices of 16.

#include "common/gather.wgsl"
#include "common/finish.wgsl"

@group(0) @binding(1) var<storage, read> weights: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> input: array<f32>;
@group(0) @binding(4) var<storage, read_write> residual: array<f32>;
@group(0) @binding(5) var<storage, read_write> output: array<f32>;

const TILE: u32 = 64u;
const INNER: u32 = 16u;

var<workgroup> left: array<vec4<f32>, 256>;
var<workgroup> right: array<vec4<f32>, 256>;

fn product(transposed: bool, group: vec3<u32>, groups: vec3<u32>, id: u32) {
    let first_row = (group.y + group.z * groups.y) * TILE;
    let first_column = group.x * TILE;
    if first_row >= u.rows {
        return;
    }
    let inner = u.taps_y * u.taps_x * u.in_c;
    // Of the left tile this invocation loads column id % 16 of rows id / 16 + 16 i.
    var places: array<vec3<i32>, 4>;
    for (var i = 0u; i < 4u; i++) {
        places[i] = place_of(min(first_row + id / 16u + 16u * i, u.rows - 1u));
    }
    let x = id % 16u;
    let y = id / 16u;
    var sums: array<vec4<f32>, 4>;
    for (var start = 0u; start < inner; start += INNER) {
        let k = start + x;
        let channel = k % u.in_c;
        let tap = k / u.in_c;
        for (var i = 0u; i < 4u; i++) {
            var value = 0.0;
            if k < inner {
                let at = input_at(places[i], tap / u.taps_x, tap % u.taps_x);
                if at >= 0 {
                    value = input[u32(at) + channel];
                }
            }
            let row = y + 16u * i;
            left[x * 16u + row / 4u][row % 4u] = value;
        }
        for (var i = 0u; i < 4u; i++) {
            // Neighbouring invocations read neighbouring weights in either orientation.
            let row = select(id / 64u + 4u * i, x, transposed);
            let column = select(id % 64u, y + 16u * i, transposed);
            let k = start + row;
            let n = first_column + column;
            var value = 0.0;
            if k < inner && n < u.columns {
                let tap = k / u.in_c;
                let base = weight_row(tap / u.taps_x, tap % u.taps_x);
                let c = k % u.in_c;
                value = weights[select((base + c) * u.weight_stride + n, (base + n) * u.weight_stride + c, transposed)];
            }
            right[row * 16u + column / 4u][column % 4u] = value;
        }
        workgroupBarrier();
        for (var k = 0u; k < INNER; k++) {
            let a = left[k * 16u + y];
            let b = right[k * 16u + x];
            sums[0] = fma(vec4<f32>(a.x), b, sums[0]);
            sums[1] = fma(vec4<f32>(a.y), b, sums[1]);
            sums[2] = fma(vec4<f32>(a.z), b, sums[2]);
            sums[3] = fma(vec4<f32>(a.w), b, sums[3]);
        }
        workgroupBarrier();
    }
    for (var i = 0u; i < 4u; i++) {
        finish_row(first_row + y * 4u + i, first_column + x * 4u, sums[i]);
    }
}

@compute @workgroup_size(256)
fn forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) id: u32,
) {
    product(false, group, groups, id);
}

@compute @workgroup_size(256)
fn input_gradient(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) id: u32,
) {
    product(true, group, groups, id);
}
