//! The few operations of the detectors' networks, on maps of `height x width` pixels whose channels lie together, padded with zeros to
//! whole groups of [`GROUP`].

#![expect(
    clippy::inline_always,
    reason = "a kernel must be compiled inside the function that enables its instruction set"
)]
#![expect(clippy::needless_range_loop, reason = "registers are arrays that are indexed alike")]

mod map;
mod product;

pub(super) use self::map::{Map, Matrix, padded};

use self::map::GROUP;
use self::product::{ended, product};
use crate::simd::{Isa, Kernel, Vector};

/// An operation from maps to a map.
#[derive(Clone, Copy)]
pub(super) enum Operation<'a> {
    /// Each pixel's channels through a matrix with a row for each.
    Pointwise { input: Map<'a>, matrix: Matrix<'a> },
    /// 3x3, stride 1, each channel for itself; the matrix has a row for each tap.
    Depthwise { input: Map<'a>, matrix: Matrix<'a> },
    /// 3x3, stride 2, over a frame with 3 channels and a border of zeros one pixel wide; the matrix has 27 rows.
    Stem { frame: Map<'a>, matrix: Matrix<'a> },
    /// The largest of each 2x2 pixels.
    MaxPool { input: Map<'a> },
    /// A map and another of half its size, each of whose pixels counts for four.
    AddUpsampled { input: Map<'a>, half: Map<'a> },
}

impl Operation<'_> {
    /// Height, width and padded channels of the result.
    pub(super) fn shape(&self) -> (usize, usize, usize) {
        match self {
            Self::Pointwise { input, matrix } => (input.height, input.width, matrix.bias.len()),
            Self::Depthwise { input, .. } | Self::AddUpsampled { input, .. } => {
                (input.height, input.width, input.channels)
            }
            Self::Stem { frame, matrix } => (frame.height / 2 - 1, frame.width / 2 - 1, matrix.bias.len()),
            Self::MaxPool { input } => (input.height / 2, input.width / 2, input.channels),
        }
    }

    /// Computes it.
    ///
    /// # Panics
    /// A length does not fit the shapes: a mistake of the program, since files are checked before.
    pub(super) fn run(&self, isa: Isa, out: &mut [f32]) {
        let (height, width, channels) = self.shape();
        assert_eq!(out.len(), height * width * channels, "values of the result");
        let maps = match *self {
            Self::Pointwise { input, matrix } => {
                assert_eq!(matrix.weights.len(), input.channels * channels, "a row for each channel");
                [input; 2]
            }
            Self::Depthwise { input, matrix } => {
                assert_eq!(matrix.weights.len(), 9 * channels, "a row for each tap");
                assert_eq!(matrix.bias.len(), channels, "each channel for itself");
                [input; 2]
            }
            Self::Stem { frame, matrix } => {
                assert_eq!(matrix.weights.len(), 27 * channels, "a row for each value of a tap");
                assert_eq!(frame.channels, 3, "channels of a frame");
                [frame; 2]
            }
            Self::MaxPool { input } => [input; 2],
            Self::AddUpsampled { input, half } => {
                let halved = (input.height / 2, input.width / 2, input.channels);
                let even = input.height.is_multiple_of(2) && input.width.is_multiple_of(2);
                assert!(even && (half.height, half.width, half.channels) == halved, "half the size");
                [input, half]
            }
        };
        for map in maps {
            assert_eq!(map.values.len(), map.height * map.width * map.channels, "values of a map");
        }
        assert!(channels.is_multiple_of(GROUP), "whole groups of channels");
        // SAFETY: the set was detected; lengths were checked above.
        unsafe { isa.run(Job { operation: *self, out }) };
    }
}

/// An operation whose lengths fit.
struct Job<'a> {
    operation: Operation<'a>,
    out: &'a mut [f32],
}

impl Kernel for Job<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let out = self.out;
        unsafe {
            match self.operation {
                Operation::Pointwise { input, matrix } => {
                    let pixels = input.height * input.width;
                    product::<V>(input.values, input.channels, pixels, &matrix, out);
                }
                Operation::Depthwise { input, matrix } => depthwise::<V>(&input, &matrix, out),
                Operation::Stem { frame, matrix } => stem::<V>(&frame, &matrix, out),
                Operation::MaxPool { input } => max_pool::<V>(&input, out),
                Operation::AddUpsampled { input, half } => add_upsampled::<V>(&input, &half, out),
            }
        }
    }
}

#[inline(always)]
unsafe fn stem<V: Vector>(frame: &Map<'_>, matrix: &Matrix<'_>, out: &mut [f32]) {
    let (height, width) = (frame.height / 2 - 1, frame.width / 2 - 1);
    let outputs = matrix.bias.len();
    // Three rows of three pixels are three runs: gathered, so that the rest is a product like any other.
    let mut row = vec![0.0; width * 27];
    for y in 0..height {
        for (x, gathered) in row.as_chunks_mut::<27>().0.iter_mut().enumerate() {
            for ky in 0..3 {
                let from = &frame.values[((2 * y + ky) * frame.width + 2 * x) * 3..][..9];
                for k in 0..9 {
                    gathered[9 * ky + k] = from[k];
                }
            }
        }
        let out = &mut out[y * width * outputs..][..width * outputs];
        unsafe { product::<V>(&row, 27, width, matrix, out) };
    }
}

#[inline(always)]
unsafe fn depthwise<V: Vector>(input: &Map<'_>, matrix: &Matrix<'_>, out: &mut [f32]) {
    let Map { values, height, width, channels } = *input;
    let (weights, line) = (matrix.weights.as_ptr(), width * channels);
    for y in 0..height {
        for channel in (0..channels).step_by(V::LANES) {
            unsafe {
                let mut taps = [V::zero(); 9];
                for (tap, value) in taps.iter_mut().enumerate() {
                    *value = V::load(weights.add(tap * channels + channel));
                }
                let bias = V::load(matrix.bias.as_ptr().add(channel));
                let edge = |row: usize, of: usize| row == 0 || row + 1 == of;
                for x in 0..width {
                    let middle = y * line + x * channels + channel;
                    let mut sum = bias;
                    if edge(y, height) || edge(x, width) {
                        for (tap, weight) in taps.iter().enumerate() {
                            let (sy, sx) = (y + tap / 3, x + tap % 3);
                            if sy > 0 && sx > 0 && sy <= height && sx <= width {
                                let at = (sy - 1) * line + (sx - 1) * channels + channel;
                                sum = V::load(values.as_ptr().add(at)).mul_add(*weight, sum);
                            }
                        }
                    } else {
                        let corner = values.as_ptr().add(middle - line - channels);
                        for ky in 0..3 {
                            let row = corner.add(ky * line);
                            sum = V::load(row).mul_add(taps[3 * ky], sum);
                            sum = V::load(row.add(channels)).mul_add(taps[3 * ky + 1], sum);
                            sum = V::load(row.add(2 * channels)).mul_add(taps[3 * ky + 2], sum);
                        }
                    }
                    ended(sum, matrix.relu).store(out.as_mut_ptr().add(middle));
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn max_pool<V: Vector>(input: &Map<'_>, out: &mut [f32]) {
    let Map { values, width, channels, .. } = *input;
    let columns = width / 2;
    for y in 0..input.height / 2 {
        for x in 0..columns {
            for channel in (0..channels).step_by(V::LANES) {
                let at = (2 * y * width + 2 * x) * channels + channel;
                unsafe {
                    let upper = values.as_ptr().add(at);
                    let lower = upper.add(width * channels);
                    let above = V::load(upper).max(V::load(upper.add(channels)));
                    let below = V::load(lower).max(V::load(lower.add(channels)));
                    above.max(below).store(out.as_mut_ptr().add((y * columns + x) * channels + channel));
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn add_upsampled<V: Vector>(input: &Map<'_>, half: &Map<'_>, out: &mut [f32]) {
    let Map { values, height, width, channels } = *input;
    for y in 0..height {
        for x in 0..width {
            let (own, other) = ((y * width + x) * channels, (y / 2 * half.width + x / 2) * channels);
            for channel in (0..channels).step_by(V::LANES) {
                unsafe {
                    let sum = V::load(values.as_ptr().add(own + channel))
                        .add(V::load(half.values.as_ptr().add(other + channel)));
                    sum.store(out.as_mut_ptr().add(own + channel));
                }
            }
        }
    }
}
