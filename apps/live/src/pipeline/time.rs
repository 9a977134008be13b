//! The pipeline's time: a clock, and a way to wait. Tests replace both.

use std::sync::Arc;
use std::time::Duration;

use affekt_engine::world::live::Clock;

/// A clock and a way to wait.
#[derive(Clone)]
pub struct Time {
    clock: Clock,
    sleep: Arc<dyn Fn(Duration) + Send + Sync>,
}

impl Default for Time {
    /// The machine's.
    fn default() -> Self {
        Self::of(Clock::default(), std::thread::sleep)
    }
}

impl Time {
    /// A clock and a function that waits.
    pub fn of(clock: Clock, sleep: impl Fn(Duration) + Send + Sync + 'static) -> Self {
        Self { clock, sleep: Arc::new(sleep) }
    }

    /// The clock, for those who never wait.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The time now, since some fixed moment.
    pub fn now(&self) -> Duration {
        self.clock.now()
    }

    /// Waits so long.
    pub fn sleep(&self, duration: Duration) {
        if !duration.is_zero() {
            (self.sleep)(duration);
        }
    }
}
