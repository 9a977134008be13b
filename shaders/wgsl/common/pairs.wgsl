// Memory read two values at a time: software drivers pay for each load of each lane, whatever its width.

fn two(pair: u64) -> vec2<f32> {
    return vec2<f32>(bitcast<f32>(u32(pair)), bitcast<f32>(u32(pair >> 32u)));
}
