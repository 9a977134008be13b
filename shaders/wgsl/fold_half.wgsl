// `fold.wgsl` for inference in 16-bit floats: two neighbouring weights an invocation, of rows of an even length.

enable f16;

#include "common/fold.wgsl"

@group(0) @binding(6) var<storage, read_write> folded: array<vec2<f16>>;

// The largest 16-bit float: larger weights become this one rather than infinite. What is not a number stays so.
const MOST: f32 = 65504.0;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = value_index(id, groups);
    if 2u * i < u.rows * u.stride {
        let pair = vec2<f32>(fold(2u * i), fold(2u * i + 1u));
        folded[i] = vec2<f16>(select(pair, sign(pair) * MOST, abs(pair) > vec2<f32>(MOST)));
    }
}
