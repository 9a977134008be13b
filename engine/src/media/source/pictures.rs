//! Image files.

use std::path::Path;

#[cfg(feature = "video")]
use super::ffmpeg;
use super::frame::{Frame, FrameSource, Skipped, SourceError, SourceInfo};
#[cfg(not(feature = "video"))]
use super::no_video::ffmpeg;
use crate::files::{LARGEST_PICTURE, read_limited};
use crate::media::{MediaError, Picture, decode};

/// What is said of what is neither a file nor a folder.
pub(super) const NO_FILE: &str =
    "is a pipe, a socket or a device; only files and folders are read: write it to a file first";

/// A file's bytes.
pub(super) fn bytes(path: &Path) -> Result<Vec<u8>, SourceError> {
    read_limited(path, LARGEST_PICTURE, "a picture").map_err(|e| SourceError::io(path, e))
}

/// A file as a picture.
pub(super) fn read(path: &Path) -> Result<Picture, SourceError> {
    decode(&bytes(path)?).map_err(|e| SourceError::file(path, e.to_string()))
}

/// One image file: one frame at 0 seconds.
#[derive(Debug)]
struct Still {
    info: SourceInfo,
    picture: Option<Picture>,
}

/// Opens an image file.
///
/// # Errors
/// It cannot be read or decoded, not even by ffmpeg where there is one.
pub(super) fn open(path: &Path) -> Result<Box<dyn FrameSource>, SourceError> {
    let picture = match decode(&bytes(path)?) {
        Ok(picture) => picture,
        Err(error) => {
            let told = SourceError::file(path, error.to_string());
            // Kinds of pixels or of compression that are not known here.
            let unknown = matches!(error, MediaError::Decode { .. });
            return if unknown { ffmpeg::open(path, "").map_err(|_| told) } else { Err(told) };
        }
    };
    let info = SourceInfo {
        name: path.display().to_string(),
        frames: Some(1),
        still: true,
        reader: "picture".into(),
    };
    Ok(Box::new(Still { info, picture: Some(picture) }))
}

impl FrameSource for Still {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, SourceError> {
        Ok(self.picture.take().map(|picture| Frame { index: 0, seconds: 0.0, picture }))
    }

    fn skipped(&self) -> Skipped {
        Skipped::default()
    }
}
