//! What a run of teacher and student is, between two steps.

use super::SemiSupervised;
use crate::learn::error::LearnError;
use crate::learn::state::{Counters, TrainingState};

impl SemiSupervised {
    /// Everything needed to go on, between two steps.
    ///
    /// # Errors
    /// The device failed.
    pub fn state(&self) -> Result<TrainingState, LearnError> {
        Ok(TrainingState {
            step: self.step,
            networks: [("teacher", self.teacher.state()?), ("student", self.student.state()?)]
                .map(|(role, state)| (role.to_string(), state))
                .into(),
            counters: Counters {
                teacher_updates: self.teacher_updates,
                student_updates: self.student_updates,
                skipped: self.skips,
                feedback_signs: self.signs.iter().copied().collect(),
            },
            vectors: self.labeller.state().map(|(name, values)| (name.to_string(), values.to_vec())).into(),
        })
    }

    /// Puts a state back; the next step is the one after it.
    ///
    /// # Errors
    /// A part is missing or does not fit these networks.
    pub fn restore(&mut self, state: &TrainingState) -> Result<(), LearnError> {
        let (teacher, student) = (state.network("teacher")?, state.network("student")?);
        let mut labeller = self.labeller.clone();
        if !labeller.restore(|name| state.vectors.get(name).map(Vec::as_slice)) {
            return Err(LearnError::Batch(
                "the saved pseudo-label statistics are missing or have another number of classes".into(),
            ));
        }
        self.teacher.restore(teacher)?;
        self.student.restore(student)?;
        self.labeller = labeller;
        self.step = state.step;
        self.teacher_updates = state.counters.teacher_updates;
        self.student_updates = state.counters.student_updates;
        self.skips = state.counters.skipped;
        self.signs = state.counters.feedback_signs.iter().copied().collect();
        self.current = None;
        Ok(())
    }
}
