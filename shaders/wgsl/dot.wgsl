// Dot product of two gradients: each invocation sums its values with a running correction, a tree adds a workgroup's 256
// sums, and the host adds the workgroups' results in f64. The order never changes, so neither does the result.

struct Dot {
    len: u32,
    // Values of one workgroup, a multiple of 256.
    block: u32,
    // Place of the first result.
    first: u32,
}

@group(0) @binding(0) var<uniform> u: Dot;
@group(0) @binding(1) var<storage, read_write> a: array<f32>;
@group(0) @binding(2) var<storage, read_write> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> partial: array<f32>;

var<workgroup> lanes: array<f32, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) id: u32) {
    let end = min((group.x + 1u) * u.block, u.len);
    var sum = 0.0;
    var lost = 0.0;
    for (var i = group.x * u.block + id; i < end; i += 256u) {
        let term = fma(a[i], b[i], -lost);
        let next = sum + term;
        lost = (next - sum) - term;
        sum = next;
    }
    lanes[id] = sum;
    workgroupBarrier();
    for (var half = 128u; half > 0u; half /= 2u) {
        if id < half {
            lanes[id] += lanes[id + half];
        }
        workgroupBarrier();
    }
    if id == 0u {
        partial[u.first + group.x] = lanes[0];
    }
}
