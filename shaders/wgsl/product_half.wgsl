// The forward pass of `product_quads.wgsl` for inference in 16-bit floats: weights are kept as such, tiles lie in workgroup
// memory as such and are multiplied as such. The products of a tile's inner indices are added in 16 bits, tiles in 32.

enable f16;

#include "common/gather.wgsl"
#include "common/finish.wgsl"

@group(0) @binding(1) var<storage, read> weights: array<vec4<f16>>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> input: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> residual: array<f32>;
@group(0) @binding(5) var<storage, read_write> output: array<f32>;

const TILE: u32 = 64u;
const INNER: u32 = 16u;
// Larger values become this one rather than infinite.
const MOST: f32 = 65504.0;

// Four rows, or columns, of one inner index each.
var<workgroup> left: array<vec4<f16>, 256>;
var<workgroup> right: array<vec4<f16>, 256>;

// A value that is not a number stays one.
fn halved(value: vec4<f32>) -> vec4<f16> {
    return vec4<f16>(select(value, sign(value) * MOST, abs(value) > vec4<f32>(MOST)));
}

@compute @workgroup_size(256)
fn forward_in_half(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) id: u32,
) {
    let first_row = (group.y + group.z * groups.y) * TILE;
    let first_column = group.x * TILE;
    if first_row >= u.rows {
        return;
    }
    let inner = u.taps_y * u.taps_x * u.in_c;
    let x = id % 16u;
    let y = id / 16u;
    // This invocation loads four inner indices of row `line`, and four weights of inner index `y`.
    let line = id / 4u;
    let quad = 4u * (id % 4u);
    let column = first_column + 4u * x;
    let place = place_of(min(first_row + line, u.rows - 1u));
    var sums: array<vec4<f32>, 4>;
    for (var start = 0u; start < inner; start += INNER) {
        // Four inner indices belong to one tap.
        let k = start + quad;
        let tap = k / u.in_c;
        var value = vec4<f16>();
        if k < inner {
            let at = input_at(place, tap / u.taps_x, tap % u.taps_x);
            if at >= 0 {
                value = halved(input[(u32(at) + k % u.in_c) / 4u]);
            }
        }
#for i in 0..4
        left[(quad + $(i)u) * 16u + line / 4u][line % 4u] = value[$(i)];
#end
        var weight = vec4<f16>();
        let w = start + y;
        if w < inner && column < u.weight_stride {
            let w_tap = w / u.in_c;
            let row = weight_row(w_tap / u.taps_x, w_tap % u.taps_x) + w % u.in_c;
            weight = weights[(row * u.weight_stride + column) / 4u];
        }
        right[id] = weight;
        workgroupBarrier();
        var part: array<vec4<f16>, 4>;
        for (var i = 0u; i < INNER; i++) {
            let a = left[i * 16u + y];
            let b = right[i * 16u + x];
#for r in 0..4
            part[$(r)] = fma(vec4<f16>(a[$(r)]), b, part[$(r)]);
#end
        }
#for r in 0..4
        sums[$(r)] += vec4<f32>(part[$(r)]);
#end
        workgroupBarrier();
    }
    for (var i = 0u; i < 4u; i++) {
        finish_row(first_row + y * 4u + i, column, sums[i]);
    }
}
