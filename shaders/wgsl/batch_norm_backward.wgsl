// Backward through rectifier, sum and batch normalisation; the gradient of the output becomes, in place, that of the
// convolution's result.
//
// sums (a block of rows at a time) -> terms (gradients of scale and shift) -> apply.

#include "common/index.wgsl"

struct BatchNormBackward {
    rows: u32,
    columns: u32,
    block_rows: u32,
    blocks: u32,
    // How the rectifier is passed: 0 there is none, 1 where the output is positive, 2 where the normalised value is.
    gate: u32,
    // Bits: 1 the residual has a gradient, 2 it is added to what is there, 4 there is no normalisation.
    finish: u32,
}

@group(0) @binding(0) var<uniform> u: BatchNormBackward;
@group(0) @binding(1) var<storage, read_write> input: array<f32>;
@group(0) @binding(2) var<storage, read_write> output: array<f32>;
@group(0) @binding(3) var<storage, read_write> gradient: array<f32>;
@group(0) @binding(4) var<storage, read_write> residual: array<f32>;
@group(0) @binding(5) var<storage, read_write> statistics: array<f32>;
// Blocks of sums of the gradient and of the gradient times the centred value; then slope and addend of each column.
@group(0) @binding(6) var<storage, read_write> partial: array<f32>;
@group(0) @binding(7) var<storage, read_write> d_scale: array<f32>;
@group(0) @binding(8) var<storage, read_write> d_shift: array<f32>;

// What elements of a column have in common.
struct Column {
    mean: f32,
    factor: f32,
    addend: f32,
    // Of the centred value in the gradient, and the addend there.
    slope: f32,
    rest: f32,
}

fn column_of(c: u32) -> Column {
    var column: Column;
    if (u.finish & 4u) == 0u {
        column.mean = statistics[c];
        column.factor = statistics[2u * u.columns + c];
        column.addend = statistics[3u * u.columns + c];
    }
    return column;
}

// The same once `terms` has run.
fn whole_column(c: u32) -> Column {
    var column = column_of(c);
    if (u.finish & 4u) == 0u {
        column.slope = partial[c];
        column.rest = partial[u.columns + c];
    }
    return column;
}

// The gradient that passes the rectifier at element i.
fn passed(i: u32, column: Column) -> f32 {
    let g = gradient[i];
    if u.gate == 1u {
        return select(0.0, g, output[i] > 0.0);
    }
    if u.gate == 2u {
        return select(0.0, g, fma(input[i], column.factor, column.addend) > 0.0);
    }
    return g;
}

@compute @workgroup_size(64)
fn sums(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) id: u32) {
    let c = group.x * 64u + id;
    if c >= u.columns {
        return;
    }
    let end = min((group.y + 1u) * u.block_rows, u.rows);
    let column = column_of(c);
    var plain = 0.0;
    var centred = 0.0;
    for (var row = group.y * u.block_rows; row < end; row++) {
        let i = row * u.columns + c;
        let g = passed(i, column);
        plain += g;
        centred = fma(g, input[i] - column.mean, centred);
    }
    partial[group.y * 2u * u.columns + c] = plain;
    partial[(group.y * 2u + 1u) * u.columns + c] = centred;
}

@compute @workgroup_size(64)
fn terms(@builtin(global_invocation_id) id: vec3<u32>) {
    let c = id.x;
    if c >= u.columns {
        return;
    }
    var plain = 0.0;
    var centred = 0.0;
    for (var block = 0u; block < u.blocks; block++) {
        plain += partial[block * 2u * u.columns + c];
        centred += partial[(block * 2u + 1u) * u.columns + c];
    }
    let inverse = statistics[u.columns + c];
    let factor = statistics[2u * u.columns + c];
    let rows = f32(u.rows);
    d_shift[c] = plain;
    d_scale[c] = centred * inverse;
    // Slope of the centred value, and addend. Each invocation has read its column of every block.
    partial[c] = -factor * inverse * inverse * centred / rows;
    partial[u.columns + c] = -factor * plain / rows;
}

fn apply_to(i: u32, column: Column) {
    let g = passed(i, column);
    if (u.finish & 1u) != 0u {
        residual[i] = select(0.0, residual[i], (u.finish & 2u) != 0u) + g;
    }
    if (u.finish & 4u) != 0u {
        gradient[i] = g;
        return;
    }
    gradient[i] = fma(g, column.factor, fma(input[i] - column.mean, column.slope, column.rest));
}

@compute @workgroup_size(64)
fn apply(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = value_index(id, groups);
    if i >= u.rows * u.columns {
        return;
    }
    apply_to(i, whole_column(i % u.columns));
}

// The same for adapters that are processors, where every load costs alike: a column's are made once for a block of rows.
@compute @workgroup_size(64)
fn apply_columns(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) id: u32) {
    let c = group.x * 64u + id;
    if c >= u.columns {
        return;
    }
    let column = whole_column(c);
    let end = min((group.y + 1u) * u.block_rows, u.rows);
    for (var row = group.y * u.block_rows; row < end; row++) {
        apply_to(row * u.columns + c, column);
    }
}
