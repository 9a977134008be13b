//! What is done to whole pictures: resize, crop, channel conversion, writing.

use std::fs::File;
use std::io::{BufWriter, Error, Write};
use std::path::Path;

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::{U8, U8x3};
use fast_image_resize::{FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer};
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};

use super::{MediaError, Picture};

impl Picture {
    /// The picture at another size, by a triangle filter that widens when it shrinks, so nothing aliases. The aspect
    /// ratio becomes that of the new size.
    ///
    /// # Errors
    /// A side is 0, or the picture is none ([`Picture::check`]).
    pub fn resized(&self, width: usize, height: usize) -> Result<Self, MediaError> {
        self.check()?;
        if (width, height) == (self.width, self.height) {
            return Ok(self.clone());
        }
        if width == 0 || height == 0 || self.width == 0 || self.height == 0 {
            return Err(MediaError::Size(format!(
                "cannot resize {}x{} to {width}x{height}: a side is 0",
                self.width, self.height
            )));
        }
        if self.channels == 1 {
            self.resized_as::<U8>(width, height)
        } else {
            self.resized_as::<U8x3>(width, height)
        }
    }

    /// By the pixel's type, so that a program holds the library's code for these two alone.
    fn resized_as<P: PixelTrait>(&self, width: usize, height: usize) -> Result<Self, MediaError> {
        let failed = |e: &dyn std::fmt::Display| MediaError::Size(format!("cannot resize: {e}"));
        let mut pixels = vec![0; width * height * self.channels];
        let source = TypedImageRef::<P>::from_buffer(self.width as u32, self.height as u32, &self.pixels)
            .map_err(|e| failed(&e))?;
        let mut target =
            TypedImage::<P>::from_buffer(width as u32, height as u32, &mut pixels).map_err(|e| failed(&e))?;
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
        Resizer::new().resize_typed(&source, &mut target, &options).map_err(|e| failed(&e))?;
        Ok(Self { width, height, channels: self.channels, pixels })
    }

    /// The part of the picture that lies in a box; a box that leaves the picture is cut to it.
    ///
    /// # Errors
    /// Nothing of the box lies in the picture.
    pub fn cropped(&self, left: i64, top: i64, width: usize, height: usize) -> Result<Self, MediaError> {
        let clip = |from: i64, length: usize, limit: usize| {
            let end = from.saturating_add(i64::try_from(length).unwrap_or(i64::MAX));
            let limit = limit as i64;
            (from.clamp(0, limit) as usize, end.clamp(0, limit) as usize)
        };
        let (x0, x1) = clip(left, width, self.width);
        let (y0, y1) = clip(top, height, self.height);
        if x0 >= x1 || y0 >= y1 {
            return Err(MediaError::Size(format!(
                "the box {width}x{height} at ({left}, {top}) lies outside the {}x{} picture",
                self.width, self.height
            )));
        }
        let mut pixels = Vec::with_capacity((x1 - x0) * (y1 - y0) * self.channels);
        for y in y0..y1 {
            let row = y * self.width * self.channels;
            pixels.extend_from_slice(&self.pixels[row + x0 * self.channels..row + x1 * self.channels]);
        }
        Ok(Self { width: x1 - x0, height: y1 - y0, channels: self.channels, pixels })
    }

    /// The picture with 1 channel (Rec. 601 luma) or 3 (grey is replicated).
    #[must_use]
    pub fn with_channels(&self, channels: usize) -> Self {
        let pixels = match (self.channels, channels) {
            (3, 1) => self.pixels.chunks_exact(3).map(luma).collect(),
            (1, 3) => self.pixels.iter().flat_map(|&v| [v; 3]).collect(),
            _ => return self.clone(),
        };
        Self { channels, pixels, ..*self }
    }

    /// Pastes another picture with as many channels, its top left corner at column `left`, row `top`; what does not
    /// fit is left out.
    pub fn paste(&mut self, other: &Self, left: usize, top: usize) {
        debug_assert_eq!(self.channels, other.channels);
        let columns = other.width.min(self.width.saturating_sub(left)) * self.channels;
        if columns == 0 {
            return;
        }
        for y in 0..other.height.min(self.height.saturating_sub(top)) {
            let to = ((top + y) * self.width + left) * self.channels;
            let from = y * other.width * other.channels;
            self.pixels[to..to + columns].copy_from_slice(&other.pixels[from..from + columns]);
        }
    }

    /// Bytes of the picture as a PNG file.
    ///
    /// # Errors
    /// The pixels do not fit the picture's own size.
    pub fn to_png(&self) -> Result<Vec<u8>, MediaError> {
        let kind = self.colour_type()?;
        let mut bytes = Vec::new();
        PngEncoder::new(&mut bytes)
            .write_image(&self.pixels, self.width as u32, self.height as u32, kind)
            .map_err(|e| MediaError::Decode { format: "PNG", reason: e.to_string() })?;
        Ok(bytes)
    }

    /// Bytes of the picture as a JPEG file of a quality from 1 to 100.
    ///
    /// # Errors
    /// The pixels do not fit the picture's own size, or a side has more than 65,535 pixels.
    pub fn to_jpeg(&self, quality: u8) -> Result<Vec<u8>, MediaError> {
        let kind = self.colour_type()?;
        let mut bytes = Vec::new();
        JpegEncoder::new_with_quality(&mut bytes, quality)
            .write_image(&self.pixels, self.width as u32, self.height as u32, kind)
            .map_err(|e| MediaError::Decode { format: "JPEG", reason: e.to_string() })?;
        Ok(bytes)
    }

    fn colour_type(&self) -> Result<ExtendedColorType, MediaError> {
        if self.pixels.len() != self.width * self.height * self.channels {
            return Err(MediaError::Size(format!(
                "{}x{}x{} picture with {} values",
                self.width,
                self.height,
                self.channels,
                self.pixels.len()
            )));
        }
        Ok(if self.channels == 1 { ExtendedColorType::L8 } else { ExtendedColorType::Rgb8 })
    }

    /// Writes the picture as a PNG file.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write_png(&self, path: &Path) -> Result<(), MediaError> {
        let bytes = self.to_png()?;
        let write = || -> Result<(), Error> {
            let mut file = BufWriter::new(File::create(path)?);
            file.write_all(&bytes)?;
            file.flush()
        };
        write().map_err(|source| MediaError::Write { path: path.to_owned(), source })
    }
}

/// Rec. 601 luma of an RGB pixel, in 16-bit fixed point; grey stays as it is.
fn luma(rgb: &[u8]) -> u8 {
    let [r, g, b] = [rgb[0], rgb[1], rgb[2]].map(u32::from);
    ((19_595 * r + 38_470 * g + 7_471 * b + 32_768) >> 16) as u8
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

    use super::*;

    fn ramp(width: usize, height: usize, channels: usize) -> Picture {
        let pixels = (0..width * height * channels).map(|i| (i * 7 % 256) as u8).collect();
        Picture { width, height, channels, pixels }
    }

    #[test]
    fn a_crop_holds_the_pixels_of_its_box_and_is_cut_at_the_border() {
        let picture = ramp(5, 4, 3);
        let crop = picture.cropped(2, 1, 2, 2).unwrap();
        assert_eq!((crop.width, crop.height), (2, 2));
        assert_eq!(crop.pixel(1, 1), picture.pixel(3, 2));
        let cut = picture.cropped(-3, 2, 5, 100).unwrap();
        assert_eq!((cut.width, cut.height), (2, 2));
        assert_eq!(cut.pixel(0, 0), picture.pixel(0, 2));
        assert!(picture.cropped(5, 0, 3, 3).is_err());
    }

    #[test]
    fn shrinking_averages_a_checkerboard_to_grey() {
        let mut board = Picture::filled(64, 64, 1, 0);
        for (i, v) in board.pixels.iter_mut().enumerate() {
            *v = if (i / 64 + i % 64) % 2 == 0 { 255 } else { 0 };
        }
        let small = board.resized(16, 16).unwrap();
        assert!(small.pixels.iter().all(|&v| (120..=136).contains(&v)), "{:?}", &small.pixels[..8]);
        assert!(board.resized(0, 3).is_err());
    }

    #[test]
    fn grey_survives_a_trip_through_colour_and_primaries_have_their_luma() {
        let grey = ramp(16, 16, 1);
        assert_eq!(grey.with_channels(3).with_channels(1), grey);
        let red = Picture { width: 3, height: 1, channels: 3, pixels: vec![255, 0, 0, 0, 255, 0, 0, 0, 255] };
        assert_eq!(red.with_channels(1).pixels, [76, 150, 29]);
    }

    #[test]
    fn a_written_picture_reads_back_and_an_unwritable_path_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        for channels in [1, 3] {
            let picture = ramp(7, 5, channels);
            picture.write_png(&path).unwrap();
            assert_eq!(crate::media::decode(&std::fs::read(&path).unwrap()).unwrap(), picture);
        }
        let error = ramp(1, 1, 1).write_png(&folder.path().join("no/such.png")).unwrap_err();
        assert!(error.to_string().contains("such.png"), "{error}");
    }

    #[test]
    fn a_paste_lands_where_it_is_put_and_is_cut_at_the_border() {
        let mut sheet = Picture::filled(4, 3, 1, 0);
        sheet.paste(&Picture::filled(3, 3, 1, 9), 2, 1);
        assert_eq!(sheet.pixels, [0, 0, 0, 0, 0, 0, 9, 9, 0, 0, 9, 9]);
    }
}
