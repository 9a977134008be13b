// A convolution as a matrix product whose left rows are gathered from an NHWC input.
//
// A row is a position (item, y, x) of a grid; an inner index is (tap, channel). The tap (ty, tx) of a row reads the input
// at y * in_mul + in_base_y + ty * in_step, likewise in x, zero outside, and meets the weights of the kernel's place
// (tap_base_y + ty * tap_step, tap_base_x + tx * tap_step). The row's result belongs to the output at
// y * out_mul + out_base_y. A forward pass takes each output position once; the input's gradient takes one such product
// for each class of positions modulo the stride.

struct Gather {
    rows: u32,
    row_h: u32,
    row_w: u32,
    in_h: u32,
    in_w: u32,
    in_c: u32,
    in_mul: i32,
    in_base_y: i32,
    in_base_x: i32,
    in_step: i32,
    taps_y: u32,
    taps_x: u32,
    tap_base_y: u32,
    tap_base_x: u32,
    tap_step: u32,
    kernel: u32,
    out_h: u32,
    out_w: u32,
    out_mul: u32,
    out_base_y: u32,
    out_base_x: u32,
    columns: u32,
    // Channels of the weights' input, and values from one of their rows to the next.
    weight_c: u32,
    weight_stride: u32,
    // Bits: 1 bias, 2 residual, 4 rectifier, 8 add to what is there.
    finish: u32,
    // Rows of the left matrix that one slice of a weight gradient sums over.
    slice_rows: u32,
}

@group(0) @binding(0) var<uniform> u: Gather;

// A row's item, and the input position its tap (0, 0) reads.
fn place_of(row: u32) -> vec3<i32> {
    let x = row % u.row_w;
    let rest = row / u.row_w;
    let y = rest % u.row_h;
    return vec3<i32>(
        i32(rest / u.row_h),
        i32(y) * u.in_mul + u.in_base_y,
        i32(x) * u.in_mul + u.in_base_x,
    );
}

// First value of the input that a tap of a row reads, or -1 outside.
fn input_at(place: vec3<i32>, ty: u32, tx: u32) -> i32 {
    let y = place.y + i32(ty) * u.in_step;
    let x = place.z + i32(tx) * u.in_step;
    let inside = y >= 0 && x >= 0 && y < i32(u.in_h) && x < i32(u.in_w);
    let at = ((place.x * i32(u.in_h) + y) * i32(u.in_w) + x) * i32(u.in_c);
    return select(-1, at, inside);
}

// First row of the weights that a tap meets.
fn weight_row(ty: u32, tx: u32) -> u32 {
    let ky = u.tap_base_y + ty * u.tap_step;
    let kx = u.tap_base_x + tx * u.tap_step;
    return (ky * u.kernel + kx) * u.weight_c;
}

// First value of the output row.
fn output_at(row: u32) -> u32 {
    let x = row % u.row_w;
    let rest = row / u.row_w;
    let y = rest % u.row_h;
    let oy = y * u.out_mul + u.out_base_y;
    let ox = x * u.out_mul + u.out_base_x;
    return ((rest / u.row_h * u.out_h + oy) * u.out_w + ox) * u.columns;
}
