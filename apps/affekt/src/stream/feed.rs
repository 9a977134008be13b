//! Frames as they happen, from a thread of their own: a camera's newest wins, a file's wait for their time and for their turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{Builder, JoinHandle, sleep};
use std::time::{Duration, Instant};

use affekt_engine::media::source::{Frame, FrameSource, SourceError};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};

/// Frames that wait where every one counts.
const AHEAD: usize = 4;
/// Longest sleep before the thread looks whether it is to end.
const NAP: Duration = Duration::from_millis(50);

/// What happens to a frame whose reader is not ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handover {
    /// The oldest goes, and is counted.
    Newest,
    /// It waits.
    Every,
}

type Message = Result<Frame, SourceError>;

/// A source at work.
pub struct Feed {
    frames: Option<Receiver<Message>>,
    dropped: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Feed {
    /// Starts the thread. With `pace` each frame is held back until its own time has come.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(source: Box<dyn FrameSource>, handover: Handover, pace: bool) -> std::io::Result<Self> {
        let (sender, frames) = bounded(if handover == Handover::Newest { 1 } else { AHEAD });
        let (dropped, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let mut worker = Worker {
            source,
            sender,
            oldest: frames.clone(),
            handover,
            began: None,
            dropped: Arc::clone(&dropped),
            stop: Arc::clone(&stop),
        };
        let thread = Builder::new().name("source".into()).spawn(move || worker.work(pace))?;
        Ok(Self { frames: Some(frames), dropped, stop, thread: Some(thread) })
    }

    /// The next frame; `None` where there are no more, `Err(())` where none came within `patience`.
    pub fn next(&self, patience: Duration) -> Result<Option<Message>, ()> {
        let Some(frames) = &self.frames else { return Ok(None) };
        match frames.recv_timeout(patience) {
            Ok(message) => Ok(Some(message)),
            Err(RecvTimeoutError::Disconnected) => Ok(None),
            Err(RecvTimeoutError::Timeout) => Err(()),
        }
    }

    /// Frames that were thrown out.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.frames = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Worker {
    source: Box<dyn FrameSource>,
    sender: Sender<Message>,
    oldest: Receiver<Message>,
    handover: Handover,
    /// When the first frame was given, and its own time.
    began: Option<(Instant, f64)>,
    dropped: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
}

impl Worker {
    fn work(&mut self, pace: bool) {
        while !self.stop.load(Ordering::Relaxed) {
            let Some(message) = self.source.next_frame().transpose() else { return };
            let ends = message.is_err();
            if let Ok(frame) = &message
                && pace
                && !self.wait_for(frame.seconds)
            {
                return;
            }
            if !self.give(message) || ends {
                return;
            }
        }
    }

    /// Sleeps until a frame's time has come; whether it may be given.
    fn wait_for(&mut self, seconds: f64) -> bool {
        let (start, first) = *self.began.get_or_insert_with(|| (Instant::now(), seconds));
        let due = start + Duration::try_from_secs_f64(seconds - first).unwrap_or_default();
        while let Some(left) = due.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            if self.stop.load(Ordering::Relaxed) {
                return false;
            }
            sleep(left.min(NAP));
        }
        true
    }

    fn give(&self, message: Message) -> bool {
        let mut message = message;
        // What ends the source is never thrown out for, and waits its turn.
        if self.handover == Handover::Every || message.is_err() {
            return self.send_patiently(message);
        }
        loop {
            match self.sender.try_send(message) {
                Ok(()) => return !self.stop.load(Ordering::Relaxed),
                Err(TrySendError::Disconnected(_)) => return false,
                Err(TrySendError::Full(back)) => message = back,
            }
            // The reader may take it between the two calls; then nothing is lost.
            if self.oldest.try_recv().is_ok() {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn send_patiently(&self, message: Message) -> bool {
        let mut message = message;
        while !self.stop.load(Ordering::Relaxed) {
            match self.sender.send_timeout(message, NAP) {
                Ok(()) => return true,
                Err(error) if error.is_timeout() => message = error.into_inner(),
                Err(_) => return false,
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use affekt_engine::media::Picture;
    use affekt_engine::media::source::{Skipped, SourceInfo};

    struct Fast {
        info: SourceInfo,
        next: u64,
        end: u64,
    }

    impl FrameSource for Fast {
        fn info(&self) -> &SourceInfo {
            &self.info
        }

        fn next_frame(&mut self) -> Result<Option<Frame>, SourceError> {
            let index = self.next;
            self.next += 1;
            let picture = Picture::filled(2, 2, 1, 0);
            Ok((index < self.end).then_some(Frame { index, seconds: index as f64 * 0.01, picture }))
        }

        fn skipped(&self) -> Skipped {
            Skipped::default()
        }
    }

    fn fast(end: u64) -> Box<dyn FrameSource> {
        let info = SourceInfo { name: "fast".into(), frames: None, still: false, reader: "test".into() };
        Box::new(Fast { info, next: 0, end })
    }

    fn all(feed: &Feed, each: Duration) -> Vec<u64> {
        let mut found = vec![];
        loop {
            match feed.next(Duration::from_secs(5)) {
                Ok(Some(Ok(frame))) => found.push(frame.index),
                Ok(None) => return found,
                other => panic!("{other:?}"),
            }
            sleep(each);
        }
    }

    #[test]
    fn of_a_file_every_frame_comes_at_its_time() {
        let start = Instant::now();
        let feed = Feed::start(fast(20), Handover::Every, true).expect("a thread");
        assert!(all(&feed, Duration::ZERO).into_iter().eq(0..20));
        assert!(start.elapsed() >= Duration::from_millis(190), "19 steps of 10 ms: {:?}", start.elapsed());
        assert_eq!(feed.dropped(), 0);
    }

    #[test]
    fn of_a_camera_the_newest_wins_and_the_others_are_counted() {
        let feed = Feed::start(fast(30), Handover::Newest, true).expect("a thread");
        let seen = all(&feed, Duration::from_millis(60));
        assert!(seen.windows(2).all(|pair| pair[0] < pair[1]), "{seen:?}");
        assert_eq!(seen.len() as u64 + feed.dropped(), 30, "each is seen or counted");
        assert!(feed.dropped() > 5, "a slow reader misses some: {seen:?}");
    }

    #[test]
    fn a_feed_ends_when_nobody_listens_any_more() {
        let feed = Feed::start(fast(u64::MAX), Handover::Every, true).expect("a thread");
        assert!(matches!(feed.next(Duration::from_secs(5)), Ok(Some(Ok(_)))));
        drop(feed);
    }
}
