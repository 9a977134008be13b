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

/// Seconds since 1970 as a date and time of day, as in `2026-11-30T14:25:00Z` (ISO 8601).
#[cfg(feature = "training")]
pub fn utc(seconds: f64) -> String {
    let seconds = seconds.max(0.0) as u64;
    let (days, time) = (seconds / 86_400, seconds % 86_400);
    // Counted from a first of March, so that the day that some years have more is their last; 146,097 days are 400 years.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day_of_month = day - (153 * month + 2) / 5 + 1;
    let (month, later) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = era * 400 + year + later;
    let (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60);
    format!("{year:04}-{month:02}-{day_of_month:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(all(test, feature = "training"))]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_as_a_date() {
        // What `date --utc --date=@SECONDS` says.
        for (seconds, date) in [
            (0.0, "1970-01-01T00:00:00Z"),
            (951_782_399.9, "2000-02-28T23:59:59Z"),
            (951_782_400.0, "2000-02-29T00:00:00Z"),
            (1_709_164_800.0, "2024-02-29T00:00:00Z"),
            (1_735_689_599.0, "2024-12-31T23:59:59Z"),
            (1_796_048_700.0, "2026-11-30T14:25:00Z"),
            (4_107_542_400.0, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(utc(seconds), date);
        }
    }
}
