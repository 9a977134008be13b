//! The temporal encoder's operations in `f64`, by their definitions.

use affekt_engine::net::Shape;

/// The normal distribution function, by a series of positive terms.
fn phi(x: f64) -> f64 {
    if x.abs() > 9.0 {
        return if x > 0.0 { 1.0 } else { 0.0 };
    }
    let (mut term, mut sum) = (x, x);
    for n in 1..300 {
        term *= x * x / f64::from(2 * n + 1);
        sum += term;
    }
    0.5 + sum * density(x)
}

fn density(x: f64) -> f64 {
    (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt()
}

/// `x Phi(x)`
pub fn gelu(x: f64) -> f64 {
    x * phi(x)
}

/// Its derivative.
pub fn gelu_slope(x: f64) -> f64 {
    phi(x) + x * density(x)
}

/// Factor of each element of an activation under a dropout, by the definition in the engine's `backend::dropout`.
pub fn dropout(key: u64, index: u32, rate: f32, len: usize) -> Vec<f64> {
    let mix = |x: u32| {
        let x = (x ^ (x >> 16)).wrapping_mul(0x7FEB_352D);
        let x = (x ^ (x >> 15)).wrapping_mul(0x846C_A68B);
        x ^ (x >> 16)
    };
    let (low, high) = (key as u32, (key >> 32) as u32);
    let first = mix(low ^ mix(high ^ mix(index.wrapping_add(0x9E37_79B9))));
    let second = mix(high ^ mix(low ^ mix(index ^ 0x85EB_CA6B)));
    let below = (f64::from(rate) * 2f64.powi(32)) as u32;
    let kept = 1.0 / (1.0 - f64::from(rate));
    let factor = |i: usize| {
        let bits = mix(mix((i as u32).wrapping_add(first)) ^ second);
        if bits < below { 0.0 } else { kept }
    };
    (0..len).map(factor).collect()
}

/// Mean and `1 / sqrt(variance + epsilon)` of a position.
fn moments(row: &[f64], epsilon: f64) -> (f64, f64) {
    let n = row.len() as f64;
    let mean = row.iter().sum::<f64>() / n;
    let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
    (mean, 1.0 / (variance + epsilon).sqrt())
}

/// Layer normalisation of rows.
pub fn layer_norm(x: &[f64], scale: &[f64], shift: &[f64], epsilon: f64) -> Vec<f64> {
    let c = scale.len();
    let normalise = |row: &[f64]| {
        let (mean, inverse) = moments(row, epsilon);
        (0..c).map(|k| (row[k] - mean) * inverse * scale[k] + shift[k]).collect::<Vec<_>>()
    };
    x.chunks_exact(c).flat_map(normalise).collect()
}

/// Adds the gradients of input, scale and shift.
pub fn layer_norm_backward(
    (x, scale, epsilon): (&[f64], &[f64], f64),
    g: &[f64],
    dx: &mut [f64],
    d_scale: &mut [f64],
    d_shift: &mut [f64],
) {
    let c = scale.len();
    for ((row, g), dx) in x.chunks_exact(c).zip(g.chunks_exact(c)).zip(dx.chunks_exact_mut(c)) {
        let (mean, inverse) = moments(row, epsilon);
        let normal: Vec<f64> = row.iter().map(|x| (x - mean) * inverse).collect();
        let even = (0..c).map(|k| g[k] * scale[k]).sum::<f64>() / c as f64;
        let slope = (0..c).map(|k| g[k] * scale[k] * normal[k]).sum::<f64>() / c as f64;
        for k in 0..c {
            d_scale[k] += g[k] * normal[k];
            d_shift[k] += g[k];
            dx[k] += inverse * (g[k] * scale[k] - even - normal[k] * slope);
        }
    }
}

/// An attention with its input.
pub struct Attention<'a> {
    /// Shape of the output.
    pub shape: Shape,
    /// Heads.
    pub heads: usize,
    /// Whether a position attends to itself and earlier ones only.
    pub causal: bool,
    /// Queries, keys and values.
    pub qkv: &'a [f64],
    /// Values whose last channel masks keys, and their channels.
    pub presence: Option<(&'a [f64], usize)>,
}

impl Attention<'_> {
    /// Calls `f(output offset, query offset, [(key offset, value offset, weight)])` for each query of each head. A
    /// query that no key is left for has an empty list.
    fn each_query(&self, mut f: impl FnMut(usize, usize, &[(usize, usize, f64)])) {
        let (n, width) = (self.shape.pixels(), self.shape.c);
        let d = width / self.heads;
        for item in 0..self.qkv.len() / (3 * n * width) {
            for head in 0..self.heads {
                let at = |i: usize, part: usize| ((item * n + i) * 3 + part) * width + head * d;
                for i in 0..n {
                    let mut keys = vec![];
                    for j in 0..n {
                        let there = self.presence.is_none_or(|(p, c)| p[(item * n + j) * c + c - 1] > 0.5);
                        if there && (j <= i || !self.causal) {
                            let score: f64 =
                                (0..d).map(|k| self.qkv[at(i, 0) + k] * self.qkv[at(j, 1) + k]).sum();
                            keys.push((at(j, 1), at(j, 2), (score / (d as f64).sqrt()).exp()));
                        }
                    }
                    let sum: f64 = keys.iter().map(|key| key.2).sum();
                    for key in &mut keys {
                        key.2 /= sum;
                    }
                    f((item * n + i) * width + head * d, at(i, 0), &keys);
                }
            }
        }
    }

    /// The output.
    pub fn forward(&self) -> Vec<f64> {
        let d = self.shape.c / self.heads;
        let mut out = vec![0.0; self.qkv.len() / 3];
        self.each_query(|o, _, keys| {
            for &(_, v, weight) in keys {
                (0..d).for_each(|k| out[o + k] += weight * self.qkv[v + k]);
            }
        });
        out
    }

    /// Adds the gradient of the input.
    pub fn backward(&self, g: &[f64], dx: &mut [f64]) {
        let d = self.shape.c / self.heads;
        let scale = 1.0 / (d as f64).sqrt();
        self.each_query(|o, q, keys| {
            let by_weight: Vec<f64> =
                keys.iter().map(|&(_, v, _)| (0..d).map(|c| g[o + c] * self.qkv[v + c]).sum()).collect();
            let mean: f64 = keys.iter().zip(&by_weight).map(|(key, b)| key.2 * b).sum();
            for (&(k, v, weight), by_weight) in keys.iter().zip(&by_weight) {
                let by_score = weight * (by_weight - mean) * scale;
                for c in 0..d {
                    dx[v + c] += weight * g[o + c];
                    dx[q + c] += by_score * self.qkv[k + c];
                    dx[k + c] += by_score * self.qkv[q + c];
                }
            }
        });
    }
}
