//! A build that reads no video: pictures and folders of pictures alone.

use std::path::Path;

use super::frame::{FrameSource, SourceError};

/// What is said of a file that another build could read.
const WITHOUT: &str = "this program was built without video (cargo feature `video`) and reads JPEG, PNG, WebP and BMP \
                       pictures alone";

/// In the place of the reader of MP4.
pub(super) mod mp4 {
    use super::{FrameSource, Path, SourceError, WITHOUT};

    /// Refuses a video.
    ///
    /// # Errors
    /// Always.
    pub fn open(path: &Path) -> Result<Box<dyn FrameSource>, SourceError> {
        Err(SourceError::file(path, format!("it is a video, but {WITHOUT}")))
    }

    /// Knows of none.
    pub fn frame_times(_: &Path) -> Option<Vec<f64>> {
        None
    }
}

/// In the place of the program that reads everything else.
pub(super) mod ffmpeg {
    use super::{FrameSource, Path, SourceError, WITHOUT};

    /// Refuses a file.
    ///
    /// # Errors
    /// Always.
    pub fn open(path: &Path, what: &str) -> Result<Box<dyn FrameSource>, SourceError> {
        let what = if what.is_empty() { "it is of an unknown kind" } else { what };
        Err(SourceError::file(path, format!("{what}; {WITHOUT}")))
    }

    pub use open as open_still;
}
