// Which values a dropout drops: the engine's `backend::dropout`, bit for bit.

fn mix_bits(value: u32) -> u32 {
    var x = value;
    x ^= x >> 16u;
    x *= 0x7feb352du;
    x ^= x >> 15u;
    x *= 0x846ca68bu;
    return x ^ (x >> 16u);
}

// 32 random bits for an element of the stream (first, second).
fn random_bits(first: u32, second: u32, element: u32) -> u32 {
    return mix_bits(mix_bits(element + first) ^ second);
}
