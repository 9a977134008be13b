//! What a picture file claims about itself, read and checked before anything is allocated.

use super::MediaError;

/// Longest side that is decoded.
pub const MAX_SIDE: usize = 16_384;

/// Most pixels that are decoded: a 64-megapixel photograph. It bounds the memory of one decode to 512 MiB, which only
/// a 16-bit PNG with alpha reaches.
pub const MAX_PIXELS: usize = 64 * 1024 * 1024;

/// Whether a picture of this size is worked on.
pub(super) fn check_size(width: usize, height: usize) -> Result<(), MediaError> {
    if width == 0 || height == 0 {
        return Err(MediaError::NoPixels { width, height });
    }
    if width > MAX_SIDE || height > MAX_SIDE || width * height > MAX_PIXELS {
        return Err(MediaError::TooLarge { width, height });
    }
    Ok(())
}

/// Endings of the names of pictures that are read, in small letters.
pub const PICTURE_ENDINGS: [&str; 6] = ["jpg", "jpeg", "jfif", "png", "webp", "bmp"];

/// Whether a file's name ends as a picture's that is read.
pub fn is_picture_name(name: &str) -> bool {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    PICTURE_ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known))
}

/// Whether bytes begin as a picture that is read, as cheap as can be.
pub fn begins_as_picture(bytes: &[u8]) -> bool {
    format(&bytes[..bytes.len().min(HEAD)]).is_some()
}

/// The file format, from its signature; a file's name is never asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Jpeg,
    Png,
    WebP,
    Bmp,
}

impl Format {
    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::WebP => "WebP",
            Self::Bmp => "BMP",
        }
    }
}

/// Bytes of a file's beginning that [`format`] looks at.
pub(super) const HEAD: usize = 18;

/// The format of a file that begins with these bytes, where it is one that is decoded here.
pub(super) fn format(head: &[u8]) -> Option<Format> {
    match head {
        [0xff, 0xd8, ..] => Some(Format::Jpeg),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Format::WebP),
        // Two letters are few; the size of the header that follows is one of these.
        [b'B', b'M', .., 12 | 40 | 52 | 56 | 64 | 108 | 124, 0, 0, 0] if head.len() == HEAD => {
            Some(Format::Bmp)
        }
        _ => head.starts_with(&PNG_SIGNATURE).then_some(Format::Png),
    }
}

/// What the header says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header<'a> {
    pub format: Format,
    pub width: usize,
    pub height: usize,
    /// The TIFF structure inside a JPEG's EXIF segment.
    pub exif: Option<&'a [u8]>,
}

const PNG_SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";

/// Reads the header and refuses what is empty, foreign, too large or cut off.
pub(super) fn read(bytes: &[u8]) -> Result<Header<'_>, MediaError> {
    if bytes.is_empty() {
        return Err(MediaError::Empty);
    }
    let header = match format(&bytes[..bytes.len().min(HEAD)]) {
        Some(Format::Jpeg) => jpeg(bytes)?,
        Some(Format::Png) => png(bytes)?,
        Some(Format::WebP) => webp(bytes)?,
        Some(Format::Bmp) => bmp(bytes)?,
        None => return Err(MediaError::UnknownFormat(describe(bytes))),
    };
    let Header { width, height, .. } = header;
    check_size(width, height)?;
    Ok(header)
}

/// Names what the bytes look like, so that a text file called `.jpg` is recognised from the message alone.
fn describe(bytes: &[u8]) -> String {
    let start = &bytes[..bytes.len().min(24)];
    let known: [(&[u8], &str); 3] =
        [(b"GIF8", "it is a GIF"), (b"II*\0", "it is a TIFF"), (b"MM\0*", "it is a TIFF")];
    if let Some((_, name)) = known.iter().find(|(signature, _)| bytes.starts_with(signature)) {
        return format!("{name}; convert it to JPEG or PNG");
    }
    let is_text = start.iter().all(|b| matches!(b, b'\t' | b'\n' | b'\r' | 0x20..=0x7e));
    if is_text {
        format!("it begins with the text {:?}", String::from_utf8_lossy(start))
    } else {
        let hex: Vec<String> = start.iter().take(8).map(|b| format!("{b:02x}")).collect();
        format!("it begins with the bytes {}", hex.join(" "))
    }
}

fn png(bytes: &[u8]) -> Result<Header<'_>, MediaError> {
    let field = |at: usize| -> Option<usize> {
        let four: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
        usize::try_from(u32::from_be_bytes(four)).ok()
    };
    match (field(16), field(20)) {
        (Some(width), Some(height)) if &bytes[12..16] == b"IHDR" => {
            Ok(Header { format: Format::Png, width, height, exif: None })
        }
        (Some(_), Some(_)) => {
            Err(MediaError::Decode { format: "PNG", reason: "the first chunk is not IHDR".to_owned() })
        }
        _ => {
            Err(MediaError::Truncated { format: "PNG", missing: "no whole IHDR chunk", length: bytes.len() })
        }
    }
}

fn little_endian(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// A WebP's own length is held to the file's; its size is the decoder's to read, in the first bytes of one of three forms.
fn webp(bytes: &[u8]) -> Result<Header<'_>, MediaError> {
    let claimed = little_endian(bytes, 4).map_or(0, |v| v as usize);
    if claimed.saturating_add(8) > bytes.len() {
        let missing = "the file is shorter than it says";
        return Err(MediaError::Truncated { format: "WebP", missing, length: bytes.len() });
    }
    // At least a pixel: the decoder tells more.
    Ok(Header { format: Format::WebP, width: 1, height: 1, exif: None })
}

fn bmp(bytes: &[u8]) -> Result<Header<'_>, MediaError> {
    let missing = "no whole header";
    let truncated = || MediaError::Truncated { format: "BMP", missing, length: bytes.len() };
    let size = |at: usize, wide: bool| -> Option<usize> {
        if wide {
            // Negative heights stand for rows from the top.
            return Some(little_endian(bytes, at)?.cast_signed().unsigned_abs() as usize);
        }
        Some(usize::from(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?)))
    };
    let wide = little_endian(bytes, 14) != Some(12);
    let (width, height) =
        if wide { (size(18, true), size(22, true)) } else { (size(18, false), size(20, false)) };
    let (width, height) = width.zip(height).ok_or_else(truncated)?;
    Ok(Header { format: Format::Bmp, width, height, exif: None })
}

/// Walks a JPEG's markers to its end. Decoders fill what is missing with grey and say nothing, so the end marker is
/// asked for here.
fn jpeg(bytes: &[u8]) -> Result<Header<'_>, MediaError> {
    let truncated = |missing| MediaError::Truncated { format: "JPEG", missing, length: bytes.len() };
    let mut at = 2;
    let mut size = None;
    let mut exif = None;
    loop {
        // In entropy-coded data 0xff is followed by 0 or a restart marker; between segments 0xff may repeat.
        at += bytes.get(at..).and_then(|rest| rest.iter().position(|&b| b == 0xff)).ok_or_else(|| {
            truncated(if size.is_some() { "the end-of-image marker is missing" } else { "no frame header" })
        })?;
        let marker = *bytes.get(at + 1).ok_or_else(|| truncated("it ends inside a marker"))?;
        match marker {
            0xff => at += 1,
            0x00 | 0x01 | 0xd0..=0xd8 => at += 2,
            0xd9 => break,
            _ => {
                let length = match bytes.get(at + 2..at + 4) {
                    Some(two) => usize::from(u16::from_be_bytes([two[0], two[1]])),
                    None => return Err(truncated("it ends inside a segment")),
                };
                let segment = bytes
                    .get(at + 4..at + 2 + length.max(2))
                    .ok_or_else(|| truncated("it ends inside a segment"))?;
                let is_frame = matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc);
                if is_frame && segment.len() >= 5 && size.is_none() {
                    let side = |i: usize| usize::from(u16::from_be_bytes([segment[i], segment[i + 1]]));
                    let (width, height) = (side(3), side(1));
                    if width > MAX_SIDE || height > MAX_SIDE {
                        return Err(MediaError::TooLarge { width, height });
                    }
                    size = Some((width, height));
                } else if marker == 0xe1 && exif.is_none() {
                    exif = segment.strip_prefix(b"Exif\0\0");
                }
                at += 2 + length.max(2);
            }
        }
    }
    let (width, height) = size.ok_or_else(|| truncated("no frame header"))?;
    Ok(Header { format: Format::Jpeg, width, height, exif })
}
