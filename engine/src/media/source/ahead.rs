//! Decoding in a thread of its own, behind a bounded channel: a file waits, no frame is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded};

use super::{Frame, FrameSource, Skipped, SourceError, SourceInfo};

/// Frames that are read together: many enough to fill threads and the network, and a multiple of how often a detector looks.
const TOGETHER: usize = 12;
/// Bytes of pixels that end a batch, so that large frames do not take all memory.
const MOST_BYTES: usize = 48 << 20;

/// A source whose frames are decoded ahead.
pub struct ReadAhead {
    info: SourceInfo,
    frames: Option<Receiver<Result<Frame, SourceError>>>,
    thread: Option<JoinHandle<Skipped>>,
    skipped: Skipped,
    busy_nanos: Arc<AtomicU64>,
}

impl ReadAhead {
    /// Starts decoding, at most `depth` frames ahead of [`ReadAhead::next_frame`]. Dropping it ends the thread.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn spawn(mut source: Box<dyn FrameSource>, depth: usize) -> std::io::Result<Self> {
        let (sender, frames) = bounded(depth.max(1));
        let info = source.info().clone();
        let busy_nanos = Arc::new(AtomicU64::new(0));
        let busy = Arc::clone(&busy_nanos);
        let work = move || {
            loop {
                let start = Instant::now();
                let next = source.next_frame();
                busy.fetch_add(start.elapsed().as_nanos() as u64, Ordering::Relaxed);
                let ends = !matches!(next, Ok(Some(_)));
                if let Some(message) = next.transpose()
                    && sender.send(message).is_err()
                {
                    break;
                }
                if ends {
                    break;
                }
            }
            source.skipped()
        };
        let thread = Builder::new().name("decode".into()).spawn(work)?;
        Ok(Self { info, frames: Some(frames), thread: Some(thread), skipped: Skipped::default(), busy_nanos })
    }

    /// The next frames, as many as are best read together by [`Recognizer::read`](crate::Recognizer::read), and whether they
    /// are the last.
    ///
    /// # Errors
    /// As [`FrameSource::next_frame`].
    pub(crate) fn next_frames(&mut self) -> Result<(Vec<Frame>, bool), SourceError> {
        let mut frames = Vec::with_capacity(TOGETHER);
        let mut bytes = 0;
        while frames.len() < TOGETHER && bytes < MOST_BYTES {
            let Some(frame) = self.next_frame()? else { return Ok((frames, true)) };
            bytes += frame.picture.pixels.len();
            frames.push(frame);
        }
        Ok((frames, false))
    }

    /// How long the thread has decoded, without waiting for a place in the channel.
    pub fn busy(&self) -> Duration {
        Duration::from_nanos(self.busy_nanos.load(Ordering::Relaxed))
    }
}

impl FrameSource for ReadAhead {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, SourceError> {
        if let Some(Ok(message)) = self.frames.as_ref().map(Receiver::recv) {
            return message.map(Some);
        }
        self.frames = None;
        if let Some(thread) = self.thread.take() {
            self.skipped = thread.join().map_err(|_| {
                SourceError::file(
                    std::path::Path::new(&self.info.name),
                    "the decoder failed; re-encode the video",
                )
            })?;
        }
        Ok(None)
    }

    /// Frames left out; known once all frames have come.
    fn skipped(&self) -> Skipped {
        self.skipped.clone()
    }
}

impl Drop for ReadAhead {
    fn drop(&mut self) {
        // Without a receiver the thread's next send fails, which ends it.
        self.frames = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
