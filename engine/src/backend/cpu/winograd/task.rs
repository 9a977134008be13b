//! One task of a convolution by tiles: the room it works in, and the transforms into it and out of it.

use std::cell::Cell;

use super::tiling::{INPUTS, POINTS, TILES, Tiling};
use crate::backend::cpu::buffer::{Buffer, Shared};
use crate::backend::cpu::fixed::Panels;
use crate::backend::cpu::matmul::{Finish, ZEROS};
use crate::simd::{Isa, PANEL_VECTORS, Vector};

/// What lines of channels are kept apart by beyond their length: lines a power of two apart would compete for the same
/// few places in the cache.
const APART: usize = 16;
/// From one line of transformed values to the next.
pub(super) const LINE: usize = INPUTS + APART;
/// Output channels in one task.
pub(super) const OUTPUTS: usize = 128;

/// A whole convolution by Winograd's tiles.
pub(in crate::backend::cpu) struct Convolution<'a> {
    pub isa: Isa,
    pub tiling: Tiling,
    pub items: usize,
    pub input: &'a [f32],
    /// From [`Tiling::transform_weights`].
    pub weights: Panels<'a>,
    pub output: Shared,
    pub finish: Finish<'a>,
    /// Sums and sums of squares of each column, `block x 2 x padded columns`.
    pub sums: Option<Shared>,
}

thread_local! {
    static TRANSFORMED: Cell<(Buffer, Buffer)> = Cell::default();
}

pub(super) struct Task<'a, 'b> {
    pub(super) whole: &'a Convolution<'b>,
    pub(super) block: usize,
    /// First output channel.
    pub(super) first: usize,
}

/// Where a tile lies.
#[derive(Clone, Copy, Default)]
pub(super) struct Corner {
    pub(super) image: usize,
    pub(super) y: usize,
    pub(super) x: usize,
}

/// What a task works in.
pub(super) struct Room {
    pub(super) corners: [Corner; TILES],
    /// Tiles of this task.
    pub(super) count: usize,
    /// Output channels of this task, and the panels they are in.
    pub(super) outputs: usize,
    pub(super) panels: usize,
    /// `point x tile` lines of [`LINE`] input channels.
    pub(super) transformed: Shared,
    /// `point x tile` lines of `line` output channels.
    pub(super) products: Shared,
    pub(super) line: usize,
    buffers: (Buffer, Buffer),
}

impl Room {
    /// Stores the products of `R` lines from `line` on with a panel; adds them to what is there unless they are the first.
    #[inline(always)]
    pub(super) unsafe fn add<V: Vector, const R: usize>(
        &mut self,
        done: &[[V; PANEL_VECTORS]; R],
        line: usize,
        panel: usize,
        first: bool,
    ) {
        for (r, row) in done.iter().enumerate() {
            for (v, sum) in row.iter().enumerate() {
                let at = (line + r) * self.line + (panel * PANEL_VECTORS + v) * V::LANES;
                unsafe {
                    let to = self.products.at(at);
                    let sum = if first { *sum } else { sum.add(V::load(to)) };
                    sum.store(to);
                }
            }
        }
    }

    /// Keeps the memory for the thread's next task.
    pub(super) fn give_back(self) {
        TRANSFORMED.set(self.buffers);
    }
}

impl Task<'_, '_> {
    pub(super) fn room(&self, width: usize) -> Room {
        let t = &self.whole.tiling;
        let outputs = (t.outputs - self.first).min(OUTPUTS);
        let panels = outputs.div_ceil(width);
        let (rows, columns) = t.tiles();
        let mut corners = [Corner::default(); TILES];
        let first_tile = self.block * TILES;
        let count = (self.whole.items * rows * columns - first_tile).min(TILES);
        for (i, corner) in corners.iter_mut().enumerate().take(count) {
            let tile = first_tile + i;
            let place = tile % (rows * columns);
            *corner =
                Corner { image: tile / (rows * columns), y: place / columns * 2, x: place % columns * 2 };
        }
        let mut buffers = TRANSFORMED.take();
        buffers.0.ensure(POINTS * TILES * LINE);
        buffers.1.ensure(POINTS * TILES * (OUTPUTS.next_multiple_of(width) + APART));
        let (transformed, products) = (buffers.0.pointer(), buffers.1.pointer());
        Room { corners, count, outputs, panels, line: panels * width + APART, transformed, products, buffers }
    }

    /// First column of a panel of this task's channels at a point, counted over all points.
    pub(super) fn column(&self, point: usize, panel: usize, width: usize) -> usize {
        (point * self.whole.tiling.outputs.div_ceil(width) + panel) * width + self.first
    }

    /// Transforms every tile's channels from `start` on and says how many that are.
    #[inline(always)]
    pub(super) unsafe fn transform_inputs<V: Vector>(&self, room: &Room, start: usize) -> usize {
        let inputs = (self.whole.tiling.inputs - start).min(INPUTS);
        for (i, corner) in room.corners.iter().enumerate().take(room.count) {
            unsafe {
                let to = Shared::from_pointer(room.transformed.at(i * LINE));
                self.transform_input::<V>(corner, start, inputs, to, TILES * LINE);
            }
        }
        inputs
    }

    /// Transforms and stores every tile's outputs.
    #[inline(always)]
    pub(super) unsafe fn transform_outputs<V: Vector>(&self, room: &Room) {
        for lane in (0..room.outputs).step_by(V::LANES) {
            let corners = &room.corners[..room.count];
            unsafe { self.transform_output::<V>(corners, lane, room.line, room.products) };
        }
    }

    /// `B^T d B` of one 4x4 input tile, some channels of it; its points go `step` apart.
    #[inline(always)]
    pub(super) unsafe fn transform_input<V: Vector>(
        &self,
        corner: &Corner,
        start: usize,
        inputs: usize,
        to: Shared,
        step: usize,
    ) {
        let t = &self.whole.tiling;
        let mut from = [ZEROS.as_ptr(); POINTS];
        for (point, from) in from.iter_mut().enumerate() {
            let y = (corner.y + point / 4).wrapping_sub(t.padding);
            let x = (corner.x + point % 4).wrapping_sub(t.padding);
            if y < t.height && x < t.width {
                let at = ((corner.image * t.height + y) * t.width + x) * t.inputs + start;
                *from = self.whole.input[at..].as_ptr();
            }
        }
        for c in (0..inputs).step_by(V::LANES) {
            unsafe {
                let mut rows = [[V::zero(); 4]; 4];
                for x in 0..4 {
                    let d = [
                        V::load(from[x].add(c)),
                        V::load(from[4 + x].add(c)),
                        V::load(from[8 + x].add(c)),
                        V::load(from[12 + x].add(c)),
                    ];
                    rows[0][x] = d[0].sub(d[2]);
                    rows[1][x] = d[1].add(d[2]);
                    rows[2][x] = d[2].sub(d[1]);
                    rows[3][x] = d[1].sub(d[3]);
                }
                for (y, d) in rows.iter().enumerate() {
                    let out = [d[0].sub(d[2]), d[1].add(d[2]), d[2].sub(d[1]), d[1].sub(d[3])];
                    for (x, value) in out.iter().enumerate() {
                        value.store(to.at((y * 4 + x) * step + c));
                    }
                }
            }
        }
    }

    /// `A^T m A` of every tile for one register of output channels, finished and stored.
    #[inline(always)]
    unsafe fn transform_output<V: Vector>(
        &self,
        corners: &[Corner],
        lane: usize,
        line: usize,
        products: Shared,
    ) {
        let t = &self.whole.tiling;
        let finish = &self.whole.finish;
        let (h, w) = t.output_size();
        let channel = self.first + lane;
        unsafe {
            let zero = V::zero();
            let bias = match finish.bias {
                Some(bias) => V::load(bias.as_ptr().add(channel)),
                None => zero,
            };
            let mut sums = [zero; 2];
            for (tile, corner) in corners.iter().enumerate() {
                let (mut top, mut bottom) = ([zero; 4], [zero; 4]);
                for (x, (top, bottom)) in top.iter_mut().zip(&mut bottom).enumerate() {
                    let mut m = [zero; 4];
                    for (y, m) in m.iter_mut().enumerate() {
                        *m = V::load(products.at(((y * 4 + x) * TILES + tile) * line + lane));
                    }
                    *top = m[0].add(m[1]).add(m[2]);
                    *bottom = m[1].sub(m[2]).sub(m[3]);
                }
                for (y, m) in [top, bottom].iter().enumerate() {
                    let out = [m[0].add(m[1]).add(m[2]), m[1].sub(m[2]).sub(m[3])];
                    for (x, value) in out.iter().enumerate() {
                        let (y, x) = (corner.y + y, corner.x + x);
                        if y >= h || x >= w {
                            continue;
                        }
                        let at = ((corner.image * h + y) * w + x) * t.outputs + channel;
                        let to = self.whole.output.at(at);
                        let mut value = value.add(bias);
                        if finish.accumulate {
                            value = value.add(V::load(to));
                        }
                        if let Some(residual) = finish.residual {
                            value = value.add(V::load(residual.as_ptr().add(at)));
                        }
                        if finish.relu {
                            value = zero.max(value);
                        }
                        sums = [sums[0].add(value), value.mul_add(value, sums[1])];
                        value.store(to);
                    }
                }
            }
            if let Some(to) = self.whole.sums {
                let columns = t.outputs.next_multiple_of(V::LANES * PANEL_VECTORS);
                for (kind, sum) in sums.iter().enumerate() {
                    sum.store(to.at((self.block * 2 + kind) * columns + channel));
                }
            }
        }
    }
}
