//! One clip's features on disk: written row by row, read through a memory map.
//!
//! Layout, all numbers little-endian: 8 bytes of magic, `u32` version, `u32` length of the header, the header as JSON
//! padded with spaces to a multiple of [`ALIGN`]; one bit a frame, set where the frame has a face (frame n is bit n % 8 of
//! byte n / 8), padded likewise; a row of `f32` for every frame, zeros where there is no face.

use std::io::{Seek as _, SeekFrom, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};

use memmap2::Mmap;
use serde::{Deserialize, Serialize};

use super::DataError;
use super::bitmap::{Bitmap, bit};
use super::frame_labels::MAX_FRAMES;
use super::lines::open_regular;
use crate::files::{AtomicFile, printable};

const MAGIC: &[u8; 8] = b"AFKTFEAT";
const VERSION: u32 = 1;
/// Bytes before the header.
const PREFIX: usize = 16;
/// Every part starts at a multiple of this many bytes, so that rows are aligned for any vector load.
const ALIGN: usize = 64;
const MAX_HEADER: usize = 1 << 16;
/// Bytes of rows that are checked at a time.
const PIECE: usize = 4 << 20;
/// Most characters of a reason in an error.
const LONGEST_REASON: usize = 200;
/// Longest feature vector; a ResNet-50 gives 2,048.
const MAX_FEATURES: usize = 1 << 20;

/// What a file says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    /// The clip's name.
    pub name: String,
    /// Hash of the student's weights, in hexadecimal.
    pub student: String,
    /// Hash of what the clip is, in hexadecimal.
    pub clip: String,
    /// Frames of the clip.
    pub frames: usize,
    /// Values a frame.
    pub features: usize,
}

/// Where the parts of a file lie.
struct Layout {
    bits: usize,
    rows: usize,
    end: usize,
}

impl Layout {
    /// Places after a header of this length, padding included; nothing where they cannot be counted.
    fn new(header: usize, frames: usize, features: usize) -> Option<Self> {
        let bits = PREFIX + header;
        let rows = bits + frames.div_ceil(8).next_multiple_of(ALIGN);
        let end = frames.checked_mul(features)?.checked_mul(size_of::<f32>())?.checked_add(rows)?;
        Some(Self { bits, rows, end })
    }
}

/// Writes a clip's features, frame by frame; the file is there when [`FeatureWriter::finish`] has been called, and
/// not before. Memory does not grow with the clip, but for one bit a frame.
#[derive(Debug)]
pub struct FeatureWriter {
    file: AtomicFile,
    header: Header,
    layout_bits: usize,
    present: Bitmap,
    written: usize,
}

impl FeatureWriter {
    pub(super) fn create(path: &Path, header: Header) -> Result<Self, DataError> {
        if header.frames > MAX_FRAMES || !(1..=MAX_FEATURES).contains(&header.features) {
            let reason = format!(
                "{} frames of {} features; at most {MAX_FRAMES} and from 1 to {MAX_FEATURES} can be kept",
                header.frames, header.features
            );
            return Err(DataError::format(path, "", reason));
        }
        let mut json = serde_json::to_vec(&header).map_err(|e| DataError::format(path, "", e.to_string()))?;
        json.resize((PREFIX + json.len()).next_multiple_of(ALIGN) - PREFIX, b' ');
        let layout = Layout::new(json.len(), header.frames, header.features)
            .ok_or_else(|| DataError::format(path, "", "more features than a file can hold"))?;
        let write = || {
            let mut file = AtomicFile::create(path)?;
            file.write_all(MAGIC)?;
            file.write_all(&VERSION.to_le_bytes())?;
            file.write_all(&(json.len() as u32).to_le_bytes())?;
            file.write_all(&json)?;
            // The bits are known at the end; their place is kept free.
            file.write_all(&vec![0; layout.rows - layout.bits])?;
            Ok(file)
        };
        let file = write().map_err(|e| DataError::io(path, e))?;
        Ok(Self { file, header, layout_bits: layout.bits, present: Bitmap::default(), written: 0 })
    }

    /// Writes the next frame's features, `None` where it has no face.
    ///
    /// # Errors
    /// The file cannot be written, or a feature is not finite.
    ///
    /// # Panics
    /// There are more frames than the clip has, or the number of features is another.
    pub fn push(&mut self, features: Option<&[f32]>) -> Result<(), DataError> {
        assert!(self.written < self.header.frames, "no more frames than the clip has");
        let zeros;
        let row = if let Some(features) = features {
            assert_eq!(features.len(), self.header.features, "features of one length");
            if let Some(at) = features.iter().position(|value| !value.is_finite()) {
                let place = format!(", frame {}", self.written);
                let reason =
                    format!("feature {at} of {} is not finite: the model is broken", self.header.name);
                return Err(DataError::format(self.file.path(), place, reason));
            }
            self.present.set(self.written);
            features
        } else {
            zeros = vec![0.0; self.header.features];
            &zeros
        };
        self.written += 1;
        if cfg!(target_endian = "little") {
            return self.put(bytemuck::cast_slice(row));
        }
        row.iter().try_for_each(|value| self.put(&value.to_le_bytes()))
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), DataError> {
        self.file.write_all(bytes).map_err(|e| DataError::io(self.file.path(), e))
    }

    /// Number of frames written so far.
    pub fn written(&self) -> usize {
        self.written
    }

    /// Completes the file, moves it to its place and opens it.
    ///
    /// # Errors
    /// Frames are missing, or the file cannot be written.
    pub fn finish(mut self) -> Result<FeatureFile, DataError> {
        let path = self.file.path().to_path_buf();
        if self.written < self.header.frames {
            let reason = format!("{} of {} frames were written", self.written, self.header.frames);
            return Err(DataError::format(&path, "", reason));
        }
        self.file
            .seek(SeekFrom::Start(self.layout_bits as u64))
            .and_then(|_| self.file.write_all(self.present.bytes()))
            .map_err(|e| DataError::io(&path, e))?;
        self.file.finish().map_err(|e| DataError::io(&path, e))?;
        // Every row was checked on its way in.
        FeatureFile::map(&path)
    }
}

/// A clip's features, mapped into memory: any row can be read, and memory does not grow with the clip. Opening reads the rows
/// once, since a number that is not finite must not get further.
#[derive(Debug)]
pub struct FeatureFile {
    path: PathBuf,
    header: Header,
    map: Mmap,
    bits: usize,
    rows: usize,
}

impl FeatureFile {
    /// Maps a file and checks that it is whole and holds finite numbers alone.
    pub(super) fn open(path: &Path) -> Result<Self, DataError> {
        let file = Self::map(path)?;
        file.check_rows()?;
        Ok(file)
    }

    /// Refuses numbers that are not finite, and leaves no row in memory.
    fn check_rows(&self) -> Result<(), DataError> {
        let piece = (PIECE / (self.features() * size_of::<f32>())).max(1);
        for start in (0..self.frames()).step_by(piece) {
            let frames = start..(start + piece).min(self.frames());
            for frame in frames.clone() {
                let Some(at) = self.row(frame).and_then(|row| row.iter().position(|v| !v.is_finite())) else {
                    continue;
                };
                let reason = format!("feature {at} is not finite: the file is damaged; {REMEDY}");
                return Err(DataError::format(&self.path, format!(", frame {frame}"), reason));
            }
            self.release(frames);
        }
        Ok(())
    }

    /// Maps a file and checks that it is whole.
    fn map(path: &Path) -> Result<Self, DataError> {
        let io = |e| DataError::io(path, e);
        let damaged = |reason: &str| DataError::format(path, "", format!("{reason}; {REMEDY}"));
        if cfg!(target_endian = "big") {
            return Err(damaged("features are read in place, which needs a little-endian machine"));
        }
        let file = open_regular(path)?;
        let len = file.metadata().map_err(io)?.len();
        if len < PREFIX as u64 {
            return Err(damaged("the file is too short to be a feature file"));
        }
        // SAFETY: the map is read-only and private to this process, and no affekt program changes such a file in place:
        // `FeatureWriter` fills a file under another name and renames it, after which old maps keep the old file. Every
        // bit pattern is a valid `u8` and `f32`, so that a foreign program that writes into the file can give wrong
        // numbers but no invalid values; one that cuts it off ends this program by a signal, as with any mapped file.
        let map = unsafe { Mmap::map(&file) }.map_err(io)?;
        if map[..8] != *MAGIC {
            return Err(damaged("not a feature file, whatever its name says"));
        }
        let number = |at: usize| u32::from_le_bytes([map[at], map[at + 1], map[at + 2], map[at + 3]]);
        if number(8) != VERSION {
            return Err(damaged(&format!("version {} of the format, but {VERSION} is expected", number(8))));
        }
        let header_len = number(12) as usize;
        if header_len > MAX_HEADER || !(PREFIX + header_len).is_multiple_of(ALIGN) {
            return Err(damaged(&format!("a header of {header_len} bytes cannot be")));
        }
        let json = map
            .get(PREFIX..PREFIX + header_len)
            .ok_or_else(|| damaged("the file is cut off in its header"))?;
        let header: Header = serde_json::from_slice(json).map_err(|e| {
            damaged(&format!("the header is damaged: {}", printable(&e.to_string(), LONGEST_REASON)))
        })?;
        if header.frames > MAX_FRAMES || !(1..=MAX_FEATURES).contains(&header.features) {
            let claim = format!("{} frames of {} features cannot be", header.frames, header.features);
            return Err(damaged(&claim));
        }
        let layout = Layout::new(header_len, header.frames, header.features)
            .ok_or_else(|| damaged("more features than a file can hold"))?;
        if len != layout.end as u64 {
            let cut = if len < layout.end as u64 { "cut off" } else { "too long" };
            return Err(damaged(&format!("the file is {cut}: {len} bytes instead of {}", layout.end)));
        }
        Ok(Self { path: path.to_path_buf(), header, map, bits: layout.bits, rows: layout.rows })
    }

    pub(super) fn header(&self) -> &Header {
        &self.header
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The clip's name.
    pub fn name(&self) -> &str {
        &self.header.name
    }

    /// Number of frames.
    pub fn frames(&self) -> usize {
        self.header.frames
    }

    /// Values a frame.
    pub fn features(&self) -> usize {
        self.header.features
    }

    /// The features of a frame, counted from 0; `None` where it has no face, and past the end.
    pub fn row(&self, frame: usize) -> Option<&[f32]> {
        let present = frame < self.frames() && bit(&self.map[self.bits..self.rows], frame);
        present.then(|| bytemuck::cast_slice(&self.map[self.span(frame..frame + 1)]))
    }

    /// Writes `out.len() / (features + 1)` frames from `start` on, as the temporal network reads them: the features, then
    /// 1; zeros alone where a frame has no face and past the clip's end.
    ///
    /// # Panics
    /// `out` does not hold whole rows.
    pub fn window(&self, start: usize, out: &mut [f32]) {
        let features = self.features();
        assert!(out.len().is_multiple_of(features + 1), "whole rows of features and presence");
        for (place, out) in out.chunks_exact_mut(features + 1).enumerate() {
            if let Some(row) = self.row(start + place) {
                out[..features].copy_from_slice(row);
                out[features] = 1.0;
            } else {
                out.fill(0.0);
            }
        }
    }

    /// Gives the memory of frames that were read back to the system; they can be read again all the same. A pass over a
    /// long clip calls it now and then, so that what it holds does not grow with the clip.
    pub fn release(&self, frames: Range<usize>) {
        #[cfg(unix)]
        {
            // Whole pages inside the span alone: a page that is shared with the frames around it stays.
            const PAGE: usize = 1 << 16;
            let span = self.span(frames.start..frames.end.min(self.frames()));
            let (start, end) = (span.start.next_multiple_of(PAGE), span.end / PAGE * PAGE);
            if start < end {
                // SAFETY: the map is of an unchanging file and read-only, so that a page given back is read from the file
                // again on the next access, with the same content; references into it stay valid throughout.
                let advice = unsafe {
                    self.map.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, start, end - start)
                };
                if let Err(error) = advice {
                    log::debug!("{}: memory not given back: {error}", self.path.display());
                }
            }
        }
        #[cfg(not(unix))]
        drop(frames);
    }

    fn span(&self, frames: Range<usize>) -> Range<usize> {
        let row = self.features() * size_of::<f32>();
        self.rows + frames.start * row..self.rows + frames.end * row
    }
}

/// What to do about a cache that cannot be used.
pub(super) const REMEDY: &str = "delete it or pass --recompute";
