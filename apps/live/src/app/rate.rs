//! How many frames a second are shown.

use std::collections::VecDeque;
use std::time::Duration;

/// Time that the rate is taken over.
const RATE_OVER: Duration = Duration::from_secs(2);

/// Frames a second over the last seconds.
#[derive(Debug, Default)]
pub struct Rate(VecDeque<Duration>);

impl Rate {
    /// A frame was shown now.
    pub fn push(&mut self, now: Duration) {
        self.0.push_back(now);
        self.forget(now);
    }

    fn forget(&mut self, now: Duration) {
        while self.0.front().is_some_and(|&at| now.saturating_sub(at) > RATE_OVER) {
            self.0.pop_front();
        }
    }

    /// Frames a second over the last two seconds; 0 where there is no telling.
    pub fn per_second(&mut self, now: Duration) -> f64 {
        self.forget(now);
        let (Some(first), Some(last)) = (self.0.front(), self.0.back()) else { return 0.0 };
        let span = last.saturating_sub(*first).as_secs_f64();
        if span > 0.0 { (self.0.len() - 1) as f64 / span } else { 0.0 }
    }
}

/// Time that the speed is taken over, and the shortest that tells anything.
const SPEED_OVER: Duration = Duration::from_secs(4);
const TELLS: f64 = 1.5;

/// How fast a film plays, by its own times and the clock's.
#[derive(Debug, Default)]
pub struct Speed(VecDeque<(Duration, f64)>);

impl Speed {
    /// The frame of a time of the film was shown now.
    pub fn push(&mut self, now: Duration, seconds: f64) {
        if self.0.back().is_some_and(|(_, last)| seconds < *last) {
            self.0.clear();
        }
        self.0.push_back((now, seconds));
        while self.0.front().is_some_and(|(at, _)| now.saturating_sub(*at) > SPEED_OVER) {
            self.0.pop_front();
        }
    }

    /// Seconds of the film in a second over the last frames; `None` where there are too few.
    pub fn now(&self) -> Option<f64> {
        let ((began, from), (now, to)) = (self.0.front()?, self.0.back()?);
        let took = now.saturating_sub(*began).as_secs_f64();
        (took >= TELLS).then(|| (to - from) / took)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_two_seconds() {
        let mut rate = Rate::default();
        assert_eq!(rate.per_second(Duration::ZERO), 0.0);
        (0..=300u64).for_each(|frame| rate.push(Duration::from_millis(frame * 20)));
        assert!((rate.per_second(Duration::from_secs(6)) - 50.0).abs() < 1e-9);
        assert_eq!(rate.per_second(Duration::from_mins(1)), 0.0, "nothing comes any more");
    }

    #[test]
    fn the_speed_is_told_by_the_films_own_times() {
        let mut speed = Speed::default();
        let push = |speed: &mut Speed, frame: u64, ms: u64| {
            speed.push(Duration::from_millis(frame * ms), frame as f64 * 0.04);
        };
        (0..20).for_each(|frame| push(&mut speed, frame, 40));
        assert_eq!(speed.now(), None, "too short to tell");
        (20..200).for_each(|frame| push(&mut speed, frame, 40));
        assert!(speed.now().is_some_and(|s| (s - 1.0).abs() < 1e-6), "{:?}", speed.now());
        let mut slow = Speed::default();
        (0..100).for_each(|frame| push(&mut slow, frame, 100));
        assert!(slow.now().is_some_and(|s| (s - 0.4).abs() < 1e-6), "{:?}", slow.now());
        push(&mut slow, 0, 100);
        assert_eq!(slow.now(), None, "it began again");
    }
}
