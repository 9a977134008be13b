//! Step sizes and the moving average's decay over time.

use serde::{Deserialize, Serialize};

/// How the learning rate goes from its highest value to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// Half a cosine down to 0.
    #[default]
    Cosine,
    /// Unchanged.
    Constant,
}

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
    fn the_average_forgets_its_start_first() {
        assert!((average_decay(0.999, 0) - 0.1).abs() < 1e-7);
        assert!((average_decay(0.999, 90) - 0.91).abs() < 1e-7);
        assert_eq!(average_decay(0.999, 1_000_000), 0.999);
    }
}
