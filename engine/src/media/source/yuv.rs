//! Planar YUV 4:2:0 to RGB.

use crate::media::Picture;

/// Values are held in sixteenths, in 16 bits, which processors multiply eight or sixteen at a time.
const BITS: i32 = 4;
/// Rec. 601, luma 16 to 235 and chroma 16 to 240: `255/219`, `255/224 * 1.402` and so on, times `2^13`: a value that was
/// shifted left by 7 and multiplied by one of them has its sixteenths in the upper half of the product.
const Y: i16 = 9_539;
const V_RED: i16 = 13_075;
const U_GREEN: i16 = -3_209;
const V_GREEN: i16 = -6_660;
const U_BLUE: i16 = 16_525;

/// Upper half of the product of 16-bit numbers.
fn upper(a: i16, b: i16) -> i16 {
    ((i32::from(a) * i32::from(b)) >> 16) as i16
}

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
    let half = width.div_ceil(2);
    // What chroma adds to red, green and blue, a row for each pair of rows.
    let mut shifts = [(); 3].map(|()| vec![0i16; half * 2]);
    let mut planes = [(); 3].map(|()| vec![0u8; width]);
    for (row, out) in pixels.chunks_exact_mut(width * 3).enumerate() {
        if row % 2 == 0 {
            chroma(u.row(row / 2, half), v.row(row / 2, half), &mut shifts);
        }
        let luma = y.row(row, width);
        for (plane, shift) in planes.iter_mut().zip(&shifts) {
            for ((value, &luma), &shift) in plane.iter_mut().zip(luma).zip(shift) {
                let luma = upper((i16::from(luma) - 16) << 7, Y);
                *value = ((luma + shift + (1 << (BITS - 1))) >> BITS).clamp(0, 255) as u8;
            }
        }
        let [red, green, blue] = &planes;
        for (((pixel, &r), &g), &b) in out.chunks_exact_mut(3).zip(red).zip(green).zip(blue) {
            (pixel[0], pixel[1], pixel[2]) = (r, g, b);
        }
    }
    Picture { width, height, channels: 3, pixels }
}

/// What a row of chroma adds to red, green and blue, each value for two columns.
fn chroma(u: &[u8], v: &[u8], shifts: &mut [Vec<i16>; 3]) {
    let [red, green, blue] = shifts;
    let outs = red.chunks_exact_mut(2).zip(green.chunks_exact_mut(2)).zip(blue.chunks_exact_mut(2));
    for ((&u, &v), ((red, green), blue)) in u.iter().zip(v).zip(outs) {
        let (u, v) = ((i16::from(u) - 128) << 7, (i16::from(v) - 128) << 7);
        let (r, g, b) = (upper(v, V_RED), upper(u, U_GREEN) + upper(v, V_GREEN), upper(u, U_BLUE));
        (red[0], green[0], blue[0]) = (r, g, b);
        (red[1], green[1], blue[1]) = (r, g, b);
    }
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
