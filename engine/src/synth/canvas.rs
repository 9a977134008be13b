//! Anti-aliased shapes on a float canvas, in the face's own coordinates.
//!
//! A shape is a function that gives the signed distance of a point to its edge, negative inside. Coverage of a pixel is
//! a ramp one pixel wide over that distance, or wider for soft shapes. A box around the shape keeps the rest of the
//! picture from being asked.

use super::person::Rgb;
use super::view::Viewpoint;
use crate::media::{LUMA, Picture};

/// The part of the plane that a shape may touch: least and greatest x, then y.
pub(super) type Bounds = [f32; 4];

/// A picture that is being painted.
pub(super) struct Canvas {
    width: usize,
    height: usize,
    pixels: Vec<Rgb>,
    /// Face coordinates of a pixel's centre: `origin + column * across + row * down`.
    origin: (f32, f32),
    across: (f32, f32),
    down: (f32, f32),
    /// Side of a pixel in face coordinates.
    pub pixel: f32,
}

impl Canvas {
    /// A picture whose pixels have the colour of their place in the room.
    pub fn new(view: &Viewpoint, colour: impl Fn(f32, f32) -> Rgb) -> Self {
        let pixel = 1.0 / view.unit;
        let (sin, cos) = view.roll.sin_cos();
        let (across, down) = ((cos * pixel, -sin * pixel), (sin * pixel, cos * pixel));
        let (x, y) = (0.5 - view.centre.0, 0.5 - view.centre.1);
        let origin = (x * across.0 + y * down.0, x * across.1 + y * down.1);
        let mut pixels = Vec::with_capacity(view.width * view.height);
        for row in 0..view.height {
            let y = view.room.1 + (row as f32 + 0.5) * view.room_step;
            let place = |column: usize| view.room.0 + (column as f32 + 0.5) * view.room_step;
            pixels.extend((0..view.width).map(|column| colour(place(column), y)));
        }
        Self { width: view.width, height: view.height, pixels, origin, across, down, pixel }
    }

    /// Multiplies every pixel by a factor of its place, in face coordinates.
    pub fn relight(&mut self, factor: impl Fn(f32, f32) -> f32) {
        for (i, pixel) in self.pixels.iter_mut().enumerate() {
            let (column, row) = ((i % self.width) as f32, (i / self.width) as f32);
            let factor = factor(
                self.origin.0 + column * self.across.0 + row * self.down.0,
                self.origin.1 + column * self.across.1 + row * self.down.1,
            );
            *pixel = pixel.map(|v| v * factor);
        }
    }

    /// Blurs as an unfocused lens does; `sigma` is the standard deviation in pixels.
    pub fn blur(&mut self, sigma: f32) {
        let variance = sigma * sigma;
        if variance < 0.02 {
            return;
        }
        // Three taps widen by at most two thirds of a pixel squared; repeated, they tend to a Gaussian.
        let passes = (variance / 0.6).ceil();
        let side = variance / passes / 2.0;
        let mut copy = self.pixels.clone();
        for _ in 0..passes as usize {
            for (stride, length) in [(1, self.width), (self.width, self.height)] {
                copy.copy_from_slice(&self.pixels);
                for (i, pixel) in self.pixels.iter_mut().enumerate() {
                    let at = i / stride % length;
                    let before = if at == 0 { i } else { i - stride };
                    let after = if at + 1 == length { i } else { i + stride };
                    *pixel = std::array::from_fn(|c| {
                        (1.0 - 2.0 * side) * copy[i][c] + side * (copy[before][c] + copy[after][c])
                    });
                }
            }
        }
    }

    /// Paints a sharp shape.
    pub fn paint(&mut self, bounds: Bounds, colour: Rgb, alpha: f32, distance: impl Fn(f32, f32) -> f32) {
        self.shade(bounds, 0.0, alpha, distance, |_, _, _| colour);
    }

    /// Paints a shape whose edge fades over `softness`, in face coordinates.
    pub fn paint_soft(
        &mut self,
        bounds: Bounds,
        softness: f32,
        colour: Rgb,
        alpha: f32,
        distance: impl Fn(f32, f32) -> f32,
    ) {
        self.shade(bounds, softness, alpha, distance, |_, _, _| colour);
    }

    /// Paints a shape with a colour that depends on the place and on what was there.
    pub fn shade(
        &mut self,
        [x0, x1, y0, y1]: Bounds,
        softness: f32,
        alpha: f32,
        distance: impl Fn(f32, f32) -> f32,
        colour: impl Fn(f32, f32, Rgb) -> Rgb,
    ) {
        if alpha <= 0.004 {
            return;
        }
        let ramp = softness.max(self.pixel);
        let margin = ramp / 2.0 + self.pixel;
        // The box's corners in pixels; the map is a rotation times `pixel`, so its inverse is its transpose.
        let scale = 1.0 / (self.pixel * self.pixel);
        let (mut left, mut right, mut top, mut bottom) = (f32::MAX, f32::MIN, f32::MAX, f32::MIN);
        for (x, y) in [
            (x0 - margin, y0 - margin),
            (x1 + margin, y0 - margin),
            (x0 - margin, y1 + margin),
            (x1 + margin, y1 + margin),
        ] {
            let (x, y) = (x - self.origin.0, y - self.origin.1);
            let column = (x * self.across.0 + y * self.across.1) * scale;
            let row = (x * self.down.0 + y * self.down.1) * scale;
            (left, right) = (left.min(column), right.max(column));
            (top, bottom) = (top.min(row), bottom.max(row));
        }
        let inside = |from: f32, to: f32, limit: usize| {
            (from.ceil().max(0.0) as usize, (to.floor() + 1.0).clamp(0.0, limit as f32) as usize)
        };
        let (columns, rows) = (inside(left, right, self.width), inside(top, bottom, self.height));
        let gain = 1.0 / ramp;
        for row in rows.0..rows.1 {
            let start = (self.origin.0 + row as f32 * self.down.0, self.origin.1 + row as f32 * self.down.1);
            for column in columns.0..columns.1 {
                let x = start.0 + column as f32 * self.across.0;
                let y = start.1 + column as f32 * self.across.1;
                let coverage = (0.5 - distance(x, y) * gain).clamp(0.0, 1.0) * alpha;
                if coverage > 0.0 {
                    let pixel = &mut self.pixels[row * self.width + column];
                    let colour = colour(x, y, *pixel);
                    for (value, new) in pixel.iter_mut().zip(colour) {
                        *value += coverage * (new - *value);
                    }
                }
            }
        }
    }

    /// The canvas as a picture with 1 or 3 channels, after exposure and noise.
    pub fn finish(&self, channels: usize, exposure: f32, noise: f32, key: u32) -> Picture {
        let mut pixels = Vec::with_capacity(self.pixels.len() * channels);
        for (i, rgb) in self.pixels.iter().enumerate() {
            let grain = noise * grain(key, i as u32);
            let level = |v: f32| ((v * exposure + grain) * 255.0 + 0.5) as u8;
            if channels == 1 {
                pixels.push(level(LUMA[0] * rgb[0] + LUMA[1] * rgb[1] + LUMA[2] * rgb[2]));
            } else {
                pixels.extend(rgb.map(level));
            }
        }
        Picture { width: self.width, height: self.height, channels, pixels }
    }
}

/// Noise with mean 0 and standard deviation 1 that belongs to a place: two random bytes' sum, hashed from the key.
fn grain(key: u32, place: u32) -> f32 {
    let mut bits = key ^ place.wrapping_mul(0x9e37_79b9);
    bits = (bits ^ (bits >> 16)).wrapping_mul(0x85eb_ca6b);
    bits = (bits ^ (bits >> 13)).wrapping_mul(0xc2b2_ae35);
    bits ^= bits >> 16;
    let [a, b, c, d] = bits.to_le_bytes().map(f32::from);
    // The sum of four bytes has mean 510 and standard deviation 147.8.
    (a + b + c + d - 510.0) / 147.8
}

/// An ellipse about a point.
pub(super) fn ellipse(cx: f32, cy: f32, rx: f32, ry: f32) -> impl Fn(f32, f32) -> f32 {
    let least = rx.min(ry);
    move |x, y| {
        let (x, y) = ((x - cx) / rx, (y - cy) / ry);
        ((x * x + y * y).sqrt() - 1.0) * least
    }
}

/// Bounds of such an ellipse.
pub(super) fn around(cx: f32, cy: f32, rx: f32, ry: f32) -> Bounds {
    [cx - rx, cx + rx, cy - ry, cy + ry]
}

/// A quadratic stroke that runs from `from` to `to` and is pulled towards `via`, with half thickness `start` and `end`.
#[derive(Clone, Copy)]
pub(super) struct Stroke {
    pub from: (f32, f32),
    pub via: (f32, f32),
    pub to: (f32, f32),
    pub start: f32,
    pub end: f32,
}

impl Stroke {
    pub fn bounds(&self) -> Bounds {
        let thick = self.start.max(self.end);
        let span = |a: f32, b: f32, c: f32| (a.min(b).min(c) - thick, a.max(b).max(c) + thick);
        let (x, y) = (span(self.from.0, self.via.0, self.to.0), span(self.from.1, self.via.1, self.to.1));
        [x.0, x.1, y.0, y.1]
    }

    /// Distance to the curve, taken as six straight pieces.
    pub fn distance(self) -> impl Fn(f32, f32) -> f32 {
        const PIECES: usize = 6;
        let point = |i: usize| {
            let t = i as f32 / PIECES as f32;
            let (a, b, c) = ((1.0 - t) * (1.0 - t), 2.0 * t * (1.0 - t), t * t);
            (
                a * self.from.0 + b * self.via.0 + c * self.to.0,
                a * self.from.1 + b * self.via.1 + c * self.to.1,
            )
        };
        let points: [(f32, f32); PIECES + 1] = std::array::from_fn(point);
        move |x, y| {
            let mut best = f32::MAX;
            for i in 0..PIECES {
                let ((ax, ay), (bx, by)) = (points[i], points[i + 1]);
                let (dx, dy) = (bx - ax, by - ay);
                let along = (((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy).max(1e-9)).clamp(0.0, 1.0);
                let (ex, ey) = (x - ax - along * dx, y - ay - along * dy);
                let t = (i as f32 + along) / PIECES as f32;
                best = best.min((ex * ex + ey * ey).sqrt() - (self.start + t * (self.end - self.start)));
            }
            best
        }
    }
}
