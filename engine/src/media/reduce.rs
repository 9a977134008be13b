//! Making pictures smaller by the mean of what each pixel covers.

use super::{MediaError, Picture};

impl Picture {
    /// The picture at a size that is no larger, each pixel the mean of what it covers; much faster than [`Picture::resized`].
    ///
    /// # Errors
    /// A side is 0 or larger than the picture's own, or the picture is none ([`Picture::check`]).
    pub fn reduced(&self, width: usize, height: usize) -> Result<Self, MediaError> {
        self.check()?;
        let from = (self.width, self.height);
        if !(1..=from.0).contains(&width) || !(1..=from.1).contains(&height) {
            let (w, h) = from;
            return Err(MediaError::Size(format!("cannot reduce {w}x{h} to {width}x{height}")));
        }
        if (width, height) == from {
            return Ok(self.clone());
        }
        let (size, steps) = ((width, height), [step(from.0, width), step(from.1, height)]);
        let (mut pixels, mut row, mut cells) =
            (Vec::with_capacity(width * height * self.channels), vec![], Cells::default());
        match self.channels {
            1 => reduce::<1>(self, size, steps, &mut pixels, &mut row, &mut cells),
            _ => reduce::<3>(self, size, steps, &mut pixels, &mut row, &mut cells),
        }
        Ok(Self { width, height, channels: self.channels, pixels })
    }
}

/// The nearest of 0..=255, halves up; the cast saturates.
#[inline]
pub(super) fn rounded(value: f32) -> u8 {
    (value + 0.5) as u8
}

/// How many of `length` cells each of `count` covers, and what part of it each makes up.
pub(super) fn step(length: usize, count: usize) -> (f32, f32) {
    let step = length as f32 / count as f32;
    (step, 1.0 / step)
}

/// Which columns each column of a reduced picture covers, and with what weights.
#[derive(Default)]
pub(super) struct Cells {
    /// First column, and where its weights start.
    starts: Vec<(usize, usize)>,
    weights: Vec<f32>,
}

impl Cells {
    fn fill(&mut self, count: usize, step: (f32, f32), length: usize) {
        self.starts.clear();
        self.weights.clear();
        for i in 0..count {
            let mut first = None;
            let begin = self.weights.len();
            covered(i, step, length, |source, weight| {
                first.get_or_insert(source);
                self.weights.push(weight);
            });
            self.starts.push((first.unwrap_or(0), begin));
        }
    }
}

/// Mean of the area that each of `width x height` target pixels covers, fractions of source pixels included. `steps` says how
/// many source columns and rows a target one covers, and what part of it each makes up.
pub(super) fn reduce<const C: usize>(
    picture: &Picture,
    (width, height): (usize, usize),
    [step_x, step_y]: [(f32, f32); 2],
    to: &mut Vec<u8>,
    row: &mut Vec<f32>,
    cells: &mut Cells,
) {
    to.clear();
    to.reserve(width * height * C);
    let stride = picture.width * C;
    cells.fill(width, step_x, picture.width);
    for y in 0..height {
        row.clear();
        row.resize(stride, 0.0);
        covered(y, step_y, picture.height, |source_y, weight| {
            add_scaled(row, &picture.pixels[source_y * stride..(source_y + 1) * stride], weight);
        });
        for (x, &(first, begin)) in cells.starts.iter().enumerate() {
            let end = cells.starts.get(x + 1).map_or(cells.weights.len(), |next| next.1);
            let mut sum = [0.0f32; C];
            let columns = row[first * C..].as_chunks::<C>().0;
            for (weight, column) in cells.weights[begin..end].iter().zip(columns) {
                for c in 0..C {
                    sum[c] += weight * column[c];
                }
            }
            for value in sum {
                to.push(rounded(value));
            }
        }
    }
}

/// Adds a row of pixels times its weight.
fn add_scaled(row: &mut [f32], pixels: &[u8], weight: f32) {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "compiled for what the caller is compiled for")]
    fn add(row: &mut [f32], pixels: &[u8], weight: f32) {
        for (sum, &v) in row.iter_mut().zip(pixels) {
            *sum += weight * f32::from(v);
        }
    }
    /// The same sums, eight at a time: products are not fused with sums.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn add_wide(row: &mut [f32], pixels: &[u8], weight: f32) {
        add(row, pixels, weight);
    }
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the instruction set was just found.
        unsafe { add_wide(row, pixels, weight) };
        return;
    }
    add(row, pixels, weight);
}

/// Names each of `length` source cells that target cell `i` covers, with weights that sum to 1. A target cell is `step`
/// source cells long, and a whole one of these weighs `part`.
#[inline]
fn covered(i: usize, (step, part): (f32, f32), length: usize, mut cell: impl FnMut(usize, f32)) {
    let (from, to) = (i as f32 * step, (i as f32 + 1.0) * step);
    let last = (to.ceil() as usize).min(length);
    for source in (from as usize).min(length - 1)..last {
        let covers = (to.min(source as f32 + 1.0) - from.max(source as f32)).max(0.0);
        cell(source, covers * part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reduced_picture_holds_the_means_of_what_its_pixels_cover() {
        let picture =
            Picture { width: 4, height: 2, channels: 1, pixels: vec![0, 10, 20, 30, 40, 50, 60, 71] };
        assert_eq!(picture.reduced(2, 1).expect("smaller").pixels, [25, 45]);
        // A column and a half each: 0 and half of 10 and so on, over both rows.
        let thirds = picture.reduced(3, 2).expect("smaller").pixels;
        assert_eq!(thirds, [3, 15, 28, 43, 55, 68]);
        let colours = Picture { width: 2, height: 2, channels: 3, pixels: (0..12).map(|v| v * 20).collect() };
        assert_eq!(colours.reduced(1, 1).expect("smaller").pixels, [90, 110, 130]);
        assert_eq!(picture.reduced(4, 2).expect("its own size"), picture);
    }

    #[test]
    fn larger_and_empty_sizes_are_errors() {
        let picture = Picture::filled(4, 2, 3, 7);
        for (width, height) in [(5, 2), (4, 3), (0, 1), (1, 0)] {
            let error = picture.reduced(width, height).expect_err("no size to reduce to").to_string();
            assert!(error.contains("4x2"), "{error}");
        }
    }
}
