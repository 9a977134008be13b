//! A camera's bytes as pictures.

use std::borrow::Cow;

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

/// A frame without what lies between its rows, `stride` bytes from one to the next (0 where nothing does). A frame that is too
/// short stays as it is.
pub(super) fn unpadded(
    layout: Layout,
    (width, height): (usize, usize),
    stride: usize,
    bytes: &[u8],
) -> Cow<'_, [u8]> {
    let (row, rows) = match layout {
        Layout::Mjpeg => return Cow::Borrowed(bytes),
        Layout::Yuyv => (width.next_multiple_of(2) * 2, height),
        Layout::Nv12 => (width, height + height.div_ceil(2)),
        Layout::Grey => (width, height),
        Layout::Rgb | Layout::Bgr => (width * 3, height),
    };
    if stride <= row || bytes.len() < stride * (rows - 1) + row {
        return Cow::Borrowed(bytes);
    }
    Cow::Owned(bytes.chunks(stride).take(rows).flat_map(|line| &line[..row]).copied().collect())
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
        return decode(bytes).map_err(|e| e.to_string());
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
    fn what_lies_between_rows_is_left_out() {
        let padded = |row: usize, rows: usize, stride: usize| -> Vec<u8> {
            (0..rows)
                .flat_map(|y| (0..stride).map(move |x| if x < row { (y * row + x) as u8 } else { 255 }))
                .collect()
        };
        let cases = [(Layout::Yuyv, 8, 3), (Layout::Grey, 4, 3), (Layout::Rgb, 12, 3), (Layout::Nv12, 4, 5)];
        for (layout, row, rows) in cases {
            let wanted: Vec<u8> = (0..(row * rows) as u8).collect();
            let bytes = padded(row, rows, row + 6);
            assert_eq!(*unpadded(layout, (4, 3), row + 6, &bytes), wanted, "{layout:?}");
            assert_eq!(*unpadded(layout, (4, 3), row, &wanted), wanted, "{layout:?}");
            assert_eq!(*unpadded(layout, (4, 3), 0, &wanted), wanted, "{layout:?}");
            let short = &bytes[..bytes.len() - 7];
            assert_eq!(*unpadded(layout, (4, 3), row + 6, short), *short, "{layout:?}");
        }
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
