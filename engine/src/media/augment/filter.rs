//! The operations that follow sampling, on 8-bit rows with 1 or 3 interleaved channels.

use super::{PixelOp, scrambled};
use crate::media::LUMA;

/// Applies one operation to a `size x size x channels` picture. `copy` is scratch that may grow.
pub(super) fn apply(
    operation: &PixelOp,
    pixels: &mut [u8],
    size: usize,
    channels: usize,
    copy: &mut Vec<u8>,
) {
    match *operation {
        PixelOp::Posterize { bits } => {
            let mask = 0xffu8 << (8 - bits.clamp(1, 8));
            for v in pixels {
                *v &= mask;
            }
        }
        PixelOp::Solarize { threshold } => {
            for v in pixels {
                *v = if u16::from(*v) >= threshold { 255 - *v } else { *v };
            }
        }
        PixelOp::AutoContrast => map_channels(pixels, channels, stretch),
        PixelOp::Equalize => map_channels(pixels, channels, level),
        PixelOp::Sharpness { factor } => {
            copy.clear();
            copy.extend_from_slice(pixels);
            sharpen(copy, pixels, size, channels, factor);
        }
        PixelOp::Blur { passes } => {
            for _ in 0..passes {
                copy.clear();
                copy.extend_from_slice(pixels);
                blur(copy, pixels, size, channels);
            }
        }
        PixelOp::Noise { amplitude, seed } => {
            for (pixel, at) in pixels.chunks_exact_mut(channels).zip(0..) {
                let [a, b, ..] = scrambled(seed, at).to_le_bytes();
                let change = ((i32::from(a) + i32::from(b) - 255) * i32::from(amplitude)) >> 8;
                for v in pixel {
                    *v = (i32::from(*v) + change).clamp(0, 255) as u8;
                }
            }
        }
        PixelOp::Erase { left, top, width, height, value } => {
            let value = erased(value, channels);
            let right = (left + width).min(size);
            for row in pixels.chunks_exact_mut(size * channels).skip(top).take(height) {
                for pixel in row[left.min(right) * channels..right * channels].chunks_exact_mut(channels) {
                    pixel.copy_from_slice(&value[..channels]);
                }
            }
        }
    }
}

/// What an erased box holds in a picture with `channels`: the colour, or its luma.
pub(crate) fn erased(value: [u8; 3], channels: usize) -> [u8; 3] {
    let grey: f32 = LUMA.iter().zip(value).map(|(w, v)| w * f32::from(v)).sum();
    if channels == 1 { [(grey + 0.5) as u8; 3] } else { value }
}

type Table = [u8; 256];

/// Replaces each channel's values by a table made from its histogram.
fn map_channels(pixels: &mut [u8], channels: usize, table: fn(&[u32; 256]) -> Option<Table>) {
    for c in 0..channels {
        // Four partial histograms: neighbours are often equal, and would wait for each other's increment.
        let mut partial = [[0u32; 256]; 4];
        for (i, &v) in pixels[c..].iter().step_by(channels).enumerate() {
            partial[i % 4][usize::from(v)] += 1;
        }
        let counts = std::array::from_fn(|v| partial.iter().map(|p| p[v]).sum());
        if let Some(table) = table(&counts) {
            pixels[c..].iter_mut().step_by(channels).for_each(|v| *v = table[usize::from(*v)]);
        }
    }
}

fn stretch(counts: &[u32; 256]) -> Option<Table> {
    let low = counts.iter().position(|&n| n > 0)?;
    let high = counts.iter().rposition(|&n| n > 0)?;
    (high > low).then(|| {
        let gain = stretch_gain(high - low);
        std::array::from_fn(|v| ((v as f32 - low as f32) * gain + 0.5) as u8)
    })
}

/// The factor that stretches a span of grey levels over all of them.
pub(crate) fn stretch_gain(span: usize) -> f32 {
    255.0 / span as f32
}

fn level(counts: &[u32; 256]) -> Option<Table> {
    let pixels: u32 = counts.iter().sum();
    let greatest = counts.iter().rfind(|&&n| n > 0)?;
    let step = (pixels - greatest) / 255;
    if step == 0 {
        return None;
    }
    let mut below = 0;
    Some(std::array::from_fn(|v| {
        let value = (below + step / 2) / step;
        below += counts[v];
        value.min(255) as u8
    }))
}

fn sharpen(from: &[u8], to: &mut [u8], size: usize, channels: usize, factor: f32) {
    let stride = size * channels;
    if size < 3 {
        return;
    }
    for y in 1..size - 1 {
        let rows: [&[u8]; 3] = std::array::from_fn(|k| &from[(y + k - 1) * stride..(y + k) * stride]);
        let out = &mut to[y * stride..(y + 1) * stride];
        for i in channels..stride - channels {
            let three =
                |row: &[u8]| u32::from(row[i - channels]) + u32::from(row[i]) + u32::from(row[i + channels]);
            let centre = u32::from(rows[1][i]);
            let smooth = ((three(rows[0]) + three(rows[1]) + three(rows[2]) + 4 * centre + 6) / 13) as f32;
            out[i] = (smooth + factor * (centre as f32 - smooth) + 0.5) as u8;
        }
    }
}

fn blur(from: &[u8], to: &mut [u8], size: usize, channels: usize) {
    let stride = size * channels;
    for y in 0..size {
        let row = |y: usize| &from[y * stride..(y + 1) * stride];
        let rows = [row(y.saturating_sub(1)), row(y), row((y + 1).min(size - 1))];
        for (i, out) in to[y * stride..(y + 1) * stride].iter_mut().enumerate() {
            let left = if i < channels { i } else { i - channels };
            let right = if i + channels < stride { i + channels } else { i };
            let down = |i: usize| u16::from(rows[0][i]) + 2 * u16::from(rows[1][i]) + u16::from(rows[2][i]);
            *out = ((down(left) + 2 * down(i) + down(right) + 8) / 16) as u8;
        }
    }
}
