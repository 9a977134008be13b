//! Bytes of a JPEG or PNG file to a [`Picture`].

use std::io::Cursor;

use image::codecs::jpeg::JpegDecoder;
use image::codecs::png::PngDecoder;
use image::metadata::Orientation;
use image::{ColorType, ImageDecoder, ImageResult, Limits};

use super::header::{self, Format};
use super::{MediaError, Picture};

/// Decodes a JPEG or PNG picture; the signature decides which, not a name.
///
/// Grey stays one channel, everything else becomes RGB. 16 bits are rounded to 8. Alpha is composited on black, as cut
/// out faces are usually stored. EXIF orientation is applied, so the first row is the top of the face.
///
/// # Errors
/// The bytes are empty, of another format, cut off, damaged, or claim more than [`header::MAX_PIXELS`].
pub fn decode(bytes: &[u8]) -> Result<Picture, MediaError> {
    let header = header::read(bytes)?;
    let (picture, orientation) = match header.format {
        Format::Jpeg => {
            let picture = read("JPEG", bytes.len(), JpegDecoder::new(Cursor::new(bytes)))?;
            (picture, header.exif.and_then(Orientation::from_exif_chunk))
        }
        Format::Png => {
            let mut limits = Limits::no_limits();
            limits.max_alloc = Some(8 * header::MAX_PIXELS as u64);
            let mut decoder = PngDecoder::with_limits(Cursor::new(bytes), limits);
            let orientation = decoder.as_mut().ok().and_then(|d| d.orientation().ok());
            (read("PNG", bytes.len(), decoder)?, orientation)
        }
    };
    Ok(match orientation {
        None | Some(Orientation::NoTransforms) => picture,
        Some(orientation) => oriented(&picture, orientation),
    })
}

fn read<D: ImageDecoder>(
    format: &'static str,
    length: usize,
    decoder: ImageResult<D>,
) -> Result<Picture, MediaError> {
    let fail = |error: image::ImageError| {
        let reason = error.to_string();
        let ends = ["unexpected end", "UnexpectedEof", "Unexpected end", "failed to fill"];
        if ends.iter().any(|end| reason.contains(end)) {
            MediaError::Truncated { format, missing: "the pixel data end early", length }
        } else {
            MediaError::Decode { format, reason }
        }
    };
    let decoder = decoder.map_err(fail)?;
    let (width, height) = decoder.dimensions();
    let (width, height) = (width as usize, height as usize);
    if width > header::MAX_SIDE || height > header::MAX_SIDE || width * height > header::MAX_PIXELS {
        return Err(MediaError::TooLarge { width, height });
    }
    let colour = decoder.color_type();
    let mut raw = vec![0u8; usize::from(colour.bytes_per_pixel()) * width * height];
    decoder.read_image(&mut raw).map_err(fail)?;
    let (channels, pixels) = match colour {
        ColorType::L8 => (1, raw),
        ColorType::Rgb8 => (3, raw),
        ColorType::La8 => (1, on_black::<2>(&raw)),
        ColorType::Rgba8 => (3, on_black::<4>(&raw)),
        ColorType::L16 => (1, eight_bits(&raw)),
        ColorType::Rgb16 => (3, eight_bits(&raw)),
        ColorType::La16 => (1, on_black::<2>(&eight_bits(&raw))),
        ColorType::Rgba16 => (3, on_black::<4>(&eight_bits(&raw))),
        other => {
            return Err(MediaError::Decode { format, reason: format!("{other:?} pixels are not supported") });
        }
    };
    Ok(Picture { width, height, channels, pixels })
}

fn eight_bits(raw: &[u8]) -> Vec<u8> {
    raw.chunks_exact(2)
        .map(|two| ((u32::from(u16::from_ne_bytes([two[0], two[1]])) + 128) / 257) as u8)
        .collect()
}

/// Multiplies the colours by the last of `N` channels and drops it.
fn on_black<const N: usize>(raw: &[u8]) -> Vec<u8> {
    raw.chunks_exact(N)
        .flat_map(|pixel| {
            let alpha = u32::from(pixel[N - 1]);
            pixel[..N - 1].iter().map(move |&v| ((u32::from(v) * alpha + 127) / 255) as u8)
        })
        .collect()
}

/// Puts the top of the picture at the top, by the definition of the EXIF orientations.
fn oriented(picture: &Picture, orientation: Orientation) -> Picture {
    let (w, h, c) = (picture.width, picture.height, picture.channels);
    let turned = matches!(orientation.to_exif(), 5..=8);
    let (width, height) = if turned { (h, w) } else { (w, h) };
    let mut pixels = Vec::with_capacity(picture.pixels.len());
    for y in 0..height {
        for x in 0..width {
            let (from_x, from_y) = match orientation.to_exif() {
                2 => (w - 1 - x, y),
                3 => (w - 1 - x, h - 1 - y),
                4 => (x, h - 1 - y),
                5 => (y, x),
                6 => (y, h - 1 - x),
                7 => (w - 1 - y, h - 1 - x),
                8 => (w - 1 - y, x),
                _ => (x, y),
            };
            pixels.extend_from_slice(picture.pixel(from_x, from_y));
        }
    }
    Picture { width, height, channels: c, pixels }
}

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;
