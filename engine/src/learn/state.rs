//! What must be kept to go on learning as if nothing had happened.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::error::LearnError;
use super::settings::Settings;
use super::skip_guard::SkipGuard;
use crate::backend::NetworkState;

/// Small numbers of a run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counters {
    /// Updates of the teacher so far, or of the supervised network's only network.
    pub teacher_updates: u64,
    /// Updates of the student so far.
    pub student_updates: u64,
    /// Steps skipped because a number was not finite.
    pub skipped: SkipGuard,
    /// Signs of the latest feedbacks, oldest first: whether `f > 0`.
    pub feedback_signs: Vec<bool>,
}

/// A run between two steps. Random numbers and the samplers are addressed by step, so `step` is their place too.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TrainingState {
    /// Steps made.
    pub step: u64,
    /// Weights, momentum and average by role: `teacher` and `student`, or `student` alone for the baseline.
    pub networks: BTreeMap<String, NetworkState>,
    /// Small numbers.
    pub counters: Counters,
    /// What the pseudo-labeller remembers, by name.
    pub vectors: BTreeMap<String, Vec<f32>>,
}

impl TrainingState {
    /// The state of one network.
    ///
    /// # Errors
    /// It is not here: the state belongs to the other method.
    pub(super) fn network(&self, role: &'static str) -> Result<&NetworkState, LearnError> {
        self.networks.get(role).ok_or_else(|| LearnError::Setting {
            name: "method",
            problem: format!("the checkpoint holds no {role}: it was made with the other method"),
        })
    }

    /// This state of a fresh teacher and student, moved on to where a baseline with the same settings stands: until the
    /// teacher's warm-up ends the two methods are one run, so its steps need not be made again.
    ///
    /// # Errors
    /// It is no baseline's state, or the methods part before its step.
    pub fn after_baseline(mut self, baseline: &Self, settings: &Settings) -> Result<Self, LearnError> {
        let refuse = |problem: String| Err(LearnError::Batch(problem));
        if baseline.networks.contains_key("teacher") {
            return refuse("it has a teacher, so it is no baseline to begin with".into());
        }
        let shared = settings.steps_shared_with_baseline();
        if baseline.step > shared {
            let step = baseline.step;
            return refuse(format!(
                "the baseline stands at step {step}, but the methods part after {shared}"
            ));
        }
        let mut teacher = baseline.network("student")?.clone();
        if !settings.teacher_ema {
            teacher.average = None;
        }
        self.networks.insert("teacher".into(), teacher);
        self.step = baseline.step;
        self.counters.teacher_updates = baseline.counters.teacher_updates;
        self.counters.skipped = baseline.counters.skipped;
        Ok(self)
    }
}
