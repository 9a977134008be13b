//! The first stage: frames from a source, at the source's own rate, each with the moment it was captured.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::Builder;
use std::time::Duration;

use affekt_engine::media::source::{Frame, FrameSource};
use affekt_engine::media::{Outlet, OverflowPolicy, Pace, bounded_outlet};
use affekt_engine::world::live::OpenSource;
use crossbeam_channel::Receiver;

use super::controls::Controls;
use super::event::Event;
use super::time::Time;

/// Longest stretch that is waited for without looking whether to stop.
const LOOK: Duration = Duration::from_millis(25);
/// Frames that wait for inference: live one, so that the newest is never old; of a file a few, so that decoding goes on.
const WAITING: [usize; 2] = [1, 4];

/// A frame and when it was captured, by the pipeline's clock.
#[derive(Debug)]
pub struct CapturedFrame {
    /// The frame.
    pub frame: Frame,
    /// When it came from a camera, or when a frame of a file was due.
    pub captured: Duration,
    /// Whether it is a picture by itself, so that nobody in it is followed from the one before.
    pub apart: bool,
}

/// What capture hands on.
#[derive(Debug)]
pub(super) enum CaptureEvent {
    Frame(CapturedFrame),
    /// The source has no more frames.
    Ended,
    /// The source cannot be read on; why, and what to do.
    Failed(String),
}

/// How a source is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Play {
    /// What happens where frames come faster than they are read.
    pub how: OverflowPolicy,
    /// Whether its first frame is shown though the window is paused.
    pub first: bool,
}

impl From<OverflowPolicy> for Play {
    /// From the start: what is paused shows nothing.
    fn from(how: OverflowPolicy) -> Self {
        Self { how, first: false }
    }
}

/// Opens a source, in the thread that will read it.
pub type Open = Box<dyn FnOnce() -> Result<OpenSource, String> + Send>;

/// The window's hold on a running capture.
pub(super) struct Capture {
    pub events_in: Receiver<CaptureEvent>,
    pub counts: Counts,
    /// Ends the thread.
    pub stop: Arc<AtomicBool>,
}

/// What capture has counted so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Counts {
    /// Frames that came from the source.
    pub captured: Arc<AtomicU64>,
    /// Frames thrown out because a newer one came before they could be read.
    pub dropped: Arc<AtomicU64>,
    /// Frames that could not be decoded.
    pub damaged: Arc<AtomicU64>,
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Capture {
    /// Starts a thread that opens a source and reads it to its end, or until this is dropped.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn spawn(
        run: u64,
        open: Open,
        play: Play,
        time: Time,
        controls: Arc<Controls>,
        events: Outlet<Event>,
    ) -> std::io::Result<Self> {
        let stop = Arc::default();
        let (outlet, events_in) =
            bounded_outlet(WAITING[usize::from(play.how == OverflowPolicy::Block)], Arc::clone(&stop));
        let counts = Counts { dropped: outlet.dropped(), ..Counts::default() };
        let worker = Worker {
            run,
            how: play.how,
            first: play.first,
            time,
            controls,
            events,
            outlet,
            counts: counts.clone(),
            stop: Arc::clone(&stop),
        };
        Builder::new().name("capture".into()).spawn(move || worker.work(open))?;
        Ok(Self { events_in, counts, stop })
    }
}

/// What the thread holds.
struct Worker {
    run: u64,
    how: OverflowPolicy,
    first: bool,
    time: Time,
    controls: Arc<Controls>,
    events: Outlet<Event>,
    outlet: Outlet<CaptureEvent>,
    counts: Counts,
    stop: Arc<AtomicBool>,
}

impl Worker {
    fn work(&self, open: Open) {
        let opened = match open() {
            Ok(opened) => opened,
            Err(problem) => {
                self.outlet.put(CaptureEvent::Failed(problem), OverflowPolicy::Block);
                return;
            }
        };
        let (info, length) = (opened.source.info().clone(), opened.source.seconds());
        let event = Event::Opened { run: self.run, info, length, note: opened.note };
        self.events.put(event, OverflowPolicy::Block);
        self.controls.wake();
        let last = self.read(opened.source, opened.keeps_time);
        if let Some(last) = last {
            self.outlet.put(last, OverflowPolicy::Block);
        }
    }

    /// Reads until there is nothing more; `None` where it was told to stop.
    fn read(&self, mut source: Box<dyn FrameSource>, keeps_time: bool) -> Option<CaptureEvent> {
        let mut pace = Pace::default();
        let apart = source.info().still;
        let mut shown = !self.first;
        loop {
            // A film stands still while the window is paused; a camera goes on, and its frames are released.
            while self.how == OverflowPolicy::Block && shown && self.controls.paused() && !self.stopped() {
                self.time.sleep(LOOK);
                pace.restart();
            }
            if self.stopped() {
                return None;
            }
            self.time.sleep(self.controls.slow.capture);
            let frame = match source.next_frame() {
                Ok(Some(frame)) => frame,
                Ok(None) => {
                    self.counts.damaged.store(source.skipped().count, Ordering::Relaxed);
                    return Some(CaptureEvent::Ended);
                }
                Err(error) => return Some(CaptureEvent::Failed(error.to_string())),
            };
            self.counts.damaged.store(source.skipped().count, Ordering::Relaxed);
            if !keeps_time {
                self.wait_until(pace.due(frame.seconds, self.time.now()));
            }
            if self.how == OverflowPolicy::DropOldest && self.controls.paused() {
                continue;
            }
            self.counts.captured.fetch_add(1, Ordering::Relaxed);
            shown = true;
            if let Some(tap) = self.controls.tap(self.run) {
                tap.take(&frame, self.how);
            }
            let captured_frame = CapturedFrame { frame, captured: self.time.now(), apart };
            if !self.outlet.put(CaptureEvent::Frame(captured_frame), self.how) {
                return None;
            }
        }
    }

    fn wait_until(&self, due: Duration) {
        while !self.stopped() {
            let left = due.saturating_sub(self.time.now());
            if left.is_zero() {
                return;
            }
            self.time.sleep(left.min(LOOK));
        }
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.controls.stopped()
    }
}
