// Running statistics folded into a convolution's weights and a bias.

#include "common/index.wgsl"

struct Fold {
    // Rows of the weights, their columns, and values from one row to the next.
    rows: u32,
    columns: u32,
    stride: u32,
    epsilon: f32,
}

@group(0) @binding(0) var<uniform> u: Fold;
@group(0) @binding(1) var<storage, read> scale: array<f32>;
@group(0) @binding(2) var<storage, read> shift: array<f32>;
// Means, then variances.
@group(0) @binding(3) var<storage, read> running: array<f32>;
@group(0) @binding(4) var<storage, read> weights: array<f32>;
@group(0) @binding(5) var<storage, read_write> bias: array<f32>;

// A folded weight; the first row's invocations write the bias too.
fn fold(i: u32) -> f32 {
    let c = i % u.stride;
    if c >= u.columns {
        return 0.0;
    }
    let factor = scale[c] / sqrt(running[u.columns + c] + u.epsilon);
    if i < u.stride {
        bias[c] = shift[c] - running[c] * factor;
    }
    return weights[i] * factor;
}
