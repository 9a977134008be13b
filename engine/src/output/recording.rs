//! Recording in a thread of its own, so that neither reading nor showing waits for the encoder or the disk.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

use crossbeam_channel::{Sender, TrySendError, bounded};

use super::recorder::Recorder;
use crate::media::recording::RecordError;
use crate::world::live::FrameReading;

/// Frames that wait for the encoder; what comes beyond is dropped and counted.
const WAITING: usize = 8;

/// Where a recording stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecordingState {
    /// Frames recorded.
    pub frames: u64,
    /// Frames left out because the encoder or the disk was too slow.
    pub dropped: u64,
    /// Why the recording ended by itself, for people; the files hold what was kept.
    pub error: Option<String>,
}

#[derive(Default)]
struct Shared {
    frames: AtomicU64,
    dropped: AtomicU64,
    error: Mutex<Option<String>>,
}

/// A recording under way.
pub struct Recording {
    path: PathBuf,
    sender: Option<Sender<FrameReading>>,
    thread: Option<JoinHandle<()>>,
    shared: Arc<Shared>,
}

impl Recording {
    /// Begins to record to `path` and the table beside it, as [`Recorder::create`] says.
    ///
    /// # Errors
    /// A file is in the way or cannot be made, or the system gives no thread.
    pub fn start(path: &Path, classes: &[String]) -> Result<Self, RecordError> {
        let mut recorder = Recorder::create(path, classes)?;
        let shared = Arc::new(Shared::default());
        let told = Arc::clone(&shared);
        let (sender, readings) = bounded::<FrameReading>(WAITING);
        let work = move || {
            let say = |error: &RecordError| {
                *told.error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
            };
            for reading in readings {
                let pushed = recorder.push(&reading);
                told.frames.store(recorder.frames(), Ordering::Relaxed);
                if let Err(error) = pushed {
                    // Nobody listens from here on, and the caller's next frame is told so.
                    say(&error);
                    return;
                }
            }
            if let Err(error) = recorder.finish() {
                say(&error);
            }
        };
        let thread = Builder::new().name("record".into()).spawn(work).map_err(|source| RecordError::Io {
            path: path.to_owned(),
            source,
            kept: "nothing is recorded".into(),
        })?;
        Ok(Self { path: path.to_owned(), sender: Some(sender), thread: Some(thread), shared })
    }

    /// Where the video is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Hands over a reading that carries its frame. Never waits: where too many are under way, it is dropped and counted.
    pub fn offer(&self, reading: &FrameReading) {
        let Some(sender) = &self.sender else { return };
        let sent = if sender.is_full() {
            Err(TrySendError::Full(()))
        } else {
            sender.try_send(reading.clone()).map_err(|error| match error {
                TrySendError::Full(_) => TrySendError::Full(()),
                TrySendError::Disconnected(_) => TrySendError::Disconnected(()),
            })
        };
        if sent == Err(TrySendError::Full(())) {
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Where it stands.
    pub fn state(&self) -> RecordingState {
        RecordingState {
            frames: self.shared.frames.load(Ordering::Relaxed),
            dropped: self.shared.dropped.load(Ordering::Relaxed),
            error: self.shared.error.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    /// Ends it; waits until what is under way is written.
    pub fn finish(mut self) -> RecordingState {
        self.end();
        self.state()
    }

    fn end(&mut self) {
        self.sender = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.end();
    }
}
