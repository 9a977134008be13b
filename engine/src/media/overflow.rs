//! How one stage hands over to the next: through a bounded channel in which, live, the newest wins, and in which a file
//! waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, SendTimeoutError, Sender, TrySendError, bounded};

/// How often a stage that waits for a place looks whether it is to stop.
const LOOK: Duration = Duration::from_millis(20);

/// What happens where the next stage is not ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OverflowPolicy {
    /// The oldest is thrown out and counted; nobody waits.
    DropOldest,
    /// The stage waits; nothing is lost.
    Block,
}

/// The end of a channel that a stage puts into.
#[derive(Debug, Clone)]
pub struct Outlet<T> {
    sender: Sender<T>,
    /// The other end, to throw out the oldest.
    oldest: Receiver<T>,
    dropped: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
}

/// A channel of at most `size` items, at least 1. Putting ends where `stop` is set.
pub fn bounded_outlet<T>(size: usize, stop: Arc<AtomicBool>) -> (Outlet<T>, Receiver<T>) {
    let (sender, receiver) = bounded(size.max(1));
    let oldest = receiver.clone();
    (Outlet { sender, oldest, dropped: Arc::default(), stop }, receiver)
}

impl<T> Outlet<T> {
    /// Hands an item over; `false` where it is told to stop or nobody wants it any more.
    pub fn put(&self, item: T, how: OverflowPolicy) -> bool {
        let mut item = item;
        while !self.stop.load(Ordering::Relaxed) {
            let full = match how {
                OverflowPolicy::DropOldest => self.sender.try_send(item).map_err(|e| match e {
                    TrySendError::Full(item) => Some(item),
                    TrySendError::Disconnected(_) => None,
                }),
                OverflowPolicy::Block => self.sender.send_timeout(item, LOOK).map_err(|e| match e {
                    SendTimeoutError::Timeout(item) => Some(item),
                    SendTimeoutError::Disconnected(_) => None,
                }),
            };
            item = match full {
                Ok(()) => return true,
                Err(None) => return false,
                Err(Some(item)) => item,
            };
            // The next stage may take the oldest itself between the two calls; then nothing is lost.
            if how == OverflowPolicy::DropOldest && self.oldest.try_recv().is_ok() {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
        false
    }

    /// Counts the items that were thrown out.
    pub fn dropped(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.dropped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_wins_and_what_is_thrown_out_is_counted() {
        let (outlet, receiver) = bounded_outlet(2, Arc::default());
        for item in 0..7 {
            assert!(outlet.put(item, OverflowPolicy::DropOldest));
        }
        assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [5, 6]);
        assert_eq!(outlet.dropped().load(Ordering::Relaxed), 5);
    }

    #[test]
    fn a_file_waits_and_nothing_is_lost() {
        let (outlet, receiver) = bounded_outlet(1, Arc::default());
        let dropped = outlet.dropped();
        std::thread::scope(|scope| {
            scope.spawn(move || (0..50).for_each(|item| assert!(outlet.put(item, OverflowPolicy::Block))));
            std::thread::sleep(Duration::from_millis(50));
            assert!((0..50).all(|item| receiver.recv() == Ok(item)));
        });
        assert_eq!(dropped.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_stage_that_waits_hears_that_it_is_to_stop() {
        let stop = Arc::new(AtomicBool::new(false));
        let (outlet, _receiver) = bounded_outlet(1, Arc::clone(&stop));
        assert!(outlet.put(0, OverflowPolicy::Block));
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| outlet.put(1, OverflowPolicy::Block));
            std::thread::sleep(Duration::from_millis(30));
            assert!(!waiting.is_finished());
            stop.store(true, Ordering::Relaxed);
            assert!(waiting.join().is_ok_and(|put| !put));
        });
    }
}
