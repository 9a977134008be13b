//! Which convolutions are cut into 2x2 output tiles, and how.

use std::ops::Range;

use crate::backend::cpu::conv::Extents;
use crate::backend::cpu::fixed::suits;
use crate::simd::{Isa, PANEL_VECTORS};

/// Points of a transformed tile.
pub(in crate::backend::cpu) const POINTS: usize = 16;
/// Tiles in one task. A multiple of most register tiles' rows; fixed, so that column sums do not depend on threads.
pub(super) const TILES: usize = 24;
/// Input channels transformed at a time.
pub(super) const INPUTS: usize = 128;
/// Below this many tiles, transforming the weights costs more than it saves.
pub(in crate::backend::cpu) const FEWEST_TILES: usize = 160;
/// The same for weights that are transformed already, which are only more to read.
pub(in crate::backend::cpu) const FEWEST_TILES_KEPT: usize = 48;

/// A convolution cut into 2x2 output tiles.
#[derive(Debug, Clone, Copy)]
pub(in crate::backend::cpu) struct Tiling {
    /// Input extents and channels.
    pub height: usize,
    pub width: usize,
    pub inputs: usize,
    pub outputs: usize,
    pub padding: usize,
}

impl Tiling {
    /// The forward convolution, if it is of the kind and that many items have at least `fewest` tiles.
    pub(in crate::backend::cpu) fn forward(
        extents: &Extents,
        isa: Isa,
        items: usize,
        fewest: usize,
    ) -> Option<Self> {
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
    pub(in crate::backend::cpu) fn input_gradient(extents: &Extents, isa: Isa, items: usize) -> Option<Self> {
        let forward = Self::forward(extents, isa, items, FEWEST_TILES)?;
        let (height, width) = (extents.output.h, extents.output.w);
        let (inputs, outputs) = (forward.outputs, forward.inputs);
        let used = extents.input.pixels() as f32
            / (4 * extents.input.h.div_ceil(2) * extents.input.w.div_ceil(2)) as f32;
        let tiling = Self { height, width, inputs, outputs, padding: 2 - forward.padding };
        (used > 0.7 && inputs >= 16).then_some(tiling)
    }

    pub(super) fn output_size(&self) -> (usize, usize) {
        (self.height + 2 * self.padding - 2, self.width + 2 * self.padding - 2)
    }

    /// Rows and columns of tiles.
    pub(in crate::backend::cpu) fn tiles(&self) -> (usize, usize) {
        let (h, w) = self.output_size();
        (h.div_ceil(2), w.div_ceil(2))
    }

    /// Blocks that column sums come in.
    pub(in crate::backend::cpu) fn blocks(&self, items: usize) -> usize {
        let (rows, columns) = self.tiles();
        (items * rows * columns).div_ceil(TILES)
    }

    /// Values of the transformed weight.
    pub(in crate::backend::cpu) fn weights_len(&self, isa: Isa) -> usize {
        POINTS * self.outputs.div_ceil(isa.panel()) * isa.panel() * self.inputs
    }

    /// Whether the products can be taken in fixed point.
    pub(in crate::backend::cpu) fn suits_fixed(&self) -> bool {
        suits([self.inputs].into_iter())
    }

    /// Input channels that are added up together.
    pub(in crate::backend::cpu) fn weight_blocks(&self) -> impl Iterator<Item = Vec<Range<usize>>> {
        let inputs = self.inputs;
        (0..inputs)
            .step_by(INPUTS)
            .map(move |start| std::iter::once(start..inputs.min(start + INPUTS)).collect())
    }
}
