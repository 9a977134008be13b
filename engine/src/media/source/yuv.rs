//! Planar YUV 4:2:0 to RGB.

use crate::media::Picture;

/// Fraction bits of the fixed-point factors.
const BITS: i32 = 14;
/// Rec. 601, luma 16 to 235 and chroma 16 to 240: `255/219`, `255/224 * 1.402` and so on, times `2^14`.
const Y: i32 = 19_077;
const V_RED: i32 = 26_149;
const U_GREEN: i32 = -6_419;
const V_GREEN: i32 = -13_320;
const U_BLUE: i32 = 33_050;

/// A plane of bytes with `stride` of them a row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plane<'a> {
    pub bytes: &'a [u8],
    pub stride: usize,
}

impl Plane<'_> {
    fn row(&self, row: usize, length: usize) -> &[u8] {
        &self.bytes[row * self.stride..][..length]
    }
}

/// RGB of a picture whose chroma planes have half its width and height, rounded up.
///
/// # Panics
/// A plane is smaller than the picture needs.
pub(super) fn rgb(width: usize, height: usize, y: Plane<'_>, u: Plane<'_>, v: Plane<'_>) -> Picture {
    let mut pixels = vec![0u8; width * height * 3];
    for (row, out) in pixels.chunks_exact_mut(width * 3).enumerate() {
        let half = width.div_ceil(2);
        let luma = y.row(row, width);
        let (us, vs) = (u.row(row / 2, half), v.row(row / 2, half));
        for (((pair, luma), &u), &v) in out.chunks_mut(6).zip(luma.chunks(2)).zip(us).zip(vs) {
            let (u, v) = (i32::from(u) - 128, i32::from(v) - 128);
            let shift = [V_RED * v, U_GREEN * u + V_GREEN * v, U_BLUE * u];
            for (pixel, &luma) in pair.chunks_exact_mut(3).zip(luma) {
                let luma = Y * (i32::from(luma) - 16) + (1 << (BITS - 1));
                for (value, shift) in pixel.iter_mut().zip(shift) {
                    *value = ((luma + shift) >> BITS).clamp(0, 255) as u8;
                }
            }
        }
    }
    Picture { width, height, channels: 3, pixels }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(y: u8, u: u8, v: u8) -> [u8; 3] {
        let plane = |value| vec![value; 4];
        let (y, u, v) = (plane(y), plane(u), plane(v));
        let of = |bytes| Plane { bytes, stride: 2 };
        let picture = rgb(1, 2, of(&y), of(&u), of(&v));
        [picture.pixels[3], picture.pixels[4], picture.pixels[5]]
    }

    #[test]
    fn primaries_are_those_of_rec_601() {
        for (yuv, wanted) in [
            ([16, 128, 128], [0, 0, 0]),
            ([235, 128, 128], [255, 255, 255]),
            ([81, 90, 240], [255, 0, 0]),
            ([145, 54, 34], [0, 255, 0]),
            ([41, 240, 110], [0, 0, 255]),
        ] {
            let found = one(yuv[0], yuv[1], yuv[2]);
            let near = found.iter().zip(wanted).all(|(&f, w)| (i32::from(f) - w).abs() <= 2);
            assert!(near, "{yuv:?} gives {found:?}, not {wanted:?}");
        }
    }

    #[test]
    fn an_odd_width_has_all_its_columns() {
        let plane = |value, length| vec![value; length];
        let (y, u, v) = (plane(235, 9), plane(128, 4), plane(128, 4));
        let picture = rgb(
            3,
            3,
            Plane { bytes: &y, stride: 3 },
            Plane { bytes: &u, stride: 2 },
            Plane { bytes: &v, stride: 2 },
        );
        assert_eq!(picture.pixels, vec![255; 27]);
    }
}
