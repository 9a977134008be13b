//! Executing a program on the CPU.

use std::cell::RefCell;

use super::four::Four;
use super::{Border, Geometry, Program, filter};
use crate::media::Picture;
use crate::media::reduce::{Cells, reduce, rounded};
use crate::net::InputContract;

/// Buffers that one thread uses again and again.
#[derive(Default)]
struct Scratch {
    work: Vec<u8>,
    copy: Vec<u8>,
    reduced: Vec<u8>,
    row: Vec<f32>,
    cells: Cells,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

impl Program {
    /// Writes the view as `size x size x channels` normalised NHWC values. Allocates nothing once a thread's buffers have
    /// grown to the sizes in use.
    ///
    /// # Panics
    /// `out` has another length, the contract another size or channel count than 1 or 3, or the picture's pixels do not
    /// fit its own size: all are mistakes of the program, none can come from a file.
    pub fn render(&self, picture: &Picture, contract: &InputContract, out: &mut [f32]) {
        let channels = contract.channels;
        self.assert_fits(picture, contract);
        assert_eq!(out.len(), self.size * self.size * channels, "output length");
        self.with_bytes(picture, channels, |work, work_channels| {
            normalise(work, work_channels, contract, out);
        });
    }

    /// Whether this is a view of that picture under that contract.
    ///
    /// # Panics
    /// It is not: the contract's size is another, it has not a mean and a deviation for each of 1 or 3 channels, or the
    /// picture's pixels do not fit its own size. Boxes to erase may reach past the view.
    pub(crate) fn assert_fits(&self, picture: &Picture, contract: &InputContract) {
        let channels = contract.channels;
        assert_eq!(self.size, contract.size, "a program is rendered under the contract it was compiled for");
        assert!(matches!((picture.channels, channels), (1 | 3, 1 | 3)), "1 or 3 channels");
        assert!(
            contract.mean.len() == channels && contract.std.len() == channels,
            "a mean and std per channel"
        );
        assert_whole(picture);
    }

    /// The view as a picture, before normalisation, for people to look at.
    ///
    /// # Panics
    /// As [`Program::render`].
    pub fn render_picture(&self, picture: &Picture, channels: usize) -> Picture {
        self.with_bytes(picture, channels, |work, work_channels| {
            Picture { width: self.size, height: self.size, channels: work_channels, pixels: work.to_vec() }
                .with_channels(channels)
        })
    }

    fn with_bytes<T>(&self, picture: &Picture, channels: usize, then: impl FnOnce(&[u8], usize) -> T) -> T {
        assert_whole(picture);
        let work_channels = picture.channels.min(channels);
        SCRATCH.with_borrow_mut(|scratch| {
            let Scratch { work, copy, reduced, row, cells } = scratch;
            work.resize(self.size * self.size * work_channels, 0);
            if picture.channels == 1 {
                self.sample::<1>(picture, (reduced, row, cells), work, work_channels);
            } else {
                self.sample::<3>(picture, (reduced, row, cells), work, work_channels);
            }
            for operation in &self.operations {
                filter::apply(operation, work, self.size, work_channels, copy);
            }
            then(work, work_channels)
        })
    }

    /// Steps 1 to 3 of [`Program`] for a picture with `C` channels.
    fn sample<const C: usize>(
        &self,
        picture: &Picture,
        (reduced, row, cells): (&mut Vec<u8>, &mut Vec<f32>, &mut Cells),
        work: &mut [u8],
        work_channels: usize,
    ) {
        let geometry = self.geometry((picture.width, picture.height));
        let Geometry { width, height, map, .. } = geometry;
        let pixels = if geometry.reduces((picture.width, picture.height)) {
            reduce::<C>(picture, (width, height), geometry.steps, reduced, row, cells);
            &*reduced
        } else {
            &picture.pixels
        };
        let source = Source::<C> { pixels, width, height, border: self.border };
        let m = self.colour_rows(C, work_channels);
        if C == 1 {
            source.walk(map, self.size, |i, v| work[i] = rounded(m[0][0] * v[0] + m[0][3]));
        } else if work_channels == 1 {
            let m = m[0];
            source.walk(map, self.size, |i, v| {
                work[i] = rounded(m[0] * v[0] + m[1] * v[1] + m[2] * v[2] + m[3]);
            });
        } else {
            // The colour transform a column at a time: each output channel's sum has the order that its row has.
            let column = |k: usize| Four::of([m[0][k], m[1][k], m[2][k], 0.0]);
            let [red, green, blue, add] = std::array::from_fn(column);
            source.walk_lanes(map, self.size, |i, v| {
                let [r, g, b, _] = v.spread();
                let sums = red * r + green * g + blue * b + add;
                work[3 * i..3 * i + 3].copy_from_slice(&sums.levels()[..3]);
            });
        }
    }
}

fn assert_whole(picture: &Picture) {
    let Picture { width, height, channels, pixels } = picture;
    assert!(*width > 0 && *height > 0, "an empty picture");
    assert_eq!(pixels.len(), width * height * channels, "values of a {width}x{height}x{channels} picture");
}

struct Source<'a, const C: usize> {
    pixels: &'a [u8],
    width: usize,
    height: usize,
    border: Border,
}

impl<const C: usize> Source<'_, C> {
    /// Hands the bilinear sample of every output pixel to `put`, in row order.
    fn walk(&self, map: [[f32; 3]; 2], size: usize, put: impl FnMut(usize, [f32; C])) {
        let inside = |at: usize, below: usize, fx: f32, fy: f32| {
            blend(&self.pixels[at..at + 2 * C], &self.pixels[below..below + 2 * C], fx, fy)
        };
        self.walk_by(map, size, inside, |value| value, put);
    }

    /// As [`Source::walk`], for pictures of three channels: the same numbers.
    fn walk_lanes(&self, map: [[f32; 3]; 2], size: usize, put: impl FnMut(usize, Four)) {
        let widened =
            |value: [f32; C]| Four::of(std::array::from_fn(|k| value.get(k).copied().unwrap_or(0.0)));
        let inside = |at: usize, below: usize, fx: f32, fy: f32| {
            // Four bytes of each of two neighbours; behind the picture's very last pixel there is none to read.
            match (self.pixels.get(at..at + C + 4), self.pixels.get(below..below + C + 4)) {
                (Some(upper), Some(lower)) => blend_lanes::<C>(upper, lower, fx, fy),
                _ => widened(blend(&self.pixels[at..at + 2 * C], &self.pixels[below..below + 2 * C], fx, fy)),
            }
        };
        self.walk_by(map, size, inside, widened, put);
    }

    /// Walks over the output's pixels; `sample` samples where all four neighbours are in the picture, `made` takes the others'
    /// samples.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a call a pixel costs more than its body")]
    fn walk_by<V>(
        &self,
        map: [[f32; 3]; 2],
        size: usize,
        sample: impl Fn(usize, usize, f32, f32) -> V,
        made: impl Fn([f32; C]) -> V,
        mut put: impl FnMut(usize, V),
    ) {
        let [[a, b, c], [d, e, f]] = map;
        // Coordinates so that a pixel's centre is a whole number.
        let limit_x = (self.width - 1) as f32;
        let limit_y = (self.height - 1) as f32;
        for v in 0..size {
            let y = v as f32 + 0.5;
            let (row_x, row_y) = (b * y + c - 0.5, e * y + f - 0.5);
            for u in 0..size {
                let x = u as f32 + 0.5;
                let (x, y) = (a * x + row_x, d * x + row_y);
                let inside = x >= 0.0 && y >= 0.0 && x < limit_x && y < limit_y;
                let value = if inside {
                    // Sides are short, and the way by 32 bits is a single instruction.
                    let (left, top) = (x as i32, y as i32);
                    let (fx, fy) = (x - left as f32, y - top as f32);
                    let at = (top as usize * self.width + left as usize) * C;
                    sample(at, at + self.width * C, fx, fy)
                } else {
                    made(self.outside(x, y))
                };
                put(v * size + u, value);
            }
        }
    }

    #[cold]
    fn outside(&self, x: f32, y: f32) -> [f32; C] {
        let (left, top) = (x.floor(), y.floor());
        let (fx, fy) = (x - left, y - top);
        let corners: [[f32; C]; 4] = std::array::from_fn(|k| {
            let (x, y) = (left as i64 + (k % 2) as i64, top as i64 + (k / 2) as i64);
            let (w, h) = (self.width as i64, self.height as i64);
            let (x, y) = match self.border {
                Border::Clamp => (x.clamp(0, w - 1), y.clamp(0, h - 1)),
                Border::Mirror => (mirrored(x, w), mirrored(y, h)),
                Border::Fill(value) if x < 0 || y < 0 || x >= w || y >= h => return [f32::from(value); C],
                Border::Fill(_) => (x, y),
            };
            let at = (y * w + x) as usize * C;
            std::array::from_fn(|c| f32::from(self.pixels[at + c]))
        });
        std::array::from_fn(|c| {
            let upper = corners[0][c] + fx * (corners[1][c] - corners[0][c]);
            let lower = corners[2][c] + fx * (corners[3][c] - corners[2][c]);
            upper + fy * (lower - upper)
        })
    }
}

/// The index inside `0..length` that lies as far from the edge as `i` does; the edge pixel counts twice.
fn mirrored(i: i64, length: i64) -> i64 {
    let i = i.rem_euclid(2 * length);
    if i < length { i } else { 2 * length - 1 - i }
}

/// Loops rather than functions over arrays, which are not always compiled into their caller.
#[inline(always)]
#[expect(clippy::inline_always, reason = "a call a pixel costs more than its body")]
fn blend<const C: usize>(upper: &[u8], lower: &[u8], fx: f32, fy: f32) -> [f32; C] {
    let mut out = [0.0; C];
    for (c, out) in out.iter_mut().enumerate() {
        let (ul, ur) = (f32::from(upper[c]), f32::from(upper[C + c]));
        let (ll, lr) = (f32::from(lower[c]), f32::from(lower[C + c]));
        let (upper, lower) = (ul + fx * (ur - ul), ll + fx * (lr - ll));
        *out = upper + fy * (lower - upper);
    }
    out
}

/// As [`blend`], of pixels with `C` channels that are followed by a byte at least.
#[inline(always)]
#[expect(clippy::inline_always, reason = "a call a pixel costs more than its body")]
fn blend_lanes<const C: usize>(upper: &[u8], lower: &[u8], fx: f32, fy: f32) -> Four {
    let pixel = |row: &[u8], at: usize| Four::of_bytes([row[at], row[at + 1], row[at + 2], row[at + 3]]);
    let (ul, ur, ll, lr) = (pixel(upper, 0), pixel(upper, C), pixel(lower, 0), pixel(lower, C));
    let (fx, fy) = (Four::all(fx), Four::all(fy));
    let (upper, lower) = (ul + fx * (ur - ul), ll + fx * (lr - ll));
    upper + fy * (lower - upper)
}

fn normalise(work: &[u8], work_channels: usize, contract: &InputContract, out: &mut [f32]) {
    let table = |c| normalised(contract, c);
    if contract.channels == 1 {
        let table = table(0);
        out.iter_mut().zip(work).for_each(|(to, &v)| *to = table[usize::from(v)]);
        return;
    }
    let tables = [table(0), table(1), table(2)];
    for (i, to) in out.chunks_exact_mut(3).enumerate() {
        for (c, to) in to.iter_mut().enumerate() {
            let v = if work_channels == 1 { work[i] } else { work[3 * i + c] };
            *to = tables[c][usize::from(v)];
        }
    }
}

/// What the network reads for each of a channel's 256 values, so that pixels need no division.
pub(crate) fn normalised(contract: &InputContract, channel: usize) -> [f32; 256] {
    std::array::from_fn(|v| (v as f32 / 255.0 - contract.mean[channel]) / contract.std[channel])
}
