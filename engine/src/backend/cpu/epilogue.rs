//! What ends a step, in one pass over its values: positions, GELU, dropout and residual sum, forward and backward.

use rayon::prelude::*;

use super::buffer::Shared;
use super::maths::{gelu, gelu_slope};
use crate::backend::dropout::{Stream, threshold};
use crate::net::Dropout;
use crate::simd::{Isa, Kernel, Vector};

/// Values in one task; what a task computes for each value does not depend on it.
const TASK: usize = 1 << 13;
/// Values that every operation passes over in turn, while they are in the L1 cache.
const BLOCK: usize = 512;

/// One dropout's mask in one pass.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mask {
    stream: Stream,
    threshold: u32,
    /// Factor of what is kept.
    scale: f32,
}

impl Mask {
    pub(super) fn new(seed: u64, dropout: Dropout) -> Self {
        let Dropout { rate, index } = dropout;
        Self { stream: Stream::new(seed, index), threshold: threshold(rate), scale: 1.0 / (1.0 - rate) }
    }

    /// Multiplies values that begin at element `first` with their factors.
    #[inline(always)]
    fn apply(self, first: usize, values: &mut [f32]) {
        for (i, value) in values.iter_mut().enumerate() {
            let bits = self.stream.bits((first as u32).wrapping_add(i as u32));
            // Multiplied rather than chosen, so that a NaN is not hidden.
            *value *= if bits >= self.threshold { self.scale } else { 0.0 };
        }
    }
}

/// A step's epilogue with what it reads.
#[derive(Clone, Copy)]
pub(super) struct EpilogueRun<'a> {
    pub isa: Isa,
    pub table: Option<&'a [f32]>,
    pub gelu: bool,
    pub mask: Option<Mask>,
    pub residual: Option<&'a [f32]>,
}

impl EpilogueRun<'_> {
    /// Whether it only adds the residual, which a product does as it goes.
    pub(super) fn is_sum(&self) -> bool {
        self.table.is_none() && !self.gelu && self.mask.is_none()
    }

    /// Replaces `out` by its epilogue, or by that of `input`. What goes into the GELU is written to `kept`.
    pub(super) fn apply(&self, input: Option<&[f32]>, out: &mut [f32], kept: Option<Shared>) {
        out.par_chunks_mut(TASK).enumerate().for_each(|(i, out)| {
            let first = i * TASK;
            // SAFETY: each task writes its own part; the set was detected.
            unsafe {
                let kept = kept.map(|kept| kept.slice(first, out.len()));
                self.isa.run(Apply { run: self, first, input, out, kept });
            }
        });
    }

    /// Turns the gradient of the epilogue's output, in place, into that of what went into it (before the positions); the
    /// residual's gradient is written where it says, or added where the flag says so. `kept` is what went into the
    /// GELU.
    pub(super) fn backward(&self, kept: &[f32], gradient: &mut [f32], residual: Option<(Shared, bool)>) {
        if residual.is_none() && self.mask.is_none() && !self.gelu {
            return;
        }
        gradient.par_chunks_mut(TASK).enumerate().for_each(|(i, gradient)| {
            let first = i * TASK;
            // SAFETY: each task writes its own part; the set was detected.
            unsafe {
                let residual = residual.map(|(to, add)| (to.slice(first, gradient.len()), add));
                self.isa.run(Backward { run: self, first, kept, gradient, residual });
            }
        });
    }
}

struct Apply<'a, 'b> {
    run: &'a EpilogueRun<'b>,
    first: usize,
    input: Option<&'a [f32]>,
    out: &'a mut [f32],
    kept: Option<&'a mut [f32]>,
}

impl Kernel for Apply<'_, '_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(mut self) {
        let run = self.run;
        for (b, out) in self.out.chunks_mut(BLOCK).enumerate() {
            let at = self.first + b * BLOCK;
            if let Some(input) = self.input {
                out.copy_from_slice(&input[at..at + out.len()]);
            }
            if let Some(table) = run.table {
                add_table(table, at, out);
            }
            if run.gelu {
                if let Some(kept) = &mut self.kept {
                    kept[b * BLOCK..][..out.len()].copy_from_slice(out);
                }
                for value in out.iter_mut() {
                    *value = gelu(*value);
                }
            }
            if let Some(mask) = run.mask {
                mask.apply(at, out);
            }
            if let Some(residual) = run.residual {
                for (value, r) in out.iter_mut().zip(&residual[at..]) {
                    *value += r;
                }
            }
        }
    }
}

/// Adds a table that repeats with every item to values that begin at element `at`.
#[inline(always)]
fn add_table(table: &[f32], at: usize, out: &mut [f32]) {
    let (mut done, mut place) = (0, at % table.len());
    while done < out.len() {
        let len = (table.len() - place).min(out.len() - done);
        for (value, t) in out[done..done + len].iter_mut().zip(&table[place..]) {
            *value += t;
        }
        (done, place) = (done + len, 0);
    }
}

struct Backward<'a, 'b> {
    run: &'a EpilogueRun<'b>,
    first: usize,
    kept: &'a [f32],
    gradient: &'a mut [f32],
    residual: Option<(&'a mut [f32], bool)>,
}

impl Kernel for Backward<'_, '_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(mut self) {
        for (b, gradient) in self.gradient.chunks_mut(BLOCK).enumerate() {
            let at = self.first + b * BLOCK;
            match &mut self.residual {
                Some((to, true)) => {
                    for (to, g) in to[b * BLOCK..].iter_mut().zip(gradient.iter()) {
                        *to += g;
                    }
                }
                Some((to, false)) => to[b * BLOCK..][..gradient.len()].copy_from_slice(gradient),
                None => {}
            }
            if let Some(mask) = self.run.mask {
                mask.apply(at, gradient);
            }
            if self.run.gelu {
                for (g, x) in gradient.iter_mut().zip(&self.kept[at..]) {
                    *g *= gelu_slope(*x);
                }
            }
        }
    }
}

/// Writes a gradient to that of a step's input, or adds it.
pub(super) fn accumulate(gradient: &[f32], to: &mut [f32], add: bool) {
    to.par_chunks_mut(TASK).zip(gradient.par_chunks(TASK)).for_each(|(to, gradient)| {
        if add {
            to.iter_mut().zip(gradient).for_each(|(to, g)| *to += g);
        } else {
            to.copy_from_slice(gradient);
        }
    });
}
