// Attention among the positions of an item; a workgroup takes one query (or, for the gradients of keys and values, one
// key) of one head of one item.
//
// S = Q K^T, P = softmax(S / sqrt(d)) over the keys that take part, out = P V. Backward: dP = d_out V^T,
// dS = P (dP - rowsum(dP P)) / sqrt(d), dQ = dS K, dK = dS^T Q, dV = P^T d_out.

#include "common/index.wgsl"
#include "common/total.wgsl"

struct Attention {
    items: u32,
    positions: u32,
    heads: u32,
    depth: u32,
    // 1 / sqrt(depth)
    scale: f32,
    // Bits: 1 causal, 2 keys are masked by `presence`, 4 the gradient is added to what is there.
    flags: u32,
    // Channels of `presence`, whose last one says whether a position is there.
    presence_c: u32,
}

@group(0) @binding(0) var<uniform> u: Attention;
// Queries, keys and values side by side.
@group(0) @binding(1) var<storage, read_write> input: array<f32>;
@group(0) @binding(2) var<storage, read_write> presence: array<f32>;
// P: items x heads x positions x positions.
@group(0) @binding(3) var<storage, read_write> kept: array<f32>;
// The output, or its gradient.
@group(0) @binding(4) var<storage, read_write> output: array<f32>;
// dS, as P.
@group(0) @binding(5) var<storage, read_write> d_scores: array<f32>;
@group(0) @binding(6) var<storage, read_write> d_input: array<f32>;

const WIDTH: u32 = 64u;
const LOWEST: f32 = -3.0e38;
// The highest of each invocation's values, the same for every invocation.
fn highest(id: u32, value: f32) -> f32 {
    workgroupBarrier();
    lanes[id].x = value;
    workgroupBarrier();
    for (var half = 32u; half > 0u; half /= 2u) {
        if id < half && lanes[id + half].x > lanes[id].x {
            lanes[id].x = lanes[id + half].x;
        }
        workgroupBarrier();
    }
    return lanes[0].x;
}

struct Place {
    item: u32,
    head: u32,
    position: u32,
    // First weight of the query's row in P.
    row: u32,
}

fn place_of(index: u32) -> Place {
    let position = index % u.positions;
    let head = index / u.positions % u.heads;
    let item = index / u.positions / u.heads;
    return Place(item, head, position, index * u.positions);
}

// First channel of a position's queries (part 0), keys (1) or values (2).
fn part(place: Place, position: u32, which: u32) -> u32 {
    let width = u.heads * u.depth;
    return ((place.item * u.positions + position) * 3u + which) * width + place.head * u.depth;
}

fn out_at(place: Place, position: u32) -> u32 {
    return (place.item * u.positions + position) * u.heads * u.depth + place.head * u.depth;
}

fn takes_part(place: Place, key: u32) -> bool {
    if (u.flags & 1u) != 0u && key > place.position {
        return false;
    }
    if (u.flags & 2u) != 0u {
        return presence[(place.item * u.positions + key + 1u) * u.presence_c - 1u] > 0.5;
    }
    return true;
}

@compute @workgroup_size(64)
fn forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) id: u32,
) {
    let index = row_index(group, groups);
    if index >= u.items * u.heads * u.positions {
        return;
    }
    let place = place_of(index);
    let query = part(place, place.position, 0u);
    var top = LOWEST;
    for (var j = id; j < u.positions; j += WIDTH) {
        let key = part(place, j, 1u);
        var score = 0.0;
        for (var d = 0u; d < u.depth; d++) {
            score = fma(input[query + d], input[key + d], score);
        }
        kept[place.row + j] = score;
        if takes_part(place, j) && score > top {
            top = score;
        }
    }
    top = highest(id, top);
    var sum = 0.0;
    for (var j = id; j < u.positions; j += WIDTH) {
        var weight = 0.0;
        if takes_part(place, j) {
            weight = exp((kept[place.row + j] - top) * u.scale);
        }
        kept[place.row + j] = weight;
        sum += weight;
    }
    sum = total(id, vec2<f32>(sum, 0.0)).x;
    let factor = select(1.0 / sum, 0.0, sum == 0.0);
    for (var j = id; j < u.positions; j += WIDTH) {
        kept[place.row + j] *= factor;
    }
    storageBarrier();
    for (var d = id; d < u.depth; d += WIDTH) {
        var value = 0.0;
        for (var j = 0u; j < u.positions; j++) {
            value = fma(kept[place.row + j], input[part(place, j, 2u) + d], value);
        }
        output[out_at(place, place.position) + d] = value;
    }
}

fn give(at: u32, value: f32) {
    d_input[at] = select(0.0, d_input[at], (u.flags & 4u) != 0u) + value;
}

@compute @workgroup_size(64)
fn queries(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) id: u32,
) {
    let index = row_index(group, groups);
    if index >= u.items * u.heads * u.positions {
        return;
    }
    let place = place_of(index);
    let d_out = out_at(place, place.position);
    var sum = 0.0;
    for (var j = id; j < u.positions; j += WIDTH) {
        let value = part(place, j, 2u);
        var d_weight = 0.0;
        for (var d = 0u; d < u.depth; d++) {
            d_weight = fma(output[d_out + d], input[value + d], d_weight);
        }
        d_scores[place.row + j] = d_weight;
        sum = fma(d_weight, kept[place.row + j], sum);
    }
    sum = total(id, vec2<f32>(sum, 0.0)).x;
    for (var j = id; j < u.positions; j += WIDTH) {
        let at = place.row + j;
        d_scores[at] = kept[at] * (d_scores[at] - sum) * u.scale;
    }
    storageBarrier();
    for (var d = id; d < u.depth; d += WIDTH) {
        var value = 0.0;
        for (var j = 0u; j < u.positions; j++) {
            value = fma(d_scores[place.row + j], input[part(place, j, 1u) + d], value);
        }
        give(part(place, place.position, 0u) + d, value);
    }
}

@compute @workgroup_size(64)
fn keys(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) id: u32,
) {
    let index = row_index(group, groups);
    if index >= u.items * u.heads * u.positions {
        return;
    }
    let place = place_of(index);
    // First weight of this head's first query, in this key's column.
    let column = (place.item * u.heads + place.head) * u.positions * u.positions + place.position;
    for (var d = id; d < u.depth; d += WIDTH) {
        var key = 0.0;
        var value = 0.0;
        for (var i = 0u; i < u.positions; i++) {
            let at = column + i * u.positions;
            key = fma(d_scores[at], input[part(place, i, 0u) + d], key);
            value = fma(kept[at], output[out_at(place, i) + d], value);
        }
        give(part(place, place.position, 1u) + d, key);
        give(part(place, place.position, 2u) + d, value);
    }
}
