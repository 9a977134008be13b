//! Step sizes over time, clipping, and what to do with a gradient that is not a number.

use serde::{Deserialize, Serialize};

use super::error::LearnError;
use super::settings::{Optimiser, Schedule};
use crate::backend::{Slot, Training, UpdateRule};

/// Steps in a row without an update after which a run is given up.
const GIVE_UP_AFTER: u32 = 20;

/// Step size at `step` of a network that learns from `start` to `end` (steps, from 0): a line from 0 over
/// `warm_up` steps, then `highest` as the schedule lets it fall. The last step before `end` still moves.
pub fn scheduled(highest: f32, schedule: Schedule, warm_up: u64, start: u64, end: u64, step: u64) -> f32 {
    let done = step.saturating_sub(start);
    if done < warm_up {
        return (f64::from(highest) * (done + 1) as f64 / (warm_up + 1) as f64) as f32;
    }
    match schedule {
        Schedule::Constant => highest,
        Schedule::Cosine => {
            let span = end.saturating_sub(start).saturating_sub(warm_up).max(1);
            let progress = ((done - warm_up) as f64 / span as f64).min(1.0);
            (f64::from(highest) * 0.5 * (1.0 + (std::f64::consts::PI * progress).cos())) as f32
        }
    }
}

/// Decay of the moving average in its `update`-th update (from 0): `min(decay, (1 + t) / (10 + t))`, so that a short
/// run's average is not held back by the weights it started with.
pub fn average_decay(decay: f32, update: u64) -> f32 {
    let t = update as f64;
    f64::from(decay).min((1.0 + t) / (10.0 + t)) as f32
}

/// What a gradient step did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Descent {
    /// Global norm of the gradient before clipping.
    pub norm: f64,
    /// Factor on the gradient: `min(1, clip / norm)`.
    pub scale: f32,
}

/// Clips a slot's gradient by its global norm and makes one SGD step with it. Returns `None`, and moves nothing, when
/// the gradient is infinite or not a number.
///
/// # Errors
/// The slot holds no gradient, or the device failed.
pub fn descend(
    network: &mut dyn Training,
    slot: Slot,
    learning_rate: f32,
    optimiser: &Optimiser,
) -> Result<Option<Descent>, LearnError> {
    let norm = network.dot(slot, slot)?.sqrt();
    if !norm.is_finite() {
        return Ok(None);
    }
    let scale = clip_scale(norm, optimiser.clip);
    network.update(
        slot,
        &UpdateRule::Sgd {
            learning_rate,
            momentum: optimiser.momentum,
            weight_decay: optimiser.weight_decay,
            scale,
        },
    )?;
    Ok(Some(Descent { norm, scale }))
}

/// Factor that brings a gradient of that norm down to `limit`; 1 where it is shorter or `limit` is 0.
pub(super) fn clip_scale(norm: f64, limit: f32) -> f32 {
    let limit = f64::from(limit);
    if limit > 0.0 && norm > limit { (limit / norm) as f32 } else { 1.0 }
}

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
    fn the_cosine_starts_at_the_top_and_ends_near_zero() {
        let rate = |step| scheduled(0.1, Schedule::Cosine, 0, 0, 100, step);
        assert_eq!(rate(0), 0.1);
        assert!((rate(50) - 0.05).abs() < 1e-6);
        assert!(rate(99) > 0.0 && rate(99) < 1e-4);
        assert!(rate(200).abs() < 1e-9);
        assert!((1..100).all(|s| rate(s) < rate(s - 1)));
    }

    #[test]
    fn warm_up_counts_from_the_networks_own_start() {
        let rate = |step| scheduled(1.0, Schedule::Cosine, 4, 10, 110, step);
        assert_eq!([rate(10), rate(11), rate(12), rate(13), rate(14)], [0.2, 0.4, 0.6, 0.8, 1.0]);
        assert_eq!(scheduled(1.0, Schedule::Constant, 0, 0, 10, 9), 1.0);
    }

    #[test]
    fn only_long_gradients_are_clipped() {
        assert_eq!(clip_scale(10.0, 5.0), 0.5);
        assert_eq!(clip_scale(4.0, 5.0), 1.0);
        assert_eq!(clip_scale(1e9, 0.0), 1.0);
    }

    #[test]
    fn the_average_forgets_its_start_first() {
        assert!((average_decay(0.999, 0) - 0.1).abs() < 1e-7);
        assert!((average_decay(0.999, 90) - 0.91).abs() < 1e-7);
        assert_eq!(average_decay(0.999, 1_000_000), 0.999);
    }

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
