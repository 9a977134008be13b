//! Prepares training steps ahead of time on worker threads and hands them over strictly in order.

use std::any::Any;
use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::DataError;

/// An iterator over prepared steps, `capacity` of which are at most in the making or ready at any time.
///
/// Workers take step numbers from one bounded channel and put results into another; taking a step lets the next
/// number in. So memory is bounded, workers never wait for anything but numbers, and dropping the loader ends them.
/// A panic while a step is made comes out as that step's error, and nothing after it.
#[derive(Debug)]
pub struct Loader<T> {
    next: u64,
    end: u64,
    /// First step whose number has not been given out.
    unissued: u64,
    numbers: Option<Sender<u64>>,
    results: Receiver<(u64, Result<T, String>)>,
    /// Steps that were ready before their turn.
    early: BTreeMap<u64, Result<T, String>>,
    workers: Vec<JoinHandle<()>>,
    waited: Duration,
}

impl<T: Send + 'static> Loader<T> {
    /// Starts `workers` threads (at least one) that make the given steps, at most `capacity` (at least one) ahead.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub fn spawn(
        steps: Range<u64>,
        workers: usize,
        capacity: usize,
        make: impl Fn(u64) -> T + Send + Sync + 'static,
    ) -> Result<Self, DataError> {
        let capacity = capacity.max(1);
        let (number_sender, number_receiver) = bounded(capacity);
        let (result_sender, results) = bounded(capacity);
        let mut loader = Self {
            next: steps.start,
            end: steps.end,
            unissued: steps.start,
            numbers: Some(number_sender),
            results,
            early: BTreeMap::new(),
            workers: Vec::new(),
            waited: Duration::ZERO,
        };
        (0..capacity).for_each(|_| loader.issue());
        let make = Arc::new(make);
        for index in 0..workers.max(1) {
            let (numbers, results, make) =
                (number_receiver.clone(), result_sender.clone(), Arc::clone(&make));
            let work = move || {
                for step in &numbers {
                    // A panic leaves `make` as it is: it is only read, and nothing is made after a failure.
                    let result =
                        catch_unwind(AssertUnwindSafe(|| make(step))).map_err(|panic| message(&*panic));
                    if results.send((step, result)).is_err() {
                        break;
                    }
                }
            };
            let thread = thread::Builder::new().name(format!("loader-{index}")).spawn(work);
            let thread = thread.map_err(|source| DataError::Io { path: "loader thread".into(), source })?;
            loader.workers.push(thread);
        }
        Ok(loader)
    }

    fn issue(&mut self) {
        if self.unissued < self.end
            && let Some(numbers) = &self.numbers
        {
            // There is room: no more than `capacity` numbers are out at any time.
            let _ = numbers.send(self.unissued);
            self.unissued += 1;
        }
    }
}

impl<T> Loader<T> {
    /// How long taking steps has waited for workers so far: training starves where this grows with the steps.
    pub fn waited(&self) -> Duration {
        self.waited
    }

    fn stop(&mut self) {
        self.numbers = None;
        self.end = self.next;
    }
}

impl<T: Send + 'static> Iterator for Loader<T> {
    type Item = Result<T, DataError>;

    /// The next step, waiting until it is ready; nothing after the last step or a failure.
    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.end {
            return None;
        }
        let start = Instant::now();
        let result = loop {
            if let Some(result) = self.early.remove(&self.next) {
                break result;
            }
            match self.results.recv() {
                Ok((step, result)) => self.early.insert(step, result),
                Err(_) => break Err("the worker threads have ended".to_owned()),
            };
        };
        self.waited += start.elapsed();
        let step = self.next;
        self.next += 1;
        match result {
            Ok(made) => {
                self.issue();
                Some(Ok(made))
            }
            Err(reason) => {
                self.stop();
                Some(Err(DataError::Worker { step, reason }))
            }
        }
    }
}

impl<T> Drop for Loader<T> {
    /// Waits for the steps being made, not for those asked for.
    fn drop(&mut self) {
        self.numbers = None;
        // Without a receiver, workers give up the numbers still waiting in the channel after their current step.
        self.results = crossbeam_channel::never();
        for worker in self.workers.drain(..) {
            // Panics were caught inside.
            let _ = worker.join();
        }
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "it panicked".to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn steps_come_in_order_whatever_the_workers_timing() {
        for (workers, capacity) in [(1, 1), (4, 3), (3, 16), (0, 0)] {
            let make = |step: u64| {
                thread::sleep(Duration::from_micros(step * 7919 % 1500));
                step * 10
            };
            let loader = Loader::spawn(5..65, workers, capacity, make).unwrap();
            let steps: Vec<u64> = loader.map(Result::unwrap).collect();
            assert_eq!(steps, (5..65).map(|step| step * 10).collect::<Vec<_>>());
        }
    }

    #[test]
    fn no_more_than_capacity_steps_are_made_ahead() {
        let begun = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&begun);
        let make = move |step| {
            counter.fetch_add(1, Ordering::SeqCst);
            step
        };
        let mut loader = Loader::spawn(0..100, 3, 4, make).unwrap();
        for taken in 0..20 {
            thread::sleep(Duration::from_millis(3));
            let ahead = begun.load(Ordering::SeqCst) - taken;
            assert!(ahead <= 4, "{ahead} steps ahead after {taken}");
            assert_eq!(loader.next().unwrap().unwrap(), taken);
        }
        let patience = Instant::now();
        while begun.load(Ordering::SeqCst) < 24 && patience.elapsed() < Duration::from_secs(10) {
            thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(begun.load(Ordering::SeqCst), 24, "and it does run ahead");
    }

    #[test]
    fn dropping_it_midway_ends_the_workers_without_making_what_was_asked_for() {
        let begun = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&begun);
        let mut loader = Loader::spawn(0..u64::MAX, 2, 2000, move |step| {
            counter.fetch_add(1, Ordering::SeqCst);
            thread::sleep(Duration::from_millis(1));
            step
        })
        .unwrap();
        assert_eq!(loader.next().unwrap().unwrap(), 0);
        drop(loader);
        assert_eq!(Arc::strong_count(&begun), 1, "the workers are gone");
        assert!(begun.load(Ordering::SeqCst) < 1500, "the numbers still waiting were given up");
    }

    #[test]
    fn a_panic_is_the_error_of_its_step_and_ends_the_loader() {
        let make = |step: u64| {
            assert!(step != 3, "planted in step {step}");
            step
        };
        let mut loader = Loader::spawn(0..10, 2, 4, make).unwrap();
        assert_eq!((0..3).map(|_| loader.next().unwrap().unwrap()).collect::<Vec<_>>(), [0, 1, 2]);
        let message = loader.next().unwrap().unwrap_err().to_string();
        assert!(message.contains("step 3") && message.contains("planted in step 3"), "{message}");
        assert!(loader.next().is_none());
    }

    #[test]
    fn no_steps_is_an_empty_loader() {
        assert!(Loader::spawn(4..4, 2, 2, |step| step).unwrap().next().is_none());
    }
}
