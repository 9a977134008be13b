//! Frames as they happen, from a thread of their own: a camera's newest wins, a file's wait for their time and for their turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{Builder, JoinHandle, sleep};
use std::time::{Duration, Instant};

use affekt_engine::media::source::{Frame, FrameSource, SourceError};
use affekt_engine::media::{Outlet, OverflowPolicy, Pace, bounded_outlet};
use crossbeam_channel::{Receiver, RecvTimeoutError};

/// Frames that wait where every one counts.
const AHEAD: usize = 4;
/// Frames that wait to be recorded while one is read.
const TO_RECORD: usize = 32;
/// Longest sleep before the thread looks whether it is to end.
const NAP: Duration = Duration::from_millis(50);

type Message = Result<Frame, SourceError>;

/// A source at work.
pub struct Feed {
    frames: Receiver<Message>,
    /// Every frame, read or not, where they are recorded, and how many of these were lost.
    all: Option<Receiver<Frame>>,
    lost: Arc<AtomicU64>,
    dropped: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Feed {
    /// Starts the thread. With `pace` each frame is held back until its own time has come; with `record` [`Feed::to_record`] gives
    /// every one.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(
        source: Box<dyn FrameSource>,
        how: OverflowPolicy,
        pace: bool,
        record: bool,
    ) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let waiting = if how == OverflowPolicy::DropOldest { 1 } else { AHEAD };
        let (outlet, frames) = bounded_outlet(waiting, Arc::clone(&stop));
        let dropped = outlet.dropped();
        let (every, all) = bounded_outlet(TO_RECORD, Arc::clone(&stop));
        let lost = every.dropped();
        let worker = Worker { outlet, every: record.then_some(every), how, pace, stop: Arc::clone(&stop) };
        let thread = Builder::new().name("source".into()).spawn(move || worker.work(source))?;
        Ok(Self { frames, all: record.then_some(all), lost, dropped, stop, thread: Some(thread) })
    }

    /// The next frame; `None` where there are no more, `Err(())` where none came within `patience`.
    pub fn next(&self, patience: Duration) -> Result<Option<Message>, ()> {
        match self.frames.recv_timeout(patience) {
            Ok(message) => Ok(Some(message)),
            Err(RecvTimeoutError::Disconnected) => Ok(None),
            Err(RecvTimeoutError::Timeout) => Err(()),
        }
    }

    /// Frames that have come since, whether they are read or not; none where they are not recorded.
    pub fn to_record(&self) -> impl Iterator<Item = Frame> {
        self.all.iter().flat_map(Receiver::try_iter)
    }

    /// Frames that were to be recorded and came while too many waited.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Frames that were thrown out.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Worker {
    outlet: Outlet<Message>,
    every: Option<Outlet<Frame>>,
    how: OverflowPolicy,
    pace: bool,
    stop: Arc<AtomicBool>,
}

impl Worker {
    fn work(self, mut source: Box<dyn FrameSource>) {
        let (mut pace, start) = (Pace::default(), Instant::now());
        while let Some(message) = source.next_frame().transpose() {
            if let (Ok(frame), true) = (&message, self.pace) {
                self.wait_until(start + pace.due(frame.seconds, start.elapsed()));
            }
            if let (Ok(frame), Some(every)) = (&message, &self.every) {
                every.put(frame.clone(), OverflowPolicy::DropOldest);
            }
            // What ends the source is never thrown out for, and waits its turn.
            let how = if message.is_err() { OverflowPolicy::Block } else { self.how };
            let ends = message.is_err();
            if !self.outlet.put(message, how) || ends {
                return;
            }
        }
    }

    /// Sleeps until then, or until the thread is to end.
    fn wait_until(&self, due: Instant) {
        while !self.stop.load(Ordering::Relaxed) {
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            sleep(left.min(NAP));
        }
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
        let feed = Feed::start(fast(20), OverflowPolicy::Block, true, false).expect("a thread");
        assert!(all(&feed, Duration::ZERO).into_iter().eq(0..20));
        assert!(start.elapsed() >= Duration::from_millis(190), "19 steps of 10 ms: {:?}", start.elapsed());
        assert_eq!(feed.dropped(), 0);
    }

    #[test]
    fn of_a_camera_the_newest_wins_and_the_others_are_counted() {
        let feed = Feed::start(fast(30), OverflowPolicy::DropOldest, true, false).expect("a thread");
        let seen = all(&feed, Duration::from_millis(60));
        assert!(seen.windows(2).all(|pair| pair[0] < pair[1]), "{seen:?}");
        assert_eq!(seen.len() as u64 + feed.dropped(), 30, "each is seen or counted");
        assert!(feed.dropped() > 5, "a slow reader misses some: {seen:?}");
    }

    #[test]
    fn every_frame_of_a_camera_can_be_recorded_though_few_are_read() {
        let feed = Feed::start(fast(30), OverflowPolicy::DropOldest, true, true).expect("a thread");
        let (mut recorded, mut read) = (vec![], 0);
        loop {
            recorded.extend(feed.to_record().map(|frame| frame.index));
            match feed.next(Duration::from_secs(5)) {
                Ok(Some(Ok(_))) => read += 1,
                Ok(None) => break,
                other => panic!("{other:?}"),
            }
            sleep(Duration::from_millis(60));
        }
        recorded.extend(feed.to_record().map(|frame| frame.index));
        assert!(recorded.into_iter().eq(0..30) && read < 25, "{read} read");
        assert_eq!(feed.lost(), 0);
    }

    #[test]
    fn a_feed_ends_when_nobody_listens_any_more() {
        let feed = Feed::start(fast(u64::MAX), OverflowPolicy::Block, true, false).expect("a thread");
        assert!(matches!(feed.next(Duration::from_secs(5)), Ok(Some(Ok(_)))));
        drop(feed);
    }
}
