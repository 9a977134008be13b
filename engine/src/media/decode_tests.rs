#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use super::*;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};

fn png(width: u32, height: u32, kind: ExtendedColorType, pixels: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    PngEncoder::new(&mut bytes).write_image(pixels, width, height, kind).unwrap();
    bytes
}

/// A 32x16 JPEG of four 16x8 regions: top left 0, top right 85, bottom left 170, bottom right 255.
fn quarters() -> Vec<u8> {
    let pixels: Vec<u8> = (0..16 * 32)
        .map(|i| {
            let (x, y) = (i % 32, i / 32);
            u8::from(x >= 16) * 85 + u8::from(y >= 8) * 170
        })
        .collect();
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 100)
        .write_image(&pixels, 32, 16, ExtendedColorType::L8)
        .unwrap();
    bytes
}

/// The JPEG with an EXIF segment that holds nothing but an orientation.
fn with_orientation(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let mut tiff = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    tiff.extend([orientation, 0, 0, 0, 0, 0, 0]);
    let mut bytes = vec![0xff, 0xd8, 0xff, 0xe1];
    bytes.extend(((tiff.len() + 2) as u16).to_be_bytes());
    bytes.extend(tiff);
    bytes.extend(&jpeg[2..]);
    bytes
}

#[test]
fn grey_stays_grey_and_colour_stays_colour() {
    let grey: Vec<u8> = (0..12).map(|i| i * 20).collect();
    let picture = decode(&png(4, 3, ExtendedColorType::L8, &grey)).unwrap();
    assert_eq!((picture.width, picture.height, picture.channels), (4, 3, 1));
    assert_eq!(picture.pixels, grey);
    let colour = decode(&png(2, 2, ExtendedColorType::Rgb8, &grey)).unwrap();
    assert_eq!((colour.channels, colour.pixels), (3, grey));
    let jpeg = decode(&quarters()).unwrap();
    assert_eq!((jpeg.width, jpeg.height, jpeg.channels), (32, 16, 1));
}

#[test]
fn sixteen_bits_are_rounded_and_alpha_is_composited_on_black() {
    let values: [u16; 4] = [0, 65_535, 257 * 7 + 128, 257 * 9 + 129];
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_ne_bytes()).collect();
    assert_eq!(decode(&png(4, 1, ExtendedColorType::L16, &bytes)).unwrap().pixels, [0, 255, 7, 10]);
    let picture = decode(&png(2, 1, ExtendedColorType::Rgba8, &[200, 100, 50, 128, 9, 8, 7, 0])).unwrap();
    assert_eq!(picture.channels, 3);
    assert_eq!(picture.pixels, [100, 50, 25, 0, 0, 0]);
}

#[test]
fn every_exif_orientation_puts_the_top_at_the_top() {
    let jpeg = quarters();
    // Quarters of the upright picture, row by row; stored: 0 85 / 170 255.
    let upright: [[u8; 4]; 8] = [
        [0, 85, 170, 255],
        [85, 0, 255, 170],
        [255, 170, 85, 0],
        [170, 255, 0, 85],
        [0, 170, 85, 255],
        [170, 0, 255, 85],
        [255, 85, 170, 0],
        [85, 255, 0, 170],
    ];
    for (orientation, wanted) in (1u8..).zip(upright) {
        let picture = decode(&with_orientation(&jpeg, orientation)).unwrap();
        let (w, h) = (picture.width, picture.height);
        assert_eq!((w, h), if orientation < 5 { (32, 16) } else { (16, 32) });
        let corners = [(2, 2), (w - 3, 2), (2, h - 3), (w - 3, h - 3)].map(|(x, y)| picture.pixel(x, y)[0]);
        for (got, want) in corners.iter().zip(wanted) {
            assert!(got.abs_diff(want) < 4, "orientation {orientation}: {corners:?} for {wanted:?}");
        }
    }
}

#[test]
fn a_file_cut_off_anywhere_is_refused_with_a_message() {
    let noise: Vec<u8> = (0..48 * 48u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for whole in [png(48, 48, ExtendedColorType::L8, &noise), quarters()] {
        assert!(decode(&whole).is_ok());
        // A PNG's last 16 bytes are checksums and the end chunk: its pixels are all there.
        let until = if whole[0] == 0x89 { whole.len() - 16 } else { whole.len() - 1 };
        for length in 0..until {
            let Err(error) = decode(&whole[..length]) else { panic!("{length} of {} decoded", whole.len()) };
            assert!(!error.to_string().is_empty());
        }
        let half = decode(&whole[..whole.len() / 2]).unwrap_err();
        assert!(half.to_string().contains("truncated"), "{half}");
    }
}

#[test]
fn what_is_no_picture_is_named() {
    assert_eq!(decode(b"").unwrap_err().to_string(), "the picture is empty (0 bytes)");
    let text = decode(b"hello, I am a text file").unwrap_err().to_string();
    assert!(text.contains("neither a JPEG nor a PNG, WebP or BMP") && text.contains("hello, I am"), "{text}");
    assert!(decode(b"GIF89a....").unwrap_err().to_string().contains("GIF"));
    assert!(decode(&[0, 1, 2, 3]).unwrap_err().to_string().contains("00 01 02 03"));
}

#[test]
fn a_header_that_claims_too_much_is_refused_before_anything_is_allocated() {
    let mut large = png(1, 1, ExtendedColorType::L8, &[0]);
    large[16..20].copy_from_slice(&60_000u32.to_be_bytes());
    large[20..24].copy_from_slice(&60_000u32.to_be_bytes());
    let message = decode(&large).unwrap_err().to_string();
    assert!(message.contains("60000x60000") && message.contains("limit"), "{message}");

    let mut jpeg = quarters();
    let frame = jpeg.windows(2).position(|two| two == [0xff, 0xc0]).unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0xea, 0x60, 0xea, 0x60]);
    let message = decode(&jpeg).unwrap_err().to_string();
    assert!(message.contains("60000x60000") && message.contains("limit"), "{message}");

    let mut nothing = png(1, 1, ExtendedColorType::L8, &[0]);
    nothing[16..20].copy_from_slice(&[0; 4]);
    assert!(decode(&nothing).unwrap_err().to_string().contains("0x1"));
}

#[test]
fn damaged_bytes_never_panic() {
    for whole in [png(16, 16, ExtendedColorType::L8, &[77; 256]), quarters()] {
        for at in 0..whole.len() {
            for flip in [0x01, 0x80, 0xff] {
                let mut damaged = whole.clone();
                damaged[at] ^= flip;
                let _outcome_is_free = decode(&damaged);
            }
        }
    }
}
