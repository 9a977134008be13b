//! Operations value by value: Gaussian error linear unit, dropout, sums; and sums over rows.

use rayon::prelude::*;

use super::buffer::{Buffer, Shared};
use super::simd::{Isa, Kernel, Vector};
use super::special::normal;
use crate::net::noise;

/// Values of one task; fixed, so that nothing depends on the number of threads.
const STEP: usize = 1 << 13;
/// Rows of one task of a sum over rows.
const ROWS: usize = 64;

/// `out = x Phi(x)`.
pub(super) fn gelu(isa: Isa, x: &[f32], out: &mut [f32]) {
    out.par_chunks_mut(STEP).zip(x.par_chunks(STEP)).for_each(|(out, x)| {
        // SAFETY: the set was detected.
        unsafe { isa.run(Gelu { x, out }) };
    });
}

struct Gelu<'a> {
    x: &'a [f32],
    out: &'a mut [f32],
}

impl Kernel for Gelu<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        for (out, &x) in self.out.iter_mut().zip(self.x) {
            *out = x * normal(x).0;
        }
    }
}

/// Gradient of [`gelu`]: `d_x = d_out (Phi(x) + x phi(x))`, put or added.
pub(super) fn gelu_backward(isa: Isa, x: &[f32], d_out: &[f32], d_x: &mut [f32], add: bool) {
    d_x.par_chunks_mut(STEP).zip(x.par_chunks(STEP)).zip(d_out.par_chunks(STEP)).for_each(
        |((d_x, x), d_out)| {
            // SAFETY: the set was detected.
            unsafe { isa.run(GeluBackward { x, d_out, d_x, keep: if add { 1.0 } else { 0.0 } }) };
        },
    );
}

struct GeluBackward<'a> {
    x: &'a [f32],
    d_out: &'a [f32],
    d_x: &'a mut [f32],
    /// Factor on what `d_x` holds.
    keep: f32,
}

impl Kernel for GeluBackward<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        if self.keep == 0.0 {
            self.d_x.fill(0.0);
        }
        for ((d_x, &x), &d_out) in self.d_x.iter_mut().zip(self.x).zip(self.d_out) {
            let (phi, density) = normal(x);
            *d_x += d_out * (phi + x * density);
        }
    }
}

/// A dropout in one pass.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mask {
    pub key: u64,
    pub site: u32,
    pub rate: f32,
}

impl Mask {
    /// `out = x` where the value is kept, scaled, else 0; added to `out` where `add` says so. Its own gradient.
    pub(super) fn apply(self, x: &[f32], out: &mut [f32], add: bool) {
        let (below, scale) = (noise::threshold(self.rate), 1.0 / (1.0 - self.rate));
        out.par_chunks_mut(STEP).zip(x.par_chunks(STEP)).enumerate().for_each(|(i, (out, x))| {
            let first = (i * STEP) as u32;
            if !add {
                out.fill(0.0);
            }
            for (index, (out, &x)) in (first..).zip(out.iter_mut().zip(x)) {
                let kept = noise::bits(self.key, self.site, index) >= below;
                *out += if kept { x * scale } else { 0.0 };
            }
        });
    }
}

/// `to = from`, or `to += from`.
pub(super) fn pass(from: &[f32], to: &mut [f32], add: bool) {
    to.par_chunks_mut(STEP).zip(from.par_chunks(STEP)).for_each(|(to, from)| {
        if add {
            to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
        } else {
            to.copy_from_slice(from);
        }
    });
}

/// `out = a + b`, with `b` repeated where it is shorter.
pub(super) fn sum(a: &[f32], b: &[f32], out: &mut [f32]) {
    let step = if b.len() < a.len() { b.len() } else { STEP };
    out.par_chunks_mut(step).enumerate().for_each(|(i, out)| {
        let a = &a[i * step..][..out.len()];
        let b = if b.len() < step { b } else { &b[i * step % b.len()..][..out.len()] };
        for (out, (a, b)) in out.iter_mut().zip(a.iter().zip(b)) {
            *out = a + b;
        }
    });
}

/// `sums = ` the sum of the rows of `matrix`, each `sums.len()` long, in a fixed order.
pub(super) fn row_sums(matrix: &[f32], sums: &mut [f32], partial: &mut Buffer) {
    let columns = sums.len();
    let tasks = (matrix.len() / columns).div_ceil(ROWS);
    partial.ensure(tasks * columns);
    let parts: Shared = partial.pointer();
    matrix.par_chunks(ROWS * columns).enumerate().for_each(|(i, rows)| {
        // SAFETY: each task writes its own part.
        let part = unsafe { parts.slice(i * columns, columns) };
        part.fill(0.0);
        for row in rows.chunks_exact(columns) {
            part.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
        }
    });
    sums.fill(0.0);
    for part in partial.as_slice()[..tasks * columns].chunks_exact(columns) {
        sums.iter_mut().zip(part).for_each(|(sum, value)| *sum += value);
    }
}
