// `product.wgsl` for inputs whose number of channels 4 divides: input and weights are read four values at a time, and where
// a value lies is worked out once for four.

#include "common/gather.wgsl"
#include "common/finish.wgsl"

@group(0) @binding(1) var<storage, read> weights: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> input: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> residual: array<f32>;
@group(0) @binding(5) var<storage, read_write> output: array<f32>;

const TILE: u32 = 64u;
const INNER: u32 = 16u;

// Four rows, or columns, of one inner index each.
var<workgroup> left: array<vec4<f32>, 256>;
var<workgroup> right: array<vec4<f32>, 256>;

// Four weights of columns from n on at inner index k.
fn weights_of_row(k: u32, n: u32) -> vec4<f32> {
    let tap = k / u.in_c;
    let row = weight_row(tap / u.taps_x, tap % u.taps_x) + k % u.in_c;
    return weights[(row * u.weight_stride + n) / 4u];
}

fn product(transposed: bool, group: vec3<u32>, groups: vec3<u32>, id: u32) {
    let first_row = (group.y + group.z * groups.y) * TILE;
    let first_column = group.x * TILE;
    if first_row >= u.rows {
        return;
    }
    let inner = u.taps_y * u.taps_x * u.in_c;
    let x = id % 16u;
    let y = id / 16u;
    // This invocation loads four inner indices of row `line`, and, where the weights are read transposed, of that column.
    let line = id / 4u;
    let quad = 4u * (id % 4u);
    let place = place_of(min(first_row + line, u.rows - 1u));
    var sums: array<vec4<f32>, 4>;
    for (var start = 0u; start < inner; start += INNER) {
        // Four inner indices belong to one tap.
        let k = start + quad;
        let tap = k / u.in_c;
        let ty = tap / u.taps_x;
        let tx = tap % u.taps_x;
        let c = k % u.in_c;
        var value = vec4<f32>();
        if k < inner {
            let at = input_at(place, ty, tx);
            if at >= 0 {
                value = input[(u32(at) + c) / 4u];
            }
        }
#for i in 0..4
        left[(quad + $(i)u) * 16u + line / 4u][line % 4u] = value[$(i)];
#end
        var weight = vec4<f32>();
        if transposed {
            let n = first_column + line;
            if k < inner && n < u.columns {
                weight = weights[((weight_row(ty, tx) + n) * u.weight_stride + c) / 4u];
            }
#for i in 0..4
            right[(quad + $(i)u) * 16u + line / 4u][line % 4u] = weight[$(i)];
#end
        } else {
            let n = first_column + 4u * x;
            if start + y < inner && n < u.weight_stride {
                weight = weights_of_row(start + y, n);
            }
            right[id] = weight;
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
