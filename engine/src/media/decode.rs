//! Bytes of a JPEG, PNG, WebP or BMP file to a [`Picture`].

use std::io::Cursor;

use image::codecs::bmp::BmpDecoder;
use image::codecs::jpeg::JpegDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::metadata::Orientation as Stored;
use image::{ColorType, ImageDecoder, ImageResult, Limits};

use super::header::check_size;
use super::header::{self, Format};
use super::huffman::with_tables;
use super::{MediaError, Orientation, Picture};

/// Decodes a JPEG, PNG, WebP or BMP picture; the signature decides which, not a name.
///
/// Grey stays one channel, everything else becomes RGB. 16 bits are rounded to 8. Alpha is composited on black, as cut
/// out faces are usually stored. EXIF orientation is applied, so the first row is the top of the face. A JPEG may lack its
/// Huffman tables, as frames of cameras do.
///
/// # Errors
/// The bytes are empty, of another format, cut off, damaged, hold a film, or claim more than [`header::MAX_PIXELS`].
pub fn decode(bytes: &[u8]) -> Result<Picture, MediaError> {
    let header = header::read(bytes)?;
    let (format, length) = (header.format.name(), bytes.len());
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(8 * header::MAX_PIXELS as u64);
    match header.format {
        Format::Jpeg => {
            let whole = with_tables(bytes);
            let picture = read(format, length, JpegDecoder::new(Cursor::new(&*whole)))?.0;
            // The decoder gives up on more than this does.
            let stored = header.exif.and_then(Stored::from_exif_chunk).map_or(1, Stored::to_exif);
            Ok(picture.oriented(Orientation::of_exif(stored)))
        }
        Format::Png => upright(format, length, PngDecoder::with_limits(Cursor::new(bytes), limits)),
        Format::WebP => {
            let decoder = WebPDecoder::new(Cursor::new(bytes));
            if decoder.as_ref().is_ok_and(WebPDecoder::has_animation) {
                let reason = "it holds a film; convert it to a video".to_owned();
                return Err(MediaError::Decode { format, reason });
            }
            upright(format, length, decoder)
        }
        Format::Bmp => upright(format, length, BmpDecoder::new(Cursor::new(bytes))),
    }
}

fn upright<D: ImageDecoder>(
    format: &'static str,
    length: usize,
    decoder: ImageResult<D>,
) -> Result<Picture, MediaError> {
    let (picture, stored) = read(format, length, decoder)?;
    Ok(picture.oriented(Orientation::of_exif(stored)))
}

/// A picture as it is stored, and the number of its orientation.
fn read<D: ImageDecoder>(
    format: &'static str,
    length: usize,
    decoder: ImageResult<D>,
) -> Result<(Picture, u8), MediaError> {
    let fail = |error: image::ImageError| {
        let reason = error.to_string();
        let ends = ["unexpected end", "UnexpectedEof", "Unexpected end", "failed to fill"];
        if ends.iter().any(|end| reason.contains(end)) {
            MediaError::Truncated { format, missing: "the pixel data end early", length }
        } else {
            MediaError::Decode { format, reason }
        }
    };
    let mut decoder = decoder.map_err(fail)?;
    let (width, height) = decoder.dimensions();
    let (width, height) = (width as usize, height as usize);
    check_size(width, height)?;
    let stored = decoder.orientation().map_or(1, Stored::to_exif);
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
    Ok((Picture { width, height, channels, pixels }, stored))
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

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;
