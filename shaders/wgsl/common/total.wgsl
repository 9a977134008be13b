// A sum over a workgroup of 64 in the order of a tree.

var<workgroup> lanes: array<vec2<f32>, 64>;

// The sum of each invocation's pair, the same for every invocation.
fn total(id: u32, value: vec2<f32>) -> vec2<f32> {
    workgroupBarrier();
    lanes[id] = value;
    workgroupBarrier();
    for (var half = 32u; half > 0u; half /= 2u) {
        if id < half {
            lanes[id] += lanes[id + half];
        }
        workgroupBarrier();
    }
    return lanes[0];
}
