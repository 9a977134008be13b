//! Every choice of the method as a setting with the method's default, and the checks that refuse contradictions.

use serde::{Deserialize, Serialize};

use super::error::LearnError;

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
pub enum View {
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
}

impl Default for PseudoSettings {
    fn default() -> Self {
        Self {
            kind: LabelKind::Hard,
            temperature: 1.0,
            threshold: 0.0,
            curriculum: false,
            distribution_alignment: false,
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
    pub student_view: View,
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
            label_smoothing: 0.0,
            soft_targets: false,
            teacher_warm_up_steps: 500,
            student_wait_steps: 500,
            student_starts_from_teacher: false,
            student_view: View::Weak,
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
        phase.needs_strong = phase.consistency || (learns && self.student_view == View::Strong);
        phase
    }

    /// Steps before fine-tuning.
    pub fn learning_steps(&self) -> u64 {
        match self.method {
            Method::Ssl => self.steps.saturating_sub(self.fine_tune.steps),
            Method::Supervised => self.steps,
        }
    }

    /// Refuses settings that are out of range or contradict each other.
    ///
    /// # Errors
    /// [`LearnError::Setting`] naming the first bad setting and what to do.
    pub fn validate(&self) -> Result<(), LearnError> {
        self.validate_ranges()?;
        if self.method == Method::Ssl { self.validate_semi_supervised() } else { Ok(()) }
    }

    fn validate_ranges(&self) -> Result<(), LearnError> {
        require(self.steps > 0, "steps", || "is 0, but at least one step is needed".into())?;
        for (name, value) in [("batch", self.batch), ("unlabelled_batch", self.unlabelled_batch)] {
            require((2..=65_536).contains(&value), name, || {
                format!("is {value}, but must be between 2 (batch-norm needs two pictures) and 65536")
            })?;
        }
        let (o, p, l) = (&self.optimiser, &self.pseudo_labels, &self.losses);
        for (name, value, low, high) in [
            ("label_smoothing", self.label_smoothing, 0.0, 0.999),
            ("ema_decay", self.ema_decay, 0.0, 0.999_999),
            ("optimiser.momentum", o.momentum, 0.0, 0.999),
            ("optimiser.weight_decay", o.weight_decay, 0.0, 1.0),
            ("optimiser.clip", o.clip, 0.0, f32::MAX),
            ("optimiser.teacher_learning_rate", o.teacher_learning_rate, 0.0, 100.0),
            ("optimiser.student_learning_rate", o.student_learning_rate, 0.0, 100.0),
            ("fine_tune.learning_rate", self.fine_tune.learning_rate, 0.0, 100.0),
            ("pseudo_labels.temperature", p.temperature, 0.01, 100.0),
            ("pseudo_labels.threshold", p.threshold, 0.0, 0.999_99),
            ("losses.supervised", l.supervised, 0.0, 1e6),
            ("losses.consistency", l.consistency, 0.0, 1e6),
            ("losses.consistency_temperature", l.consistency_temperature, 0.01, 100.0),
            ("losses.consistency_threshold", l.consistency_threshold, 0.0, 0.999_99),
            ("losses.feedback_weight", l.feedback_weight, 0.0, 1e9),
        ] {
            // Written so that a value that is not a number is refused.
            require(value >= low && value <= high, name, || {
                format!("is {value}, but must be between {low} and {high}")
            })?;
        }
        Ok(())
    }

    fn validate_semi_supervised(&self) -> Result<(), LearnError> {
        let learning = self.learning_steps();
        require(self.fine_tune.steps < self.steps, "fine_tune.steps", || {
            format!("is {}, which leaves nothing of the {} `steps`", self.fine_tune.steps, self.steps)
        })?;
        for (name, value) in [
            ("teacher_warm_up_steps", self.teacher_warm_up_steps),
            ("student_wait_steps", self.student_wait_steps),
        ] {
            require(value < learning, name, || {
                format!(
                    "is {value}, but only {learning} steps are made, so the unlabelled pictures would never be used"
                )
            })?;
        }
        require(
            !self.student_starts_from_teacher || self.student_wait_steps > 0,
            "student_starts_from_teacher",
            || {
                "is set, but `student_wait_steps` is 0: the teacher has learned nothing yet when the student starts".into()
            },
        )?;
        let p = &self.pseudo_labels;
        require(p.kind == LabelKind::Soft || p.temperature == 1.0, "pseudo_labels.temperature", || {
            format!(
                "is {}, but has no effect on hard labels; set kind = \"soft\" or leave it at 1",
                p.temperature
            )
        })?;
        require(!p.curriculum || p.threshold > 0.0, "pseudo_labels.curriculum", || {
            "is set, but `pseudo_labels.threshold` is 0, so there is no threshold to lower".into()
        })?;
        let feeds_back = self.losses.feedback != Feedback::Off && self.losses.feedback_weight > 0.0;
        let own_probabilities =
            p.kind == LabelKind::Soft && p.temperature == 1.0 && !p.distribution_alignment;
        require(!(feeds_back && own_probabilities), "pseudo_labels.kind", || {
            "soft labels at temperature 1 are the teacher's own probabilities on the same view, where the gradient \
             of the feedback loss L_f would be exactly zero, so feedback could teach nothing; use hard labels, \
             another temperature, or losses.feedback = \"off\""
                .into()
        })?;
        require(self.losses.supervised > 0.0 || self.losses.consistency > 0.0 || feeds_back, "losses", || {
            "every term of the teacher's loss is switched off, so it could not learn".into()
        })
    }
}

fn require(holds: bool, name: &'static str, problem: impl FnOnce() -> String) -> Result<(), LearnError> {
    if holds { Ok(()) } else { Err(LearnError::Setting { name, problem: problem() }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(change: impl FnOnce(&mut Settings)) -> String {
        let mut settings = Settings::default();
        change(&mut settings);
        settings.validate().expect_err("a contradiction").to_string()
    }

    #[test]
    fn the_defaults_are_valid_and_survive_a_file() {
        let settings = Settings::default();
        settings.validate().expect("the method's own values");
        let text = toml::to_string(&settings).expect("plain values");
        assert_eq!(toml::from_str::<Settings>(&text).expect("what was written"), settings);
        assert_eq!(toml::from_str::<Settings>("").expect("nothing set"), settings);
    }

    #[test]
    fn an_unknown_key_is_named() {
        for text in ["learning_rat = 1", "[optimiser]\nlr = 1", "[losses]\nfeedbck = \"off\""] {
            let error = toml::from_str::<Settings>(text).expect_err("misspelt").to_string();
            assert!(error.contains("unknown field"), "{error}");
        }
    }

    #[test]
    fn zero_feedback_is_refused_and_explained() {
        let error = refusal(|s| s.pseudo_labels.kind = LabelKind::Soft);
        assert!(error.contains("gradient of the feedback loss L_f would be exactly zero"), "{error}");
        for allowed in [
            |s: &mut Settings| s.pseudo_labels.temperature = 0.5,
            |s: &mut Settings| s.losses.feedback = Feedback::Off,
            |s: &mut Settings| s.pseudo_labels.distribution_alignment = true,
        ] {
            let mut settings = Settings::default();
            settings.pseudo_labels.kind = LabelKind::Soft;
            allowed(&mut settings);
            settings.validate().expect("feedback has a gradient, or is off");
        }
    }

    #[test]
    fn each_bad_setting_is_named() {
        assert!(refusal(|s| s.steps = 0).starts_with("setting `steps`"));
        assert!(refusal(|s| s.batch = 1).starts_with("setting `batch`: is 1"));
        assert!(refusal(|s| s.optimiser.momentum = f32::NAN).contains("optimiser.momentum"));
        assert!(refusal(|s| s.optimiser.momentum = 1.0).contains("between 0 and 0.999"));
        assert!(refusal(|s| s.pseudo_labels.threshold = 1.5).contains("pseudo_labels.threshold"));
        assert!(refusal(|s| s.pseudo_labels.temperature = 0.5).contains("no effect on hard labels"));
        assert!(refusal(|s| s.pseudo_labels.curriculum = true).contains("no threshold to lower"));
        assert!(refusal(|s| s.steps = 400).contains("teacher_warm_up_steps"));
        assert!(refusal(|s| s.fine_tune.steps = s.steps).contains("fine_tune.steps"));
        let early = refusal(|s| {
            s.student_starts_from_teacher = true;
            s.student_wait_steps = 0;
        });
        assert!(early.contains("learned nothing yet"), "{early}");
        let nothing = refusal(|s| {
            s.losses =
                Losses { supervised: 0.0, consistency: 0.0, feedback: Feedback::Off, ..Losses::default() };
        });
        assert!(nothing.contains("switched off"), "{nothing}");
    }

    #[test]
    fn the_baseline_does_not_mind_settings_it_does_not_use() {
        let settings = Settings { method: Method::Supervised, steps: 10, ..Settings::default() };
        settings.validate().expect("warm-ups of 500 do not concern it");
        assert!(!settings.phase(0).needs_weak && settings.phase(9).teacher);
    }

    #[test]
    fn phases_follow_the_warm_ups() {
        let mut s = Settings {
            steps: 100,
            teacher_warm_up_steps: 10,
            student_wait_steps: 20,
            student_view: View::Strong,
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
