//! Opening a file or folder: its content decides what reads it.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use super::folder::{self, FolderKind};
use super::frame::{FrameSource, SourceError};
#[cfg(not(feature = "video"))]
use super::no_video::{ffmpeg, mp4};
use super::pictures::{self, NO_FILE};
use super::span::{FrameSpan, Spanned};
#[cfg(feature = "video")]
use super::{ffmpeg, mp4};
use crate::files::open_regular;
use crate::media::header::{HEAD, format};

/// How sources are opened.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OpenOptions {
    /// Frames a second of a folder of pictures, whose files say nothing of time.
    pub folder_rate: f64,
    /// What the pictures of a folder are to each other; `None` has it guessed ([`FolderKind::guess`]).
    pub folder: Option<FolderKind>,
    /// Which frames come.
    pub span: FrameSpan,
}

impl Default for OpenOptions {
    /// 30 frames a second, of what looks like a film, all frames.
    fn default() -> Self {
        Self { folder_rate: 30.0, folder: None, span: FrameSpan::default() }
    }
}

/// Opens a video file, an image file or a folder of images; the content decides which, not the name.
///
/// # Errors
/// It is missing, empty, cut off, no regular file, holds no picture or none in the span, or is of a kind that neither affekt nor
/// an `ffmpeg` on the path can decode.
pub fn open(path: &Path, options: OpenOptions) -> Result<Box<dyn FrameSource>, SourceError> {
    let source = open_whole(path, options)?;
    if options.span == FrameSpan::default() {
        return Ok(source);
    }
    Ok(Box::new(Spanned::open(source, options.span)?))
}

fn open_whole(path: &Path, options: OpenOptions) -> Result<Box<dyn FrameSource>, SourceError> {
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
    count_frames_in(path, OpenOptions::default())
}

/// Frames that a source opened with these options gives, where that can be told without decoding it.
pub fn count_frames_in(path: &Path, options: OpenOptions) -> Option<u64> {
    let OpenOptions { folder_rate, span, .. } = options;
    let metadata = std::fs::metadata(path).ok()?;
    if metadata.is_dir() {
        let pictures = folder::count(path)?;
        return Some(span.count((0..pictures).map(|index| index as f64 / folder_rate)));
    }
    if !metadata.is_file() {
        return None;
    }
    match kind(path).ok()? {
        Kind::Picture => Some(span.count([0.0])),
        Kind::Mp4 => mp4::frame_times(path).map(|times| span.count(times)),
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
