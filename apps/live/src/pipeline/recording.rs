//! Recording: every frame of the source and what was read in it, as a video and its table side by side, in a thread of its own so that
//! encoding delays no reading. Frames that nobody had time to read are in the video, too; their rows hold the labels before.
//!
//! Frames are numbered anew from 0 in both files, so that the viewer opens them together. What a crash leaves can be played
//! and read.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use affekt_engine::media::{Outlet, OverflowPolicy, bounded_outlet};
use affekt_engine::output::Recorder;
use affekt_engine::world::live::FrameReading;
use crossbeam_channel::{Receiver, Sender, bounded, never, select};

use super::controls::Controls;
use super::event::Event;
use super::tap::{Take, Tap};

/// Fewest and most frames that wait to be encoded, and about how many bytes they may take.
const FEWEST: usize = 8;
const MOST: usize = 120;
const BYTES: usize = 256 << 20;
/// Readings that wait for their frames.
const READINGS: usize = 1024;
/// How long the reading of the last frame is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// Inference's hold on a recording; dropping it ends the recording.
pub(super) struct Recording {
    readings: Sender<FrameReading>,
    controls: Arc<Controls>,
    /// Ends the thread once it has written what waits.
    over: Arc<AtomicBool>,
    /// One past the last frame to be recorded, and one past the last that was read.
    next: Arc<AtomicU64>,
    read: u64,
    /// Since when no more frames are taken.
    ending: Option<Duration>,
    /// The classes of its table.
    pub classes: Vec<String>,
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.controls.set_tap(None);
        self.over.store(true, Ordering::Relaxed);
    }
}

/// What the thread holds.
struct Worker {
    takes: Receiver<Take>,
    readings: Receiver<FrameReading>,
    over: Arc<AtomicBool>,
    video: PathBuf,
    classes: Vec<String>,
    tell: Outlet<Event>,
    controls: Arc<Controls>,
    dropped: Arc<AtomicU64>,
}

impl Recording {
    /// Begins `video` and, beside it, its table, with the next frame of a run. `bytes` is about how much a frame takes.
    ///
    /// # Errors
    /// The system gives no thread. That a file cannot be made is told as an event.
    pub fn begin(
        video: PathBuf,
        classes: Vec<String>,
        (run, bytes): (u64, usize),
        tell: Outlet<Event>,
        controls: Arc<Controls>,
    ) -> std::io::Result<Self> {
        let over = Arc::new(AtomicBool::new(false));
        let places = (BYTES / bytes.max(1)).clamp(FEWEST, MOST);
        let (takes, waiting) = bounded_outlet(places, Arc::clone(&over));
        let (readings, read) = bounded(READINGS);
        let worker = Worker {
            takes: waiting,
            readings: read,
            over: Arc::clone(&over),
            video,
            classes: classes.clone(),
            tell,
            controls: Arc::clone(&controls),
            dropped: takes.dropped(),
        };
        std::thread::Builder::new().name("recording".into()).spawn(move || worker.work())?;
        let next = Arc::new(AtomicU64::new(0));
        controls.set_tap(Some(Tap::new(run, takes, Arc::clone(&next))));
        Ok(Self { readings, controls, over, next, read: 0, ending: None, classes })
    }

    /// Hands over what was read in a frame. Where nobody writes it down in time, the frame's row holds the labels before.
    pub fn push(&mut self, reading: FrameReading) {
        self.read = reading.frame + 1;
        let _ = self.readings.try_send(reading);
    }

    /// Takes no more frames; it ends once the last one was read.
    pub fn end(&mut self, now: Duration) {
        self.controls.set_tap(None);
        self.ending.get_or_insert(now);
    }

    /// Whether it has ended: by itself, by an error, or because the last of its frames is read or was waited for long enough.
    pub fn is_over(&self, now: Duration) -> bool {
        let all = self.read >= self.next.load(Ordering::Relaxed);
        let waited = |since: Duration| all || now.saturating_sub(since) > PATIENCE;
        self.over.load(Ordering::Relaxed) || self.ending.is_some_and(waited)
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
        let (mut takes, mut readings) = (self.takes.clone(), self.readings.clone());
        loop {
            let pushed = select! {
                recv(takes) -> take => {
                    if let Ok(Take { number, seconds, picture }) = take {
                        recorder.push_frame((number, seconds), &picture)
                    } else {
                        // No more frames are taken, and readings of the last ones are due.
                        takes = never();
                        Ok(())
                    }
                },
                recv(readings) -> reading => {
                    if let Ok(reading) = reading {
                        recorder.push_reading(reading)
                    } else {
                        readings = never();
                        Ok(())
                    }
                },
                default(Duration::from_millis(50)) => {
                    if self.over() {
                        break;
                    }
                    Ok(())
                }
            };
            pushed.map_err(|e| (recorder.frames(), e.to_string()))?;
        }
        let frames = recorder.frames();
        recorder.finish().map_err(|e| (frames, e.to_string()))
    }

    fn over(&self) -> bool {
        self.over.load(Ordering::Relaxed) || self.controls.stopped()
    }
}
