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
    /// The machine's, from its making on; it never goes back. In WebAssembly without a system there is none, and it stands
    /// still: give one by [`Clock::of`], for example of the browser's `performance.now()`.
    fn default() -> Self {
        if cfg!(all(target_family = "wasm", target_os = "unknown")) {
            return Self::of(|| Duration::ZERO);
        }
        let start = Instant::now();
        Self::of(move || start.elapsed())
    }
}
