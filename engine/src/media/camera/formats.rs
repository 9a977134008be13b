//! A camera's bytes as pictures.

use crate::media::yuv::{Colours, Plane, rgb};
use crate::media::{MAX_SIDE, Picture, decode};

/// How a camera lays out a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// A JPEG file a frame.
    Mjpeg,
    /// Two pixels in four bytes: luma, U, luma, V.
    Yuyv,
    /// Luma, then U and V in turn at half the width and height.
    Nv12,
    /// A byte a pixel.
    Grey,
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red.
    Bgr,
}

/// A frame as a picture. Sides of YUV are cut to even numbers.
///
/// # Errors
/// There are fewer bytes than the size needs, or the JPEG is damaged.
pub(super) fn picture(
    layout: Layout,
    (width, height): (usize, usize),
    bytes: &[u8],
) -> Result<Picture, String> {
    if layout == Layout::Mjpeg {
        return decode(&with_tables(bytes)).map_err(|e| e.to_string());
    }
    if !(1..=MAX_SIDE).contains(&width) || !(1..=MAX_SIDE).contains(&height) {
        return Err(format!("a frame of {width}x{height} cannot be read"));
    }
    let pixels = width * height;
    let needed = match layout {
        Layout::Yuyv => width.next_multiple_of(2) * 2 * height,
        Layout::Nv12 => pixels + width.next_multiple_of(2) * height.div_ceil(2),
        Layout::Grey => pixels,
        _ => pixels * 3,
    };
    if bytes.len() < needed {
        return Err(format!("a frame of {width}x{height} has {} bytes, not {needed}", bytes.len()));
    }
    let bytes = &bytes[..needed];
    Ok(match layout {
        Layout::Grey => Picture { width, height, channels: 1, pixels: bytes.to_vec() },
        Layout::Rgb => Picture { width, height, channels: 3, pixels: bytes.to_vec() },
        Layout::Bgr => {
            let pixels = bytes.chunks_exact(3).flat_map(|p| [p[2], p[1], p[0]]).collect();
            Picture { width, height, channels: 3, pixels }
        }
        Layout::Yuyv => yuyv(width, height, bytes),
        Layout::Nv12 | Layout::Mjpeg => nv12(width, height, bytes),
    })
}

/// Of the chroma, which every row has, that of every other row is taken: its colours are half as fine then, as in video.
fn yuyv(width: usize, height: usize, bytes: &[u8]) -> Picture {
    let stride = width.next_multiple_of(2) * 2;
    let luma: Vec<u8> = bytes.iter().step_by(2).copied().collect();
    let chroma = |first: usize| -> Vec<u8> {
        bytes
            .chunks_exact(stride)
            .step_by(2)
            .flat_map(|row| row.iter().skip(first).step_by(4).copied())
            .collect()
    };
    let (u, v) = (chroma(1), chroma(3));
    let half = stride / 4;
    let planes = [(&luma, stride / 2), (&u, half), (&v, half)].map(|(bytes, stride)| Plane { bytes, stride });
    rgb((width, height), planes, Colours::REC_601)
}

fn nv12(width: usize, height: usize, bytes: &[u8]) -> Picture {
    let (luma, chroma) = bytes.split_at(width * height);
    let part = |first: usize| -> Vec<u8> { chroma.iter().skip(first).step_by(2).copied().collect() };
    let (u, v) = (part(0), part(1));
    let half = width.div_ceil(2);
    let planes = [(luma, width), (u.as_slice(), half), (v.as_slice(), half)]
        .map(|(bytes, stride)| Plane { bytes, stride });
    rgb((width, height), planes, Colours::REC_601)
}

/// Cameras leave out the Huffman tables that all their frames share, those that the JPEG standard gives as typical (ITU-T T.81,
/// K.3): here they are put back before the first scan.
fn with_tables(jpeg: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    let mut at = 2;
    while let Some(&[0xff, marker, high, low]) = jpeg.get(at..at + 4) {
        match marker {
            // Tables are there.
            0xc4 => return jpeg.into(),
            0xda => {
                let mut out = jpeg[..at].to_vec();
                for (class, lengths, values) in TABLES {
                    let size = 2 + 1 + lengths.len() + values.len();
                    out.extend_from_slice(&[0xff, 0xc4, (size >> 8) as u8, size as u8, class]);
                    out.extend_from_slice(lengths);
                    out.extend_from_slice(values);
                }
                out.extend_from_slice(&jpeg[at..]);
                return out.into();
            }
            _ => at += 2 + (usize::from(high) << 8 | usize::from(low)),
        }
    }
    jpeg.into()
}

/// A table's class and number, how many codes there are of each length, and what they stand for.
type Table = (u8, &'static [u8; 16], &'static [u8]);

const TABLES: [Table; 4] = [
    (0x00, &[0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
    (0x01, &[0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
    (0x10, &[0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 0x7d], &LUMA),
    (0x11, &[0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 0x77], &CHROMA),
];

#[rustfmt::skip]
const LUMA: [u8; 162] = [
    0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61, 0x07, 0x22, 0x71, 0x14, 0x32,
    0x81, 0x91, 0xa1, 0x08, 0x23, 0x42, 0xb1, 0xc1, 0x15, 0x52, 0xd1, 0xf0, 0x24, 0x33, 0x62, 0x72, 0x82, 0x09, 0x0a, 0x16,
    0x17, 0x18, 0x19, 0x1a, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2a, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x43, 0x44, 0x45,
    0x46, 0x47, 0x48, 0x49, 0x4a, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69,
    0x6a, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x92, 0x93, 0x94,
    0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6,
    0xb7, 0xb8, 0xb9, 0xba, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8,
    0xd9, 0xda, 0xe1, 0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0xea, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8,
    0xf9, 0xfa,
];

#[rustfmt::skip]
const CHROMA: [u8; 162] = [
    0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07, 0x61, 0x71, 0x13, 0x22, 0x32, 0x81,
    0x08, 0x14, 0x42, 0x91, 0xa1, 0xb1, 0xc1, 0x09, 0x23, 0x33, 0x52, 0xf0, 0x15, 0x62, 0x72, 0xd1, 0x0a, 0x16, 0x24, 0x34,
    0xe1, 0x25, 0xf1, 0x17, 0x18, 0x19, 0x1a, 0x26, 0x27, 0x28, 0x29, 0x2a, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x43, 0x44,
    0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68,
    0x69, 0x6a, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x92,
    0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xb2, 0xb3, 0xb4,
    0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6,
    0xd7, 0xd8, 0xd9, 0xda, 0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0xea, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8,
    0xf9, 0xfa,
];

#[cfg(test)]
mod tests {
    use super::*;

    /// A red, a green, a blue and a white quarter.
    fn quarters(width: usize, height: usize) -> Picture {
        let mut picture = Picture::filled(width, height, 3, 255);
        for (colour, x, y) in [([200, 40, 40], 0, 0), ([40, 160, 60], 1, 0), ([40, 60, 200], 0, 1)] {
            let (w, h) = (width / 2, height / 2);
            let part = Picture { width: w, height: h, channels: 3, pixels: colour.repeat(w * h) };
            picture.paste(&part, x * w, y * h);
        }
        picture
    }

    fn near(found: &Picture, wanted: &Picture, most: u8) {
        assert_eq!(
            (found.width, found.height, found.channels),
            (wanted.width, wanted.height, wanted.channels)
        );
        let (w, h) = (wanted.width, wanted.height);
        // Colours run into each other where quarters meet.
        for (x, y) in [(w / 4, h / 4), (3 * w / 4, h / 4), (w / 4, 3 * h / 4), (3 * w / 4, 3 * h / 4)] {
            let off = found.pixel(x, y).iter().zip(wanted.pixel(x, y)).map(|(&a, &b)| a.abs_diff(b)).max();
            assert!(off <= Some(most), "({x}, {y}): {:?}, not {:?}", found.pixel(x, y), wanted.pixel(x, y));
        }
    }

    /// Luma and both chromas of every pixel.
    fn yuv(picture: &Picture) -> Vec<[u8; 3]> {
        let level = |v: f64| (v + 0.5) as u8;
        let one = |p: &[u8]| {
            let [r, g, b] = [p[0], p[1], p[2]].map(|v| f64::from(v) / 255.0);
            let y = 0.299 * r + 0.587 * g + 0.114 * b;
            [16.0 + 219.0 * y, 128.0 + 224.0 * (b - y) / 1.772, 128.0 + 224.0 * (r - y) / 1.402].map(level)
        };
        picture.pixels.chunks_exact(3).map(one).collect()
    }

    #[test]
    fn every_layout_gives_the_picture_back() {
        let wanted = quarters(16, 12);
        let yuv = yuv(&wanted);
        let packed: Vec<u8> =
            yuv.chunks_exact(2).flat_map(|two| [two[0][0], two[0][1], two[1][0], two[0][2]]).collect();
        near(&picture(Layout::Yuyv, (16, 12), &packed).expect("a picture"), &wanted, 3);
        let mut planar: Vec<u8> = yuv.iter().map(|p| p[0]).collect();
        for row in yuv.chunks_exact(16).step_by(2) {
            planar.extend(row.iter().step_by(2).flat_map(|p| [p[1], p[2]]));
        }
        near(&picture(Layout::Nv12, (16, 12), &planar).expect("a picture"), &wanted, 3);
        near(&picture(Layout::Rgb, (16, 12), &wanted.pixels).expect("a picture"), &wanted, 0);
        let turned: Vec<u8> = wanted.pixels.chunks_exact(3).flat_map(|p| [p[2], p[1], p[0]]).collect();
        near(&picture(Layout::Bgr, (16, 12), &turned).expect("a picture"), &wanted, 0);
        let grey = Picture::filled(16, 12, 1, 77);
        near(&picture(Layout::Grey, (16, 12), &grey.pixels).expect("a picture"), &grey, 0);
    }

    #[test]
    fn a_jpeg_is_read_with_and_without_its_huffman_tables() {
        let wanted = quarters(32, 32);
        let jpeg = wanted.to_jpeg(95).expect("a JPEG");
        near(&picture(Layout::Mjpeg, (32, 32), &jpeg).expect("a picture"), &wanted, 12);
        let mut bare = jpeg[..2].to_vec();
        let mut at = 2;
        let mut taken_out = 0;
        while jpeg[at + 1] != 0xda {
            let end = at + 2 + (usize::from(jpeg[at + 2]) << 8 | usize::from(jpeg[at + 3]));
            if jpeg[at + 1] == 0xc4 {
                taken_out += 1;
            } else {
                bare.extend_from_slice(&jpeg[at..end]);
            }
            at = end;
        }
        bare.extend_from_slice(&jpeg[at..]);
        assert!(taken_out > 0, "or this test proves nothing");
        near(&picture(Layout::Mjpeg, (32, 32), &bare).expect("a picture"), &wanted, 12);
    }

    #[test]
    fn too_few_bytes_are_an_error_that_says_how_many() {
        for (layout, needed) in
            [(Layout::Yuyv, 384), (Layout::Nv12, 288), (Layout::Grey, 192), (Layout::Rgb, 576)]
        {
            let error = picture(layout, (16, 12), &vec![0; needed - 1]).expect_err("too few");
            assert!(error.contains(&needed.to_string()), "{error}");
            assert!(picture(layout, (16, 12), &vec![0; needed + 5]).is_ok(), "padding does no harm");
        }
        assert!(picture(Layout::Mjpeg, (16, 12), &[0xff, 0xd8, 0xff]).is_err());
        assert!(picture(Layout::Yuyv, (0, 12), &[]).is_err());
        assert!(picture(Layout::Nv12, (1 << 40, 1 << 40), &[]).is_err());
        assert!(picture(Layout::Nv12, (5, 3), &[128; 15 + 12]).is_ok(), "odd sides");
    }
}
