//! How a layer's convolution is computed for a given batch: by Winograd's tiles where they pay, else as a gathered
//! product; and where the weights in the form each wants are kept.

use super::buffer::{Buffer, Shared};
use super::fixed::{Arithmetic, FixedWeights, Panels};
use super::layer::ConvLayer;
use super::matmul::{Finish, Gather, Product, row_blocks};
use super::winograd::{Convolution, FEWEST_TILES, FEWEST_TILES_KEPT, Tiling};
use crate::simd::Isa;

/// A forward product's weights.
pub(super) enum Source<'a> {
    /// Kept for as long as they stay the same, in every form that was wanted.
    Kept(&'a mut KeptWeights),
    /// As the store packs them, and room for another form of them until the next layer.
    Once(&'a [f32], &'a mut Buffer),
}

/// Weights that stay the same for many passes.
pub(super) struct KeptWeights {
    packed: Buffer,
    tiles: Option<Buffer>,
    fixed: Option<FixedWeights>,
    fixed_tiles: Option<FixedWeights>,
}

impl KeptWeights {
    pub(super) fn new(packed: Buffer) -> Self {
        Self { packed, tiles: None, fixed: None, fixed_tiles: None }
    }

    fn for_product(&mut self, call: &Call, conv: &ConvLayer) -> Panels<'_> {
        if !(call.is_fixed() && conv.forward.suits_fixed()) {
            return Panels::Single(self.packed.as_slice());
        }
        let fixed = self.fixed.get_or_insert_with(|| {
            let blocks: Vec<_> = conv.forward.weight_blocks().collect();
            FixedWeights::new(call.isa, self.packed.as_slice(), conv.extents.inner(), &blocks)
        });
        // A layer that no batch makes worth tiling is never asked for in another form.
        if Tiling::forward(&conv.extents, call.isa, 1, 0).is_none() {
            self.packed = Buffer::default();
        }
        Panels::Fixed(fixed)
    }

    fn for_tiles(&mut self, call: &Call, tiling: &Tiling) -> Panels<'_> {
        let packed = self.packed.as_slice();
        let transformed = || {
            let mut buffer = Buffer::zeroed(tiling.weights_len(call.isa));
            tiling.transform_weights(call.isa, packed, false, buffer.as_mut_slice());
            buffer
        };
        if !(call.is_fixed() && tiling.suits_fixed()) {
            return Panels::Single(self.tiles.get_or_insert_with(transformed).as_slice());
        }
        Panels::Fixed(self.fixed_tiles.get_or_insert_with(|| {
            let blocks: Vec<_> = tiling.weight_blocks().collect();
            FixedWeights::new(call.isa, transformed().as_slice(), tiling.inputs, &blocks)
        }))
    }
}

/// Where a product goes and how its tiles are finished.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    pub output: Shared,
    pub finish: Finish<'a>,
    /// Column sums for batch normalisation, [`Call::sum_blocks`] of them.
    pub sums: Option<Shared>,
}

/// What every product of one call shares.
pub(super) struct Call {
    pub isa: Isa,
    pub threads: usize,
    pub items: usize,
    pub arithmetic: Arithmetic,
}

impl Call {
    fn is_fixed(&self) -> bool {
        self.arithmetic == Arithmetic::Fixed && self.isa.has_pairs()
    }

    /// `target = input * weights` for a layer.
    pub(super) fn forward(&self, conv: &ConvLayer, input: &[f32], weights: Source<'_>, target: Target<'_>) {
        let fewest = match weights {
            Source::Kept(_) => FEWEST_TILES_KEPT,
            Source::Once(..) => FEWEST_TILES,
        };
        if let Some(tiling) = Tiling::forward(&conv.extents, self.isa, self.items, fewest) {
            let weights = match weights {
                Source::Kept(kept) => kept.for_tiles(self, &tiling),
                Source::Once(packed, transformed) => {
                    transformed.ensure(tiling.weights_len(self.isa));
                    tiling.transform_weights(self.isa, packed, false, transformed.as_mut_slice());
                    Panels::Single(transformed.as_slice())
                }
            };
            self.tiles(tiling, input, weights, target);
            return;
        }
        let weights = match weights {
            Source::Kept(kept) => kept.for_product(self, conv),
            Source::Once(packed, _) => Panels::Single(packed),
        };
        let panel_len = conv.extents.panel_len(self.isa);
        self.product(&conv.forward, input, (weights, panel_len), conv.extents.output.c, target);
    }

    /// Blocks in which a forward product leaves its column sums.
    pub(super) fn sum_blocks(&self, conv: &ConvLayer) -> usize {
        match Tiling::forward(&conv.extents, self.isa, self.items, FEWEST_TILES) {
            Some(tiling) => tiling.blocks(self.items),
            None => row_blocks(self.isa, self.items * conv.extents.output.pixels()),
        }
    }

    /// Gradient of a layer's input from that of its output; added to `d_input` where `add` says so.
    pub(super) fn input_gradient(
        &self,
        conv: &ConvLayer,
        d_output: &[f32],
        weights: &[f32],
        scratch: (&mut Buffer, &mut Buffer),
        d_input: &mut [f32],
        add: bool,
    ) {
        let extents = &conv.extents;
        let (transposed, points) = scratch;
        transposed.ensure(extents.transposed_len(self.isa));
        extents.transpose(self.isa, weights, transposed.as_mut_slice());
        let finish = Finish { accumulate: add, ..Finish::default() };
        if let Some(tiling) = Tiling::input_gradient(extents, self.isa, self.items) {
            points.ensure(tiling.weights_len(self.isa));
            tiling.transform_weights(self.isa, transposed.as_slice(), true, points.as_mut_slice());
            let target = Target { output: Shared::of(d_input), finish, sums: None };
            self.tiles(tiling, d_output, Panels::Single(points.as_slice()), target);
            return;
        }
        let (gathers, unreached) = &conv.input_gradient;
        let c = extents.input.c;
        if !add {
            for image in d_input.chunks_exact_mut(extents.input.len()) {
                for &at in unreached {
                    image[at as usize..at as usize + c].fill(0.0);
                }
            }
        }
        let target = Target { output: Shared::of(d_input), finish, sums: None };
        for gather in gathers {
            let panel_len = extents.transposed_panel_len(self.isa);
            self.product(gather, d_output, (Panels::Single(transposed.as_slice()), panel_len), c, target);
        }
    }

    fn tiles(&self, tiling: Tiling, input: &[f32], weights: Panels<'_>, target: Target<'_>) {
        let Target { output, finish, sums } = target;
        Convolution { isa: self.isa, tiling, items: self.items, input, weights, output, finish, sums }.run();
    }

    fn product(
        &self,
        gather: &Gather,
        input: &[f32],
        (weights, panel_len): (Panels<'_>, usize),
        columns: usize,
        target: Target<'_>,
    ) {
        let Target { output, finish, sums } = target;
        let (isa, threads, items) = (self.isa, self.threads, self.items);
        Product { isa, gather, items, input, weights, panel_len, columns, output, finish, sums, threads }
            .run();
    }
}
