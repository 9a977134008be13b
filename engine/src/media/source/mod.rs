//! Where frames come from: video files, pictures, folders of pictures. A camera is one more [`FrameSource`].
//!
//! `mp4` reads the container, `h264` decodes its frames (`sps`: what a stream is), `ffmpeg` asks another program for all else,
//! `pictures` holds image files, `folder` folders of them, `ahead` decodes in a thread of its own, `inputs` lists what a folder
//! holds. Memory does not grow with the length of a video, but for 32 bytes a frame of an MP4's table.

mod ahead;
mod ffmpeg;
mod folder;
mod h264;
mod inputs;
mod mp4;
mod pictures;
mod sps;

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::Picture;
use super::header::{HEAD, format};
use crate::files::open_regular;

pub use ahead::ReadAhead;
pub use ffmpeg::{FfmpegVersion, ffmpeg_is_there, ffmpeg_version};
pub use folder::{FolderGuess, FolderKind};
pub use inputs::{Inputs, inputs};

/// What is said of what is neither a file nor a folder.
const NO_FILE: &str =
    "is a pipe, a socket or a device; only files and folders are read: write it to a file first";

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
    /// What the pictures of a folder are to each other; `None` has it guessed ([`FolderKind::guess`]).
    pub folder: Option<FolderKind>,
}

impl Default for OpenOptions {
    /// 30 frames a second, of what looks like a film.
    fn default() -> Self {
        Self { folder_rate: 30.0, folder: None }
    }
}

/// Opens a video file, an image file or a folder of images; the content decides which, not the name.
///
/// # Errors
/// It is missing, empty, cut off, no regular file, holds no picture, or is of a kind that neither affekt nor an `ffmpeg` on the
/// path can decode.
pub fn open(path: &Path, options: OpenOptions) -> Result<Box<dyn FrameSource>, SourceError> {
    let metadata = std::fs::metadata(path).map_err(|source| {
        if source.kind() == std::io::ErrorKind::NotFound {
            SourceError::file(path, "there is no such file or folder; check the path")
        } else {
            SourceError::io(path, source)
        }
    })?;
    if metadata.is_dir() {
        return Ok(Box::new(folder::Folder::open(path, options.folder_rate, options.folder)?));
    }
    if !metadata.is_file() {
        return Err(SourceError::file(path, NO_FILE));
    }
    match kind(path).map_err(|e| SourceError::io(path, e))? {
        Kind::Empty => Err(SourceError::file(path, "the file is empty (0 bytes); record or copy it again")),
        Kind::Picture => pictures::open(path),
        Kind::Mp4 => mp4::open(path),
        Kind::Heic => ffmpeg::open_still(path, "HEIC needs ffmpeg, or convert it to JPEG"),
        Kind::Avif => ffmpeg::open_still(path, "it is an AVIF picture"),
        Kind::Other => ffmpeg::open(path, "neither an MP4 video nor a JPEG, PNG, WebP or BMP picture"),
    }
}

/// Frames that a file or folder holds, where that can be told without decoding it.
pub fn count_frames(path: &Path) -> Option<u64> {
    let metadata = std::fs::metadata(path).ok()?;
    if metadata.is_dir() {
        return folder::count(path);
    }
    if !metadata.is_file() {
        return None;
    }
    match kind(path).ok()? {
        Kind::Picture => Some(1),
        Kind::Mp4 => mp4::count_frames(path),
        _ => None,
    }
}

/// What a file's first bytes say it is.
enum Kind {
    Empty,
    Picture,
    Mp4,
    Heic,
    Avif,
    Other,
}

fn kind(path: &Path) -> std::io::Result<Kind> {
    let mut head = [0u8; HEAD];
    let got = read_up_to(&mut open_regular(path, "a video or a picture")?, &mut head)?;
    let head = &head[..got];
    Ok(match head {
        [] => Kind::Empty,
        [_, _, _, _, b'f', b't', b'y', b'p', brand @ ..] => match brand.first_chunk::<4>() {
            Some(b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"mif1") => Kind::Heic,
            Some(b"avif") => Kind::Avif,
            _ => Kind::Mp4,
        },
        // QuickTime files from before there were brands.
        [_, _, _, _, b'm', b'o', b'o', b'v', ..]
        | [_, _, _, _, b'm', b'd', b'a', b't', ..]
        | [_, _, _, _, b'w', b'i', b'd', b'e', ..] => Kind::Mp4,
        _ if format(head).is_some() => Kind::Picture,
        _ => Kind::Other,
    })
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
