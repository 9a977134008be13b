//! The one place where dataset readers turn stored bytes into a picture.

use crate::media::{self, Picture};

/// Decodes a JPEG, PNG, WebP or BMP; grey pictures stay grey. The error says what is wrong, without a path.
pub(super) fn decode(bytes: &[u8]) -> Result<Picture, String> {
    check_signature(bytes)?;
    media::decode(bytes).map_err(|error| error.to_string())
}

/// Whether the bytes begin as a picture that is read does: cheap enough to ask of every item while hashing it, so that text
/// files named `.jpg` are found before training rather than in its midst.
pub(super) fn check_signature(bytes: &[u8]) -> Result<(), String> {
    if bytes.is_empty() {
        Err("the file is empty".to_owned())
    } else if media::begins_as_picture(bytes) {
        Ok(())
    } else {
        Err("neither a JPEG nor a PNG, WebP or BMP picture, whatever its name says".to_owned())
    }
}

/// Cuts `[left, top, right, bottom)` out, clipped to the picture; a box outside it is an error.
pub(super) fn crop(picture: Picture, [left, top, right, bottom]: [usize; 4]) -> Result<Picture, String> {
    let (right, bottom) = (right.min(picture.width), bottom.min(picture.height));
    if left >= right || top >= bottom {
        return Err(format!(
            "face box ({left}, {top}, {right}, {bottom}) lies outside the {}x{} picture",
            picture.width, picture.height
        ));
    }
    if [left, top, right, bottom] == [0, 0, picture.width, picture.height] {
        return Ok(picture);
    }
    let row = picture.width * picture.channels;
    let pixels = (top..bottom)
        .flat_map(|y| &picture.pixels[y * row + left * picture.channels..y * row + right * picture.channels])
        .copied()
        .collect();
    Ok(Picture { width: right - left, height: bottom - top, channels: picture.channels, pixels })
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::io::Cursor;

    use super::*;

    /// A grey PNG whose pixels depend on `tone`.
    pub(in crate::data) fn grey_png(width: u32, height: u32, tone: u8) -> Vec<u8> {
        let grey =
            image::GrayImage::from_fn(width, height, |x, y| image::Luma([tone ^ (x * 7 + y * 3) as u8]));
        let mut bytes = Vec::new();
        grey.write_to(&mut Cursor::new(&mut bytes), image::ImageFormat::Png).unwrap();
        bytes
    }

    #[test]
    fn a_grey_png_stays_one_channel() {
        let picture = decode(&grey_png(5, 4, 9)).unwrap();
        assert_eq!((picture.width, picture.height, picture.channels), (5, 4, 1));
        assert_eq!(picture.pixels[1], 9 ^ 7);
    }

    #[test]
    fn empty_text_and_truncated_files_are_errors() {
        assert!(decode(b"").unwrap_err().contains("empty"));
        assert!(decode(b"not a picture").unwrap_err().contains("neither"));
        let whole = grey_png(40, 40, 3);
        assert!(decode(&whole[..whole.len() / 2]).is_err());
    }

    #[test]
    fn a_header_that_claims_60000_pixels_a_side_is_refused() {
        let mut bytes = grey_png(4, 4, 0);
        bytes[16..24].copy_from_slice(&[0, 0, 0xEA, 0x60, 0, 0, 0xEA, 0x60]);
        let mut crc = crc(&bytes[12..29]).to_be_bytes();
        bytes[29..33].swap_with_slice(&mut crc);
        assert!(decode(&bytes).is_err());
    }

    fn crc(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0u32, |crc, &byte| {
            (0..8).fold(crc ^ u32::from(byte), |c, _| (c >> 1) ^ (0xEDB8_8320 & (c & 1).wrapping_neg()))
        })
    }

    #[test]
    fn a_crop_takes_the_box_and_refuses_one_outside() {
        let picture = Picture { width: 3, height: 2, channels: 1, pixels: vec![0, 1, 2, 3, 4, 5] };
        assert_eq!(crop(picture.clone(), [1, 0, 3, 2]).unwrap().pixels, [1, 2, 4, 5]);
        assert_eq!(crop(picture.clone(), [0, 0, 48, 48]).unwrap(), picture);
        assert!(crop(picture, [3, 0, 5, 2]).unwrap_err().contains("outside"));
    }
}
