//! The products of Winograd's points in fixed point: transformed tiles are written in integers, a point of a tile at a
//! time; the transforms themselves stay in single precision.

use std::cell::Cell;

use super::task::{LINE, Task};
use super::tiling::{INPUTS, POINTS, TILES};
use crate::backend::cpu::fixed::{FixedWeights, Quantised, multiply, numbers, quantise};
use crate::simd::{PANEL_VECTORS, PairKernel, Pairs, with_rows};

thread_local! {
    static TILES_IN_WORDS: Cell<Quantised> = Cell::default();
}

/// A task of a convolution whose weights are in fixed point.
pub(super) struct FixedTask<'a, 'b, 'c> {
    pub task: Task<'a, 'b>,
    pub weights: &'c FixedWeights,
}

impl PairKernel for FixedTask<'_, '_, '_> {
    #[inline(always)]
    unsafe fn run<V: Pairs>(self) {
        unsafe { with_rows!(V, self.tiles_of()) }
    }
}

impl FixedTask<'_, '_, '_> {
    #[inline(always)]
    unsafe fn tiles_of<V: Pairs, const R: usize>(self) {
        let Self { task, weights } = self;
        let width = V::LANES * PANEL_VECTORS;
        let mut room = task.room(width);
        let mut quantised = TILES_IN_WORDS.take();
        let (words, units) = quantised.ensure(POINTS * TILES * LINE, POINTS * TILES);
        for start in (0..task.whole.tiling.inputs).step_by(INPUTS) {
            let inputs = (task.whole.tiling.inputs - start).min(INPUTS);
            for (tile, corner) in room.corners.iter().enumerate().take(room.count) {
                // SAFETY: a tile's lines of values, still in the nearest cache when they become lines of integers.
                unsafe {
                    task.transform_input::<V>(corner, start, inputs, room.transformed, LINE);
                    for point in 0..POINTS {
                        let pieces = [(room.transformed.at(point * LINE).cast_const(), inputs)];
                        let line = point * TILES + tile;
                        *units.at(line) = quantise::<V>(&pieces, words.add(line * LINE));
                    }
                }
            }
            for point in 0..POINTS {
                for panel in 0..room.panels {
                    let column = task.column(point, panel, width);
                    for tile in (0..room.count).step_by(R) {
                        unsafe {
                            let line = point * TILES + tile;
                            let mut rows = [std::ptr::null(); R];
                            for (r, row) in rows.iter_mut().enumerate() {
                                *row = words.add((line + r) * LINE).cast_const();
                            }
                            let mut acc = [[V::no_sums(); PANEL_VECTORS]; R];
                            let from = column * task.whole.tiling.inputs + start * width;
                            multiply::<V, R>(&mut acc, &rows, inputs, weights.at(from));
                            let mut row_units = [0.0; R];
                            row_units.copy_from_slice(units.slice(line, R));
                            let done = numbers::<V, R>(&acc, &row_units, weights.units(column));
                            room.add::<V, R>(&done, line, panel, start == 0);
                        }
                    }
                }
            }
        }
        unsafe { task.transform_outputs::<V>(&room) };
        room.give_back();
        TILES_IN_WORDS.set(quantised);
    }
}
