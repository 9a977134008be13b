//! The time, from a clock that tests replace.

use std::sync::Arc;
use std::time::{Duration, Instant};

/// Time since some fixed moment.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Duration + Send + Sync>);

impl Clock {
    /// A clock that calls a function, for tests.
    pub fn of(now: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The time now.
    pub fn now(&self) -> Duration {
        (self.0)()
    }
}

impl Default for Clock {
    /// The machine's, from its making on; it never goes back.
    fn default() -> Self {
        let start = Instant::now();
        Self::of(move || start.elapsed())
    }
}
