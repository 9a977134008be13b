//! Refuses settings that are out of range or contradict each other, with one clear sentence each.

use super::error::{Faults, LearnError};
use super::settings::{Feedback, LabelKind, Method, Settings};

impl Settings {
    /// Refuses settings that are out of range or contradict each other.
    ///
    /// # Errors
    /// [`LearnError::Setting`] naming the bad setting and what to do; where there are several, [`LearnError::Several`].
    pub fn validate(&self) -> Result<(), LearnError> {
        let mut faults = Faults::default();
        self.validate_ranges(&mut faults);
        if self.method == Method::Ssl {
            self.validate_semi_supervised(&mut faults);
        }
        faults.end()
    }

    fn validate_ranges(&self, faults: &mut Faults) {
        faults.require(self.steps > 0, "steps", || "is 0, but at least one step is needed".into());
        for (name, value) in [("batch", self.batch), ("unlabelled_batch", self.unlabelled_batch)] {
            faults.require((2..=65_536).contains(&value), name, || {
                format!("is {value}, but must be between 2 (batch-norm needs two pictures) and 65536")
            });
        }
        if let Some(most) = self.micro_batch {
            faults.require((2..=65_536).contains(&most), "micro_batch", || {
                format!("is {most}, but must be between 2 (batch-norm needs two pictures) and 65536")
            });
        }
        let (o, p, l) = (&self.optimiser, &self.pseudo_labels, &self.losses);
        for (name, value, low, high) in [
            ("label_smoothing", self.label_smoothing, 0.0, 0.999),
            ("ema_decay", self.ema_decay, 0.0, 0.999_999),
            ("student_label_step", self.student_label_step, 0.0, 100.0),
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
            faults.require(value >= low && value <= high, name, || {
                format!("is {value}, but must be between {low} and {high}")
            });
        }
    }

    fn validate_semi_supervised(&self, faults: &mut Faults) {
        let learning = self.learning_steps();
        faults.require(self.fine_tune.steps < self.steps, "fine_tune.steps", || {
            format!("is {}, which leaves nothing of the {} `steps`", self.fine_tune.steps, self.steps)
        });
        let from_teacher = u64::from(self.student_starts_from_teacher);
        for (name, value, least) in [
            ("teacher_warm_up_steps", self.teacher_warm_up_steps, 0),
            ("student_wait_steps", self.student_wait_steps, from_teacher),
        ] {
            faults.require(value < learning, name, || {
                format!(
                    "is {value}, but only {learning} steps are made, so the unlabelled pictures would never be used; \
                     set it to {least} up to {} or train for more steps",
                    learning.saturating_sub(1)
                )
            });
        }
        faults.require(
            !self.student_starts_from_teacher || self.student_wait_steps > 0,
            "student_starts_from_teacher",
            || {
                "is set, but `student_wait_steps` is 0: the teacher has learned nothing yet when the student starts".into()
            },
        );
        let p = &self.pseudo_labels;
        faults.require(
            p.kind == LabelKind::Soft || p.temperature == 1.0,
            "pseudo_labels.temperature",
            || {
                format!(
                    "is {}, but has no effect on hard labels; set kind = \"soft\" or leave it at 1",
                    p.temperature
                )
            },
        );
        faults.require(p.memory_steps > 0, "pseudo_labels.memory_steps", || "must be at least 1".into());
        faults.require(!p.curriculum || p.threshold > 0.0, "pseudo_labels.curriculum", || {
            "is set, but `pseudo_labels.threshold` is 0, so there is no threshold to lower".into()
        });
        let feeds_back = self.losses.feedback != Feedback::Off && self.losses.feedback_weight > 0.0;
        let own_probabilities =
            p.kind == LabelKind::Soft && p.temperature == 1.0 && !p.distribution_alignment;
        faults.require(!(feeds_back && own_probabilities), "pseudo_labels.kind", || {
            "soft labels at temperature 1 are the teacher's own probabilities on the same view, where the gradient \
             of the feedback loss L_f would be exactly zero, so feedback could teach nothing; use hard labels, \
             another temperature, or losses.feedback = \"off\""
                .into()
        });
        let measured = self.losses.feedback == Feedback::Exact;
        faults.require(self.student_label_step == 0.0 || measured, "student_label_step", || {
            "is set, but only exact feedback measures the gradient on labels that it needs; set losses.feedback = \"exact\" \
             or leave it at 0"
                .into()
        });
        faults.require(
            self.losses.supervised > 0.0 || self.losses.consistency > 0.0 || feeds_back,
            "losses",
            || "every term of the teacher's loss is switched off, so it could not learn".into(),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::settings::Losses;
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
        assert!(refusal(|s| s.micro_batch = Some(1)).starts_with("setting `micro_batch`: is 1"));
        assert!(refusal(|s| s.optimiser.momentum = f32::NAN).contains("optimiser.momentum"));
        assert!(refusal(|s| s.optimiser.momentum = 1.0).contains("between 0 and 0.999"));
        assert!(refusal(|s| s.pseudo_labels.threshold = 1.5).contains("pseudo_labels.threshold"));
        assert!(refusal(|s| s.pseudo_labels.temperature = 0.5).contains("no effect on hard labels"));
        assert!(refusal(|s| s.pseudo_labels.curriculum = true).contains("no threshold to lower"));
        assert!(refusal(|s| s.steps = 400).contains("teacher_warm_up_steps"));
        assert!(refusal(|s| s.fine_tune.steps = s.steps).contains("fine_tune.steps"));
        let unmeasured = refusal(|s| {
            s.student_label_step = 1.0;
            s.losses.feedback = Feedback::LossDifference;
        });
        assert!(unmeasured.contains("only exact feedback measures"), "{unmeasured}");
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
}
