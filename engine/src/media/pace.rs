//! When a frame of a source that could be read faster is due.

use std::time::Duration;

/// Shows frames at the rate that their times ask for. A frame that comes too late is due at once, and the pace goes on from
/// there: what was lost is not made up for by running faster.
#[derive(Debug, Clone, Default)]
pub struct Pace {
    /// A moment of the clock and the frame time that belongs to it.
    anchor: Option<(Duration, f64)>,
}

impl Pace {
    /// The clock's time at which the frame of `seconds` is due, `now` or later.
    pub fn due(&mut self, seconds: f64, now: Duration) -> Duration {
        let after =
            |(at, from): (Duration, f64)| Some(at + Duration::try_from_secs_f64(seconds - from).ok()?);
        match self.anchor.and_then(after) {
            Some(due) if due >= now => due,
            _ => {
                self.anchor = Some((now, seconds));
                now
            }
        }
    }

    /// The next frame is due at once.
    pub fn restart(&mut self) {
        self.anchor = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn frames_are_due_at_their_own_rate_and_lateness_is_not_made_up_for() {
        let mut pace = Pace::default();
        assert_eq!(pace.due(5.0, ms(100)), ms(100), "the first is due at once, whatever its time");
        assert_eq!(pace.due(5.5, ms(110)), ms(600));
        assert_eq!(pace.due(6.0, ms(1300)), ms(1300), "200 ms late");
        assert_eq!(pace.due(6.5, ms(1310)), ms(1800));
        assert_eq!(pace.due(0.0, ms(1400)), ms(1400), "a source that begins again");
        pace.restart();
        assert_eq!(pace.due(9.0, ms(1500)), ms(1500));
    }
}
