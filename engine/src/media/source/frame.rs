//! A frame, and what gives frames.

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::media::Picture;

/// A picture with its place in time.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// Its number in the order of showing, from 0. A frame that cannot be decoded leaves a gap.
    pub index: u64,
    /// When it is shown, in seconds from the first frame, as the container says.
    pub seconds: f64,
    /// What is seen, upright.
    pub picture: Picture,
}

/// What a source says of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceInfo {
    /// What messages call it: a path, a device.
    pub name: String,
    /// Frames in all, where the container tells.
    pub frames: Option<u64>,
    /// Whether every frame is a moment of its own, as of a picture or of a folder of photos: none has to do with the one before.
    pub still: bool,
    /// What reads it, for people: `MP4, H.264`.
    pub reader: String,
}

/// Frames that could not be decoded.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Skipped {
    /// How many.
    pub count: u64,
    /// The first one's place and what is wrong there.
    pub first: Option<String>,
}

impl Skipped {
    /// Counts one.
    pub fn note(&mut self, what: impl FnOnce() -> String) {
        self.count += 1;
        self.first.get_or_insert_with(what);
    }
}

/// Gives frames one by one, in the order of showing.
pub trait FrameSource: Send {
    /// What it says of itself.
    fn info(&self) -> &SourceInfo;

    /// The next frame; `None` once there are no more.
    ///
    /// # Errors
    /// The source cannot be read on. A single damaged frame is no error: it is left out and counted.
    fn next_frame(&mut self) -> Result<Option<Frame>, SourceError>;

    /// Frames left out so far.
    fn skipped(&self) -> Skipped;

    /// Goes to a frame, forwards or backwards, so that [`FrameSource::next_frame`] gives it, or the next one that can be
    /// decoded. `false` where the source cannot: it stays where it is.
    ///
    /// # Errors
    /// The source cannot be read on.
    fn seek(&mut self, frame: u64) -> Result<bool, SourceError> {
        let _ = frame;
        Ok(false)
    }

    /// Goes to a time, in seconds from the first frame, forwards or backwards: the next frame is one that is shown then or soon after, and
    /// a time beyond the end is near the end. `false` where the source cannot: it stays where it is. A source that cannot count the frames
    /// before it, as one read through ffmpeg, numbers on from where it was.
    ///
    /// # Errors
    /// The source cannot be read on.
    fn go_to(&mut self, seconds: f64) -> Result<bool, SourceError> {
        match self.frame_at(seconds) {
            Some(frame) => self.seek(frame),
            None => Ok(false),
        }
    }

    /// When its last frame is shown, in seconds from the first; `None` where that is not known before it is read. Through ffmpeg the
    /// film's length as its container says it, which is the end of the last frame.
    fn seconds(&self) -> Option<f64> {
        None
    }

    /// The number of the last frame that is shown at a time, in seconds from the first; `None` as for [`FrameSource::seconds`].
    fn frame_at(&self, seconds: f64) -> Option<u64> {
        let _ = seconds;
        None
    }
}

/// Why frames cannot be had. Each message names the file and what to do.
#[derive(Debug, Error)]
pub enum SourceError {
    /// The file system refuses.
    #[error("{path}: {source}", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Cause.
        source: std::io::Error,
    },
    /// The file is not what it should be.
    #[error("{path}: {problem}", path = .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong, where, and what to do.
        problem: String,
    },
}

impl SourceError {
    /// A problem of a file.
    pub fn file(path: &Path, problem: impl Into<String>) -> Self {
        Self::File { path: path.to_owned(), problem: problem.into() }
    }

    /// An error of the file system.
    pub fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }
}
