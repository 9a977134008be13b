//! Clips that are video files, with one label each: their frames as they are decoded.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use super::DataError;
use crate::files::open_regular;
use crate::media::Picture;
use crate::media::source::{self, FrameSource, OpenOptions};

/// Most frames a clip of this kind can have.
const MAX_FRAMES: u64 = 1_000_000;
/// Decoders that a set keeps open: threads that read one clip after the other find theirs again.
const OPEN: usize = 8;

/// One clip.
#[derive(Debug)]
pub(super) struct ClipVideo {
    pub name: String,
    path: PathBuf,
    frames: usize,
    class: Option<u8>,
    /// Hash of the file, once it was asked for.
    hash: OnceLock<[u8; 32]>,
}

impl ClipVideo {
    /// Asks a file how many frames it has: its table where that tells, else it is decoded once.
    ///
    /// # Errors
    /// It cannot be opened or holds no frame.
    pub fn open(name: String, path: PathBuf, class: Option<u8>) -> Result<Self, DataError> {
        let error = |reason: String| DataError::format(&path, "", reason);
        let frames = match source::count_frames(&path) {
            Some(frames) => frames,
            None => counted(&path).map_err(error)?,
        };
        if frames == 0 || frames > MAX_FRAMES {
            return Err(error(format!("{frames} frames, where a clip has 1 to {MAX_FRAMES}")));
        }
        Ok(Self { name, path, frames: frames as usize, class, hash: OnceLock::new() })
    }

    /// Number of frames.
    pub fn frames(&self) -> usize {
        self.frames
    }

    /// Its label.
    pub fn class(&self) -> Option<u8> {
        self.class
    }

    /// Hash of the file and a frame's number.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn content_hash(&self, frame: usize) -> Result<[u8; 32], DataError> {
        let of_file = if let Some(hash) = self.hash.get() {
            hash
        } else {
            let mut hasher = blake3::Hasher::new();
            let mut read = || hasher.update_reader(open_regular(&self.path, "a video")?).map(|_| ());
            read().map_err(|e| DataError::io(&self.path, e))?;
            self.hash.get_or_init(|| hasher.finalize().into())
        };
        let mut hasher = blake3::Hasher::new_keyed(of_file);
        hasher.update(&(frame as u64).to_le_bytes());
        Ok(hasher.finalize().into())
    }
}

/// Decodes a file to count what it shows.
fn counted(path: &Path) -> Result<u64, String> {
    let mut source = source::open(path, OpenOptions::default()).map_err(|e| e.to_string())?;
    let mut frames = 0;
    while let Some(frame) = source.next_frame().map_err(|e| e.to_string())? {
        frames = frame.index + 1;
        if frames > MAX_FRAMES {
            break;
        }
    }
    Ok(frames)
}

/// A decoder, the clip it is at, and the frame it gives next.
struct Decoder {
    clip: usize,
    next: u64,
    source: Box<dyn FrameSource>,
}

/// Decoders in use and at rest.
#[derive(Default)]
pub(super) struct Decoders(Mutex<VecDeque<Decoder>>);

impl Decoders {
    fn idle(&self) -> std::sync::MutexGuard<'_, VecDeque<Decoder>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Decodes a frame of the clip with this number. Going on in a clip costs a frame; going back begins it anew.
    ///
    /// # Errors
    /// The file cannot be decoded, or not this frame.
    pub fn picture(&self, clip: usize, video: &ClipVideo, frame: usize) -> Result<Picture, DataError> {
        let frame = frame as u64;
        let at_hand = {
            let mut idle = self.idle();
            let place = idle.iter().position(|d| d.clip == clip && d.next <= frame);
            place.and_then(|place| idle.remove(place))
        };
        let error = |reason: String| DataError::format(&video.path, format!(", frame {}", frame + 1), reason);
        let mut decoder = if let Some(decoder) = at_hand {
            decoder
        } else {
            let source =
                source::open(&video.path, OpenOptions::default()).map_err(|e| error(e.to_string()))?;
            Decoder { clip, next: 0, source }
        };
        loop {
            let Some(found) = decoder.source.next_frame().map_err(|e| error(e.to_string()))? else {
                return Err(error("the video ends before it".to_owned()));
            };
            decoder.next = found.index + 1;
            if found.index >= frame {
                let mut idle = self.idle();
                if idle.len() == OPEN {
                    idle.pop_front();
                }
                idle.push_back(decoder);
                drop(idle);
                // A gap: the decoder lost this one.
                return if found.index == frame {
                    Ok(found.picture)
                } else {
                    Err(error("it cannot be decoded".to_owned()))
                };
            }
        }
    }
}
