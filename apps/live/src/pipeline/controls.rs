//! What the window sets and the stages look up while they run.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::tap::Tap;

/// Time that stages are made to take longer, to see that the window does not mind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Slow {
    /// Each frame's capture.
    pub capture: Duration,
    /// Each frame's inference.
    pub inference: Duration,
}

/// What the stages look up while they run.
pub(super) struct Controls {
    pub stop: Arc<AtomicBool>,
    pub paused: AtomicBool,
    /// Most columns and rows of a picture that is worth drawing.
    pub view: [AtomicUsize; 2],
    /// Frames that a face's probabilities are averaged over.
    pub smoothing: AtomicUsize,
    /// Programs that listen at the port.
    pub clients: AtomicUsize,
    pub slow: Slow,
    /// Where frames are taken to be recorded, whether they are read or not.
    tap: Mutex<Option<Tap>>,
    wake: Box<dyn Fn() + Send + Sync>,
}

impl Controls {
    /// Nothing is paused, and nothing is averaged.
    pub fn new(stop: Arc<AtomicBool>, slow: Slow, wake: Box<dyn Fn() + Send + Sync>) -> Self {
        Self {
            stop,
            paused: AtomicBool::new(false),
            view: [AtomicUsize::new(1280), AtomicUsize::new(1280)],
            smoothing: AtomicUsize::new(1),
            clients: AtomicUsize::new(0),
            slow,
            tap: Mutex::new(None),
            wake,
        }
    }

    pub fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    pub fn paused(&self) -> bool {
        self.paused.load(Ordering::Relaxed)
    }

    pub fn view(&self) -> (usize, usize) {
        (self.view[0].load(Ordering::Relaxed), self.view[1].load(Ordering::Relaxed))
    }

    pub fn smoothing(&self) -> usize {
        self.smoothing.load(Ordering::Relaxed)
    }

    /// Takes frames to be recorded from now on, or no more.
    pub fn set_tap(&self, tap: Option<Tap>) {
        *self.tap.lock().unwrap_or_else(PoisonError::into_inner) = tap;
    }

    /// Where frames of a run are taken to be recorded.
    pub fn tap(&self, run: u64) -> Option<Tap> {
        self.tap.lock().unwrap_or_else(PoisonError::into_inner).clone().filter(|tap| tap.run == run)
    }

    /// Tells the window that there is something to see.
    pub fn wake(&self) {
        (self.wake)();
    }
}
