//! Recording: the frames as video, and beside it the table of what was read in them.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::table::TableForm;
use crate::media::Picture;
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

/// Records frames and what was read in them: `NAME.mp4` and `NAME.csv`, whose frames and seconds are those of the video, from 0.
/// Where not every frame is read, as of a camera that is faster than the model, those between hold the faces of the last reading
/// before them, as not detected. What is on disk can be played and read at any moment; a crash costs about half a second.
pub struct Recorder {
    video: Option<VideoFile>,
    table: Table,
    form: TableForm,
    first: Option<f64>,
    frames: u64,
    /// Frames of the video whose rows are due, by their number in the source, with their times in the video.
    due: VecDeque<(u64, f64)>,
    /// Readings of frames that have not come yet.
    readings: VecDeque<FrameReading>,
    /// The last reading that has found its frame, or has none in the video.
    held: Option<FrameReading>,
    /// Rows written.
    rows: u64,
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
        Ok(Self {
            video: Some(video),
            table,
            form,
            first: None,
            frames: 0,
            due: VecDeque::new(),
            readings: VecDeque::new(),
            held: None,
            rows: 0,
        })
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
    /// As [`Recorder::push_frame`].
    pub fn push(&mut self, reading: &FrameReading) -> Result<(), RecordError> {
        let Some(picture) = &reading.picture else { return Ok(()) };
        self.push_frame((reading.frame, reading.seconds), picture)?;
        let bare = FrameReading { picture: None, ..reading.clone() };
        self.push_reading(bare)
    }

    /// Adds a frame by its number in the source and its time, whether it is read or not. Numbers rise.
    ///
    /// # Errors
    /// A disk is full or fails, or a frame cannot be encoded. Then the recording has ended: its files hold what was kept.
    pub fn push_frame(
        &mut self,
        (number, seconds): (u64, f64),
        picture: &Picture,
    ) -> Result<(), RecordError> {
        let Some(video) = &mut self.video else { return Ok(()) };
        let before = video.kept();
        let pushed = video.push(picture, seconds);
        let kept = video.kept();
        let pushed = pushed.and_then(|()| {
            let seconds = seconds - *self.first.get_or_insert(seconds);
            self.due.push_back((number, seconds.max(0.0)));
            self.frames += 1;
            self.write_due(false);
            if kept > before || self.table.waiting.len() > WAITING { self.table.flush(kept) } else { Ok(()) }
        });
        if pushed.is_err() {
            self.end_badly();
        }
        pushed
    }

    /// Adds what was read in a frame, which may come before or after the frame itself. Numbers rise here, too.
    ///
    /// # Errors
    /// As [`Recorder::push_frame`].
    pub fn push_reading(&mut self, reading: FrameReading) -> Result<(), RecordError> {
        let Some(video) = &self.video else { return Ok(()) };
        let kept = video.kept();
        self.readings.push_back(reading);
        self.write_due(false);
        if self.table.waiting.len() <= WAITING {
            return Ok(());
        }
        let flushed = self.table.flush(kept);
        if flushed.is_err() {
            self.end_badly();
        }
        flushed
    }

    /// Writes the rows of frames of which is known what was read in them; with `all` those of the others, too.
    fn write_due(&mut self, all: bool) {
        while let Some(&(number, seconds)) = self.due.front() {
            match self.readings.front() {
                Some(reading) if reading.frame < number => {
                    self.held = self.readings.pop_front();
                    continue;
                }
                None if !all => return,
                _ => {}
            }
            let own = self.readings.pop_front_if(|reading| reading.frame == number);
            let row = match (&own, &self.held) {
                (Some(own), _) => renumbered(own, self.rows, seconds, true),
                (None, Some(held)) => renumbered(held, self.rows, seconds, false),
                (None, None) => FrameReading { frame: self.rows, seconds, ..FrameReading::default() },
            };
            // A vector takes all that is written.
            let _ = self.form.write_reading(&mut self.table.waiting, &row);
            self.rows += 1;
            self.due.pop_front();
            self.held = own.or(self.held.take());
        }
    }

    /// After an error: what waits is written if that is possible, and the video closed as it stands.
    fn end_badly(&mut self) {
        if let Some(video) = self.video.take() {
            self.write_due(true);
            let _ = self.table.flush(video.kept());
        }
    }

    /// Ends the recording and syncs both files; gives the number of frames.
    ///
    /// # Errors
    /// As [`Recorder::push`]; what was kept before can be played.
    pub fn finish(mut self) -> Result<u64, RecordError> {
        let Some(video) = self.video.take() else { return Ok(self.frames) };
        self.write_due(true);
        let flushed = self.table.flush(video.kept());
        video.finish()?;
        flushed?;
        let synced = self.table.file.sync_all();
        let kept = format!("{} frames are recorded", self.frames);
        synced.map_err(|source| RecordError::Io { path: self.table.path.clone(), source, kept })?;
        Ok(self.frames)
    }
}

/// A reading as a frame of a recording: its own, or one that holds it.
fn renumbered(reading: &FrameReading, frame: u64, seconds: f64, own: bool) -> FrameReading {
    let face = |face: &FaceReading| FaceReading {
        frame,
        seconds,
        thumbnail: None,
        detected: own && face.detected,
        ..face.clone()
    };
    FrameReading {
        frame,
        seconds,
        faces: reading.faces.iter().map(face).collect(),
        cut: reading.cut,
        latency: reading.latency,
        picture: None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::super::table_reader::TableReader;
    use super::*;

    fn reading(frame: u64, class: usize) -> FrameReading {
        let face = FaceReading {
            frame,
            face: 1,
            detected: true,
            probabilities: vec![0.5, 0.5],
            voted_label: class,
            ..FaceReading::default()
        };
        FrameReading { frame, seconds: frame as f64 * 0.1, faces: vec![face], ..FrameReading::default() }
    }

    /// Voted class and whether it was detected, of each frame of the table.
    fn rows(table: &Path) -> Vec<Option<(usize, bool)>> {
        let mut reader = TableReader::open(table).unwrap();
        let mut rows = vec![];
        while let Some(row) = reader.next_row().unwrap() {
            assert_eq!(row.frame, rows.len() as u64, "frames are those of the video");
            rows.push(row.face.map(|face| (face.voted_label, face.detected)));
        }
        rows
    }

    #[test]
    fn frames_that_nobody_has_read_hold_the_last_reading_whichever_comes_first() {
        let folder = tempfile::tempdir().unwrap();
        let picture = Picture::filled(32, 32, 3, 90);
        let classes = ["calm", "glad"].map(String::from);
        for frames_first in [true, false] {
            let path = folder.path().join(format!("{frames_first}.mp4"));
            let mut recorder = Recorder::create(&path, &classes).unwrap();
            let frames = |recorder: &mut Recorder| {
                for number in 10..18 {
                    recorder.push_frame((number, number as f64 * 0.1), &picture).unwrap();
                }
            };
            if frames_first {
                frames(&mut recorder);
            }
            for (number, class) in [(12, 1), (14, 0)] {
                recorder.push_reading(reading(number, class)).unwrap();
            }
            if !frames_first {
                frames(&mut recorder);
            }
            assert_eq!(recorder.finish().unwrap(), 8);
            let held = |class| Some((class, false));
            let read = |class| Some((class, true));
            let all = [None, None, read(1), held(1), read(0), held(0), held(0), held(0)];
            assert_eq!(rows(&path.with_extension("csv")), all, "frames first: {frames_first}");
        }
    }

    #[test]
    fn a_reading_from_before_the_first_frame_is_held() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("v.mp4");
        let mut recorder = Recorder::create(&path, &["calm", "glad"].map(String::from)).unwrap();
        recorder.push_reading(reading(3, 1)).unwrap();
        recorder.push_frame((5, 0.5), &Picture::filled(32, 32, 3, 90)).unwrap();
        recorder.push_frame((6, 0.6), &Picture::filled(32, 32, 3, 90)).unwrap();
        recorder.finish().unwrap();
        assert_eq!(rows(&path.with_extension("csv")), [Some((1, false)), Some((1, false))]);
    }
}
