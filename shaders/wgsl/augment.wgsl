// Augmentation: a workgroup makes one view of one picture from its compiled program, from bytes to the network's input.
//
// What a program means is written at the engine's `media::augment::Program`; the order of every sum is the processor's,
// so that views are the same bit for bit. Between sampling and normalisation a pixel is one word of `work`, red in its
// lowest byte. An invocation works on pixels id, id + 256, ..., its own, so that only what looks at others' needs a barrier.

struct Augment {
    items: u32,
    size: u32,
    // Of the network's input.
    channels: u32,
    // 0, which compilers do not know; see `alone`.
    zero: u32,
}

// A picture and how it is seen.
struct View {
    // Place of the picture's first byte.
    picture: u32,
    width: u32,
    height: u32,
    channels: u32,
    // What it is reduced to, and for columns and rows how many source pixels make one and what part of it each is.
    reduced_width: u32,
    reduced_height: u32,
    step_x: f32,
    part_x: f32,
    step_y: f32,
    part_y: f32,
    // Coordinates in the reduced picture of output coordinates.
    xx: f32,
    xy: f32,
    x1: f32,
    yx: f32,
    yy: f32,
    y1: f32,
    // Outside: 0 the nearest pixel, 1 the mirrored picture, 2 the fill.
    border: u32,
    fill: f32,
    // Rows of the colour transform.
    rr: f32,
    rg: f32,
    rb: f32,
    r1: f32,
    gr: f32,
    gg: f32,
    gb: f32,
    g1: f32,
    br: f32,
    bg: f32,
    bb: f32,
    b1: f32,
    // Places in `work` of the view's pixels, and of the reduced picture and later of a copy to filter from.
    work: u32,
    spare: u32,
    first_operation: u32,
    operations: u32,
}

struct Operation {
    // 0 posterize, 1 solarize, 2 stretch (auto-contrast), 3 level (equalize), 4 sharpen, 5 erase, 6 blur, 7 noise
    kind: u32,
    // A pixel's bits to keep, the first value to invert, what is written into the box, passes of a blur, or the noise's
    // amplitude.
    value: u32,
    factor: f32,
    // Of noise, its seed.
    left: u32,
    top: u32,
    right: u32,
    bottom: u32,
}

@group(0) @binding(0) var<uniform> u: Augment;
@group(0) @binding(1) var<storage, read> views: array<View>;
@group(0) @binding(2) var<storage, read> operations: array<Operation>;
// Of each channel 256 normalised values, then 256 gains 255 / n: divisions are not the same on every device.
@group(0) @binding(3) var<storage, read> tables: array<f32>;
// Four bytes a word.
@group(0) @binding(4) var<storage, read> pictures: array<u32>;
@group(0) @binding(5) var<storage, read_write> work: array<u32>;
@group(0) @binding(6) var<storage, read_write> output: array<f32>;

const WIDTH: u32 = 256u;

var<workgroup> counts: array<atomic<u32>, 768>;
var<workgroup> replaced: array<u32, 768>;

// A product rounded by itself: without this, compilers may fuse it with the sum that it goes into.
fn alone(product: f32) -> f32 {
    return bitcast<f32>(bitcast<u32>(product) ^ u.zero);
}

fn alone3(product: vec3<f32>) -> vec3<f32> {
    return bitcast<vec3<f32>>(bitcast<vec3<u32>>(product) ^ vec3<u32>(u.zero));
}

// The nearest of 0..=255, halves up.
fn rounded(value: f32) -> u32 {
    return u32(clamp(value + 0.5, 0.0, 255.0));
}

fn packed(value: vec3<f32>) -> u32 {
    return rounded(value.x) | (rounded(value.y) << 8u) | (rounded(value.z) << 16u);
}

fn unpacked(word: u32) -> vec3<f32> {
    return vec3<f32>(f32(word & 255u), f32((word >> 8u) & 255u), f32((word >> 16u) & 255u));
}

fn byte(at: u32) -> f32 {
    return f32((pictures[at / 4u] >> (8u * (at % 4u))) & 255u);
}

// A pixel of the picture; the other channels of a grey one are 0.
fn pixel(v: View, x: u32, y: u32) -> vec3<f32> {
    let at = v.picture + (y * v.width + x) * v.channels;
    if v.channels == 1u {
        return vec3<f32>(byte(at), 0.0, 0.0);
    }
    return vec3<f32>(byte(at), byte(at + 1u), byte(at + 2u));
}

// First and one past the last of `length` source cells that a span covers.
fn covered(span: vec2<f32>, length: u32) -> vec2<u32> {
    return vec2<u32>(min(u32(span.x), length - 1u), min(u32(ceil(span.y)), length));
}

// How much of a source cell lies in a span.
fn share(span: vec2<f32>, cell: u32) -> f32 {
    return max(min(span.y, f32(cell) + 1.0) - max(span.x, f32(cell)), 0.0);
}

// Mean of the area that a pixel of the reduced picture covers.
fn reduced(v: View, x: u32, y: u32) -> u32 {
    let across = vec2<f32>(alone(f32(x) * v.step_x), alone((f32(x) + 1.0) * v.step_x));
    let down = vec2<f32>(alone(f32(y) * v.step_y), alone((f32(y) + 1.0) * v.step_y));
    let columns = covered(across, v.width);
    let rows = covered(down, v.height);
    var sum = vec3<f32>();
    for (var sx = columns.x; sx < columns.y; sx++) {
        var column = vec3<f32>();
        for (var sy = rows.x; sy < rows.y; sy++) {
            column += alone3(alone(share(down, sy) * v.part_y) * pixel(v, sx, sy));
        }
        sum += alone3(alone(share(across, sx) * v.part_x) * column);
    }
    return packed(sum);
}

fn mirrored(i: i32, length: i32) -> i32 {
    let period = 2 * length;
    let j = ((i % period) + period) % period;
    return select(period - 1 - j, j, j < length);
}

// A pixel of the picture that is sampled, inside or outside.
fn corner(v: View, reduces: bool, x: i32, y: i32) -> vec3<f32> {
    let width = i32(v.reduced_width);
    let height = i32(v.reduced_height);
    if v.border == 2u && (x < 0 || y < 0 || x >= width || y >= height) {
        return vec3<f32>(v.fill);
    }
    var cx = clamp(x, 0, width - 1);
    var cy = clamp(y, 0, height - 1);
    if v.border == 1u {
        cx = mirrored(x, width);
        cy = mirrored(y, height);
    }
    if reduces {
        return unpacked(work[v.spare + u32(cy * width + cx)]);
    }
    return pixel(v, u32(cx), u32(cy));
}

// The bilinear sample that an output pixel sees, through the colour transform.
fn sampled(v: View, reduces: bool, p: u32) -> u32 {
    let x = f32(p % u.size) + 0.5;
    let y = f32(p / u.size) + 0.5;
    let at = vec2<f32>(
        alone(v.xx * x) + ((alone(v.xy * y) + v.x1) - 0.5),
        alone(v.yx * x) + ((alone(v.yy * y) + v.y1) - 0.5),
    );
    let first = floor(at);
    let part = at - first;
    // So far outside every pixel is as far.
    let cell = vec2<i32>(clamp(first, vec2<f32>(-1e9), vec2<f32>(1e9)));
    let upper_left = corner(v, reduces, cell.x, cell.y);
    let upper_right = corner(v, reduces, cell.x + 1, cell.y);
    let lower_left = corner(v, reduces, cell.x, cell.y + 1);
    let lower_right = corner(v, reduces, cell.x + 1, cell.y + 1);
    let upper = upper_left + alone3(part.x * (upper_right - upper_left));
    let lower = lower_left + alone3(part.x * (lower_right - lower_left));
    let value = upper + alone3(part.y * (lower - upper));
    let r = alone3(vec3<f32>(v.rr, v.rg, v.rb) * value);
    let g = alone3(vec3<f32>(v.gr, v.gg, v.gb) * value);
    let b = alone3(vec3<f32>(v.br, v.bg, v.bb) * value);
    return packed(vec3<f32>(
        ((r.x + r.y) + r.z) + v.r1,
        ((g.x + g.y) + g.z) + v.g1,
        ((b.x + b.y) + b.z) + v.b1,
    ));
}

fn solarized(word: u32, threshold: u32) -> u32 {
    var result = 0u;
    for (var shift = 0u; shift < 24u; shift += 8u) {
        let value = (word >> shift) & 255u;
        result |= select(value, 255u - value, value >= threshold) << shift;
    }
    return result;
}

// What replaces value `id` of a channel, from the histogram.
fn table_value(c: u32, id: u32, levels: bool) -> u32 {
    var low = 256u;
    var high = 0u;
    var all = 0u;
    var below = 0u;
    var greatest = 0u;
    for (var v = 0u; v < 256u; v++) {
        let n = atomicLoad(&counts[c * 256u + v]);
        all += n;
        below += select(0u, n, v < id);
        low = select(low, min(low, v), n > 0u);
        high = select(high, v, n > 0u);
        greatest = select(greatest, n, n > 0u);
    }
    if levels {
        let step = (all - greatest) / 255u;
        if step == 0u {
            return id;
        }
        return min((below + step / 2u) / step, 255u);
    }
    if high <= low {
        return id;
    }
    return rounded(alone((f32(id) - f32(low)) * tables[768u + high - low]));
}

// Mixed with the mean of the neighbourhood, whose centre counts five times.
fn sharpened(first: u32, p: u32, factor: f32) -> u32 {
    let centre = work[first + p];
    let x = p % u.size;
    let y = p / u.size;
    if x == 0u || y == 0u || x == u.size - 1u || y == u.size - 1u {
        return centre;
    }
    var sum = vec3<u32>(6u);
    for (var line = y - 1u; line <= y + 1u; line++) {
        for (var column = x - 1u; column <= x + 1u; column++) {
            sum += vec3<u32>(unpacked(work[first + line * u.size + column]));
        }
    }
    let value = unpacked(centre);
    let smooth_value = vec3<f32>((sum + vec3<u32>(4u) * vec3<u32>(value)) / 13u);
    return packed(smooth_value + alone3(factor * (value - smooth_value)));
}

// The mean of the neighbourhood by the weights 1, 2, 1 along both axes.
fn blurred(first: u32, p: u32) -> u32 {
    let x = p % u.size;
    let y = p / u.size;
    var sum = vec3<u32>(8u);
    for (var j = 0u; j < 3u; j++) {
        let line = clamp(y + j, 1u, u.size) - 1u;
        for (var i = 0u; i < 3u; i++) {
            let column = clamp(x + i, 1u, u.size) - 1u;
            let weight = select(1u, 2u, i == 1u) * select(1u, 2u, j == 1u);
            sum += vec3<u32>(weight) * vec3<u32>(unpacked(work[first + line * u.size + column]));
        }
    }
    let value = sum / vec3<u32>(16u);
    return value.x | (value.y << 8u) | (value.z << 16u);
}

// The random bits of noise at a pixel.
fn scrambled(seed: u32, p: u32) -> u32 {
    var bits = p * 0x2c9277b5u + seed;
    bits = (bits ^ (bits >> 16u)) * 0x7feb352du;
    bits = (bits ^ (bits >> 15u)) * 0x846ca68bu;
    return bits ^ (bits >> 16u);
}

fn noisy(word: u32, p: u32, seed: u32, amplitude: u32) -> u32 {
    let bits = scrambled(seed, p);
    let change = ((i32(bits & 255u) + i32((bits >> 8u) & 255u) - 255) * i32(amplitude)) >> 8u;
    let value = vec3<i32>(unpacked(word)) + vec3<i32>(change);
    let kept = vec3<u32>(clamp(value, vec3<i32>(0), vec3<i32>(255)));
    return kept.x | (kept.y << 8u) | (kept.z << 16u);
}

fn written(v: View, o: Operation, p: u32) -> u32 {
    let word = work[v.work + p];
    let x = p % u.size;
    let y = p / u.size;
    switch o.kind {
        case 0u: {
            return word & o.value;
        }
        case 1u: {
            return solarized(word, o.value);
        }
        case 5u: {
            let inside = x >= o.left && x < o.right && y >= o.top && y < o.bottom;
            return select(word, o.value, inside);
        }
        case 7u: {
            return noisy(word, p, o.left, o.value);
        }
        default: {
            return replaced[word & 255u]
                | (replaced[256u + ((word >> 8u) & 255u)] << 8u)
                | (replaced[512u + ((word >> 16u) & 255u)] << 16u);
        }
    }
}

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) id: u32,
) {
    let item = group.x + group.y * groups.x;
    if item >= u.items {
        return;
    }
    let v = views[item];
    let pixels = u.size * u.size;
    let channels = min(v.channels, u.channels);
    let reduces = v.reduced_width != v.width || v.reduced_height != v.height;
    if reduces {
        for (var i = id; i < v.reduced_width * v.reduced_height; i += WIDTH) {
            work[v.spare + i] = reduced(v, i % v.reduced_width, i / v.reduced_width);
        }
        storageBarrier();
    }
    for (var p = id; p < pixels; p += WIDTH) {
        work[v.work + p] = sampled(v, reduces, p);
    }
    for (var k = 0u; k < v.operations; k++) {
        let o = operations[v.first_operation + k];
        if o.kind == 4u || o.kind == 6u {
            for (var pass_of = 0u; pass_of < select(1u, o.value, o.kind == 6u); pass_of++) {
                // Everyone is done with the spare pixels, then has left a copy there.
                storageBarrier();
                for (var p = id; p < pixels; p += WIDTH) {
                    work[v.spare + p] = work[v.work + p];
                }
                storageBarrier();
                for (var p = id; p < pixels; p += WIDTH) {
                    if o.kind == 4u {
                        work[v.work + p] = sharpened(v.spare, p, o.factor);
                    } else {
                        work[v.work + p] = blurred(v.spare, p);
                    }
                }
            }
        } else if o.kind == 2u || o.kind == 3u {
            workgroupBarrier();
            for (var c = 0u; c < 3u; c++) {
                atomicStore(&counts[c * 256u + id], 0u);
            }
            workgroupBarrier();
            for (var p = id; p < pixels; p += WIDTH) {
                for (var c = 0u; c < channels; c++) {
                    atomicAdd(&counts[c * 256u + ((work[v.work + p] >> (8u * c)) & 255u)], 1u);
                }
            }
            workgroupBarrier();
            for (var c = 0u; c < 3u; c++) {
                replaced[c * 256u + id] = table_value(c, id, o.kind == 3u);
            }
            workgroupBarrier();
        }
        if o.kind != 4u && o.kind != 6u {
            for (var p = id; p < pixels; p += WIDTH) {
                work[v.work + p] = written(v, o, p);
            }
        }
    }
    for (var p = id; p < pixels; p += WIDTH) {
        let word = work[v.work + p];
        for (var c = 0u; c < u.channels; c++) {
            let value = (word >> select(0u, 8u * c, channels == 3u)) & 255u;
            output[(item * pixels + p) * u.channels + c] = tables[c * 256u + value];
        }
    }
}
