//! The products of Winograd's points in single precision.

use super::task::{LINE, Task};
use super::tiling::{INPUTS, POINTS, TILES};
use crate::backend::cpu::matmul::multiply;
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
        unsafe { with_rows!(V, self.tiles_of()) }
    }
}

impl SingleTask<'_, '_> {
    #[inline(always)]
    unsafe fn tiles_of<V: Vector, const R: usize>(self) {
        let Self { task, weights } = self;
        let width = V::LANES * PANEL_VECTORS;
        let mut room = task.room(width);
        for start in (0..task.whole.tiling.inputs).step_by(INPUTS) {
            let inputs = unsafe { task.transform_inputs::<V>(&room, start) };
            for point in 0..POINTS {
                for panel in 0..room.panels {
                    let column = task.column(point, panel, width);
                    for tile in (0..room.count).step_by(R) {
                        unsafe {
                            let from = column * task.whole.tiling.inputs + start * width;
                            let line = point * TILES + tile;
                            let mut acc = [[V::zero(); PANEL_VECTORS]; R];
                            let mut lines = [std::ptr::null::<f32>(); R];
                            for (r, to) in lines.iter_mut().enumerate() {
                                *to = room.transformed.at((line + r) * LINE);
                            }
                            multiply::<V, R>(&mut acc, &lines, inputs, weights.as_ptr().add(from));
                            let mut done = [[V::zero(); PANEL_VECTORS]; R];
                            for r in 0..R {
                                done[r] = [acc[r][0], acc[r][1]];
                            }
                            room.add::<V, R>(&done, line, panel, start == 0);
                        }
                    }
                }
            }
        }
        unsafe { task.transform_outputs::<V>(&room) };
        room.give_back();
    }
}
