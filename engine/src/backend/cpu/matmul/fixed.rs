//! The same product in fixed point: a task first writes its rows in integers, so they are packed after all, and then goes
//! over panels and tiles as in single precision.

use std::cell::Cell;

use super::gather::INNER_BLOCK;
use super::task::{Place, TILES_PER_BLOCK, Task};
use crate::backend::cpu::fixed::{FixedWeights, Quantised, multiply, numbers, quantise};
use crate::simd::{MOST_ROWS, PANEL_VECTORS, PairKernel, Pairs, with_rows};

thread_local! {
    static ROWS: Cell<Quantised> = Cell::default();
}

/// A task of a product whose weights are in fixed point.
pub(super) struct FixedTask<'a, 'b, 'c> {
    pub task: Task<'a, 'b>,
    pub weights: &'c FixedWeights,
}

impl PairKernel for FixedTask<'_, '_, '_> {
    #[inline(always)]
    unsafe fn run<V: Pairs>(self) {
        unsafe { with_rows!(V, self.rows_of()) }
    }
}

impl FixedTask<'_, '_, '_> {
    #[inline(always)]
    unsafe fn rows_of<V: Pairs, const R: usize>(self) {
        let Self { task, weights } = self;
        let product = task.product;
        let width = V::LANES * PANEL_VECTORS;
        let lines = task.lines(R);
        let padded = lines.padded;
        let mut quantised = ROWS.take();
        let (words, units) = quantised.ensure(padded * INNER_BLOCK, padded);
        let mut pieces = vec![];
        let last = product.gather.blocks.len() - 1;
        for (b, block) in product.gather.blocks.iter().enumerate() {
            let runs = &product.gather.runs[block.clone()];
            let len = runs.iter().map(|run| run.len).sum::<usize>();
            for row in 0..padded {
                pieces.clear();
                for run in runs {
                    // SAFETY: a run lies within its row.
                    pieces.push((unsafe { lines.pointers[run.tap * padded + row].add(run.start) }, run.len));
                }
                // SAFETY: a block is at most `INNER_BLOCK` long, and its runs are multiples of 16.
                unsafe { *units.at(row) = quantise::<V>(&pieces, words.add(row * len)) };
            }
            for panel in task.panels.clone() {
                let place = Place { panel, first: b == 0, last: b == last };
                let mut sums = unsafe { [[V::zero(); PANEL_VECTORS]; 2] };
                let column = panel * width;
                let mut tile = 0;
                while tile < lines.count {
                    let out = &lines.outputs[tile..lines.count.min(tile + R)];
                    unsafe {
                        task.prefetch(out, &place, width);
                        let mut acc = [[V::no_sums(); PANEL_VECTORS]; R];
                        let mut at = 0;
                        for run in runs {
                            let mut rows = [std::ptr::null(); R];
                            for (r, row) in rows.iter_mut().enumerate() {
                                *row = words.add((tile + r) * len + at).cast_const();
                            }
                            let from = panel * product.panel_len + run.weight_row * width;
                            multiply::<V, R>(&mut acc, &rows, run.len, weights.at(from));
                            at += run.len;
                        }
                        let mut row_units = [0.0; R];
                        row_units.copy_from_slice(units.slice(tile, R));
                        let done = numbers::<V, R>(&acc, &row_units, weights.units(column));
                        task.store::<V, R>(&done, out, &place, &mut sums);
                    }
                    tile += R;
                }
                if b == last {
                    unsafe { task.store_sums(panel, &sums) };
                }
            }
        }
        ROWS.set(quantised);
        lines.give_back();
    }
}

/// Rows are written for whole tiles.
const _: () =
    assert!(MOST_ROWS * TILES_PER_BLOCK * INNER_BLOCK <= 1 << 16, "a task's rows stay in the L2 cache");
