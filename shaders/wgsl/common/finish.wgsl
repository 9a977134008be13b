// How a product ends: four neighbouring columns of a row get bias, residual and rectifier and are written.

// One value, whose row starts at `at`.
fn finish_value(at: u32, column: u32, sum: f32) {
    var value = sum;
    if (u.finish & 1u) != 0u {
        value += bias[column];
    }
    if (u.finish & 2u) != 0u {
        value += residual[at + column];
    }
    if (u.finish & 8u) != 0u {
        value += output[at + column];
    }
    if (u.finish & 4u) != 0u {
        // Not max(): a NaN must stay one.
        value = select(value, 0.0, value < 0.0);
    }
    output[at + column] = value;
}

fn finish_row(row: u32, column: u32, sum: vec4<f32>) {
    if row >= u.rows {
        return;
    }
    let at = output_at(row);
    for (var i = 0u; i < 4u; i++) {
        if column + i >= u.columns {
            return;
        }
        finish_value(at, column + i, sum[i]);
    }
}
