//! Recording: what is read, as a video and its table side by side, in a thread of its own so that encoding delays no reading.
//!
//! Frames are numbered anew from 0 in both files, so that the viewer opens them together. What a crash leaves can be played
//! and read.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use affekt_engine::media::{Outlet, OverflowPolicy, Picture, bounded_outlet};
use affekt_engine::output::Recorder;
use affekt_engine::world::live::FrameReading;
use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::controls::Controls;
use super::event::Event;

/// Frames that wait to be encoded.
const WAITING: usize = 8;

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
    controls: Arc<Controls>,
    dropped: Arc<AtomicU64>,
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
        controls: Arc<Controls>,
    ) -> std::io::Result<Self> {
        let over = Arc::new(AtomicBool::new(false));
        let (takes, waiting) = bounded_outlet(WAITING, Arc::clone(&over));
        let worker = Worker {
            takes: waiting,
            over: Arc::clone(&over),
            video,
            classes: classes.clone(),
            tell,
            controls,
            dropped: takes.dropped(),
        };
        std::thread::Builder::new().name("recording".into()).spawn(move || worker.work())?;
        Ok(Self { takes, over, classes })
    }

    /// Records a frame; `false` where the recording has ended. Live, one that finds no place is left out and counted; of a
    /// film each waits for its place.
    pub fn push(&self, reading: FrameReading, picture: Arc<Picture>, how: OverflowPolicy) -> bool {
        self.takes.put(Take { reading, picture }, how)
    }
}

impl Worker {
    fn work(self) {
        let ended = self.record();
        // Whoever waits for a place here is released.
        self.over.store(true, Ordering::Relaxed);
        let dropped = self.dropped.load(Ordering::Relaxed);
        let event = match ended {
            Ok(frames) => Event::Recorded { video: self.video, frames, dropped, problem: None },
            Err((frames, problem)) => {
                Event::Recorded { video: self.video, frames, dropped, problem: Some(problem) }
            }
        };
        self.tell.put(event, OverflowPolicy::Block);
        self.controls.wake();
    }

    /// Records to the end; gives the number of frames, with what went wrong where something did.
    fn record(&self) -> Result<u64, (u64, String)> {
        if let Some(folder) = self.video.parent() {
            std::fs::create_dir_all(folder).map_err(|e| (0, format!("{}: {e}", folder.display())))?;
        }
        let mut recorder = Recorder::create(&self.video, &self.classes).map_err(|e| (0, e.to_string()))?;
        loop {
            let Take { reading, picture } = match self.takes.recv_timeout(Duration::from_millis(50)) {
                Ok(take) => take,
                Err(RecvTimeoutError::Timeout) if !self.over() => continue,
                Err(_) => break,
            };
            // The window may still be drawing it.
            let picture = Arc::try_unwrap(picture).unwrap_or_else(|shared| Picture::clone(&shared));
            let reading = FrameReading { picture: Some(picture), ..reading };
            recorder.push(&reading).map_err(|e| (recorder.frames(), e.to_string()))?;
        }
        let frames = recorder.frames();
        recorder.finish().map_err(|e| (frames, e.to_string()))
    }

    fn over(&self) -> bool {
        self.over.load(Ordering::Relaxed) || self.controls.stopped()
    }
}
