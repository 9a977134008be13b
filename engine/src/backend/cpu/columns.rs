//! Sums over the rows of a gradient: of biases, over all positions, and of learned positions, over all items. Work is
//! cut by fixed sizes and pieces are added in order.

use rayon::prelude::*;

use super::buffer::Buffer;
use crate::simd::{Isa, Kernel, Vector};

/// Rows in one task.
const ROWS: usize = 128;
/// Columns in one task of [`over_items`].
const COLUMNS: usize = 1 << 12;

/// `sums[c] = sum of rows[.., c]`
pub(super) fn over_rows(isa: Isa, rows: &[f32], sums: &mut [f32], partial: &mut Buffer) {
    let (columns, step) = (sums.len(), ROWS * sums.len());
    let tasks = rows.len().div_ceil(step);
    if tasks <= 1 {
        // SAFETY: the set was detected.
        unsafe { isa.run(Sum { rows, sums }) };
        return;
    }
    partial.ensure(tasks * columns);
    let pieces = partial.pointer();
    rows.par_chunks(step).enumerate().for_each(|(i, rows)| {
        // SAFETY: each task writes its own piece; the set was detected.
        unsafe { isa.run(Sum { rows, sums: pieces.slice(i * columns, columns) }) };
    });
    // SAFETY: the set was detected.
    unsafe { isa.run(Sum { rows: &partial.as_slice()[..tasks * columns], sums }) };
}

/// `sums[i] = sum over items of values[item, i]`
pub(super) fn over_items(isa: Isa, values: &[f32], sums: &mut [f32]) {
    let len = sums.len();
    sums.par_chunks_mut(COLUMNS).enumerate().for_each(|(i, sums)| {
        sums.fill(0.0);
        for item in values.chunks_exact(len) {
            // SAFETY: the set was detected.
            unsafe { isa.run(Add { values: &item[i * COLUMNS..][..sums.len()], sums }) };
        }
    });
}

struct Sum<'a> {
    rows: &'a [f32],
    sums: &'a mut [f32],
}

impl Kernel for Sum<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        self.sums.fill(0.0);
        for row in self.rows.chunks_exact(self.sums.len()) {
            for (sum, value) in self.sums.iter_mut().zip(row) {
                *sum += value;
            }
        }
    }
}

struct Add<'a> {
    values: &'a [f32],
    sums: &'a mut [f32],
}

impl Kernel for Add<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        for (sum, value) in self.sums.iter_mut().zip(self.values) {
            *sum += value;
        }
    }
}
