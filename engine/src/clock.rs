//! The time, from a clock that tests replace; and the date, for logs that say when.

use std::sync::Arc;
#[cfg(feature = "training")]
use std::time::SystemTime;
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

/// Seconds since 1970, as the machine's clock has them. They say in a log when something was written; no result may depend on them.
#[cfg(feature = "training")]
pub fn wall_seconds() -> f64 {
    #[expect(clippy::disallowed_methods, reason = "written down beside results, and no part of one")]
    let now = SystemTime::now();
    now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
