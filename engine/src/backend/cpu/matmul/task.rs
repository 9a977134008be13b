//! One task of a product: the rows it reads, and how a finished tile goes out.

use std::cell::Cell;
use std::ops::Range;

use super::gather::{Gather, PADDING};
use crate::backend::cpu::buffer::Shared;
use crate::backend::cpu::fixed::Panels;
use crate::simd::{Isa, MOST_ROWS, PANEL_VECTORS, Vector, WIDEST_PANEL, prefetch};

/// Register tiles in one row block: the block's rows then stay in the L2 cache while panels go by.
pub(super) const TILES_PER_BLOCK: usize = 16;

/// What happens to a finished tile.
#[derive(Clone, Copy, Default)]
pub(in crate::backend::cpu) struct Finish<'a> {
    /// Added to each column; padded to whole panels.
    pub bias: Option<&'a [f32]>,
    /// Added element by element; laid out as the output.
    pub residual: Option<&'a [f32]>,
    /// `max(x, 0)` at the end.
    pub relu: bool,
    /// Adds to what the output holds instead of replacing it.
    pub accumulate: bool,
}

/// `output[row] = finish(gathered input row x weights)` for `items` images.
pub(in crate::backend::cpu) struct Product<'a> {
    pub isa: Isa,
    pub gather: &'a Gather,
    pub items: usize,
    pub input: &'a [f32],
    /// Panels of `weight_rows x panel` values, each `panel_len` long.
    pub weights: Panels<'a>,
    pub panel_len: usize,
    pub columns: usize,
    pub output: Shared,
    pub finish: Finish<'a>,
    /// Where the sums and sums of squares of each column go, `row block x 2 x padded columns`.
    pub sums: Option<Shared>,
    pub threads: usize,
}

thread_local! {
    static ROW_POINTERS: Cell<Vec<*const f32>> = const { Cell::new(Vec::new()) };
}

/// Zeros that padding reads.
pub(in crate::backend::cpu) static ZEROS: [f32; 1 << 15] = [0.0; 1 << 15];

impl Product<'_> {
    /// Fills `pointers` (`taps x rows`, padded to whole tiles) with where each run of each row starts.
    fn point(&self, rows: &Range<usize>, padded: usize, pointers: &mut Vec<*const f32>) {
        let per_image = self.gather.rows();
        pointers.clear();
        pointers.resize(self.gather.taps * padded, ZEROS.as_ptr());
        for (i, row) in rows.clone().enumerate() {
            let (image, row) = (row / per_image, row % per_image);
            for tap in 0..self.gather.taps {
                let offset = self.gather.offsets[tap * per_image + row];
                if offset != PADDING {
                    pointers[tap * padded + i] =
                        self.input[image * self.gather.input_len + offset as usize..].as_ptr();
                }
            }
        }
    }
}

pub(super) struct Task<'a, 'b> {
    pub(super) product: &'a Product<'b>,
    pub(super) block: usize,
    pub(super) rows: Range<usize>,
    pub(super) panels: Range<usize>,
}

/// Where a task's rows are read and written.
pub(super) struct Lines {
    pub(super) count: usize,
    pub(super) outputs: [usize; MOST_ROWS * TILES_PER_BLOCK],
    /// Rows of pointers, whole tiles of them.
    pub(super) padded: usize,
    /// `taps x padded`: where each run of each row starts.
    pub(super) pointers: Vec<*const f32>,
}

impl Lines {
    /// Keeps the memory for the thread's next task.
    pub(super) fn give_back(self) {
        ROW_POINTERS.set(self.pointers);
    }
}

impl Task<'_, '_> {
    pub(super) fn lines(&self, tile: usize) -> Lines {
        // Taken rather than borrowed: a closure might be compiled outside the instruction set.
        let mut pointers = ROW_POINTERS.take();
        let (product, count) = (self.product, self.rows.len());
        let padded = count.next_multiple_of(tile);
        product.point(&self.rows, padded, &mut pointers);
        let mut outputs = [0usize; MOST_ROWS * TILES_PER_BLOCK];
        let per_image = product.gather.rows();
        for (i, row) in self.rows.clone().enumerate() {
            let (image, row) = (row / per_image, row % per_image);
            outputs[i] = image * product.gather.output_len + product.gather.outputs[row] as usize;
        }
        Lines { count, outputs, padded, pointers }
    }

    /// Asks for what [`Task::store`] will read and write.
    #[inline(always)]
    pub(super) unsafe fn prefetch(&self, outputs: &[usize], place: &Place, width: usize) {
        for &output in outputs {
            let at = output + place.panel * width;
            unsafe {
                prefetch(self.product.output.at(at));
                if let (true, Some(residual)) = (place.last, self.product.finish.residual) {
                    prefetch(residual.as_ptr().add(at));
                }
            }
        }
    }

    /// Finishes a tile.
    #[inline(always)]
    pub(super) unsafe fn store<V: Vector, const R: usize>(
        &self,
        done: &[[V; PANEL_VECTORS]; R],
        outputs: &[usize],
        place: &Place,
        sums: &mut [[V; PANEL_VECTORS]; 2],
    ) {
        let width = V::LANES * PANEL_VECTORS;
        let column = place.panel * width;
        let columns = (self.product.columns - column).min(width);
        unsafe {
            if columns == width {
                self.finish::<V, R>(done, outputs, column, place, sums);
            } else {
                self.finish_narrow::<V, R>(done, outputs, column, columns, place, sums);
            }
        }
    }

    /// Finishes a tile whose panel is full.
    #[inline(always)]
    unsafe fn finish<V: Vector, const R: usize>(
        &self,
        acc: &[[V; PANEL_VECTORS]; R],
        outputs: &[usize],
        column: usize,
        place: &Place,
        sums: &mut [[V; PANEL_VECTORS]; 2],
    ) {
        let product = self.product;
        let finish = &product.finish;
        let zero = unsafe { V::zero() };
        for v in 0..PANEL_VECTORS {
            let column = column + v * V::LANES;
            unsafe {
                let bias = match finish.bias {
                    Some(bias) if place.last => V::load(bias.as_ptr().add(column)),
                    _ => zero,
                };
                for r in 0..R {
                    if r >= outputs.len() {
                        break;
                    }
                    let to = product.output.at(outputs[r] + column);
                    let mut x = acc[r][v].add(bias);
                    if !place.first || finish.accumulate {
                        x = x.add(V::load(to));
                    }
                    if place.last {
                        if let Some(residual) = finish.residual {
                            x = x.add(V::load(residual.as_ptr().add(outputs[r] + column)));
                        }
                        if finish.relu {
                            x = zero.max(x);
                        }
                        if product.sums.is_some() {
                            sums[0][v] = sums[0][v].add(x);
                            sums[1][v] = x.mul_add(x, sums[1][v]);
                        }
                    }
                    x.store(to);
                }
            }
        }
    }

    /// Finishes a tile whose panel is only `columns` wide, through a copy of full width.
    #[inline(never)]
    unsafe fn finish_narrow<V: Vector, const R: usize>(
        &self,
        acc: &[[V; PANEL_VECTORS]; R],
        outputs: &[usize],
        column: usize,
        columns: usize,
        place: &Place,
        sums: &mut [[V; PANEL_VECTORS]; 2],
    ) {
        let product = self.product;
        let finish = &product.finish;
        let mut tile = [[0.0f32; WIDEST_PANEL]; R];
        let mut total = [[0.0f32; WIDEST_PANEL]; 2];
        unsafe {
            for (row, values) in tile.iter_mut().zip(acc.iter()) {
                for (v, value) in values.iter().enumerate() {
                    value.store(row.as_mut_ptr().add(v * V::LANES));
                }
            }
            for (row, &output) in tile.iter().zip(outputs) {
                let out = product.output.slice(output + column, columns);
                for (c, to) in out.iter_mut().enumerate() {
                    let mut x = row[c];
                    if place.last {
                        x += finish.bias.map_or(0.0, |b| b[column + c]);
                    }
                    if !place.first || finish.accumulate {
                        x += *to;
                    }
                    if place.last {
                        x += finish.residual.map_or(0.0, |s| s[output + column + c]);
                        if finish.relu && x < 0.0 {
                            x = 0.0;
                        }
                        total[0][c] += x;
                        total[1][c] += x * x;
                    }
                    *to = x;
                }
            }
            for (sum, total) in sums.iter_mut().zip(&total) {
                for (v, sum) in sum.iter_mut().enumerate() {
                    *sum = sum.add(V::load(total.as_ptr().add(v * V::LANES)));
                }
            }
        }
    }

    #[inline(always)]
    pub(super) unsafe fn store_sums<V: Vector>(&self, panel: usize, sums: &[[V; PANEL_VECTORS]; 2]) {
        let width = V::LANES * PANEL_VECTORS;
        let padded = self.product.columns.div_ceil(width) * width;
        if let Some(to) = self.product.sums {
            for (kind, sum) in sums.iter().enumerate() {
                for (v, sum) in sum.iter().enumerate() {
                    let offset = (self.block * 2 + kind) * padded + panel * width + v * V::LANES;
                    unsafe { sum.store(to.at(offset)) };
                }
            }
        }
    }
}

/// Where a tile stands.
pub(super) struct Place {
    pub(super) panel: usize,
    /// In the first block of the inner dimension.
    pub(super) first: bool,
    /// In the last block of the inner dimension.
    pub(super) last: bool,
}
