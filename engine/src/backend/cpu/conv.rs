//! Convolution as gathered products: geometry, packed weights, forward and input gradient.

use rayon::prelude::*;

use super::buffer::Shared;
use super::matmul::{Gather, PADDING};
use crate::net::Shape;
use crate::simd::Isa;

/// Extents of a square convolution. A linear layer is the 1x1 case over a row of positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extents {
    pub input: Shape,
    pub output: Shape,
    pub kernel: usize,
    pub stride: usize,
    pub padding: usize,
}

impl Extents {
    pub(super) fn linear(positions: usize, inputs: usize, outputs: usize) -> Self {
        let row = |c| Shape { h: 1, w: positions, c };
        let (input, output) = (row(inputs), row(outputs));
        Self { input, output, kernel: 1, stride: 1, padding: 0 }
    }

    /// Rows of the weight matrix: `kernel x kernel x input channels`.
    pub(super) fn inner(&self) -> usize {
        self.kernel * self.kernel * self.input.c
    }

    /// Values of one weight panel.
    pub(super) fn panel_len(&self, isa: Isa) -> usize {
        self.inner() * isa.panel()
    }

    /// Values of the packed weight, padding included.
    pub(super) fn packed_len(&self, isa: Isa) -> usize {
        self.output.c.div_ceil(isa.panel()) * self.panel_len(isa)
    }

    /// Whether a kernel row is short enough that it is worth copying the input into a zero-padded frame, where the
    /// row's taps are one contiguous run.
    pub(super) fn is_framed(&self) -> bool {
        self.kernel > 1 && self.input.c < 8
    }

    /// Shape of the zero-padded frame.
    pub(super) fn frame(&self) -> Shape {
        Shape { h: self.input.h + 2 * self.padding, w: self.input.w + 2 * self.padding, c: self.input.c }
    }

    /// The forward product. A framed convolution reads its frame, any other its input.
    pub(super) fn forward(&self) -> Gather {
        let (out, c) = (self.output, self.input.c);
        let outputs = (0..out.pixels()).map(|p| (p * out.c) as u32).collect();
        if self.is_framed() {
            let frame = self.frame();
            let offsets: Vec<Vec<u32>> = (0..self.kernel)
                .map(|ky| {
                    positions(out)
                        .map(|(y, x)| (((y * self.stride + ky) * frame.w + x * self.stride) * c) as u32)
                        .collect()
                })
                .collect();
            let run = self.kernel * c;
            let weight_rows: Vec<usize> = (0..self.kernel).map(|ky| ky * run).collect();
            return Gather::new(outputs, &offsets, &weight_rows, run, frame.len(), out.len());
        }
        let mut offsets = Vec::new();
        let mut weight_rows = Vec::new();
        for (ky, kx) in taps(self.kernel) {
            let table: Vec<u32> = positions(out)
                .map(|(y, x)| {
                    let from = |o: usize, k: usize, n: usize| {
                        (o * self.stride + k).checked_sub(self.padding).filter(|&i| i < n)
                    };
                    match (from(y, ky, self.input.h), from(x, kx, self.input.w)) {
                        (Some(y), Some(x)) => ((y * self.input.w + x) * c) as u32,
                        _ => PADDING,
                    }
                })
                .collect();
            // A tap that only ever meets padding (tiny maps) would multiply zeros.
            if table.iter().any(|&o| o != PADDING) {
                offsets.push(table);
                weight_rows.push((ky * self.kernel + kx) * c);
            }
        }
        Gather::new(outputs, &offsets, &weight_rows, c, self.input.len(), out.len())
    }

    /// The products that give the input's gradient from the output's: one for each class of input positions that
    /// the same taps reach (a stride of 2 makes four). Positions that no tap reaches are returned apart.
    pub(super) fn input_gradient(&self) -> (Vec<Gather>, Vec<u32>) {
        let (input, out) = (self.input, self.output);
        let mut gathers = Vec::new();
        let mut unreached = Vec::new();
        for (py, px) in taps(self.stride) {
            let members: Vec<(usize, usize)> = positions(input)
                .filter(|(y, x)| {
                    (y + self.padding) % self.stride == py && (x + self.padding) % self.stride == px
                })
                .collect();
            if members.is_empty() {
                continue;
            }
            let outputs: Vec<u32> =
                members.iter().map(|(y, x)| ((y * input.w + x) * input.c) as u32).collect();
            let mut offsets = Vec::new();
            let mut weight_rows = Vec::new();
            for (ky, kx) in
                taps(self.kernel).filter(|(ky, kx)| ky % self.stride == py && kx % self.stride == px)
            {
                let table: Vec<u32> = members
                    .iter()
                    .map(|&(y, x)| {
                        let from = |i: usize, k: usize, n: usize| {
                            (i + self.padding).checked_sub(k).map(|i| i / self.stride).filter(|&o| o < n)
                        };
                        match (from(y, ky, out.h), from(x, kx, out.w)) {
                            (Some(y), Some(x)) => ((y * out.w + x) * out.c) as u32,
                            _ => PADDING,
                        }
                    })
                    .collect();
                if table.iter().any(|&o| o != PADDING) {
                    offsets.push(table);
                    weight_rows.push((ky * self.kernel + kx) * out.c);
                }
            }
            if offsets.is_empty() {
                unreached.extend(outputs);
            } else {
                gathers.push(Gather::new(outputs, &offsets, &weight_rows, out.c, out.len(), input.len()));
            }
        }
        (gathers, unreached)
    }

    /// Values of the weights packed for the input gradient.
    pub(super) fn transposed_len(&self, isa: Isa) -> usize {
        self.input.c.div_ceil(isa.panel()) * self.transposed_panel_len(isa)
    }

    /// Values of one panel packed for the input gradient.
    pub(super) fn transposed_panel_len(&self, isa: Isa) -> usize {
        self.kernel * self.kernel * self.output.c * isa.panel()
    }

    /// Index in the packed weight of output channel `o`, input channel `i`, kernel position `tap`.
    fn packed_index(&self, panel: usize, o: usize, i: usize, tap: usize) -> usize {
        (o / panel * self.inner() + tap * self.input.c + i) * panel + o % panel
    }

    /// Packs torchvision's `out x in x k x k` weight into panels of output channels. Padding columns are zero.
    pub(super) fn pack(&self, isa: Isa, weight: &[f32], packed: &mut [f32]) {
        let taps = self.kernel * self.kernel;
        packed.fill(0.0);
        for o in 0..self.output.c {
            for i in 0..self.input.c {
                for tap in 0..taps {
                    packed[self.packed_index(isa.panel(), o, i, tap)] =
                        weight[(o * self.input.c + i) * taps + tap];
                }
            }
        }
    }

    /// The inverse of [`Extents::pack`].
    pub(super) fn unpack(&self, isa: Isa, packed: &[f32]) -> Vec<f32> {
        let taps = self.kernel * self.kernel;
        let mut weight = Vec::with_capacity(self.output.c * self.input.c * taps);
        for o in 0..self.output.c {
            for i in 0..self.input.c {
                for tap in 0..taps {
                    weight.push(packed[self.packed_index(isa.panel(), o, i, tap)]);
                }
            }
        }
        weight
    }

    /// Re-packs a packed weight into panels of input channels, `taps x out x panel`, for the input gradient.
    pub(super) fn transpose(&self, isa: Isa, packed: &[f32], transposed: &mut [f32]) {
        let width = isa.panel();
        let panel_len = self.transposed_panel_len(isa);
        let to = Shared::of(transposed);
        let taps = self.kernel * self.kernel;
        let blocks = self.output.c.div_ceil(width);
        (0..self.input.c.div_ceil(width) * taps).into_par_iter().for_each(|task| {
            let (panel, tap) = (task / taps, task % taps);
            let i0 = panel * width;
            let inputs = (self.input.c - i0).min(width);
            // SAFETY: each task writes its own tap of its own panel.
            let rows =
                unsafe { to.slice(panel * panel_len + tap * self.output.c * width, self.output.c * width) };
            if inputs < width {
                rows.fill(0.0);
            }
            for block in 0..blocks {
                let o0 = block * width;
                let outs = (self.output.c - o0).min(width);
                let from =
                    &packed[(block * self.inner() + tap * self.input.c + i0) * width..][..inputs * width];
                for o in 0..outs {
                    let row = &mut rows[(o0 + o) * width..][..inputs];
                    for (i, value) in row.iter_mut().enumerate() {
                        *value = from[i * width + o];
                    }
                }
            }
        });
    }

    /// Copies inputs into their zero-padded frames.
    pub(super) fn fill_frames(&self, items: usize, input: &[f32], frames: &mut [f32]) {
        let (frame, row) = (self.frame(), self.input.w * self.input.c);
        frames[..items * frame.len()].par_chunks_mut(frame.len()).enumerate().for_each(|(n, to)| {
            to.fill(0.0);
            for y in 0..self.input.h {
                let at = ((y + self.padding) * frame.w + self.padding) * frame.c;
                to[at..at + row].copy_from_slice(&input[(n * self.input.h + y) * row..][..row]);
            }
        });
    }
}

fn positions(shape: Shape) -> impl Iterator<Item = (usize, usize)> {
    (0..shape.h).flat_map(move |y| (0..shape.w).map(move |x| (y, x)))
}

fn taps(side: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..side).flat_map(move |y| (0..side).map(move |x| (y, x)))
}
