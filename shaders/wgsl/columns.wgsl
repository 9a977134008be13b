// Sums of each column over blocks of rows: the gradient of a bias.

struct Columns {
    rows: u32,
    columns: u32,
    block_rows: u32,
}

@group(0) @binding(0) var<uniform> u: Columns;
@group(0) @binding(1) var<storage, read_write> input: array<f32>;
@group(0) @binding(2) var<storage, read_write> partial: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) id: u32) {
    let c = group.x * 64u + id;
    if c >= u.columns {
        return;
    }
    let end = min((group.y + 1u) * u.block_rows, u.rows);
    var sum = 0.0;
    for (var row = group.y * u.block_rows; row < end; row++) {
        sum += input[row * u.columns + c];
    }
    partial[group.y * u.columns + c] = sum;
}
