//! How the temporal encoder learns (phase 2 of the method).

use serde::{Deserialize, Serialize};

use super::error::{Faults, LearnError};
use super::schedule::{Schedule, scheduled};

/// How much a frame's class counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClassWeights {
    /// Every labelled frame counts the same.
    #[default]
    None,
    /// A frame counts by the inverse of its class's frequency among the training frames, because macro F1 counts every
    /// class the same. The mean weight of a training frame is 1.
    Balanced,
    /// By the root of that, scaled to the same mean: rare classes count more, and common ones are not given up for them.
    SquareRoot,
}

/// Settings of phase 2; the defaults are the method's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TemporalSettings {
    /// Steps in all.
    pub steps: u64,
    /// Clips a step.
    pub batch: usize,
    /// Clips of a pass at the most, 1 to 4096: a larger batch is cut into slices whose gradients are added up, which takes the memory
    /// of a slice and a third more time. Dropout draws masks for each slice; without it a sliced step is the whole one up to the order of
    /// sums. Whole batches where it is not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub micro_batch: Option<usize>,
    /// Highest step size of `AdamW`.
    pub learning_rate: f32,
    /// Share of all steps over which the step size first rises in a line from 0, in `[0, 1)`.
    pub warm_up_share: f32,
    /// Decoupled weight decay, on weights only.
    pub weight_decay: f32,
    /// Decay of the gradient's mean.
    pub beta1: f32,
    /// Decay of the gradient's mean square.
    pub beta2: f32,
    /// Added to the root of the mean square.
    pub epsilon: f32,
    /// Highest global norm of a gradient; longer ones are scaled down. 0 switches clipping off.
    pub clip: f32,
    /// How much a frame's class counts.
    pub class_weights: ClassWeights,
    /// Part of a target that is spread over all classes, in `[0, 1)`.
    pub label_smoothing: f32,
    /// Share of the frames of a training clip that are hidden from the encoder, in `[0, 1)`, so that it learns to lean on
    /// the others and meets missing faces.
    #[serde(alias = "hidden_frames")]
    pub frame_masking: f32,
}

impl Default for TemporalSettings {
    fn default() -> Self {
        Self {
            steps: 2000,
            batch: 32,
            micro_batch: None,
            learning_rate: 1e-4,
            warm_up_share: 0.05,
            weight_decay: 1e-2,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            clip: 5.0,
            class_weights: ClassWeights::None,
            label_smoothing: 0.0,
            frame_masking: 0.0,
        }
    }
}

impl TemporalSettings {
    /// Refuses settings that are out of range.
    ///
    /// # Errors
    /// [`LearnError::Setting`] naming the bad one; where there are several, [`LearnError::Several`].
    pub fn validate(&self) -> Result<(), LearnError> {
        let mut faults = Faults::default();
        faults.require(self.steps > 0, "steps", || "is 0, but must be at least 1".into());
        let batch = self.batch;
        faults.require((1..=4096).contains(&batch), "batch", || format!("is {batch}, but must be 1 to 4096"));
        let most = self.micro_batch.unwrap_or(1);
        faults.require((1..=4096).contains(&most), "micro_batch", || {
            format!("is {most}, but must be 1 to 4096")
        });
        for (name, value) in [
            ("warm_up_share", self.warm_up_share),
            ("label_smoothing", self.label_smoothing),
            ("frame_masking", self.frame_masking),
            ("beta1", self.beta1),
            ("beta2", self.beta2),
        ] {
            let good = (0.0..1.0).contains(&value);
            faults.require(good, name, || format!("is {value}, but must be in [0, 1)"));
        }
        for (name, value) in
            [("learning_rate", self.learning_rate), ("weight_decay", self.weight_decay), ("clip", self.clip)]
        {
            let good = value >= 0.0 && value.is_finite();
            faults.require(good, name, || format!("is {value}, but must be from 0 up and finite"));
        }
        let epsilon = self.epsilon;
        let good = epsilon > 0.0 && epsilon.is_finite();
        faults.require(good, "epsilon", || format!("is {epsilon}, but must be above 0 and finite"));
        faults.end()
    }

    /// Step size of a step, counted from 0.
    pub fn learning_rate_at(&self, step: u64) -> f32 {
        let warm_up = (f64::from(self.warm_up_share) * self.steps as f64).round() as u64;
        scheduled(self.learning_rate, Schedule::Cosine, warm_up, 0, self.steps, step)
    }

    /// Weight of each class's frames, given how often each class occurs among the training frames.
    pub fn weights_of(&self, counts: &[usize]) -> Vec<f32> {
        let total: usize = counts.iter().sum();
        let present = counts.iter().filter(|&&n| n > 0).count().max(1);
        let balanced = |n: usize| total as f32 / (present * n) as f32;
        let roots: f32 = counts.iter().filter(|&&n| n > 0).map(|&n| n as f32 * balanced(n).sqrt()).sum();
        let weight = |&n: &usize| match self.class_weights {
            ClassWeights::Balanced if n > 0 => balanced(n),
            ClassWeights::SquareRoot if n > 0 => balanced(n).sqrt() * total as f32 / roots,
            _ => 1.0,
        };
        counts.iter().map(weight).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_the_methods_and_valid() {
        let settings = TemporalSettings::default();
        settings.validate().expect("valid");
        assert_eq!(settings.learning_rate_at(100), 1e-4, "the top stands behind 5 % of the steps");
        assert!(settings.learning_rate_at(99) < 1e-4 && settings.learning_rate_at(1999) < 1e-9);
    }

    #[test]
    fn a_setting_out_of_range_is_named() {
        let bad = TemporalSettings { beta2: 1.0, ..TemporalSettings::default() };
        assert!(bad.validate().expect_err("refused").to_string().contains("`beta2`"));
        let bad = TemporalSettings { micro_batch: Some(0), ..TemporalSettings::default() };
        assert!(bad.validate().expect_err("refused").to_string().contains("`micro_batch`"));
        let bad = TemporalSettings { learning_rate: f32::NAN, ..TemporalSettings::default() };
        assert!(bad.validate().expect_err("refused").to_string().contains("`learning_rate`"));
    }

    #[test]
    fn balanced_weights_give_every_class_the_same_sum() {
        let balanced = TemporalSettings { class_weights: ClassWeights::Balanced, ..Default::default() };
        let counts = [10, 30, 0];
        let weights = balanced.weights_of(&counts);
        assert_eq!(weights, [2.0, 40.0 / 60.0, 1.0]);
        assert_eq!(TemporalSettings::default().weights_of(&counts), [1.0; 3]);
        let root = TemporalSettings { class_weights: ClassWeights::SquareRoot, ..Default::default() };
        let weights = root.weights_of(&counts);
        assert!((weights[0] / weights[1] - 3.0f32.sqrt()).abs() < 1e-6);
        assert!((10.0 * weights[0] + 30.0 * weights[1] - 40.0).abs() < 1e-4, "the mean weight is 1");
    }
}
