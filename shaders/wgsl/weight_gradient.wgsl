// Gradient of a convolution's or linear layer's weights: gathered rows transposed x the output's gradient.
//
// A workgroup makes a 64 x 64 tile of (tap, channel) by output channel over one slice of the rows and writes it to
// the slice's part of `partial`; `reduce.wgsl` then adds the slices in order.

#include "common/gather.wgsl"

@group(0) @binding(1) var<storage, read_write> input: array<f32>;
@group(0) @binding(2) var<storage, read_write> d_output: array<f32>;
@group(0) @binding(3) var<storage, read_write> partial: array<f32>;

const TILE: u32 = 64u;
const INNER: u32 = 16u;

var<workgroup> left: array<vec4<f32>, 256>;
var<workgroup> right: array<vec4<f32>, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) id: u32) {
    let inner = u.taps_y * u.taps_x * u.in_c;
    let first_inner = group.y * TILE;
    let first_column = group.x * TILE;
    let first_row = group.z * u.slice_rows;
    let end_row = min(first_row + u.slice_rows, u.rows);
    let x = id % 16u;
    let y = id / 16u;
    // Of both tiles this invocation loads column id % 64 of rows id / 64 + 4 i.
    let column = id % 64u;
    let k = first_inner + column;
    let tap = k / u.in_c;
    let channel = k % u.in_c;
    let n = first_column + column;
    var sums: array<vec4<f32>, 4>;
    for (var start = first_row; start < end_row; start += INNER) {
        for (var i = 0u; i < 4u; i++) {
            let line = id / 64u + 4u * i;
            let row = start + line;
            var a = 0.0;
            var b = 0.0;
            if row < end_row {
                if k < inner {
                    let at = input_at(place_of(row), tap / u.taps_x, tap % u.taps_x);
                    if at >= 0 {
                        a = input[u32(at) + channel];
                    }
                }
                if n < u.columns {
                    b = d_output[row * u.columns + n];
                }
            }
            left[line * 16u + column / 4u][column % 4u] = a;
            right[line * 16u + column / 4u][column % 4u] = b;
        }
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
    let base = group.z * inner * u.weight_stride;
    for (var i = 0u; i < 4u; i++) {
        let row = first_inner + y * 4u + i;
        for (var j = 0u; j < 4u; j++) {
            let column = first_column + x * 4u + j;
            // Columns up to the stride are padding and get the zeros they must hold.
            if row < inner && column < u.weight_stride {
                partial[base + row * u.weight_stride + column] = sums[i][j];
            }
        }
    }
}
