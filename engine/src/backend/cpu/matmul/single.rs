//! The product in single precision, rows read where they lie.

use super::gather::Run;
use super::task::{Place, Task};
use crate::simd::{Kernel, PANEL_VECTORS, Vector, with_rows};

/// A task whose weights are single-precision numbers.
pub(super) struct SingleTask<'a, 'b> {
    pub task: Task<'a, 'b>,
    pub weights: &'a [f32],
}

impl Kernel for SingleTask<'_, '_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        unsafe { with_rows!(V, self.rows_of()) }
    }
}

impl SingleTask<'_, '_> {
    #[inline(always)]
    unsafe fn rows_of<V: Vector, const R: usize>(self) {
        let task = &self.task;
        let gather = task.product.gather;
        let lines = task.lines(R);
        let last = gather.blocks.len() - 1;
        for (b, block) in gather.blocks.iter().enumerate() {
            let runs = &gather.runs[block.clone()];
            for panel in task.panels.clone() {
                let place = Place { panel, first: b == 0, last: b == last };
                unsafe {
                    let mut sums = [[V::zero(); PANEL_VECTORS]; 2];
                    let mut tile = 0;
                    while tile < lines.count {
                        let out = &lines.outputs[tile..lines.count.min(tile + R)];
                        let pointers = &lines.pointers[tile..];
                        self.tile::<V, R>(runs, pointers, lines.padded, out, &place, &mut sums);
                        tile += R;
                    }
                    if b == last {
                        task.store_sums(panel, &sums);
                    }
                }
            }
        }
        lines.give_back();
    }

    #[inline(always)]
    unsafe fn tile<V: Vector, const R: usize>(
        &self,
        runs: &[Run],
        pointers: &[*const f32],
        stride: usize,
        outputs: &[usize],
        place: &Place,
        sums: &mut [[V; PANEL_VECTORS]; 2],
    ) {
        unsafe {
            let width = V::LANES * PANEL_VECTORS;
            let panel = self.weights.as_ptr().add(place.panel * self.task.product.panel_len);
            self.task.prefetch(outputs, place, width);
            let mut acc = [[V::zero(); PANEL_VECTORS]; R];
            for run in runs {
                let mut rows = [std::ptr::null::<f32>(); R];
                for (r, row) in rows.iter_mut().enumerate() {
                    *row = (*pointers.get_unchecked(run.tap * stride + r)).add(run.start);
                }
                let weights = panel.add(run.weight_row * width);
                multiply::<V, R>(&mut acc, &rows, run.len, weights);
            }
            // A copy, so that the accumulators of the loop above have no address and stay in registers.
            let mut done = [[V::zero(); PANEL_VECTORS]; R];
            for r in 0..R {
                done[r] = [acc[r][0], acc[r][1]];
            }
            self.task.store::<V, R>(&done, outputs, place, sums);
        }
    }
}

/// Adds `len` products of `R` rows with a panel to a register tile.
///
/// # Safety
/// Each row holds `len` values, the panel `len` times the width of the tile.
#[inline(always)]
pub(in crate::backend::cpu) unsafe fn multiply<V: Vector, const R: usize>(
    acc: &mut [[V; PANEL_VECTORS]; R],
    rows: &[*const f32; R],
    len: usize,
    panel: *const f32,
) {
    let width = V::LANES * PANEL_VECTORS;
    unsafe {
        for k in 0..len {
            let w0 = V::load(panel.add(k * width));
            let w1 = V::load(panel.add(k * width + V::LANES));
            for r in 0..R {
                let x = V::splat(*rows[r].add(k));
                acc[r][0] = x.mul_add(w0, acc[r][0]);
                acc[r][1] = x.mul_add(w1, acc[r][1]);
            }
        }
    }
}
