//! How a layer's convolution is computed for a given batch: by Winograd's tiles where they pay, else as a gathered
//! product; and where the weights in the form each wants are kept.

use super::buffer::{Buffer, Shared};
use super::layer::ConvLayer;
use super::matmul::{Finish, Gather, Product, row_blocks};
use super::simd::Isa;
use super::winograd::{Convolution, Tiling};

/// Where a forward product's transformed weights are kept.
pub(super) enum Transformed<'a> {
    /// For as long as the weights stay the same.
    Kept(&'a mut Option<Buffer>),
    /// Until the next layer.
    Once(&'a mut Buffer),
}

impl Transformed<'_> {
    fn forward(&mut self, isa: Isa, tiling: &Tiling, weights: &[f32]) -> &[f32] {
        let make = |to: &mut Buffer| {
            to.ensure(tiling.weights_len(isa));
            tiling.transform_weights(isa, weights, false, to.as_mut_slice());
        };
        match self {
            Transformed::Kept(kept) => kept
                .get_or_insert_with(|| {
                    let mut buffer = Buffer::default();
                    make(&mut buffer);
                    buffer
                })
                .as_slice(),
            Transformed::Once(buffer) => {
                make(buffer);
                buffer.as_slice()
            }
        }
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
}

impl Call {
    /// `target = input * weights` for a layer; `weights` are packed as the store keeps them.
    pub(super) fn forward(
        &self,
        conv: &ConvLayer,
        input: &[f32],
        weights: &[f32],
        target: Target<'_>,
        transformed: &mut Transformed<'_>,
    ) {
        if let Some(tiling) = self.tiling(conv) {
            let weights = transformed.forward(self.isa, &tiling, weights);
            self.tiles(tiling, input, weights, target);
            return;
        }
        let panel_len = conv.extents.panel_len(self.isa);
        self.product(&conv.forward, input, (weights, panel_len), conv.extents.output.c, target);
    }

    /// Blocks in which a forward product leaves its column sums.
    pub(super) fn sum_blocks(&self, conv: &ConvLayer) -> usize {
        match self.tiling(conv) {
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
            self.tiles(tiling, d_output, points.as_slice(), target);
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
            self.product(gather, d_output, (transposed.as_slice(), panel_len), c, target);
        }
    }

    fn tiling(&self, conv: &ConvLayer) -> Option<Tiling> {
        Tiling::forward(&conv.extents, self.isa, self.items)
    }

    fn tiles(&self, tiling: Tiling, input: &[f32], weights: &[f32], target: Target<'_>) {
        let Target { output, finish, sums } = target;
        Convolution { isa: self.isa, tiling, items: self.items, input, weights, output, finish, sums }.run();
    }

    fn product(
        &self,
        gather: &Gather,
        input: &[f32],
        (weights, panel_len): (&[f32], usize),
        columns: usize,
        target: Target<'_>,
    ) {
        let Target { output, finish, sums } = target;
        let (isa, threads, items) = (self.isa, self.threads, self.items);
        Product { isa, gather, items, input, weights, panel_len, columns, output, finish, sums, threads }
            .run();
    }
}
