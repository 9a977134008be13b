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
            let columns = columns(m);
            #[cfg(target_arch = "x86_64")]
            {
                let clamps = self.border == Border::Clamp;
                let view = super::wide::WideView { pixels, width, height, clamps, map, colour: m };
                let mut alone = |u: usize, v: usize, out: &mut [u8]| {
                    colour(columns, source.lanes_at(map, u, v), out);
                };
                if view.sample(self.size, work, &mut alone) {
                    return;
                }
            }
            source.walk_lanes(map, self.size, |i, v| colour(columns, v, &mut work[3 * i..3 * i + 3]));
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
        self.walk_by(map, size, |at, below, fx, fy| self.lanes_inside(at, below, fx, fy), widened, put);
    }

    /// The sample of one output pixel, of a picture of three channels.
    #[cfg(target_arch = "x86_64")]
    fn lanes_at(&self, map: [[f32; 3]; 2], u: usize, v: usize) -> Four {
        let (x, y) = place(map, u, row(map, v));
        self.sample_at(x, y, &|at, below, fx, fy| self.lanes_inside(at, below, fx, fy), &widened)
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a call a pixel costs more than its body")]
    fn lanes_inside(&self, at: usize, below: usize, fx: f32, fy: f32) -> Four {
        // Four bytes of each of two neighbours; behind the picture's very last pixel there is none to read.
        match (self.pixels.get(at..at + C + 4), self.pixels.get(below..below + C + 4)) {
            (Some(upper), Some(lower)) => blend_lanes::<C>(upper, lower, fx, fy),
            _ => {
                widened::<C>(blend(&self.pixels[at..at + 2 * C], &self.pixels[below..below + 2 * C], fx, fy))
            }
        }
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
        for v in 0..size {
            let row = row(map, v);
            for u in 0..size {
                let (x, y) = place(map, u, row);
                put(v * size + u, self.sample_at(x, y, &sample, &made));
            }
        }
    }

    /// The sample at coordinates for which a pixel's centre is a whole number.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a call a pixel costs more than its body")]
    fn sample_at<V>(
        &self,
        x: f32,
        y: f32,
        sample: &impl Fn(usize, usize, f32, f32) -> V,
        made: &impl Fn([f32; C]) -> V,
    ) -> V {
        let inside = x >= 0.0 && y >= 0.0 && x < (self.width - 1) as f32 && y < (self.height - 1) as f32;
        if !inside {
            return made(self.outside(x, y));
        }
        // Sides are short, and the way by 32 bits is a single instruction.
        let (left, top) = (x as i32, y as i32);
        let (fx, fy) = (x - left as f32, y - top as f32);
        let at = (top as usize * self.width + left as usize) * C;
        sample(at, at + self.width * C, fx, fy)
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

/// The colour transform a column at a time: each output channel's sum has the order that its row has.
fn columns(rows: [[f32; 4]; 3]) -> [Four; 4] {
    std::array::from_fn(|k| Four::of([rows[0][k], rows[1][k], rows[2][k], 0.0]))
}

/// Transforms a pixel's colour and writes its three bytes.
#[inline(always)]
#[expect(clippy::inline_always, reason = "a call a pixel costs more than its body")]
fn colour([red, green, blue, add]: [Four; 4], pixel: Four, out: &mut [u8]) {
    let [r, g, b, _] = pixel.spread();
    let sums = red * r + green * g + blue * b + add;
    out.copy_from_slice(&sums.levels()[..3]);
}

/// What all pixels of an output row have in common: the parts of their coordinates that the row gives.
fn row([[_, b, c], [_, e, f]]: [[f32; 3]; 2], v: usize) -> (f32, f32) {
    let y = v as f32 + 0.5;
    (b * y + c - 0.5, e * y + f - 0.5)
}

/// Where an output pixel looks, in coordinates for which a pixel's centre is a whole number.
#[inline]
fn place([[a, ..], [d, ..]]: [[f32; 3]; 2], u: usize, (row_x, row_y): (f32, f32)) -> (f32, f32) {
    let x = u as f32 + 0.5;
    (a * x + row_x, d * x + row_y)
}

fn widened<const C: usize>(value: [f32; C]) -> Four {
    Four::of(std::array::from_fn(|k| value.get(k).copied().unwrap_or(0.0)))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::augment::{Affine, Colour};
    use crate::random::{Address, Purpose};

    /// A view of which every pixel is sampled alone.
    fn one_at_a_time(program: &Program, picture: &Picture) -> Vec<u8> {
        let Picture { width, height, ref pixels, .. } = *picture;
        let geometry = program.geometry((width, height));
        assert!(!geometry.reduces((width, height)));
        let source = Source::<3> { pixels, width, height, border: program.border };
        let columns = columns(program.colour_rows(3, 3));
        let mut out = vec![0; program.size * program.size * 3];
        source.walk_lanes(geometry.map, program.size, |i, v| {
            colour(columns, v, &mut out[3 * i..3 * i + 3]);
        });
        out
    }

    #[test]
    fn pixels_that_are_made_together_are_those_made_alone() {
        let mut rng = Address { seed: 7, purpose: Purpose::AugmentStrong, step: 0, item: 0 }.rng();
        let (mut seen, mut all) = (0, 0);
        for round in 0..300 {
            let (width, height) = (1 + rng.below(60), 1 + rng.below(60));
            let pixels = (0..width * height * 3).map(|_| rng.below(256) as u8).collect();
            let picture = Picture { width, height, channels: 3, pixels };
            let (sin, cos) = rng.between(-3.2, 3.2).sin_cos();
            let step = rng.between(0.3, 1.4);
            let mut shift = || rng.between(-20.0, 70.0);
            let map = [[step * cos, step * sin, shift()], [-step * sin, step * cos, shift()]];
            let mut row = |main: usize| {
                let factor = |k: usize| if k == main { 1.2 } else { 0.3 };
                std::array::from_fn(|k| if k == 3 { 40.0 } else { factor(k) } * rng.between(-0.5, 1.0))
            };
            let program = Program {
                size: 8 + round % 29,
                source_from_output: Affine(map),
                border: [Border::Clamp, Border::Mirror, Border::Fill(77)][round % 3],
                colour: Colour([row(0), row(1), row(2)]),
                operations: vec![],
            };
            let together = program.render_picture(&picture, 3).pixels;
            assert!(together == one_at_a_time(&program, &picture), "round {round}: {program:?}");
            seen += together.iter().filter(|v| !matches!(v, 0 | 255)).count();
            all += together.len();
        }
        assert!(seen * 3 > all, "{seen} of {all} values are no ends of the scale");
    }

    #[test]
    fn places_that_are_no_numbers_are_held_somewhere() {
        let picture = Picture::filled(9, 9, 3, 50);
        for odd in [f32::NAN, 1e30, -1e30] {
            let program = Program {
                source_from_output: Affine([[1.0, 0.0, odd], [0.0, 1.0, 0.0]]),
                ..Program::stretch((9, 9), 9)
            };
            assert!(program.render_picture(&picture, 3).pixels == one_at_a_time(&program, &picture), "{odd}");
        }
    }
}
