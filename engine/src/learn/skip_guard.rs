//! What to do with a gradient that is not a number: skip the step, and give up after many.

use serde::{Deserialize, Serialize};

use super::error::LearnError;

/// Steps in a row without an update after which a run is given up.
const GIVE_UP_AFTER: u32 = 20;

/// Counts steps that were skipped because a number was not finite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SkipGuard {
    /// Skipped steps so far.
    pub total: u64,
    /// Skipped steps since the last good one.
    pub in_a_row: u32,
}

impl SkipGuard {
    /// Records one step.
    ///
    /// # Errors
    /// [`LearnError::Diverged`] at the 20th skipped step in a row.
    pub fn record(&mut self, step: u64, skipped: bool) -> Result<(), LearnError> {
        if !skipped {
            self.in_a_row = 0;
            return Ok(());
        }
        self.total += 1;
        self.in_a_row += 1;
        if self.in_a_row >= GIVE_UP_AFTER {
            return Err(LearnError::Diverged { step, in_a_row: self.in_a_row });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_skipped_steps_in_a_row_end_the_run() {
        let mut guard = SkipGuard::default();
        for step in 0..19 {
            guard.record(step, true).expect("not yet");
        }
        guard.record(19, false).expect("a good step");
        assert_eq!((guard.total, guard.in_a_row), (19, 0));
        for step in 20..39 {
            guard.record(step, true).expect("not yet");
        }
        let error = guard.record(39, true).expect_err("the 20th in a row");
        assert!(error.to_string().starts_with("step 39: 20 steps in a row"), "{error}");
    }
}
