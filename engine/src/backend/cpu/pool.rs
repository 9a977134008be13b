//! Maximum pool and mean over positions, forward and backward.

use rayon::prelude::*;

use crate::net::Shape;

/// A square maximum pool over NHWC items. The first maximum of a window in reading order wins a tie.
#[derive(Debug, Clone, Copy)]
pub(super) struct MaxPool {
    pub input: Shape,
    pub output: Shape,
    pub kernel: usize,
    pub stride: usize,
    pub padding: usize,
}

impl MaxPool {
    /// Input positions of a window that lie inside the input.
    #[inline(always)]
    fn window(&self, y: usize, x: usize) -> impl Iterator<Item = usize> + '_ {
        let span = |o: usize, n: usize| {
            let start = (o * self.stride).saturating_sub(self.padding);
            start..(o * self.stride + self.kernel).saturating_sub(self.padding).min(n)
        };
        let columns = span(x, self.input.w);
        span(y, self.input.h).flat_map(move |y| columns.clone().map(move |x| y * self.input.w + x))
    }

    pub(super) fn forward(&self, input: &[f32], output: &mut [f32]) {
        let c = self.output.c;
        let row = self.output.w * c;
        output.par_chunks_mut(row).enumerate().for_each(|(i, out)| {
            let (image, y) = (i / self.output.h, i % self.output.h);
            let input = &input[image * self.input.len()..][..self.input.len()];
            for (x, out) in out.chunks_exact_mut(c).enumerate() {
                for (nth, position) in self.window(y, x).enumerate() {
                    let from = &input[position * c..][..c];
                    if nth == 0 {
                        out.copy_from_slice(from);
                    } else {
                        out.iter_mut()
                            .zip(from)
                            .for_each(|(a, b)| *a = if *b > *a || b.is_nan() { *b } else { *a });
                    }
                }
            }
        });
    }

    /// Replaces `d_input` by the input's gradient, or adds it.
    pub(super) fn backward(&self, input: &[f32], d_output: &[f32], d_input: &mut [f32], add: bool) {
        let c = self.output.c;
        d_input.par_chunks_mut(self.input.len()).enumerate().for_each(|(image, d_input)| {
            if !add {
                d_input.fill(0.0);
            }
            let input = &input[image * self.input.len()..][..self.input.len()];
            let d_output = &d_output[image * self.output.len()..][..self.output.len()];
            let mut best = vec![0.0f32; c];
            let mut winner = vec![0u32; c];
            for (p, d_output) in d_output.chunks_exact(c).enumerate() {
                let (y, x) = (p / self.output.w, p % self.output.w);
                best.fill(f32::NEG_INFINITY);
                for position in self.window(y, x) {
                    let from = &input[position * c..][..c];
                    for ((best, winner), value) in best.iter_mut().zip(&mut winner).zip(from) {
                        let wins = *value > *best;
                        *best = if wins { *value } else { *best };
                        *winner = if wins { position as u32 } else { *winner };
                    }
                }
                for (channel, (winner, d)) in winner.iter().zip(d_output).enumerate() {
                    d_input[*winner as usize * c + channel] += d;
                }
            }
        });
    }
}

/// Mean over positions: `pixels x c` to `c` for each item.
pub(super) fn mean(shape: Shape, input: &[f32], output: &mut [f32]) {
    let scale = 1.0 / shape.pixels() as f32;
    output.par_chunks_mut(shape.c).enumerate().for_each(|(n, out)| {
        out.fill(0.0);
        for pixel in input[n * shape.len()..][..shape.len()].chunks_exact(shape.c) {
            out.iter_mut().zip(pixel).for_each(|(a, b)| *a += b);
        }
        for value in out {
            *value *= scale;
        }
    });
}

/// Replaces `d_input` by the gradient of the mean's input, or adds it.
pub(super) fn mean_backward(shape: Shape, d_output: &[f32], d_input: &mut [f32], add: bool) {
    let scale = 1.0 / shape.pixels() as f32;
    d_input.par_chunks_mut(shape.len()).enumerate().for_each(|(n, d_input)| {
        let d_output = &d_output[n * shape.c..][..shape.c];
        for pixel in d_input.chunks_exact_mut(shape.c) {
            pixel
                .iter_mut()
                .zip(d_output)
                .for_each(|(a, b)| *a = if add { *a + b * scale } else { b * scale });
        }
    });
}
