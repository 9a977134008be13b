//! Video files of our own making: frames in, H.264 in a fragmented MP4 out, playable at any moment.
//!
//! `encode` turns pictures into H.264, `fragments` writes the container. A recording is not a file that is whole or absent:
//! it grows where it will stay, about half a second at a time, so that a crash or a full disk costs that much and no more.

mod encode;
mod fragments;

use std::fs::{File, OpenOptions};
use std::io::{self, Seek as _, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::Picture;
use encode::H264Encoder;
use fragments::{Fragments, Sample};

/// Longest stretch of time in a fragment, in microseconds: what a crash can cost.
const FRAGMENT: u64 = 500_000;
/// Longest time from a key frame to the next, in microseconds: how exactly players can seek.
const KEY_EVERY: u64 = 2_000_000;
/// How long a frame is shown that is alone, in microseconds.
const ALONE: u64 = 33_333;

/// Why a video cannot be written. After any of these the file ends with its last whole fragment.
#[derive(Debug, Error)]
pub enum RecordError {
    /// The file system refuses.
    #[error("{path}: {source}; {kept}, make room or choose another folder", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Cause.
        source: io::Error,
        /// What is left.
        kept: String,
    },
    /// There is such a file.
    #[error("{path}: is there already; choose another name or move it away", path = .0.display())]
    Exists(PathBuf),
    /// The encoder cannot take a frame.
    #[error("{path}: {problem}", path = .path.display())]
    Frame {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        problem: String,
    },
}

/// A frame that is encoded and waits to hear how long it is shown.
struct Waiting {
    time: u64,
    key: bool,
    bytes: Vec<u8>,
}

/// An MP4 file that grows frame by frame. Frame times are kept to a microsecond, whatever their spacing.
///
/// Colours are those of Rec. 601 below 720 rows and of Rec. 709 from there on, 16 to 235, and the file says so. Sides are cut to
/// even numbers.
pub struct VideoFile {
    path: PathBuf,
    file: Option<File>,
    encoder: H264Encoder,
    fragments: Option<Fragments>,
    size: (usize, usize),
    waiting: Option<Waiting>,
    samples: Vec<Sample>,
    /// When the fragment under way and the newest key frame begin.
    fragment_start: u64,
    last_key: u64,
    /// Seconds of the first frame, which becomes 0.
    first: Option<f64>,
    /// Length of the last whole fragment's end, and frames up to there.
    whole: u64,
    kept: u64,
}

impl VideoFile {
    /// Makes the file. Nothing is in it before the first frames have come.
    ///
    /// # Errors
    /// There is such a file already, or it cannot be made.
    pub fn create(path: &Path) -> Result<Self, RecordError> {
        let file = OpenOptions::new().write(true).create_new(true).open(path).map_err(|source| {
            if source.kind() == io::ErrorKind::AlreadyExists {
                RecordError::Exists(path.to_owned())
            } else {
                let kept = "nothing is recorded".into();
                RecordError::Io { path: path.to_owned(), source, kept }
            }
        })?;
        Ok(Self {
            path: path.to_owned(),
            file: Some(file),
            encoder: H264Encoder::new(),
            fragments: None,
            size: (0, 0),
            waiting: None,
            samples: vec![],
            fragment_start: 0,
            last_key: 0,
            first: None,
            whole: 0,
            kept: 0,
        })
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Frames that are on disk in whole fragments.
    pub fn kept(&self) -> u64 {
        self.kept
    }

    /// Adds a frame, grey or RGB, that is shown at `seconds` on any clock. A time that is not after the one before it becomes a
    /// microsecond later.
    ///
    /// # Errors
    /// The disk is full or fails, a frame has another size than the first, or the encoder cannot take the size. The file then
    /// ends with its last whole fragment, and takes no more frames.
    pub fn push(&mut self, picture: &Picture, seconds: f64) -> Result<(), RecordError> {
        if self.file.is_none() {
            return Err(self.refused("the recording has ended; begin another"));
        }
        let size = (picture.width & !1, picture.height & !1);
        if self.first.is_none() {
            self.size = size;
        } else if self.size != size {
            let ((w, h), (now_w, now_h)) = (self.size, size);
            let problem = format!(
                "frames change from {w}x{h} to {now_w}x{now_h}, and a video has one size; begin another file"
            );
            return Err(self.refused(&problem));
        }
        let first = *self.first.get_or_insert(seconds);
        let mut time = ((seconds - first).max(0.0) * 1e6).round() as u64;
        if let Some(waiting) = &self.waiting {
            time = time.max(waiting.time + 1);
        }
        let key = self.waiting.is_none() || time - self.last_key >= KEY_EVERY;
        let encoded = self.encoder.encode(picture, size, key).map_err(|e| self.refused(&e))?;
        if self.fragments.is_none() {
            let head = Fragments::begin(size, &encoded.parameters);
            self.write(&head)?;
            self.fragments = Some(Fragments::new(&head));
        }
        if let Some(waiting) = self.waiting.take() {
            self.settle(waiting, time)?;
        }
        if encoded.key {
            self.last_key = time;
            self.flush()?;
        }
        self.waiting = Some(Waiting { time, key: encoded.key, bytes: encoded.bytes });
        Ok(())
    }

    /// Ends the video: writes what is left and an index, and syncs the file.
    ///
    /// # Errors
    /// The disk is full or fails; what was kept before is playable.
    pub fn finish(mut self) -> Result<(), RecordError> {
        if let Some(waiting) = self.waiting.take() {
            let step = self.samples.last().map_or(ALONE, |sample| sample.duration);
            let end = waiting.time + step;
            self.settle(waiting, end)?;
            self.flush()?;
            self.close(end)?;
        }
        match self.file.take().map(|file| file.sync_all()) {
            Some(Err(source)) => Err(self.failed(source)),
            _ => Ok(()),
        }
    }

    /// A frame's duration is known: it joins the fragment under way.
    fn settle(&mut self, waiting: Waiting, next: u64) -> Result<(), RecordError> {
        if self.samples.is_empty() {
            self.fragment_start = waiting.time;
        }
        let duration = next - waiting.time;
        self.samples.push(Sample { duration, key: waiting.key, bytes: waiting.bytes });
        if next - self.fragment_start >= FRAGMENT { self.flush() } else { Ok(()) }
    }

    /// Writes the fragment under way.
    fn flush(&mut self) -> Result<(), RecordError> {
        let samples = std::mem::take(&mut self.samples);
        let Some(fragments) = &mut self.fragments else { return Ok(()) };
        if samples.is_empty() {
            return Ok(());
        }
        let bytes = fragments.fragment(self.whole, self.fragment_start, &samples);
        self.write(&bytes)?;
        self.kept += samples.len() as u64;
        Ok(())
    }

    /// The index at the end, and the length at the beginning.
    fn close(&mut self, end: u64) -> Result<(), RecordError> {
        let Some(fragments) = &self.fragments else { return Ok(()) };
        let (index, (at, length)) = (fragments.index(), fragments.length(end));
        self.write(&index)?;
        let patched = self.file.as_mut().map_or(Ok(()), |file| {
            file.seek(io::SeekFrom::Start(at))?;
            file.write_all(&length)
        });
        patched.map_err(|source| self.failed(source))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), RecordError> {
        let Some(file) = &mut self.file else { return Ok(()) };
        if let Err(source) = file.write_all(bytes) {
            return Err(self.failed(source));
        }
        self.whole += bytes.len() as u64;
        Ok(())
    }

    /// Ends the file with its last whole fragment.
    fn failed(&mut self, source: io::Error) -> RecordError {
        if let Some(file) = self.file.take() {
            // Players may stumble over half a fragment; if even this fails, the reader here does not.
            let _ = file.set_len(self.whole);
        }
        let kept = match self.kept {
            0 => "the recording ended before its first half second".to_owned(),
            n => format!("the recording ended, {n} frames are kept and can be played"),
        };
        RecordError::Io { path: self.path.clone(), source, kept }
    }

    fn refused(&self, problem: &str) -> RecordError {
        RecordError::Frame { path: self.path.clone(), problem: problem.to_owned() }
    }
}
