//! Layer normalisation of each position's channels, forward and backward.
//!
//! With `mean` and biased `variance` over a position's `C` channels, `n = (x - mean) / sqrt(variance + epsilon)`:
//! `out = scale n + shift`, and `dx = (g - mean(g) - n mean(g n)) / sqrt(variance + epsilon)` with `g = scale d_out`.

use rayon::prelude::*;

use super::buffer::{Buffer, Shared};
use crate::simd::{Isa, Kernel, Vector};

/// Positions in one task; fixed, so that sums do not depend on the number of threads.
const ROWS: usize = 64;
/// The most lanes of any register.
const MOST_LANES: usize = 16;

/// A layer normalisation with its parameters.
#[derive(Clone, Copy)]
pub(super) struct LayerNorm<'a> {
    pub isa: Isa,
    pub scale: &'a [f32],
    pub shift: &'a [f32],
    pub epsilon: f32,
}

impl LayerNorm<'_> {
    /// `out = scale n + shift`; each position's mean and `1 / sqrt(variance + epsilon)` are written to `kept`.
    pub(super) fn forward(&self, x: &[f32], out: &mut [f32], kept: Option<Shared>) {
        let step = ROWS * self.scale.len();
        out.par_chunks_mut(step).enumerate().for_each(|(i, out)| {
            let x = &x[i * step..][..out.len()];
            // SAFETY: each task writes the statistics of its own positions; the set was detected.
            unsafe {
                let kept = kept.map(|kept| kept.slice(i * ROWS * 2, out.len() / self.scale.len() * 2));
                self.isa.run(Forward { norm: self, x, out, kept });
            }
        });
    }

    /// Writes the input's gradient to `d_x`, or adds it, and the parameters' to `d_scale` and `d_shift`.
    pub(super) fn backward(
        &self,
        x: &[f32],
        kept: &[f32],
        d_out: &[f32],
        d_x: Option<(&mut [f32], bool)>,
        (d_scale, d_shift): (&mut [f32], &mut [f32]),
        partial: &mut Buffer,
    ) {
        let channels = self.scale.len();
        let step = ROWS * channels;
        let tasks = d_out.len().div_ceil(step);
        partial.ensure(tasks * 2 * channels);
        let sums = partial.pointer();
        let (to, add) = d_x.map_or((None, false), |(to, add)| (Some(Shared::of(to)), add));
        d_out.par_chunks(step).enumerate().for_each(|(i, d_out)| {
            let x = &x[i * step..][..d_out.len()];
            let kept = &kept[i * ROWS * 2..][..d_out.len() / channels * 2];
            // SAFETY: each task writes its own sums and positions; the set was detected.
            unsafe {
                let totals = sums.slice(i * 2 * channels, 2 * channels);
                let d_x = to.map(|to| to.slice(i * step, d_out.len()));
                self.isa.run(Backward { norm: self, x, kept, d_out, d_x, add, totals });
            }
        });
        let sums = &partial.as_slice()[..tasks * 2 * channels];
        for c in 0..channels {
            let total = |of: usize| -> f64 {
                sums.chunks_exact(2 * channels).map(|piece| f64::from(piece[of * channels + c])).sum()
            };
            (d_shift[c], d_scale[c]) = (total(0) as f32, total(1) as f32);
        }
    }
}

struct Forward<'a, 'b> {
    norm: &'a LayerNorm<'b>,
    x: &'a [f32],
    out: &'a mut [f32],
    kept: Option<&'a mut [f32]>,
}

impl Kernel for Forward<'_, '_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(mut self) {
        let (scale, shift) = (self.norm.scale, self.norm.shift);
        let channels = scale.len();
        let whole = channels / V::LANES * V::LANES;
        let rows = self.x.chunks_exact(channels).zip(self.out.chunks_exact_mut(channels));
        for (row, (x, out)) in rows.enumerate() {
            unsafe {
                let mut sum = V::zero();
                for c in (0..whole).step_by(V::LANES) {
                    sum = sum.add(V::load(x.as_ptr().add(c)));
                }
                let mut sum = total(sum);
                for x in &x[whole..] {
                    sum += x;
                }
                let mean = sum / channels as f32;
                let (centre, mut squares) = (V::splat(mean), V::zero());
                for c in (0..whole).step_by(V::LANES) {
                    let d = V::load(x.as_ptr().add(c)).sub(centre);
                    squares = d.mul_add(d, squares);
                }
                let mut squares = total(squares);
                for x in &x[whole..] {
                    squares += (x - mean) * (x - mean);
                }
                let inverse = 1.0 / (squares / channels as f32 + self.norm.epsilon).sqrt();
                if let Some(kept) = &mut self.kept {
                    (kept[2 * row], kept[2 * row + 1]) = (mean, inverse);
                }
                let factor = V::splat(inverse);
                for c in (0..whole).step_by(V::LANES) {
                    let n = V::load(x.as_ptr().add(c)).sub(centre).mul_add(factor, V::zero());
                    let z = n.mul_add(V::load(scale.as_ptr().add(c)), V::load(shift.as_ptr().add(c)));
                    z.store(out.as_mut_ptr().add(c));
                }
                for c in whole..channels {
                    out[c] = (x[c] - mean) * inverse * scale[c] + shift[c];
                }
            }
        }
    }
}

struct Backward<'a, 'b> {
    norm: &'a LayerNorm<'b>,
    x: &'a [f32],
    kept: &'a [f32],
    d_out: &'a [f32],
    d_x: Option<&'a mut [f32]>,
    add: bool,
    /// Sums of the gradient, then of the gradient times the normalised value.
    totals: &'a mut [f32],
}

impl Kernel for Backward<'_, '_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(mut self) {
        let scale = self.norm.scale;
        let channels = scale.len();
        let whole = channels / V::LANES * V::LANES;
        self.totals.fill(0.0);
        let (plain, by_normal) = self.totals.split_at_mut(channels);
        for (row, (x, d_out)) in
            self.x.chunks_exact(channels).zip(self.d_out.chunks_exact(channels)).enumerate()
        {
            let (mean, inverse) = (self.kept[2 * row], self.kept[2 * row + 1]);
            unsafe {
                let (centre, factor) = (V::splat(mean), V::splat(inverse));
                let (mut sum, mut sum_n) = (V::zero(), V::zero());
                for c in (0..whole).step_by(V::LANES) {
                    let d = V::load(d_out.as_ptr().add(c));
                    let n = V::load(x.as_ptr().add(c)).sub(centre).mul_add(factor, V::zero());
                    let (p, q) = (plain.as_mut_ptr().add(c), by_normal.as_mut_ptr().add(c));
                    V::load(p).add(d).store(p);
                    d.mul_add(n, V::load(q)).store(q);
                    let g = d.mul_add(V::load(scale.as_ptr().add(c)), V::zero());
                    sum = sum.add(g);
                    sum_n = g.mul_add(n, sum_n);
                }
                let (mut sum, mut sum_n) = (total(sum), total(sum_n));
                for c in whole..channels {
                    let n = (x[c] - mean) * inverse;
                    plain[c] += d_out[c];
                    by_normal[c] += d_out[c] * n;
                    sum += d_out[c] * scale[c];
                    sum_n += d_out[c] * scale[c] * n;
                }
                let Some(d_x) = &mut self.d_x else { continue };
                let d_x = &mut d_x[row * channels..][..channels];
                let (even, slope) = (sum / channels as f32, sum_n / channels as f32);
                let (even_v, slope_v) = (V::splat(even), V::splat(-slope));
                for c in (0..whole).step_by(V::LANES) {
                    let n = V::load(x.as_ptr().add(c)).sub(centre).mul_add(factor, V::zero());
                    let d = V::load(d_out.as_ptr().add(c));
                    let g = d.mul_add(V::load(scale.as_ptr().add(c)), V::zero()).sub(even_v);
                    let to = d_x.as_mut_ptr().add(c);
                    let before = if self.add { V::load(to) } else { V::zero() };
                    n.mul_add(slope_v, g).mul_add(factor, before).store(to);
                }
                for c in whole..channels {
                    let n = (x[c] - mean) * inverse;
                    let value = (d_out[c] * scale[c] - even - n * slope) * inverse;
                    d_x[c] = if self.add { d_x[c] + value } else { value };
                }
            }
        }
    }
}

/// Sum of a register's lanes, in order.
#[inline(always)]
unsafe fn total<V: Vector>(sum: V) -> f32 {
    let mut lanes = [0.0f32; MOST_LANES];
    unsafe { sum.store(lanes.as_mut_ptr()) };
    let mut total = 0.0;
    for lane in &lanes[..V::LANES] {
        total += lane;
    }
    total
}
