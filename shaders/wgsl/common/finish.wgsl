// How a product ends: four neighbouring columns of a row get bias, residual and rectifier and are written.

fn finish_row(row: u32, column: u32, sum: vec4<f32>) {
    if row >= u.rows {
        return;
    }
    let at = output_at(row);
    for (var i = 0u; i < 4u; i++) {
        let c = column + i;
        if c >= u.columns {
            return;
        }
        var value = sum[i];
        if (u.finish & 1u) != 0u {
            value += bias[c];
        }
        if (u.finish & 2u) != 0u {
            value += residual[at + c];
        }
        if (u.finish & 8u) != 0u {
            value += output[at + c];
        }
        if (u.finish & 4u) != 0u {
            // Not max(): a NaN must stay one.
            value = select(value, 0.0, value < 0.0);
        }
        output[at + c] = value;
    }
}
