// Batch normalisation in training, fused with the residual's sum and the rectifier.
//
// moments (a block of rows at a time) -> statistics (whole batch, running statistics) -> normalise.

#include "common/index.wgsl"

struct BatchNorm {
    rows: u32,
    columns: u32,
    block_rows: u32,
    blocks: u32,
    epsilon: f32,
    momentum: f32,
    // Bits: 1 move the running statistics, 2 residual, 4 rectifier.
    finish: u32,
}

@group(0) @binding(0) var<uniform> u: BatchNorm;
@group(0) @binding(1) var<storage, read> scale: array<f32>;
@group(0) @binding(2) var<storage, read> shift: array<f32>;
// Means, then variances.
@group(0) @binding(3) var<storage, read_write> running: array<f32>;
@group(0) @binding(4) var<storage, read_write> input: array<f32>;
@group(0) @binding(5) var<storage, read_write> residual: array<f32>;
@group(0) @binding(6) var<storage, read_write> output: array<f32>;
// Blocks of moments: mean and sum of squared differences of each column.
@group(0) @binding(7) var<storage, read_write> partial: array<f32>;
// Four rows: mean, 1 / deviation, factor and addend of each column.
@group(0) @binding(8) var<storage, read_write> statistics: array<f32>;

@compute @workgroup_size(64)
fn moments(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) id: u32) {
    let c = group.x * 64u + id;
    if c >= u.columns {
        return;
    }
    let first = group.y * u.block_rows;
    let end = min(first + u.block_rows, u.rows);
    // Differences from the first value, so that a mean far from zero costs no precision.
    let origin = input[first * u.columns + c];
    var sum = 0.0;
    var squares = 0.0;
    for (var row = first; row < end; row++) {
        let d = input[row * u.columns + c] - origin;
        sum += d;
        squares = fma(d, d, squares);
    }
    let count = f32(end - first);
    partial[group.y * 2u * u.columns + c] = origin + sum / count;
    partial[(group.y * 2u + 1u) * u.columns + c] = max(squares - sum * sum / count, 0.0);
}

fn is_finite(value: f32) -> bool {
    return (bitcast<u32>(value) & 0x7f800000u) != 0x7f800000u;
}

var<workgroup> broken: atomic<u32>;

@compute @workgroup_size(256)
fn make_statistics(@builtin(local_invocation_index) id: u32) {
    if id == 0u {
        atomicStore(&broken, 0u);
    }
    workgroupBarrier();
    let rows = f32(u.rows);
    for (var c = id; c < u.columns; c += 256u) {
        // Chan's combination of the blocks' moments.
        var count = 0.0;
        var mean = 0.0;
        var squares = 0.0;
        for (var block = 0u; block < u.blocks; block++) {
            let more = f32(min((block + 1u) * u.block_rows, u.rows) - block * u.block_rows);
            let delta = partial[block * 2u * u.columns + c] - mean;
            let total = count + more;
            squares += partial[(block * 2u + 1u) * u.columns + c] + delta * delta * (count * more / total);
            mean += delta * (more / total);
            count = total;
        }
        let variance = squares / rows;
        let inverse = 1.0 / sqrt(variance + u.epsilon);
        let factor = scale[c] * inverse;
        statistics[c] = mean;
        statistics[u.columns + c] = inverse;
        statistics[2u * u.columns + c] = factor;
        statistics[3u * u.columns + c] = shift[c] - mean * factor;
        if !is_finite(mean) || !is_finite(variance) {
            atomicOr(&broken, 1u);
        }
        // The variance waits where the first block's moments were.
        partial[c] = variance;
    }
    workgroupBarrier();
    // A batch with a non-finite value moves nothing: its step is skipped, and the running statistics would never recover.
    if (u.finish & 1u) == 0u || atomicLoad(&broken) != 0u {
        return;
    }
    let unbias = rows / (max(rows, 2.0) - 1.0);
    for (var c = id; c < u.columns; c += 256u) {
        let mean = running[c];
        running[c] = mean + u.momentum * (statistics[c] - mean);
        let variance = running[u.columns + c];
        running[u.columns + c] = variance + u.momentum * (partial[c] * unbias - variance);
    }
}

// Writes a normalised value after residual and rectifier.
fn finish(i: u32, normalised: f32) {
    var z = normalised;
    if (u.finish & 2u) != 0u {
        z += residual[i];
    }
    if (u.finish & 4u) != 0u {
        z = select(z, 0.0, z < 0.0);
    }
    output[i] = z;
}

@compute @workgroup_size(64)
fn normalise(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = value_index(id, groups);
    if i >= u.rows * u.columns {
        return;
    }
    let c = i % u.columns;
    finish(i, fma(input[i], statistics[2u * u.columns + c], statistics[3u * u.columns + c]));
}

// The same for adapters that are processors, where every load costs alike: a column's are made once for a block of rows.
@compute @workgroup_size(64)
fn normalise_columns(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) id: u32) {
    let c = group.x * 64u + id;
    if c >= u.columns {
        return;
    }
    let factor = statistics[2u * u.columns + c];
    let addend = statistics[3u * u.columns + c];
    let end = min((group.y + 1u) * u.block_rows, u.rows);
    for (var row = group.y * u.block_rows; row < end; row++) {
        let i = row * u.columns + c;
        finish(i, fma(input[i], factor, addend));
    }
}
