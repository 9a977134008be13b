//! One semi-supervised step, stage by stage, as the method's table has it. FER = labelled pictures, FR = unlabelled
//! ones, T = teacher, S = student.
//!
//! The stages of a step share one batch and run in this order:
//!
//! | stage | what |
//! |---|---|
//! | [`SemiSupervised::teacher_forward`] | T on `x_FER`, `x_FR`, `Aug(x_FR)` as one batch; pseudo-labels `y^` |
//! | [`SemiSupervised::student_update`]  | `g_old = grad CE(y^, S(x_FR))`; SGD step to S' |
//! | [`SemiSupervised::meta_test`]       | `g_new = grad CE(y_FER, S'(x_FER))`; `f = eta_S <g_new, g_old>` |
//! | [`SemiSupervised::teacher_update`]  | gradient of `L_T = L_s + L_c + L_f`; SGD step |
//! | [`SemiSupervised::end_step`]        | counts, and what to log |
//!
//! The teacher's activations are kept from its one forward pass to its one backward pass: `f` is known by then, and
//! the gradients of its loss's terms touch different rows of the logits, so they are laid side by side.

mod state;
mod student;

use std::collections::VecDeque;

use crate::backend::{Input, Slot, Training, TrainingPass};
use crate::learn::batch::TrainBatch;
use crate::learn::error::LearnError;
use crate::learn::gradient::{Descent, gradient_step};
use crate::learn::passes::ready;
use crate::learn::pseudo::{PseudoLabeller, PseudoLabels};
use crate::learn::record::{StepRecord, accuracy, all_finite, finite};
use crate::learn::schedule::average_decay;
use crate::learn::settings::{Phase, Settings};
use crate::learn::skip_guard::SkipGuard;
use crate::learn::teacher_loss::{TeacherTerms, teacher_loss};

/// How many signs the running share of `f > 0` looks back.
const SIGNS_KEPT: usize = 200;

/// Teacher and student learning from each other.
pub struct SemiSupervised {
    teacher: Box<dyn Training>,
    student: Box<dyn Training>,
    settings: Settings,
    classes: usize,
    labeller: PseudoLabeller,
    step: u64,
    teacher_updates: u64,
    student_updates: u64,
    skips: SkipGuard,
    signs: VecDeque<bool>,
    current: Option<InFlight>,
}

/// How far the step in flight has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    TeacherForward,
    StudentUpdate,
    MetaTest,
    TeacherUpdate,
}

/// What a step's stages hand to each other.
struct InFlight {
    done: Stage,
    phase: Phase,
    labelled: usize,
    unlabelled: usize,
    /// Logits of `x_FER`, then `x_FR`, then `Aug(x_FR)`, as far as the phase has them.
    teacher_logits: Vec<f32>,
    pseudo: Option<PseudoLabels>,
    /// The student's labelled loss before its update, for the loss difference.
    old_loss: Option<f64>,
    descent: Option<Descent>,
    feedback: f64,
    record: StepRecord,
}

impl SemiSupervised {
    /// Two networks of the same classes, before their first step.
    ///
    /// # Errors
    /// A setting is refused, the networks' inputs or outputs differ, or the device cannot have the passes of a step.
    pub fn new(
        teacher: Box<dyn Training>,
        student: Box<dyn Training>,
        settings: Settings,
    ) -> Result<Self, LearnError> {
        settings.validate()?;
        let passes = settings.passes();
        let teacher = ready(teacher, &passes.teacher, settings.micro_batch)?;
        let student = ready(student, &passes.student, settings.micro_batch)?;
        let (t, s) = (teacher.graph(), student.graph());
        if t.input() != s.input() || t.output() != s.output() {
            return Err(LearnError::Batch(format!(
                "teacher ({} -> {}) and student ({} -> {}) must have the same input and classes",
                t.input(),
                t.output(),
                s.input(),
                s.output()
            )));
        }
        let classes = t.output().len();
        let labeller = PseudoLabeller::new(&settings.pseudo_labels, classes);
        Ok(Self {
            teacher,
            student,
            settings,
            classes,
            labeller,
            step: 0,
            teacher_updates: 0,
            student_updates: 0,
            skips: SkipGuard::default(),
            signs: VecDeque::new(),
            current: None,
        })
    }

    /// Steps made.
    pub fn steps_done(&self) -> u64 {
        self.step
    }

    /// What the next step does, and so which views its batch needs.
    pub fn phase(&self) -> Phase {
        self.settings.phase(self.step)
    }

    /// The teacher.
    pub fn teacher(&self) -> &dyn Training {
        self.teacher.as_ref()
    }

    /// The student.
    pub fn student(&self) -> &dyn Training {
        self.student.as_ref()
    }

    /// The pseudo-labels of the step in flight, for inspection.
    pub fn pseudo_labels(&self) -> Option<&PseudoLabels> {
        self.current.as_ref()?.pseudo.as_ref()
    }

    /// Says how much each of them counts, from 0 up; thresholds have said it before.
    ///
    /// # Errors
    /// There are none, or not so many, or a weight is negative or not finite.
    pub fn set_pseudo_weights(&mut self, weights: &[f32]) -> Result<(), LearnError> {
        let labels = self.current.as_mut().and_then(|now| now.pseudo.as_mut());
        match labels.filter(|labels| labels.weights.len() == weights.len()) {
            Some(labels) if weights.iter().all(|weight| *weight >= 0.0 && weight.is_finite()) => {
                labels.weights.copy_from_slice(weights);
                Ok(())
            }
            _ => Err(LearnError::Batch(format!(
                "{} weights do not fit the step's pseudo-labels; one from 0 up is needed for each",
                weights.len()
            ))),
        }
    }

    /// All stages, one after the other.
    ///
    /// # Errors
    /// As the stages.
    pub fn step(&mut self, batch: &TrainBatch) -> Result<StepRecord, LearnError> {
        self.teacher_forward(batch)?;
        self.student_update(batch)?;
        self.meta_test(batch)?;
        self.teacher_update(batch)?;
        self.end_step()
    }

    /// Rows 3 and 4: the teacher on all views as one batch, so that batch-norm sees one context, and the pseudo-labels.
    /// Abandons a step that was not ended.
    ///
    /// # Errors
    /// The batch does not fit the phase, or the device failed.
    pub fn teacher_forward(&mut self, batch: &TrainBatch) -> Result<(), LearnError> {
        let phase = self.phase();
        let input = self.teacher.graph().input().len();
        let labelled = batch.check_labelled(input, self.classes)?;
        let unlabelled = batch.check_unlabelled(input, phase.needs_weak, phase.needs_strong)?;
        let mut record = StepRecord { images: labelled + unlabelled, ..StepRecord::default() };
        let mut teacher_logits = vec![];
        let mut pseudo = None;
        if phase.teacher {
            let mut views = vec![&batch.labelled];
            let mut items = labelled;
            for (needed, view) in [(phase.needs_weak, &batch.weak), (phase.consistency, &batch.strong)] {
                if needed {
                    views.push(view);
                    items += unlabelled;
                }
            }
            teacher_logits =
                Input::joined(&views).forward(self.teacher.as_mut(), items, TrainingPass::Train)?;
            record.skipped = !all_finite(&teacher_logits);
            record.teacher_accuracy =
                accuracy(&teacher_logits[..labelled * self.classes], &batch.labels, self.classes);
        }
        if phase.needs_weak && !record.skipped {
            let rows = labelled * self.classes..(labelled + unlabelled) * self.classes;
            let labels = self.labeller.label(&teacher_logits[rows]);
            record.pseudo_histogram = labels.histogram(self.classes);
            record.pseudo_kept_share = Some(labels.kept_share());
            record.pseudo_confidence = finite(labels.mean_confidence());
            pseudo = Some(labels);
        }
        self.current = Some(InFlight {
            done: Stage::TeacherForward,
            phase,
            labelled,
            unlabelled,
            teacher_logits,
            pseudo,
            old_loss: None,
            descent: None,
            feedback: 0.0,
            record,
        });
        Ok(())
    }

    /// Rows 8 and 9: the teacher learns from labels, consistency and feedback.
    ///
    /// # Errors
    /// Out of order, the batch has no soft targets where they are set, or the device failed.
    pub fn teacher_update(&mut self, batch: &TrainBatch) -> Result<(), LearnError> {
        let mut now = self.take(Stage::MetaTest, "teacher_update", "meta_test")?;
        now.done = Stage::TeacherUpdate;
        if now.phase.teacher && !now.record.skipped {
            if batch.labels.len() != now.labelled {
                return Err(LearnError::Batch("it is not the one that `teacher_forward` was given".into()));
            }
            let s = &self.settings;
            let targets = batch.target_rows(self.classes, s.soft_targets, s.label_smoothing)?;
            let terms = TeacherTerms {
                losses: &s.losses,
                consistency_weight: now.phase.consistency.then(|| s.consistency_weight(self.step)),
                feedback: now.phase.feedback.then_some(now.feedback),
                classes: self.classes,
            };
            let loss =
                teacher_loss(&terms, &now.teacher_logits, &targets, now.pseudo.as_ref(), &mut now.record);
            now.record.loss_teacher = finite(loss.value);
            now.record.skipped = !loss.value.is_finite();
            if loss.value.is_finite() {
                let rate = self.settings.teacher_rate(self.step);
                now.record.teacher_learning_rate = Some(rate);
                let o = &self.settings.optimiser;
                match gradient_step(self.teacher.as_mut(), &loss, Slot::First, o.clip, o.sgd(rate))? {
                    Some(descent) => {
                        now.record.teacher_gradient_norm = finite(descent.norm);
                        if self.settings.teacher_ema {
                            let decay = average_decay(self.settings.ema_decay, self.teacher_updates);
                            self.teacher.track_average(decay)?;
                        }
                        self.teacher_updates += 1;
                    }
                    None => now.record.skipped = true,
                }
            }
        }
        self.current = Some(now);
        Ok(())
    }

    /// Ends the step and says what happened in it.
    ///
    /// # Errors
    /// Out of order, or [`LearnError::Diverged`] when too many steps in a row were skipped.
    pub fn end_step(&mut self) -> Result<StepRecord, LearnError> {
        let now = self.take(Stage::TeacherUpdate, "end_step", "teacher_update")?;
        self.step += 1;
        let mut record = now.record;
        self.skips.record(self.step, record.skipped)?;
        record.step = self.step;
        record.skipped_total = self.skips.total;
        let positive = self.signs.iter().filter(|&&sign| sign).count();
        record.feedback_positive_share =
            (!self.signs.is_empty()).then(|| positive as f64 / self.signs.len() as f64);
        Ok(record)
    }

    /// Takes the step in flight if it has come exactly as far as `done`.
    fn take(
        &mut self,
        done: Stage,
        stage: &'static str,
        first: &'static str,
    ) -> Result<InFlight, LearnError> {
        self.current.take_if(|now| now.done == done).ok_or(LearnError::Order { stage, first })
    }
}
