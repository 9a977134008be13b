//! The baseline: one network over the same labelled batches, with the teacher's step size and a moving average.

use super::batch::TrainBatch;
use super::error::LearnError;
use super::gradient::gradient_step;
use super::loss::cross_entropy;
use super::passes::ready;
use super::record::{StepRecord, accuracy, all_finite, finite};
use super::schedule::average_decay;
use super::settings::Settings;
use super::skip_guard::SkipGuard;
use super::state::{Counters, TrainingState};
use crate::backend::{Slot, Training, TrainingPass};

/// Learning from labels alone.
pub struct Supervised {
    network: Box<dyn Training>,
    settings: Settings,
    step: u64,
    updates: u64,
    skips: SkipGuard,
    current: Option<StepRecord>,
}

impl Supervised {
    /// A network before its first step.
    ///
    /// # Errors
    /// A setting is refused, or the device cannot have the passes of a step.
    pub fn new(network: Box<dyn Training>, settings: Settings) -> Result<Self, LearnError> {
        settings.validate()?;
        let network = ready(network, &settings.passes().teacher, settings.micro_batch)?;
        Ok(Self { network, settings, step: 0, updates: 0, skips: SkipGuard::default(), current: None })
    }

    /// Steps made.
    pub fn steps_done(&self) -> u64 {
        self.step
    }

    /// The network.
    pub fn network(&self) -> &dyn Training {
        self.network.as_ref()
    }

    /// [`Supervised::update`], then [`Supervised::end_step`].
    ///
    /// # Errors
    /// As these.
    pub fn step(&mut self, batch: &TrainBatch) -> Result<StepRecord, LearnError> {
        self.update(batch)?;
        self.end_step()
    }

    /// One update from the batch's labelled pictures.
    ///
    /// # Errors
    /// The batch does not fit, or the device failed.
    pub fn update(&mut self, batch: &TrainBatch) -> Result<(), LearnError> {
        let classes = self.network.graph().output().len();
        let items = batch.check_labelled(self.network.graph().input().len(), classes)?;
        let (s, o) = (&self.settings, &self.settings.optimiser);
        let targets = batch.target_rows(classes, s.soft_targets, s.label_smoothing)?;
        let logits = batch.labelled.forward(self.network.as_mut(), items, TrainingPass::Train)?;
        let loss = cross_entropy(&logits, &targets, None, classes);
        let rate = s.teacher_rate(self.step);
        let mut descent = None;
        if all_finite(&logits) && loss.value.is_finite() {
            descent = gradient_step(self.network.as_mut(), &loss, Slot::First, o.clip, o.sgd(rate))?;
        }
        if descent.is_some() {
            if s.ema_decay > 0.0 {
                self.network.track_average(average_decay(s.ema_decay, self.updates))?;
            }
            self.updates += 1;
        }
        self.current = Some(StepRecord {
            images: items,
            skipped: descent.is_none(),
            loss_teacher: finite(loss.value),
            loss_supervised: finite(loss.value),
            teacher_accuracy: accuracy(&logits, &batch.labels, classes),
            teacher_gradient_norm: descent.and_then(|d| finite(d.norm)),
            teacher_learning_rate: Some(rate),
            ..StepRecord::default()
        });
        Ok(())
    }

    /// Ends the step and says what happened in it.
    ///
    /// # Errors
    /// Nothing was updated, or too many steps in a row were skipped.
    pub fn end_step(&mut self) -> Result<StepRecord, LearnError> {
        let order = LearnError::Order { stage: "end_step", first: "update" };
        let mut record = self.current.take().ok_or(order)?;
        self.step += 1;
        self.skips.record(self.step, record.skipped)?;
        record.step = self.step;
        record.skipped_total = self.skips.total;
        Ok(record)
    }

    /// Everything needed to go on.
    ///
    /// # Errors
    /// The device failed.
    pub fn state(&self) -> Result<TrainingState, LearnError> {
        Ok(TrainingState {
            step: self.step,
            networks: [("student".to_string(), self.network.state()?)].into(),
            counters: Counters { teacher_updates: self.updates, skipped: self.skips, ..Counters::default() },
            vectors: [].into(),
        })
    }

    /// Puts a state back.
    ///
    /// # Errors
    /// It belongs to the other method or does not fit the network.
    pub fn restore(&mut self, state: &TrainingState) -> Result<(), LearnError> {
        self.network.restore(state.network("student")?)?;
        self.step = state.step;
        self.updates = state.counters.teacher_updates;
        self.skips = state.counters.skipped;
        self.current = None;
        Ok(())
    }
}
