//! Recording: what is read, as a video and its table side by side, in a thread of its own so that encoding delays no reading.
//!
//! Frames are numbered anew from 0 in both files, so that the viewer opens them together. Both grow where they will stay:
//! what a crash leaves can be played and read.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use affekt_engine::media::Picture;
use affekt_engine::media::recording::VideoFile;
use affekt_engine::output::table;
use affekt_engine::world::live::FrameReading;
use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::handover::{Handover, Outlet, handover};
use super::{Dials, Event};

/// Frames that wait to be encoded.
const WAITING: usize = 8;
/// Frames after which the table is brought to disk, as often as the video is.
const FLUSH: u64 = 15;

/// A frame to be recorded.
struct Take {
    reading: FrameReading,
    picture: Arc<Picture>,
}

/// Inference's hold on a recording; dropping it ends the recording.
pub(super) struct Recording {
    takes: Outlet<Take>,
    /// Ends the thread once it has written what waits.
    over: Arc<AtomicBool>,
    /// The classes of its table.
    pub classes: Vec<String>,
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

/// What the thread holds.
struct Worker {
    takes: Receiver<Take>,
    over: Arc<AtomicBool>,
    video: PathBuf,
    classes: Vec<String>,
    tell: Outlet<Event>,
    dials: Arc<Dials>,
    dropped: Arc<std::sync::atomic::AtomicU64>,
}

impl Recording {
    /// Begins `video` and, beside it, its table.
    ///
    /// # Errors
    /// The system gives no thread. That a file cannot be made is told as an event.
    pub fn begin(
        video: PathBuf,
        classes: Vec<String>,
        tell: Outlet<Event>,
        dials: Arc<Dials>,
    ) -> std::io::Result<Self> {
        let over = Arc::new(AtomicBool::new(false));
        let (takes, waiting) = handover(WAITING, Arc::clone(&over));
        let worker = Worker {
            takes: waiting,
            over: Arc::clone(&over),
            video,
            classes: classes.clone(),
            tell,
            dials,
            dropped: takes.dropped(),
        };
        std::thread::Builder::new().name("recording".into()).spawn(move || worker.work())?;
        Ok(Self { takes, over, classes })
    }

    /// Records a frame; `false` where the recording has ended. Live, one that finds no place is left out and counted; of a
    /// film each waits for its place.
    pub fn push(&self, reading: FrameReading, picture: Arc<Picture>, how: Handover) -> bool {
        self.takes.put(Take { reading, picture }, how)
    }
}

impl Worker {
    fn work(self) {
        let ended = self.record();
        // Whoever waits for a place here is let go.
        self.over.store(true, Ordering::Relaxed);
        let dropped = self.dropped.load(Ordering::Relaxed);
        let event = match ended {
            Ok(frames) => Event::Recorded { video: self.video, frames, dropped, problem: None },
            Err((frames, problem)) => {
                Event::Recorded { video: self.video, frames, dropped, problem: Some(problem) }
            }
        };
        self.tell.put(event, Handover::Every);
        self.dials.wake();
    }

    /// Records to the end; gives the number of frames, with what went wrong where something did.
    fn record(&self) -> Result<u64, (u64, String)> {
        if let Some(folder) = self.video.parent() {
            std::fs::create_dir_all(folder).map_err(|e| (0, format!("{}: {e}", folder.display())))?;
        }
        let mut video = VideoFile::create(&self.video).map_err(|e| (0, e.to_string()))?;
        let path = self.video.with_extension("csv");
        let table_failed = |frames: u64, e: std::io::Error| (frames, format!("{}: {e}; make room", path.display()));
        let mut table = begin_table(&path, &self.classes).map_err(|e| {
            // Nothing is in the video yet.
            let _ = std::fs::remove_file(&self.video);
            table_failed(0, e)
        })?;
        let (mut frames, mut first) = (0, None);
        loop {
            let Take { mut reading, picture } = match self.takes.recv_timeout(Duration::from_millis(50)) {
                Ok(take) => take,
                Err(RecvTimeoutError::Timeout) if !self.over() => continue,
                Err(_) => break,
            };
            let first = *first.get_or_insert(reading.seconds);
            video.push(&picture, reading.seconds).map_err(|e| (video.kept(), e.to_string()))?;
            let seconds = reading.seconds - first;
            renumber(&mut reading, frames, seconds);
            frames += 1;
            let written = table::write(&mut table, &reading, &self.classes);
            let written = written.and_then(|()| if frames % FLUSH == 0 { table.flush() } else { Ok(()) });
            if let Err(error) = written {
                // The video is whole; it is closed as it should be.
                let _ = video.finish();
                return Err(table_failed(frames, error));
            }
        }
        table.flush().map_err(|e| table_failed(frames, e))?;
        video.finish().map_err(|e| (frames, e.to_string()))?;
        Ok(frames)
    }

    fn over(&self) -> bool {
        self.over.load(Ordering::Relaxed) || self.dials.stopped()
    }
}

fn begin_table(path: &Path, classes: &[String]) -> std::io::Result<BufWriter<File>> {
    let mut table = BufWriter::new(OpenOptions::new().write(true).create_new(true).open(path)?);
    table.write_all(table::header(classes).as_bytes())?;
    table.flush()?;
    Ok(table)
}

/// A frame's number and time in the recording, in place of those in its source.
fn renumber(reading: &mut FrameReading, frame: u64, seconds: f64) {
    (reading.frame, reading.seconds) = (frame, seconds);
    for face in &mut reading.faces {
        (face.frame, face.seconds) = (frame, seconds);
    }
}
