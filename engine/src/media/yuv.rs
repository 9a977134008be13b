//! YUV to RGB and back: which red, green and blue luma and chroma stand for, and the layouts of bytes they come in.

use super::interleave::interleave;
use crate::media::Picture;

/// Values are held in sixteenths, in 16 bits, which processors multiply eight or sixteen at a time.
const BITS: i32 = 4;
/// Factors of [`Factors`] are times `2^13`: a value that was shifted left by 7 and multiplied by one of them has its sixteenths
/// in the upper half of the product.
const SCALE: f64 = 8192.0;

/// Parts of red and blue in luma.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Matrix {
    /// Rec. ITU-R BT.601.
    Rec601,
    /// Rec. ITU-R BT.709.
    Rec709,
    /// Rec. ITU-R BT.2020, not of constant luminance.
    Rec2020,
}

/// How luma and chroma are to be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Colours {
    pub matrix: Matrix,
    /// Luma from 0 to 255, else from 16 to 235 and chroma from 16 to 240.
    pub full: bool,
}

/// What turns luma and chroma into red, green and blue.
struct Factors {
    black: i16,
    luma: i16,
    v_red: i16,
    u_green: i16,
    v_green: i16,
    u_blue: i16,
}

impl Colours {
    /// What is meant where nothing is said.
    pub const REC_601: Self = Self { matrix: Matrix::Rec601, full: false };
    /// High definition.
    pub const REC_709: Self = Self { matrix: Matrix::Rec709, full: false };

    /// By the number of a matrix in H.264 (table E-5) and in `colr` boxes, which is the same; numbers that are not known here
    /// are read as Rec. 601.
    pub fn of_code(matrix: Option<u8>, full: bool) -> Self {
        let matrix = match matrix {
            Some(1) => Matrix::Rec709,
            Some(9 | 10) => Matrix::Rec2020,
            _ => Matrix::Rec601,
        };
        Self { matrix, full }
    }

    /// What recordings of this height are written in: what players guess that ignore what a file says.
    pub fn of_recording(height: usize) -> Self {
        if height >= 720 { Self::REC_709 } else { Self::REC_601 }
    }

    /// The numbers of primaries, transfer and matrix.
    pub fn codes(self) -> (u16, u16, u16) {
        match self.matrix {
            Matrix::Rec601 => (6, 6, 6),
            Matrix::Rec709 => (1, 1, 1),
            Matrix::Rec2020 => (9, 14, 9),
        }
    }

    /// Parts of red, green and blue in luma.
    fn parts(self) -> [f64; 3] {
        let (red, blue) = match self.matrix {
            Matrix::Rec601 => (0.299, 0.114),
            Matrix::Rec709 => (0.2126, 0.0722),
            Matrix::Rec2020 => (0.2627, 0.0593),
        };
        [red, 1.0 - red - blue, blue]
    }

    /// Levels of luma and of chroma from the least to the most.
    fn levels(self) -> (f64, f64) {
        if self.full { (255.0, 255.0) } else { (219.0, 224.0) }
    }

    fn factors(self) -> Factors {
        let [red, green, blue] = self.parts();
        let (luma, chroma) = self.levels();
        let factor = |value: f64| (value * SCALE).round() as i16;
        let (from_v, from_u) = (2.0 * (1.0 - red) * 255.0 / chroma, 2.0 * (1.0 - blue) * 255.0 / chroma);
        Factors {
            black: if self.full { 0 } else { 16 },
            luma: factor(255.0 / luma),
            v_red: factor(from_v),
            u_green: factor(-from_u * blue / green),
            v_green: factor(-from_v * red / green),
            u_blue: factor(from_u),
        }
    }
}

/// Upper half of the product of 16-bit numbers.
fn upper(a: i16, b: i16) -> i16 {
    ((i32::from(a) * i32::from(b)) >> 16) as i16
}

/// A plane of bytes with `stride` of them a row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plane<'a> {
    /// Rows from the top.
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
pub(super) fn rgb((width, height): (usize, usize), [y, u, v]: [Plane<'_>; 3], colours: Colours) -> Picture {
    let factors = colours.factors();
    let mut pixels = vec![0u8; width * height * 3];
    let half = width.div_ceil(2);
    // What chroma adds to red, green and blue, a row for each pair of rows.
    let mut shifts = [(); 3].map(|()| vec![0i16; half * 2]);
    let mut planes = [(); 3].map(|()| vec![0u8; width]);
    for (row, out) in pixels.chunks_exact_mut(width * 3).enumerate() {
        if row % 2 == 0 {
            chroma(u.row(row / 2, half), v.row(row / 2, half), &factors, &mut shifts);
        }
        let luma = y.row(row, width);
        for (plane, shift) in planes.iter_mut().zip(&shifts) {
            for ((value, &luma), &shift) in plane.iter_mut().zip(luma).zip(shift) {
                let luma = upper((i16::from(luma) - factors.black) << 7, factors.luma);
                *value = ((luma + shift + (1 << (BITS - 1))) >> BITS).clamp(0, 255) as u8;
            }
        }
        let [red, green, blue] = &planes;
        interleave([red, green, blue], out);
    }
    Picture { width, height, channels: 3, pixels }
}

/// A grey picture of luma alone.
///
/// # Panics
/// The plane is smaller than the picture needs.
pub(super) fn grey((width, height): (usize, usize), luma: Plane<'_>, colours: Colours) -> Picture {
    let factors = colours.factors();
    let level = |luma: u8| {
        let value = upper((i16::from(luma) - factors.black) << 7, factors.luma);
        ((value + (1 << (BITS - 1))) >> BITS).clamp(0, 255) as u8
    };
    let levels: [u8; 256] = std::array::from_fn(|luma| level(luma as u8));
    let pixels = (0..height).flat_map(|row| luma.row(row, width)).map(|&v| levels[usize::from(v)]).collect();
    Picture { width, height, channels: 1, pixels }
}

/// What a row of chroma adds to red, green and blue, each value for two columns.
fn chroma(u: &[u8], v: &[u8], factors: &Factors, shifts: &mut [Vec<i16>; 3]) {
    let scaled = |value: u8| (i16::from(value) - 128) << 7;
    let [red, green, blue] = shifts;
    let (red, green, blue) = (red.as_chunks_mut().0, green.as_chunks_mut().0, blue.as_chunks_mut().0);
    for ((((&u, &v), red), green), blue) in u.iter().zip(v).zip(red).zip(green).zip(blue) {
        let (u, v) = (scaled(u), scaled(v));
        *red = [upper(v, factors.v_red); 2];
        *green = [upper(u, factors.u_green) + upper(v, factors.v_green); 2];
        *blue = [upper(u, factors.u_blue); 2];
    }
}

/// Luma, then both chromas at half the width and height, of the upper left `width` x `height` pixels, both even, of a grey or
/// RGB picture.
pub(super) fn to_planes(
    picture: &Picture,
    (width, height): (usize, usize),
    colours: Colours,
    planes: &mut Vec<u8>,
) {
    let (parts, (luma, chroma)) = (colours.parts(), colours.levels());
    let fixed = |value: f64| (value * 65536.0).round() as i32;
    let black = if colours.full { 0 } else { 16 };
    let luma_of = parts.map(|part| fixed(part * luma / 255.0));
    let chroma_of = |own: usize| {
        let scale = chroma / 255.0 / (2.0 * (1.0 - parts[own]));
        let mut factors = parts.map(|part| fixed(-part * scale));
        factors[own] = fixed(0.5 * chroma / 255.0);
        factors
    };
    let (blue_of, red_of) = (chroma_of(2), chroma_of(0));
    let (channels, step) = (picture.channels, picture.width * picture.channels);
    let last = if channels == 1 { [0; 3] } else { [0, 1, 2] };
    planes.clear();
    planes.resize(width * height * 3 / 2, 0);
    let (ys, chromas) = planes.split_at_mut(width * height);
    let (us, vs) = chromas.split_at_mut(width * height / 4);
    for (row, out) in ys.chunks_exact_mut(width).enumerate() {
        let pixels = picture.pixels[row * step..].chunks_exact(channels);
        for (out, pixel) in out.iter_mut().zip(pixels) {
            let sum: i32 = (0..3).map(|c| luma_of[c] * i32::from(pixel[last[c]])).sum();
            *out = (black + ((sum + 0x8000) >> 16)).clamp(0, 255) as u8;
        }
    }
    let half = width / 2;
    for (row, (us, vs)) in us.chunks_exact_mut(half).zip(vs.chunks_exact_mut(half)).enumerate() {
        let (upper, lower) = picture.pixels[row * 2 * step..].split_at(step);
        let pairs = upper.chunks_exact(2 * channels).zip(lower.chunks_exact(2 * channels));
        for ((u, v), (upper, lower)) in us.iter_mut().zip(vs).zip(pairs) {
            let four = last.map(|c| {
                i32::from(upper[c])
                    + i32::from(upper[channels + c])
                    + i32::from(lower[c])
                    + i32::from(lower[channels + c])
            });
            let level = |of: [i32; 3]| {
                let sum: i32 = (0..3).map(|c| of[c] * four[c]).sum();
                (128 + ((sum + 0x2_0000) >> 18)).clamp(0, 255) as u8
            };
            (*u, *v) = (level(blue_of), level(red_of));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one([y, u, v]: [u8; 3], colours: Colours) -> [u8; 3] {
        let planes = [y, u, v].map(|value| vec![value; 4]);
        let planes = [0, 1, 2].map(|place: usize| Plane { bytes: &planes[place], stride: 2 });
        let picture = rgb((1, 2), planes, colours);
        [picture.pixels[3], picture.pixels[4], picture.pixels[5]]
    }

    /// By the recommendations' own equations, in floating point.
    fn by_definition([y, u, v]: [u8; 3], red: f64, blue: f64, full: bool) -> [f64; 3] {
        let (y, u, v) = (f64::from(y), f64::from(u) - 128.0, f64::from(v) - 128.0);
        let (y, u, v) =
            if full { (y / 255.0, u / 255.0, v / 255.0) } else { ((y - 16.0) / 219.0, u / 224.0, v / 224.0) };
        let (r, b) = (y + 2.0 * (1.0 - red) * v, y + 2.0 * (1.0 - blue) * u);
        let g = (y - red * r - blue * b) / (1.0 - red - blue);
        [r, g, b].map(|value| (value * 255.0).clamp(0.0, 255.0))
    }

    #[test]
    fn every_matrix_and_range_is_that_of_its_recommendation() {
        for (matrix, red, blue) in [
            (Matrix::Rec601, 0.299, 0.114),
            (Matrix::Rec709, 0.2126, 0.0722),
            (Matrix::Rec2020, 0.2627, 0.0593),
        ] {
            for full in [false, true] {
                for y in (0..=255).step_by(15) {
                    for (u, v) in [(128, 128), (90, 240), (54, 34), (240, 110), (200, 60), (16, 128)] {
                        let found = one([y, u, v], Colours { matrix, full });
                        let wanted = by_definition([y, u, v], red, blue, full);
                        let near = found.iter().zip(wanted).all(|(&f, w)| (f64::from(f) - w).abs() <= 1.5);
                        assert!(near, "{matrix:?} {full} {y} {u} {v}: {found:?}, not {wanted:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn grey_is_the_colour_without_chroma() {
        for colours in [Colours::REC_601, Colours { full: true, ..Colours::REC_709 }] {
            let luma: Vec<u8> = (0..=255).collect();
            let found = grey((15, 16), Plane { bytes: &luma, stride: 16 }, colours);
            assert_eq!((found.width, found.height, found.channels), (15, 16, 1));
            for (at, &value) in found.pixels.iter().enumerate() {
                let y = luma[at / 15 * 16 + at % 15];
                assert_eq!([value; 3], one([y, 128, 128], colours), "{y}");
            }
        }
    }

    #[test]
    fn there_and_back_is_the_same_colour() {
        let colours = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [0, 0, 0], [180, 120, 90]];
        let full = Colours { matrix: Matrix::Rec601, full: true };
        for form in [Colours::REC_601, Colours::REC_709, full] {
            for colour in colours {
                let picture = Picture { width: 4, height: 2, channels: 3, pixels: colour.repeat(8) };
                let mut bytes = vec![];
                to_planes(&picture, (4, 2), form, &mut bytes);
                assert_eq!(bytes.len(), 12);
                let planes = [(0, 4), (8, 2), (10, 2)]
                    .map(|(at, stride): (usize, usize)| Plane { bytes: &bytes[at..], stride });
                let back = rgb((4, 2), planes, form);
                let near = back.pixels.iter().zip(&picture.pixels).all(|(&a, &b)| a.abs_diff(b) <= 3);
                assert!(near, "{form:?} {colour:?}: {:?}", &back.pixels[..3]);
            }
        }
        let grey = Picture { width: 2, height: 2, channels: 1, pixels: vec![255; 4] };
        let mut bytes = vec![];
        to_planes(&grey, (2, 2), Colours::REC_601, &mut bytes);
        assert_eq!(bytes, [235, 235, 235, 235, 128, 128]);
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
            let found = one(yuv, Colours::REC_601);
            let near = found.iter().zip(wanted).all(|(&f, w)| (i32::from(f) - w).abs() <= 2);
            assert!(near, "{yuv:?} gives {found:?}, not {wanted:?}");
        }
    }

    #[test]
    fn an_odd_width_has_all_its_columns() {
        let plane = |value, length| vec![value; length];
        let (y, u, v) = (plane(235, 9), plane(128, 4), plane(128, 4));
        let of = |bytes, stride| Plane { bytes, stride };
        let picture = rgb((3, 3), [of(&y, 3), of(&u, 2), of(&v, 2)], Colours::REC_601);
        assert_eq!(picture.pixels, vec![255; 27]);
    }
}
