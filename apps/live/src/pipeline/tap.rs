//! Where capture leaves the frames that are recorded, whether they are read or not.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use affekt_engine::media::source::Frame;
use affekt_engine::media::{Outlet, OverflowPolicy, Picture};

/// A frame to be recorded.
#[derive(Clone)]
pub(super) struct Take {
    /// Its number in the source.
    pub number: u64,
    /// Its time in seconds.
    pub seconds: f64,
    /// What is seen.
    pub picture: Picture,
}

/// Where capture leaves frames of a run to be recorded.
#[derive(Clone)]
pub(super) struct Tap {
    /// Which start of a source.
    pub run: u64,
    takes: Outlet<Take>,
    /// One past the number of the last frame that was left.
    next: Arc<AtomicU64>,
}

impl Tap {
    /// For frames of a run; `next` tells how far they have come.
    pub fn new(run: u64, takes: Outlet<Take>, next: Arc<AtomicU64>) -> Self {
        Self { run, takes, next }
    }

    /// Leaves a frame. Live, where there is no place, the oldest is left out and counted; of a film each waits for its place.
    pub fn take(&self, frame: &Frame, how: OverflowPolicy) {
        let take = Take { number: frame.index, seconds: frame.seconds, picture: frame.picture.clone() };
        self.takes.put(take, how);
        self.next.store(frame.index + 1, Ordering::Relaxed);
    }
}
