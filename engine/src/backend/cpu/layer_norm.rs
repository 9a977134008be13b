//! Normalisation over the channels of each position, forward and backward.
//!
//! `y = scale xhat + shift` with `xhat = (x - mean) / sqrt(variance + epsilon)` over the position's `C` channels. With
//! `g = scale dy`: `dx = (g - mean(g) - xhat mean(g xhat)) / sqrt(variance + epsilon)`.

use rayon::prelude::*;

use super::buffer::{Buffer, Shared};
use super::simd::{Isa, Kernel, Vector, WIDEST_PANEL};

/// Positions of one task; fixed, so that sums do not depend on the number of threads.
const ROWS: usize = 32;

/// Scale and shift of each channel.
#[derive(Clone, Copy)]
pub(super) struct Affine<'a> {
    pub scale: &'a [f32],
    pub shift: &'a [f32],
    pub epsilon: f32,
}

/// Normalises rows of `x`; `kept` receives each row's mean and inverse deviation where it is given.
pub(super) fn forward(isa: Isa, x: &[f32], affine: Affine<'_>, out: &mut [f32], kept: Option<&mut [f32]>) {
    let channels = affine.scale.len();
    let kept = kept.map(Shared::of);
    out.par_chunks_mut(ROWS * channels).enumerate().for_each(|(i, out)| {
        let x = &x[i * ROWS * channels..][..out.len()];
        let rows = out.len() / channels;
        // SAFETY: each task writes its own rows; the set was detected.
        unsafe {
            let kept = kept.map(|kept| kept.slice(2 * i * ROWS, 2 * rows));
            isa.run(Forward { x, affine, out, kept });
        }
    });
}

struct Forward<'a> {
    x: &'a [f32],
    affine: Affine<'a>,
    out: &'a mut [f32],
    kept: Option<&'a mut [f32]>,
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(mut self) {
        let channels = self.affine.scale.len();
        for (row, (x, out)) in
            self.x.chunks_exact(channels).zip(self.out.chunks_exact_mut(channels)).enumerate()
        {
            let mean = unsafe { total::<V>(x) } / channels as f32;
            for (out, x) in out.iter_mut().zip(x) {
                *out = x - mean;
            }
            let variance = unsafe { dot::<V>(out, out) } / channels as f32;
            let inverse = 1.0 / (variance + self.affine.epsilon).sqrt();
            for ((out, scale), shift) in out.iter_mut().zip(self.affine.scale).zip(self.affine.shift) {
                *out = *out * inverse * scale + shift;
            }
            if let Some(kept) = &mut self.kept {
                kept[2 * row] = mean;
                kept[2 * row + 1] = inverse;
            }
        }
    }
}

/// Backward pass: the input's gradient is put or added; those of scale and shift are put into `d_affine`.
pub(super) fn backward(
    isa: Isa,
    (x, kept): (&[f32], &[f32]),
    scale: &[f32],
    d_out: &[f32],
    (d_x, add): (&mut [f32], bool),
    (d_scale, d_shift): (&mut [f32], &mut [f32]),
    partial: &mut Buffer,
) {
    let channels = scale.len();
    let step = ROWS * channels;
    let tasks = x.len().div_ceil(step);
    partial.ensure(tasks * 4 * channels);
    let sums = partial.pointer();
    d_x.par_chunks_mut(step).enumerate().for_each(|(i, d_x)| {
        let part = i * step..i * step + d_x.len();
        let kept = &kept[2 * i * ROWS..][..2 * (d_x.len() / channels)];
        // SAFETY: each task writes its own sums; the set was detected.
        unsafe {
            let sums = sums.slice(i * 4 * channels, 4 * channels);
            isa.run(Backward { x: &x[part.clone()], kept, scale, d_out: &d_out[part], d_x, add, sums });
        }
    });
    d_scale.fill(0.0);
    d_shift.fill(0.0);
    for part in partial.as_slice()[..tasks * 4 * channels].chunks_exact(4 * channels) {
        d_scale.iter_mut().zip(&part[..channels]).for_each(|(sum, value)| *sum += value);
        d_shift.iter_mut().zip(&part[channels..]).for_each(|(sum, value)| *sum += value);
    }
}

struct Backward<'a> {
    x: &'a [f32],
    kept: &'a [f32],
    scale: &'a [f32],
    d_out: &'a [f32],
    d_x: &'a mut [f32],
    add: bool,
    /// Sums of `dy xhat` and `dy`, then room for two rows.
    sums: &'a mut [f32],
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let channels = self.scale.len();
        let (d_scale, rest) = self.sums.split_at_mut(channels);
        let (d_shift, rest) = rest.split_at_mut(channels);
        let (normal, scaled) = rest.split_at_mut(channels);
        d_scale.fill(0.0);
        d_shift.fill(0.0);
        let rows = self.x.chunks_exact(channels).zip(self.d_out.chunks_exact(channels));
        for (row, ((x, d_out), d_x)) in rows.zip(self.d_x.chunks_exact_mut(channels)).enumerate() {
            let (mean, inverse) = (self.kept[2 * row], self.kept[2 * row + 1]);
            for (normal, x) in normal.iter_mut().zip(x) {
                *normal = (x - mean) * inverse;
            }
            for ((d_scale, d_shift), (d, n)) in
                d_scale.iter_mut().zip(&mut *d_shift).zip(d_out.iter().zip(&*normal))
            {
                *d_scale += d * n;
                *d_shift += d;
            }
            for (scaled, (d, scale)) in scaled.iter_mut().zip(d_out.iter().zip(self.scale)) {
                *scaled = d * scale;
            }
            let (plain, along) = unsafe { (total::<V>(scaled), dot::<V>(scaled, normal)) };
            let (plain, along) = (plain / channels as f32, along / channels as f32);
            if !self.add {
                d_x.fill(0.0);
            }
            for ((d_x, n), scaled) in d_x.iter_mut().zip(&*normal).zip(&*scaled) {
                *d_x += inverse * (scaled - plain - n * along);
            }
        }
    }
}

/// Sum of a row, lane by lane.
#[inline(always)]
unsafe fn total<V: Vector>(a: &[f32]) -> f32 {
    let whole = a.len() / V::LANES * V::LANES;
    let mut lanes = [0.0f32; WIDEST_PANEL];
    unsafe {
        let mut sum = V::zero();
        for i in (0..whole).step_by(V::LANES) {
            sum = sum.add(V::load(a.as_ptr().add(i)));
        }
        sum.store(lanes.as_mut_ptr());
    }
    let mut sum = 0.0;
    for value in lanes.iter().chain(&a[whole..]) {
        sum += value;
    }
    sum
}

/// Dot product of two rows, lane by lane.
#[inline(always)]
unsafe fn dot<V: Vector>(a: &[f32], b: &[f32]) -> f32 {
    let whole = a.len() / V::LANES * V::LANES;
    let mut lanes = [0.0f32; WIDEST_PANEL];
    unsafe {
        let mut sum = V::zero();
        for i in (0..whole).step_by(V::LANES) {
            sum = V::load(a.as_ptr().add(i)).mul_add(V::load(b.as_ptr().add(i)), sum);
        }
        sum.store(lanes.as_mut_ptr());
    }
    let mut sum = 0.0;
    for value in lanes {
        sum += value;
    }
    for (a, b) in a[whole..].iter().zip(&b[whole..]) {
        sum += a * b;
    }
    sum
}
