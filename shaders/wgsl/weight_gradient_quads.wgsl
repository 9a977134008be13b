// `weight_gradient.wgsl` where 4 divides the channels of input and output: both are read four values at a time.

#include "common/gather.wgsl"

@group(0) @binding(1) var<storage, read_write> input: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> d_output: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> partial: array<vec4<f32>>;

const TILE: u32 = 64u;
const INNER: u32 = 16u;

var<workgroup> left: array<vec4<f32>, 256>;
var<workgroup> right: array<vec4<f32>, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) id: u32) {
    let inner = u.taps_y * u.taps_x * u.in_c;
    let first_inner = group.y * TILE;
    let first_row = group.z * u.slice_rows;
    let end_row = min(first_row + u.slice_rows, u.rows);
    let x = id % 16u;
    let y = id / 16u;
    // Of both tiles this invocation loads columns 4 x and on of row y.
    let k = first_inner + 4u * x;
    let tap = k / u.in_c;
    let ty = tap / u.taps_x;
    let tx = tap % u.taps_x;
    let channel = k % u.in_c;
    let column = group.x * TILE + 4u * x;
    var sums: array<vec4<f32>, 4>;
    for (var start = first_row; start < end_row; start += INNER) {
        let row = start + y;
        var a = vec4<f32>();
        var b = vec4<f32>();
        if row < end_row {
            if k < inner {
                let at = input_at(place_of(row), ty, tx);
                if at >= 0 {
                    a = input[(u32(at) + channel) / 4u];
                }
            }
            if column < u.columns {
                b = d_output[(row * u.columns + column) / 4u];
            }
        }
        left[id] = a;
        right[id] = b;
        workgroupBarrier();
        for (var line = 0u; line < INNER; line++) {
            let a = left[line * 16u + y];
            let b = right[line * 16u + x];
            sums[0] = fma(vec4<f32>(a.x), b, sums[0]);
            sums[1] = fma(vec4<f32>(a.y), b, sums[1]);
            sums[2] = fma(vec4<f32>(a.z), b, sums[2]);
            sums[3] = fma(vec4<f32>(a.w), b, sums[3]);
        }
        workgroupBarrier();
    }
    if column >= u.columns {
        return;
    }
    for (var i = 0u; i < 4u; i++) {
        let row = first_inner + y * 4u + i;
        if row < inner {
            partial[((group.z * inner + row) * u.weight_stride + column) / 4u] = sums[i];
        }
    }
}
