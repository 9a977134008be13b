//! 3x3 convolutions of stride 1 by Winograd's minimal filtering F(2x2, 3x3): 16 multiplications where the direct
//! product needs 36 (Lavin and Gray 2016). Its transforms only add and halve, so it is as exact as the direct form
//! in practice.
//!
//! A task owns a block of 2x2 output tiles and a block of output channels; transformed inputs and products stay in
//! the L2 cache, and the output transform finishes with bias, residual, rectifier and column sums.

mod fixed;
mod single;
mod weights;

use std::cell::Cell;
use std::ops::Range;

use rayon::prelude::*;

use self::fixed::FixedTask;
use self::single::SingleTask;
use super::buffer::{Buffer, Shared};
use super::conv::Extents;
use super::fixed::{Panels, suits};
use super::matmul::{Finish, ZEROS};
use crate::simd::{Isa, PANEL_VECTORS, Vector};

/// Points of a transformed tile.
pub(super) const POINTS: usize = 16;
/// Tiles in one task. A multiple of most register tiles' rows; fixed, so that column sums do not depend on threads.
const TILES: usize = 24;
/// Input channels transformed at a time.
const INPUTS: usize = 128;
/// What lines of channels are kept apart by beyond their length: lines a power of two apart would compete for the same
/// few places in the cache.
const APART: usize = 16;
/// From one line of transformed values to the next.
const LINE: usize = INPUTS + APART;
/// Output channels in one task.
const OUTPUTS: usize = 128;
/// Below this many tiles, transforming the weights costs more than it saves.
pub(super) const FEWEST_TILES: usize = 160;
/// The same for weights that are transformed already, which are only more to read.
pub(super) const FEWEST_TILES_KEPT: usize = 48;

/// A convolution cut into 2x2 output tiles.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tiling {
    /// Input extents and channels.
    pub height: usize,
    pub width: usize,
    pub inputs: usize,
    pub outputs: usize,
    pub padding: usize,
}

impl Tiling {
    /// The forward convolution, if it is of the kind and that many items have at least `fewest` tiles.
    pub(super) fn forward(extents: &Extents, isa: Isa, items: usize, fewest: usize) -> Option<Self> {
        let Extents { input, output, kernel, stride, padding } = *extents;
        let tiling = Self { height: input.h, width: input.w, inputs: input.c, outputs: output.c, padding };
        let lanes = isa.panel() / PANEL_VECTORS;
        let fits = kernel == 3 && stride == 1 && padding <= 2 && !extents.is_framed();
        let whole = input.c.is_multiple_of(lanes) && output.c.is_multiple_of(lanes) && input.c >= 16;
        let (rows, columns) = tiling.tiles();
        // Odd maps compute positions that do not exist.
        let used = output.pixels() as f32 / (4 * rows * columns) as f32;
        (fits && whole && used > 0.7 && items * rows * columns >= fewest).then_some(tiling)
    }

    /// The input gradient as a convolution of the output gradient with the flipped, transposed weight.
    pub(super) fn input_gradient(extents: &Extents, isa: Isa, items: usize) -> Option<Self> {
        let forward = Self::forward(extents, isa, items, FEWEST_TILES)?;
        let (height, width) = (extents.output.h, extents.output.w);
        let (inputs, outputs) = (forward.outputs, forward.inputs);
        let used = extents.input.pixels() as f32
            / (4 * extents.input.h.div_ceil(2) * extents.input.w.div_ceil(2)) as f32;
        let tiling = Self { height, width, inputs, outputs, padding: 2 - forward.padding };
        (used > 0.7 && inputs >= 16).then_some(tiling)
    }

    fn output_size(&self) -> (usize, usize) {
        (self.height + 2 * self.padding - 2, self.width + 2 * self.padding - 2)
    }

    /// Rows and columns of tiles.
    pub(super) fn tiles(&self) -> (usize, usize) {
        let (h, w) = self.output_size();
        (h.div_ceil(2), w.div_ceil(2))
    }

    /// Blocks that column sums come in.
    pub(super) fn blocks(&self, items: usize) -> usize {
        let (rows, columns) = self.tiles();
        (items * rows * columns).div_ceil(TILES)
    }

    /// Values of the transformed weight.
    pub(super) fn weights_len(&self, isa: Isa) -> usize {
        POINTS * self.outputs.div_ceil(isa.panel()) * isa.panel() * self.inputs
    }

    /// Whether the products can be taken in fixed point.
    pub(super) fn suits_fixed(&self) -> bool {
        suits([self.inputs].into_iter())
    }

    /// Input channels that are added up together.
    pub(super) fn weight_blocks(&self) -> impl Iterator<Item = Vec<Range<usize>>> {
        let inputs = self.inputs;
        (0..inputs)
            .step_by(INPUTS)
            .map(move |start| std::iter::once(start..inputs.min(start + INPUTS)).collect())
    }
}

/// A whole convolution by Winograd's tiles.
pub(super) struct Convolution<'a> {
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

impl Convolution<'_> {
    /// Computes it on the current rayon pool.
    pub(super) fn run(&self) {
        let t = &self.tiling;
        let (h, w) = t.output_size();
        assert!(self.input.len() >= self.items * t.height * t.width * t.inputs, "input too short");
        assert!(self.weights.holds(t.weights_len(self.isa)), "weights too short");
        assert!(t.inputs <= ZEROS.len(), "more channels than the row of zeros");
        if let Some(residual) = self.finish.residual {
            assert!(residual.len() >= self.items * h * w * t.outputs, "residual too short");
        }
        let groups = t.outputs.div_ceil(OUTPUTS);
        (0..t.blocks(self.items) * groups).into_par_iter().for_each(|task| {
            let task = Task { whole: self, block: task / groups, first: task % groups * OUTPUTS };
            // SAFETY: the set was detected, lengths were checked, each task writes its own tiles and channels.
            match self.weights {
                Panels::Single(weights) => unsafe { self.isa.run(SingleTask { task, weights }) },
                Panels::Fixed(weights) => unsafe { self.isa.run_pairs(FixedTask { task, weights }) },
            }
        });
    }
}

struct Task<'a, 'b> {
    whole: &'a Convolution<'b>,
    block: usize,
    /// First output channel.
    first: usize,
}

/// Where a tile lies.
#[derive(Clone, Copy, Default)]
struct Corner {
    image: usize,
    y: usize,
    x: usize,
}

/// What a task works in.
struct Room {
    corners: [Corner; TILES],
    /// Tiles of this task.
    count: usize,
    /// Output channels of this task, and the panels they are in.
    outputs: usize,
    panels: usize,
    /// `point x tile` lines of [`LINE`] input channels.
    transformed: Shared,
    /// `point x tile` lines of `line` output channels.
    products: Shared,
    line: usize,
    buffers: (Buffer, Buffer),
}

impl Room {
    /// Stores the products of `R` lines from `line` on with a panel; adds them to what is there unless they are the first.
    #[inline(always)]
    unsafe fn add<V: Vector, const R: usize>(
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
    fn give_back(self) {
        TRANSFORMED.set(self.buffers);
    }
}

impl Task<'_, '_> {
    fn room(&self, width: usize) -> Room {
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
    fn column(&self, point: usize, panel: usize, width: usize) -> usize {
        (point * self.whole.tiling.outputs.div_ceil(width) + panel) * width + self.first
    }

    /// Transforms every tile's channels from `start` on and says how many that are.
    #[inline(always)]
    unsafe fn transform_inputs<V: Vector>(&self, room: &Room, start: usize) -> usize {
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
    unsafe fn transform_outputs<V: Vector>(&self, room: &Room) {
        for lane in (0..room.outputs).step_by(V::LANES) {
            let corners = &room.corners[..room.count];
            unsafe { self.transform_output::<V>(corners, lane, room.line, room.products) };
        }
    }

    /// `B^T d B` of one 4x4 input tile, some channels of it; its points go `step` apart.
    #[inline(always)]
    unsafe fn transform_input<V: Vector>(
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
