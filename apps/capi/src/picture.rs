//! Pixels that come in.

use affekt_engine::media::{Picture, PixelFormat};

use crate::status::Trouble;

/// One byte a pixel.
pub const AFFEKT_GREY: u32 = 1;
/// Red, green, blue.
pub const AFFEKT_RGB: u32 = 2;
/// Blue, green, red, as OpenCV has it.
pub const AFFEKT_BGR: u32 = 3;
/// Red, green, blue, and a byte that is left out.
pub const AFFEKT_RGBA: u32 = 4;
/// Blue, green, red, and a byte that is left out.
pub const AFFEKT_BGRA: u32 = 5;

/// Pixels of a picture, 8 bits a value, rows from the top. They are copied during the call.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct AffektImage {
    /// The first row's first byte.
    pub pixels: *const u8,
    /// Bytes that may be read from there on.
    pub length: usize,
    /// Pixels a row, 1 to 16384.
    pub width: u32,
    /// Rows, 1 to 16384.
    pub height: u32,
    /// Bytes from one row to the next; 0 where nothing lies between them.
    pub stride: usize,
    /// `AFFEKT_GREY`, `AFFEKT_RGB`, `AFFEKT_BGR`, `AFFEKT_RGBA` or `AFFEKT_BGRA`.
    pub format: u32,
}

/// A copy of the pixels as the engine takes them.
///
/// # Safety
/// `image` is null or leads to an [`AffektImage`], and its pixels to as many bytes as it says, or are null.
pub unsafe fn picture(image: *const AffektImage) -> Result<Picture, Trouble> {
    // SAFETY: null or valid, as the caller promises.
    let image = unsafe { image.as_ref() }.ok_or_else(|| Trouble::null("image"))?;
    let AffektImage { pixels, length, width, height, stride, format } = *image;
    let format = match format {
        AFFEKT_GREY => PixelFormat::Grey,
        AFFEKT_RGB => PixelFormat::Rgb,
        AFFEKT_BGR => PixelFormat::Bgr,
        AFFEKT_RGBA => PixelFormat::Rgba,
        AFFEKT_BGRA => PixelFormat::Bgra,
        other => {
            return Err(Trouble::argument(format!("image.format is {other}, which is no AFFEKT_ format")));
        }
    };
    if pixels.is_null() {
        return Err(Trouble::null("image.pixels"));
    }
    if isize::try_from(length).is_err() {
        return Err(Trouble::argument(format!("image.length is {length}, more than there is memory")));
    }
    // SAFETY: not null, no longer than an object can be, and readable as the caller promises.
    let bytes = unsafe { std::slice::from_raw_parts(pixels, length) };
    let (width, height) = (width as usize, height as usize);
    let stride = if stride == 0 { width * format.bytes() } else { stride };
    Picture::new(width, height, format, stride, bytes).map_err(|e| Trouble::argument(e.to_string()))
}
