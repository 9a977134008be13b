//! Every choice of the method as a setting with the method's default, and what follows from them in each step.

use serde::{Deserialize, Serialize};

use super::schedule::{Schedule, scheduled};

/// How to learn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Teacher and student over labelled and unlabelled pictures.
    #[default]
    Ssl,
    /// One network over the labelled pictures alone: the baseline.
    Supervised,
}

/// Which view of an unlabelled picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ViewStrength {
    /// Flip, crop and colour jitter.
    #[default]
    Weak,
    /// `RandAugment`.
    Strong,
}

/// How the student's progress on labelled pictures is measured for the teacher.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Feedback {
    /// `f = eta_S <g_new, g_old>`, the dot product over all parameters (equation 6).
    #[default]
    Exact,
    /// `f = L_FER(old) - L_FER(new)`, both in the same batch-norm context; one backward pass cheaper.
    LossDifference,
    /// No feedback: `L_f` is left out.
    Off,
}

/// What a pseudo-label is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LabelKind {
    /// The teacher's most probable class.
    #[default]
    Hard,
    /// The teacher's probabilities.
    Soft,
}

/// Stochastic gradient descent, the same for both networks but for the step size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Optimiser {
    /// Highest step size of the teacher, and of the supervised baseline's network.
    pub teacher_learning_rate: f32,
    /// Highest step size of the student.
    pub student_learning_rate: f32,
    /// Momentum in `[0, 1)`.
    pub momentum: f32,
    /// Weight decay, on weights only (not on batch-norm or bias).
    pub weight_decay: f32,
    /// Highest global norm of a gradient; longer ones are scaled down. 0 switches clipping off.
    pub clip: f32,
    /// How the step size falls.
    pub schedule: Schedule,
    /// Steps over which each network's step size first rises in a line from 0.
    pub warm_up_steps: u64,
}

impl Default for Optimiser {
    fn default() -> Self {
        Self {
            teacher_learning_rate: 1e-2,
            student_learning_rate: 1e-3,
            momentum: 0.9,
            weight_decay: 5e-4,
            clip: 5.0,
            schedule: Schedule::Cosine,
            warm_up_steps: 0,
        }
    }
}

/// How the teacher labels unlabelled pictures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PseudoSettings {
    /// Class or probabilities.
    pub kind: LabelKind,
    /// Divides the teacher's logits before soft labels are taken; below 1 sharpens. Confidence is always that at 1.
    pub temperature: f32,
    /// Labels of lower confidence weigh nothing; 0 keeps all.
    pub threshold: f32,
    /// Lowers the threshold for classes that are learned late (`FlexMatch`, Zhang et al. 2021).
    pub curriculum: bool,
    /// Divides the teacher's probabilities by their running mean over the unlabelled pictures, so that labels are
    /// spread over the classes as in the balanced labelled batches (`ReMixMatch`, Berthelot et al. 2020).
    pub distribution_alignment: bool,
    /// About how many steps the running means behind curriculum and alignment look back. The curriculum lets everything
    /// through until it has seen enough, so in short runs this must be short.
    pub memory_steps: u64,
}

impl Default for PseudoSettings {
    fn default() -> Self {
        Self {
            kind: LabelKind::Hard,
            temperature: 1.0,
            threshold: 0.0,
            curriculum: false,
            distribution_alignment: false,
            memory_steps: 1000,
        }
    }
}

/// The terms of the teacher's loss `L_T = L_s + L_c + L_f` (equation 2). A weight of 0 leaves a term out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Losses {
    /// Weight of the supervised term `L_s`.
    pub supervised: f32,
    /// Weight of the consistency term `L_c`.
    pub consistency: f32,
    /// Divides the weak view's logits in `L_c`; below 1 sharpens the target.
    pub consistency_temperature: f32,
    /// Pictures whose weak view is less confident weigh nothing in `L_c`; 0 keeps all.
    pub consistency_threshold: f32,
    /// Steps after the teacher's warm-up over which the weight of `L_c` rises in a line from 0.
    pub consistency_ramp_steps: u64,
    /// How `f` is measured; `off` leaves `L_f` out.
    pub feedback: Feedback,
    /// Weight of the feedback term `L_f`.
    pub feedback_weight: f32,
}

impl Default for Losses {
    fn default() -> Self {
        Self {
            supervised: 1.0,
            consistency: 1.0,
            consistency_temperature: 1.0,
            consistency_threshold: 0.0,
            consistency_ramp_steps: 0,
            feedback: Feedback::Exact,
            feedback_weight: 1.0,
        }
    }
}

/// The student's last steps, on the labelled pictures alone while the teacher rests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FineTune {
    /// How many of `steps` are such; 0 switches it off.
    pub steps: u64,
    /// Highest step size; it falls as the schedule says.
    pub learning_rate: f32,
}

impl Default for FineTune {
    fn default() -> Self {
        Self { steps: 0, learning_rate: 1e-3 }
    }
}

/// All settings of phase 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Semi-supervised or the supervised baseline.
    pub method: Method,
    /// Training steps in all.
    pub steps: u64,
    /// Labelled pictures a step, B.
    pub batch: usize,
    /// Unlabelled pictures a step, U.
    pub unlabelled_batch: usize,
    /// Pictures of a pass at the most, 2 to 65536: larger passes are cut into slices whose gradients are added up, which takes the
    /// memory of a slice and a third more time. Batch normalisation then takes its statistics over a slice. Whole batches where it
    /// is not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub micro_batch: Option<usize>,
    /// Label smoothing of `L_s` and of every supervised update, in `[0, 1)`. The meta-test is not smoothed.
    pub label_smoothing: f32,
    /// Learn from annotators' vote distributions instead of their majority, where the data has them.
    pub soft_targets: bool,
    /// First steps in which the teacher learns from `L_s` alone.
    pub teacher_warm_up_steps: u64,
    /// First steps in which the student does not learn.
    pub student_wait_steps: u64,
    /// Whether the student takes over the teacher's weights when it stops waiting.
    pub student_starts_from_teacher: bool,
    /// Which view the student learns from.
    pub student_view: ViewStrength,
    /// How large a step the student also takes along the gradient on labels that the feedback measured anyway, in parts of
    /// its step size; after the feedback is taken, so that `f` stays what equation 6 says. 0 as in the paper, where it
    /// learns from pseudo-labels alone and takes over the unlabelled pictures' class balance.
    pub student_label_step: f32,
    /// Decay of the student's moving average in `[0, 1)`; in update t it is at most `(1 + t) / (10 + t)`, so that
    /// short runs do not remember their start. 0 switches the average off.
    pub ema_decay: f32,
    /// Whether the teacher's moving average is tracked too, for evaluation.
    pub teacher_ema: bool,
    /// Step sizes and their like.
    pub optimiser: Optimiser,
    /// How the teacher labels.
    pub pseudo_labels: PseudoSettings,
    /// The teacher's loss.
    pub losses: Losses,
    /// The student's last steps.
    pub fine_tune: FineTune,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            method: Method::Ssl,
            steps: 100_000,
            batch: 32,
            unlabelled_batch: 32,
            micro_batch: None,
            label_smoothing: 0.0,
            soft_targets: false,
            teacher_warm_up_steps: 500,
            student_wait_steps: 500,
            student_starts_from_teacher: false,
            student_view: ViewStrength::Weak,
            student_label_step: 0.0,
            ema_decay: 0.999,
            teacher_ema: false,
            optimiser: Optimiser::default(),
            pseudo_labels: PseudoSettings::default(),
            losses: Losses::default(),
            fine_tune: FineTune::default(),
        }
    }
}

/// What the student does in a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StudentPhase {
    /// Nothing yet.
    Waits,
    /// Learns from pseudo-labels.
    Learns,
    /// Learns from labels, the teacher being done.
    FineTunes,
}

/// What happens in a step, and so what must be loaded for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "a list of independent parts of a step, not a state machine"
)]
pub struct Phase {
    /// Whether the teacher learns.
    pub teacher: bool,
    /// What the student does.
    pub student: StudentPhase,
    /// Whether `L_c` is part of the teacher's loss.
    pub consistency: bool,
    /// Whether `f` is measured and `L_f` is part of the teacher's loss.
    pub feedback: bool,
    /// Whether the batch needs weak views of unlabelled pictures.
    pub needs_weak: bool,
    /// Whether the batch needs strong views of unlabelled pictures.
    pub needs_strong: bool,
}

impl Settings {
    /// What step `step` (from 0) does.
    pub fn phase(&self, step: u64) -> Phase {
        let tuning = step >= self.learning_steps();
        let mut phase = Phase {
            teacher: !tuning,
            student: if tuning { StudentPhase::FineTunes } else { StudentPhase::Waits },
            consistency: false,
            feedback: false,
            needs_weak: false,
            needs_strong: false,
        };
        if self.method == Method::Supervised || tuning {
            return phase;
        }
        let warm = step >= self.teacher_warm_up_steps;
        if step >= self.student_wait_steps {
            phase.student = StudentPhase::Learns;
        }
        let learns = phase.student == StudentPhase::Learns;
        phase.consistency = warm && self.losses.consistency > 0.0;
        phase.feedback = warm && learns && self.losses.feedback != Feedback::Off;
        phase.needs_weak = phase.consistency || learns;
        phase.needs_strong = phase.consistency || (learns && self.student_view == ViewStrength::Strong);
        phase
    }

    /// First steps in which teacher and student do nothing but what the baseline with the same settings does.
    pub fn steps_shared_with_baseline(&self) -> u64 {
        let same_loss = self.losses.supervised == 1.0;
        if same_loss { self.teacher_warm_up_steps.min(self.student_wait_steps) } else { 0 }
    }

    /// Steps before fine-tuning.
    pub fn learning_steps(&self) -> u64 {
        match self.method {
            Method::Ssl => self.steps.saturating_sub(self.fine_tune.steps),
            Method::Supervised => self.steps,
        }
    }

    /// Step size of the teacher, or of the baseline's network, at `step` (from 0): the same for both, so it falls over
    /// all steps although the teacher rests in the last ones where the student has some to itself.
    pub fn teacher_rate(&self, step: u64) -> f32 {
        let o = &self.optimiser;
        scheduled(o.teacher_learning_rate, o.schedule, o.warm_up_steps, 0, self.steps, step)
    }

    /// Step size `eta_S` of the student at `step`; its warm-up and schedule begin when it stops waiting.
    pub fn student_rate(&self, step: u64) -> f32 {
        let (o, end) = (&self.optimiser, self.learning_steps());
        if step >= end {
            return scheduled(self.fine_tune.learning_rate, o.schedule, 0, end, self.steps, step);
        }
        scheduled(o.student_learning_rate, o.schedule, o.warm_up_steps, self.student_wait_steps, end, step)
    }

    /// Weight of `L_c` at `step`, ramp included.
    pub fn consistency_weight(&self, step: u64) -> f64 {
        let done = step.saturating_sub(self.teacher_warm_up_steps) + 1;
        let ramp = (done as f64 / self.losses.consistency_ramp_steps.max(1) as f64).min(1.0);
        f64::from(self.losses.consistency) * ramp
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_follow_the_warm_ups() {
        let mut s = Settings {
            steps: 100,
            teacher_warm_up_steps: 10,
            student_wait_steps: 20,
            student_view: ViewStrength::Strong,
            ..Settings::default()
        };
        s.fine_tune.steps = 5;
        let warm_up = s.phase(9);
        assert!(warm_up.teacher && !warm_up.needs_weak && !warm_up.needs_strong && !warm_up.feedback);
        let waiting = s.phase(10);
        assert!(waiting.consistency && waiting.needs_strong && !waiting.feedback);
        assert_eq!(waiting.student, StudentPhase::Waits);
        let full = s.phase(20);
        assert!(full.consistency && full.feedback && full.student == StudentPhase::Learns);
        let tuning = s.phase(95);
        assert!(!tuning.teacher && !tuning.needs_weak && tuning.student == StudentPhase::FineTunes);
    }
}
