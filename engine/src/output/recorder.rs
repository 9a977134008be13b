//! Recording: the frames as video, and beside it the table of what was read in them.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::table::TableForm;
use crate::media::recording::{RecordError, VideoFile};
use crate::world::live::{FaceReading, FrameReading};

/// Most bytes of the table that wait to be written.
const WAITING: usize = 64 << 10;

/// The table beside a video, written when its frames are.
struct Table {
    path: PathBuf,
    file: File,
    waiting: Vec<u8>,
    /// Bytes on disk that are whole rows.
    whole: u64,
}

impl Table {
    fn flush(&mut self, frames: u64) -> Result<(), RecordError> {
        if let Err(source) = self.file.write_all(&self.waiting) {
            // Half a row would be read as a wrong one.
            let _ = self.file.set_len(self.whole);
            let kept = format!("the recording ended, {frames} frames are kept");
            return Err(RecordError::Io { path: self.path.clone(), source, kept });
        }
        self.whole += self.waiting.len() as u64;
        self.waiting.clear();
        Ok(())
    }
}

/// Records readings that carry their frames: `NAME.mp4` and, row for row, `NAME.csv`, whose frames and seconds are those of the
/// video, from 0. What is on disk can be played and read at any moment; a crash costs about half a second.
pub struct Recorder {
    video: Option<VideoFile>,
    table: Table,
    form: TableForm,
    first: Option<f64>,
    frames: u64,
}

impl Recorder {
    /// Makes both files: the video at `path`, the table beside it with the ending `csv`. `classes` are the names that labels
    /// stand for.
    ///
    /// # Errors
    /// One of them is there already, or cannot be made; none is left then.
    pub fn create(path: &Path, classes: &[String]) -> Result<Self, RecordError> {
        let table_path = path.with_extension("csv");
        if path.extension().is_none_or(|ending| !ending.eq_ignore_ascii_case("mp4")) {
            let problem =
                "a recording is an MP4 file with a table beside it; give it a name that ends in .mp4";
            return Err(RecordError::Frame { path: path.to_owned(), problem: problem.into() });
        }
        let file = OpenOptions::new().write(true).create_new(true).open(&table_path).map_err(|source| {
            if source.kind() == io::ErrorKind::AlreadyExists {
                return RecordError::Exists(table_path.clone());
            }
            RecordError::Io { path: table_path.clone(), source, kept: "nothing is recorded".into() }
        })?;
        let video = VideoFile::create(path).inspect_err(|_| {
            let _ = std::fs::remove_file(&table_path);
        })?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let form = TableForm::new(&name, classes);
        let waiting = form.header().into_bytes();
        let table = Table { path: table_path, file, waiting, whole: 0 };
        Ok(Self { video: Some(video), table, form, first: None, frames: 0 })
    }

    /// Frames that are recorded, of which the newest half second may not yet be on disk.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Whether frames are still taken: from the beginning until an error.
    pub fn is_recording(&self) -> bool {
        self.video.is_some()
    }

    /// Adds a reading that carries its frame; one without a frame, and any after an error, is passed over.
    ///
    /// # Errors
    /// A disk is full or fails, or a frame cannot be encoded. Then the recording has ended: its files hold what was kept.
    pub fn push(&mut self, reading: &FrameReading) -> Result<(), RecordError> {
        let (Some(video), Some(picture)) = (&mut self.video, &reading.picture) else { return Ok(()) };
        let before = video.kept();
        let pushed = video.push(picture, reading.seconds);
        let kept = video.kept();
        let pushed = pushed.and_then(|()| {
            let seconds = reading.seconds - *self.first.get_or_insert(reading.seconds);
            let row = renumbered(reading, self.frames, seconds.max(0.0));
            // A vector takes all that is written.
            let _ = self.form.write_reading(&mut self.table.waiting, &row);
            self.frames += 1;
            if kept > before || self.table.waiting.len() > WAITING { self.table.flush(kept) } else { Ok(()) }
        });
        if pushed.is_err() {
            self.end_badly();
        }
        pushed
    }

    /// After an error: what waits is written if that is possible, and the video closed as it stands.
    fn end_badly(&mut self) {
        if let Some(video) = self.video.take() {
            let _ = self.table.flush(video.kept());
        }
    }

    /// Ends the recording and syncs both files; gives the number of frames.
    ///
    /// # Errors
    /// As [`Recorder::push`]; what was kept before can be played.
    pub fn finish(mut self) -> Result<u64, RecordError> {
        let Some(video) = self.video.take() else { return Ok(self.frames) };
        let flushed = self.table.flush(video.kept());
        video.finish()?;
        flushed?;
        let synced = self.table.file.sync_all();
        let kept = format!("{} frames are recorded", self.frames);
        synced.map_err(|source| RecordError::Io { path: self.table.path.clone(), source, kept })?;
        Ok(self.frames)
    }
}

/// A reading as the frame of a recording.
fn renumbered(reading: &FrameReading, frame: u64, seconds: f64) -> FrameReading {
    let face = |face: &FaceReading| FaceReading { frame, seconds, thumbnail: None, ..face.clone() };
    FrameReading {
        frame,
        seconds,
        faces: reading.faces.iter().map(face).collect(),
        cut: reading.cut,
        latency: reading.latency,
        picture: None,
    }
}
