//! Where frames come from: video files, pictures, folders of pictures. A camera is one more [`FrameSource`].
//!
//! `mp4` reads the container (`boxes`, what its parser leaves out), `h264` decodes its frames (`sps`, their colours), `ffmpeg` asks another program for what we cannot decode, `pictures`
//! holds image files and folders, `ahead` decodes in a thread of its own. Memory does not grow with the length of a video,
//! but for 24 bytes a frame of an MP4's table.

mod ahead;
mod boxes;
mod ffmpeg;
mod h264;
mod mp4;
mod pictures;
mod sps;

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::Picture;

pub use ahead::ReadAhead;
pub use ffmpeg::ffmpeg_is_there;

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
    /// Whether it shows one moment only.
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

/// How sources are opened.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OpenOptions {
    /// Frames a second of a folder of pictures, whose files say nothing of time.
    pub folder_rate: f64,
}

impl Default for OpenOptions {
    /// 30 frames a second.
    fn default() -> Self {
        Self { folder_rate: 30.0 }
    }
}

/// Opens a video file, an image file or a folder of images; the content decides which, not the name.
///
/// # Errors
/// It is missing, empty, cut off, holds no picture, or is of a kind that neither affekt nor an `ffmpeg` on the path can
/// decode.
pub fn open(path: &Path, options: OpenOptions) -> Result<Box<dyn FrameSource>, SourceError> {
    let metadata = std::fs::metadata(path).map_err(|source| {
        if source.kind() == std::io::ErrorKind::NotFound {
            SourceError::file(path, "there is no such file or folder; check the path")
        } else {
            SourceError::io(path, source)
        }
    })?;
    if metadata.is_dir() {
        return Ok(Box::new(pictures::Folder::open(path, options.folder_rate)?));
    }
    let mut head = [0u8; 12];
    let mut file = File::open(path).map_err(|e| SourceError::io(path, e))?;
    let got = read_up_to(&mut file, &mut head).map_err(|e| SourceError::io(path, e))?;
    match &head[..got] {
        [] => Err(SourceError::file(path, "the file is empty (0 bytes); record or copy it again")),
        [0xff, 0xd8, ..] | [0x89, b'P', b'N', b'G', ..] => Ok(Box::new(pictures::Still::open(path)?)),
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => mp4::open(path),
        _ => ffmpeg::open(path, "neither an MP4 video nor a JPEG or PNG picture"),
    }
}

/// Frames that a file or folder holds, where that can be told without decoding it.
pub fn count_frames(path: &Path) -> Option<u64> {
    if path.is_dir() {
        return pictures::Folder::open(path, 1.0).ok()?.info().frames;
    }
    let mut head = [0u8; 8];
    let got = read_up_to(&mut File::open(path).ok()?, &mut head).ok()?;
    match &head[..got] {
        [0xff, 0xd8, ..] | [0x89, b'P', b'N', b'G', ..] => Some(1),
        [_, _, _, _, b'f', b't', b'y', b'p'] => mp4::open(path).ok()?.info().frames,
        _ => None,
    }
}

fn read_up_to(file: &mut File, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut got = 0;
    while got < buffer.len() {
        match file.read(&mut buffer[got..])? {
            0 => break,
            n => got += n,
        }
    }
    Ok(got)
}
