//! Making faces in a picture unrecognisable. Nothing of the face's own detail stays: what is drawn is computed from at most 36 means.

use std::str::FromStr;

use super::Picture;
use super::face::FaceBox;

/// How far around a face is hidden, as a part of its box on each side: hair, ears and chin.
pub const PADDING: f32 = 0.35;
/// Cells across and down whose means are all that is kept of a face.
const CELLS: usize = 6;

/// How faces are hidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hiding {
    /// Means of 6 x 6 cells, blended into each other.
    Blur,
    /// Means of 6 x 6 cells.
    Mosaic,
    /// One grey.
    Solid,
}

impl Hiding {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Blur, Self::Mosaic, Self::Solid];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Blur => "blur",
            Self::Mosaic => "mosaic",
            Self::Solid => "solid",
        }
    }
}

impl FromStr for Hiding {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|hiding| hiding.name() == text);
        found.ok_or_else(|| format!("`{text}` is no way to hide a face: blur, mosaic or solid"))
    }
}

/// A box with its padding.
pub fn padded(face_box: &FaceBox, more: f32) -> FaceBox {
    let by = PADDING + more;
    let (x, y) = face_box.centre();
    FaceBox::around((x, y), face_box.w * (1.0 + 2.0 * by), face_box.h * (1.0 + 2.0 * by))
}

/// Hides what lies in a box (without padding of its own).
pub fn hide(picture: &mut Picture, face_box: &FaceBox, how: Hiding) {
    let side = |at: f32, most: usize| (at.max(0.0) as usize).min(most);
    let (left, right) =
        (side(face_box.x, picture.width), side((face_box.x + face_box.w).ceil(), picture.width));
    let (top, bottom) =
        (side(face_box.y, picture.height), side((face_box.y + face_box.h).ceil(), picture.height));
    if left >= right || top >= bottom {
        return;
    }
    let (width, height, channels) = (right - left, bottom - top, picture.channels);
    let mut sums = vec![0u64; CELLS * CELLS * channels];
    let mut counts = vec![0u64; CELLS * CELLS];
    let cell = |x: usize, y: usize| y * CELLS / height * CELLS + x * CELLS / width;
    for y in 0..height {
        for x in 0..width {
            let at = ((top + y) * picture.width + left + x) * channels;
            let cell = cell(x, y);
            counts[cell] += 1;
            for (c, value) in picture.pixels[at..at + channels].iter().enumerate() {
                sums[cell * channels + c] += u64::from(*value);
            }
        }
    }
    let whole: u64 = counts.iter().sum();
    let grey: Vec<f32> = (0..channels)
        .map(|c| sums.iter().skip(c).step_by(channels).sum::<u64>() as f32 / whole as f32)
        .collect();
    // A box narrower than the cells leaves some of them empty.
    let mean = |cell: usize, c: usize| match counts[cell] {
        0 => grey[c],
        count => sums[cell * channels + c] as f32 / count as f32,
    };
    for y in 0..height {
        for x in 0..width {
            let at = ((top + y) * picture.width + left + x) * channels;
            for c in 0..channels {
                let value = match how {
                    Hiding::Solid => 96.0,
                    Hiding::Mosaic => mean(cell(x, y), c),
                    Hiding::Blur => {
                        blended(x as f32 / width as f32, y as f32 / height as f32, |cell| mean(cell, c))
                    }
                };
                picture.pixels[at + c] = value.round() as u8;
            }
        }
    }
}

/// Between the middles of four cells, linearly.
fn blended(x: f32, y: f32, mean: impl Fn(usize) -> f32) -> f32 {
    let place = |v: f32| (v * CELLS as f32 - 0.5).clamp(0.0, (CELLS - 1) as f32);
    let (x, y) = (place(x), place(y));
    let (column, row) = ((x as usize).min(CELLS - 2), (y as usize).min(CELLS - 2));
    let (fx, fy) = (x - column as f32, y - row as f32);
    let at = |dx: usize, dy: usize| mean((row + dy) * CELLS + column + dx);
    let above = at(0, 0) * (1.0 - fx) + at(1, 0) * fx;
    let below = at(0, 1) * (1.0 - fx) + at(1, 1) * fx;
    above * (1.0 - fy) + below * fy
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn noise(width: usize, height: usize) -> Picture {
        let value = |at: usize| ((at * 2_654_435_761) >> 7) as u8;
        Picture { width, height, channels: 3, pixels: (0..width * height * 3).map(value).collect() }
    }

    #[test]
    fn nothing_of_a_faces_detail_is_left_and_nothing_else_is_touched() {
        let before = noise(80, 60);
        let face = FaceBox { x: 20.0, y: 10.0, w: 30.0, h: 36.0 };
        for how in Hiding::ALL {
            let mut picture = before.clone();
            hide(&mut picture, &face, how);
            let pixel = |p: &Picture, x: usize, y: usize| p.pixels[(y * 80 + x) * 3];
            let inside = |x: usize, y: usize| (20..50).contains(&x) && (10..46).contains(&y);
            let mut steps = 0u32;
            for y in 0..60 {
                for x in 0..80 {
                    if !inside(x, y) {
                        assert_eq!(pixel(&picture, x, y), pixel(&before, x, y), "{how:?} {x} {y}");
                    } else if inside(x + 1, y) {
                        steps += u32::from(pixel(&picture, x, y) != pixel(&picture, x + 1, y));
                    }
                }
            }
            match how {
                Hiding::Solid => assert_eq!(steps, 0),
                Hiding::Mosaic => assert!(steps <= 5 * 36, "{steps}"),
                // Each step between neighbours is small.
                Hiding::Blur => {
                    let far =
                        (20..49).any(|x| pixel(&picture, x, 20).abs_diff(pixel(&picture, x + 1, 20)) > 30);
                    assert!(!far);
                }
            }
        }
    }

    #[test]
    fn two_faces_that_differ_in_detail_alone_look_the_same_when_hidden() {
        let plain = Picture::filled(72, 72, 1, 100);
        let mut other = plain.clone();
        // Swaps light between neighbours inside each cell: the means stay.
        for (at, value) in other.pixels.iter_mut().enumerate() {
            *value = if at % 2 == 0 { 60 } else { 140 };
        }
        let face = FaceBox { x: 0.0, y: 0.0, w: 72.0, h: 72.0 };
        for how in Hiding::ALL {
            let (mut a, mut b) = (plain.clone(), other.clone());
            hide(&mut a, &face, how);
            hide(&mut b, &face, how);
            assert_eq!(a, b, "{how:?}");
        }
    }

    #[test]
    fn boxes_past_the_edge_and_tiny_ones_are_no_panic() {
        for (x, w) in [(-20.0, 30.0), (70.0, 99.0), (500.0, 3.0), (3.0, 1.0), (3.0, 0.0), (f32::NAN, 9.0)] {
            for how in Hiding::ALL {
                hide(&mut noise(80, 60), &FaceBox { x, y: 2.0, w, h: 3.0 }, how);
            }
        }
        assert_eq!("mosaic".parse(), Ok(Hiding::Mosaic));
        assert!("pixel".parse::<Hiding>().unwrap_err().contains("blur, mosaic or solid"));
        let wide = padded(&FaceBox { x: 10.0, y: 10.0, w: 10.0, h: 10.0 }, 0.0);
        assert!((wide.x - 6.5).abs() < 1e-4 && (wide.w - 17.0).abs() < 1e-4);
    }
}
