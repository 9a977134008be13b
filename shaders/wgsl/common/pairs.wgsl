// Memory read and written two values at a time: software drivers pay for each access of each lane, whatever its width.

fn two(pair: u64) -> vec2<f32> {
    return vec2<f32>(bitcast<f32>(u32(pair)), bitcast<f32>(u32(pair >> 32u)));
}

fn pair(x: f32, y: f32) -> u64 {
    return u64(bitcast<u32>(x)) | (u64(bitcast<u32>(y)) << 32u);
}
