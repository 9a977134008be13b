//! The student's stages: its update, and what that did to its labelled loss.

use super::{InFlight, SIGNS_KEPT, SemiSupervised, Stage};
use crate::backend::{NetworkState, Slot, TrainingPass, WeightSet};
use crate::learn::batch::TrainBatch;
use crate::learn::error::LearnError;
use crate::learn::gradient::{clipped_step, gradient, gradient_step};
use crate::learn::loss::{Loss, cross_entropy};
use crate::learn::record::{StepRecord, accuracy, all_finite, finite};
use crate::learn::schedule::average_decay;
use crate::learn::settings::{Feedback, StudentPhase, ViewStrength};

impl SemiSupervised {
    /// Row 5: the student learns from the pseudo-labels (or, at the end, from labels), and its average follows.
    ///
    /// # Errors
    /// Out of order, or the device failed.
    pub fn student_update(&mut self, batch: &TrainBatch) -> Result<(), LearnError> {
        let mut now = self.take(Stage::TeacherForward, "student_update", "teacher_forward")?;
        now.done = Stage::StudentUpdate;
        if !now.record.skipped {
            match now.phase.student {
                StudentPhase::Waits => {}
                StudentPhase::Learns => self.learn_from_pseudo_labels(batch, &mut now)?,
                StudentPhase::FineTunes => self.fine_tune(batch, &mut now)?,
            }
        }
        self.current = Some(now);
        Ok(())
    }

    /// Rows 6 and 7: how the student's update changed its labelled loss, to first order.
    ///
    /// `f = eta_S <g_new, g_old>` (equation 6), with `eta_S` the step size of this step, is what is logged. What the
    /// teacher is given (`feedback_used`) is `f` times the factor that clipping had on the student's step (`feedback_scale`),
    /// because that is how far the student really went along `g_old`. `f > 0` means that the step helped. The loss difference is
    /// taken as old minus new, so it has the same sign; it holds what clipping, momentum and decay did as well.
    ///
    /// # Errors
    /// Out of order, or the device failed.
    pub fn meta_test(&mut self, batch: &TrainBatch) -> Result<(), LearnError> {
        let mut now = self.take(Stage::StudentUpdate, "meta_test", "student_update")?;
        now.done = Stage::MetaTest;
        if let (Some(descent), true, false) = (now.descent, now.phase.feedback, now.record.skipped) {
            let mut new_norm = None;
            let (loss, logged, feedback);
            if let Some(old_loss) = now.old_loss {
                loss = self.student_on_labels(batch, TrainingPass::Probe, &mut now.record)?;
                logged = old_loss - loss.value;
                feedback = logged;
            } else {
                loss = self.student_on_labels(batch, TrainingPass::Train, &mut now.record)?;
                let norm = gradient(self.student.as_mut(), &loss, Slot::Second)?;
                let dot = self.student.dot(Slot::First, Slot::Second)?;
                now.record.feedback_cosine = finite(dot / (descent.norm * norm));
                now.record.feedback_scale = Some(descent.scale);
                let rate = f64::from(self.settings.student_rate(self.step));
                logged = rate * dot;
                feedback = rate * f64::from(descent.scale) * dot;
                new_norm = Some(norm);
            }
            now.record.loss_student_labelled = finite(loss.value);
            now.record.feedback = finite(logged);
            now.record.feedback_used = finite(feedback);
            if feedback.is_finite() {
                now.feedback = feedback;
                self.signs.push_back(feedback > 0.0);
                if self.signs.len() > SIGNS_KEPT {
                    self.signs.pop_front();
                }
            } else {
                now.record.skipped = true;
            }
            if let (Some(norm), true, false) =
                (new_norm, self.settings.student_label_step > 0.0, now.record.skipped)
            {
                let rate = self.settings.student_rate(self.step) * self.settings.student_label_step;
                let o = &self.settings.optimiser;
                let step = clipped_step(self.student.as_mut(), (Slot::Second, norm), o.clip, o.sgd(rate))?;
                now.record.skipped = step.is_none();
                if step.is_some() {
                    self.student_moved()?;
                }
            }
        }
        self.current = Some(now);
        Ok(())
    }

    fn learn_from_pseudo_labels(&mut self, batch: &TrainBatch, now: &mut InFlight) -> Result<(), LearnError> {
        let Some(pseudo) = &now.pseudo else { return Ok(()) };
        if self.settings.student_starts_from_teacher && self.step == self.settings.student_wait_steps {
            let weights = self.teacher.weights(WeightSet::Current)?;
            self.student.restore(&NetworkState { weights, ..NetworkState::default() })?;
        }
        if now.phase.feedback && self.settings.losses.feedback == Feedback::LossDifference {
            let unlogged = &mut StepRecord::default();
            now.old_loss = Some(self.student_on_labels(batch, TrainingPass::Probe, unlogged)?.value);
        }
        let view = match self.settings.student_view {
            ViewStrength::Weak => &batch.weak,
            ViewStrength::Strong => &batch.strong,
        };
        let logits = view.forward(self.student.as_mut(), now.unlabelled, TrainingPass::Train)?;
        now.record.agreement = accuracy(&logits, &pseudo.classes, self.classes);
        let loss = cross_entropy(&logits, &pseudo.targets, Some(&pseudo.weights), self.classes);
        let all_finite = all_finite(&logits);
        self.descend_student(&loss, all_finite, now)
    }

    fn fine_tune(&mut self, batch: &TrainBatch, now: &mut InFlight) -> Result<(), LearnError> {
        let logits =
            batch.labelled.forward(self.student.as_mut(), batch.labels.len(), TrainingPass::Train)?;
        let targets =
            batch.target_rows(self.classes, self.settings.soft_targets, self.settings.label_smoothing)?;
        now.record.student_accuracy = accuracy(&logits, &batch.labels, self.classes);
        let loss = cross_entropy(&logits, &targets, None, self.classes);
        let all_finite = all_finite(&logits);
        self.descend_student(&loss, all_finite, now)
    }

    fn descend_student(
        &mut self,
        loss: &Loss,
        all_finite: bool,
        now: &mut InFlight,
    ) -> Result<(), LearnError> {
        let rate = self.settings.student_rate(self.step);
        now.record.loss_student = finite(loss.value);
        now.record.student_learning_rate = Some(rate);
        if all_finite && loss.value.is_finite() {
            let o = &self.settings.optimiser;
            now.descent = gradient_step(self.student.as_mut(), loss, Slot::First, o.clip, o.sgd(rate))?;
        }
        now.record.skipped = now.descent.is_none();
        if let Some(descent) = now.descent {
            now.record.student_gradient_norm = finite(descent.norm);
            self.student_moved()?;
        }
        Ok(())
    }

    /// The student's average follows an update.
    fn student_moved(&mut self) -> Result<(), LearnError> {
        if self.settings.ema_decay > 0.0 {
            self.student.track_average(average_decay(self.settings.ema_decay, self.student_updates))?;
        }
        self.student_updates += 1;
        Ok(())
    }

    /// The student's loss on the labelled pictures, unsmoothed because it measures.
    fn student_on_labels(
        &mut self,
        batch: &TrainBatch,
        pass: TrainingPass,
        record: &mut StepRecord,
    ) -> Result<Loss, LearnError> {
        let logits = batch.labelled.forward(self.student.as_mut(), batch.labels.len(), pass)?;
        record.student_accuracy = accuracy(&logits, &batch.labels, self.classes);
        let targets = batch.target_rows(self.classes, self.settings.soft_targets, 0.0)?;
        Ok(cross_entropy(&logits, &targets, None, self.classes))
    }
}
