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
}
