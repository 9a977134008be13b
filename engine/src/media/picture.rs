//! A picture in memory, and how one is made of pixels that another program has.

use super::MediaError;
use super::header::check_size;

/// A decoded picture, 8 bits a channel, rows from the top, channels interleaved.
///
/// [`Picture::new`] makes one of other layouts and checks it. The fields are open to be read; whatever takes a picture from
/// outside checks it again by [`Picture::check`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// 1 (grey) or 3 (RGB).
    pub channels: usize,
    /// `height x width x channels` values.
    pub pixels: Vec<u8>,
}

/// How pixels lie in memory, 8 bits a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PixelFormat {
    /// One value.
    Grey,
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red.
    Bgr,
    /// Red, green, blue, and one value that is left out: opacity, or nothing.
    Rgba,
    /// Blue, green, red, and one value that is left out.
    Bgra,
}

impl PixelFormat {
    /// Bytes of one pixel.
    pub fn bytes(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::Rgb | Self::Bgr => 3,
            Self::Rgba | Self::Bgra => 4,
        }
    }
}

impl Picture {
    /// A picture of pixels in another layout: `stride` bytes from one row to the next, at least a row's own. Bytes behind the last
    /// row do no harm. Grey stays grey, all else becomes RGB; opacity is left out, not applied.
    ///
    /// ```
    /// use affekt_engine::media::{Picture, PixelFormat};
    ///
    /// let blue = [255, 0, 0, 255].repeat(6);
    /// let picture = Picture::new(3, 2, PixelFormat::Bgra, 12, &blue)?;
    /// assert_eq!((picture.channels, picture.pixel(2, 1)), (3, [0, 0, 255].as_slice()));
    /// # Ok::<(), affekt_engine::media::MediaError>(())
    /// ```
    ///
    /// # Errors
    /// A side is 0 or more than [`MAX_SIDE`], there are more than [`MAX_PIXELS`], the stride is shorter than a row, or there are
    /// fewer bytes than the rows need.
    pub fn new(
        width: usize,
        height: usize,
        format: PixelFormat,
        stride: usize,
        bytes: &[u8],
    ) -> Result<Self, MediaError> {
        check_size(width, height)?;
        let row = width * format.bytes();
        if stride < row {
            return Err(MediaError::Size(format!(
                "a stride of {stride} bytes is less than a row of {width} {format:?} pixels, {row} bytes"
            )));
        }
        let needed = stride.checked_mul(height - 1).and_then(|v| v.checked_add(row));
        if needed.is_none_or(|needed| bytes.len() < needed) {
            let (needed, found) = (needed.unwrap_or(usize::MAX), bytes.len());
            return Err(MediaError::Size(format!(
                "{width}x{height} {format:?} pixels with {stride} bytes a row need {needed} bytes; there are {found}"
            )));
        }
        let rows = bytes.chunks(stride).take(height).map(|chunk| &chunk[..row]);
        let pixels = match format {
            PixelFormat::Grey | PixelFormat::Rgb => rows.flatten().copied().collect(),
            PixelFormat::Bgr => {
                rows.flat_map(|r| r.as_chunks::<3>().0).flat_map(|&[b, g, r]| [r, g, b]).collect()
            }
            PixelFormat::Rgba => {
                rows.flat_map(|r| r.as_chunks::<4>().0).flat_map(|&[r, g, b, _]| [r, g, b]).collect()
            }
            PixelFormat::Bgra => {
                rows.flat_map(|r| r.as_chunks::<4>().0).flat_map(|&[b, g, r, _]| [r, g, b]).collect()
            }
        };
        let channels = if format == PixelFormat::Grey { 1 } else { 3 };
        Ok(Self { width, height, channels, pixels })
    }

    /// A picture of one value.
    pub fn filled(width: usize, height: usize, channels: usize, value: u8) -> Self {
        Self { width, height, channels, pixels: vec![value; width * height * channels] }
    }

    /// Whether the picture is one that everything here can work on.
    ///
    /// # Errors
    /// It has not 1 or 3 channels, a side is 0 or too long, or the number of its values is not what its size needs.
    pub fn check(&self) -> Result<(), MediaError> {
        let Self { width, height, channels, ref pixels } = *self;
        if !matches!(channels, 1 | 3) {
            return Err(MediaError::Size(format!(
                "a picture has {channels} channels, where 1 (grey) or 3 (RGB) are read; make it with Picture::new and the \
                 PixelFormat it has"
            )));
        }
        check_size(width, height)?;
        if pixels.len() != width * height * channels {
            let found = pixels.len();
            return Err(MediaError::Size(format!(
                "a picture of {width}x{height} pixels and {channels} channels has {found} values, not {}",
                width * height * channels
            )));
        }
        Ok(())
    }

    /// The channels of the pixel in column `x`, row `y`; both must lie inside.
    pub fn pixel(&self, x: usize, y: usize) -> &[u8] {
        let start = (y * self.width + x) * self.channels;
        &self.pixels[start..start + self.channels]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::MAX_SIDE;

    #[test]
    fn every_format_gives_the_same_colours_whatever_lies_behind_its_rows() {
        for (format, pixel) in [
            (PixelFormat::Rgb, vec![1, 2, 3]),
            (PixelFormat::Bgr, vec![3, 2, 1]),
            (PixelFormat::Rgba, vec![1, 2, 3, 99]),
            (PixelFormat::Bgra, vec![3, 2, 1, 99]),
        ] {
            let row = [pixel.repeat(2), vec![77; 5]].concat();
            let whole = row.repeat(3);
            // The last row needs no padding.
            for bytes in [whole.as_slice(), &whole[..whole.len() - 5]] {
                let picture = Picture::new(2, 3, format, row.len(), bytes).expect("enough bytes");
                assert_eq!((picture.channels, &picture.pixels), (3, &[1, 2, 3].repeat(6)), "{format:?}");
                assert!(picture.check().is_ok());
            }
            let short = Picture::new(2, 3, format, row.len(), &whole[..whole.len() - 6]).expect_err("short");
            assert!(short.to_string().contains("there are"), "{short}");
        }
        let grey = Picture::new(2, 2, PixelFormat::Grey, 3, &[1, 2, 0, 3, 4]).expect("grey");
        assert_eq!((grey.channels, grey.pixels), (1, vec![1, 2, 3, 4]));
    }

    #[test]
    fn a_size_that_cannot_be_is_an_error() {
        for (width, height, stride) in [(0, 1, 9), (1, 0, 9), (2, 1, 5), (MAX_SIDE + 1, 1, usize::MAX)] {
            assert!(Picture::new(width, height, PixelFormat::Rgb, stride, &[0; 64]).is_err());
        }
        assert!(Picture::new(2, 2, PixelFormat::Rgb, usize::MAX, &[0; 64]).is_err());
    }

    #[test]
    fn a_picture_in_a_wrong_state_is_told() {
        let told = |picture: Picture| picture.check().expect_err("wrong").to_string();
        assert!(told(Picture::filled(4, 4, 4, 0)).contains("4 channels"));
        assert!(told(Picture::filled(4, 4, 2, 0)).contains("2 channels"));
        assert!(told(Picture { height: 5, ..Picture::filled(4, 4, 3, 0) }).contains("48 values, not 60"));
        assert!(told(Picture::filled(0, 4, 3, 0)).contains("0x4"));
    }
}
