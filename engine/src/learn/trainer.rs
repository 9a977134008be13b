//! Either method behind the same stages, so that one schedule runs both.

use super::batch::TrainBatch;
use super::error::LearnError;
use super::pseudo::PseudoLabels;
use super::record::StepRecord;
use super::semi_supervised::SemiSupervised;
use super::settings::{Method, Phase, Settings, StudentPhase};
use super::state::TrainingState;
use super::supervised::Supervised;
use crate::backend::Training;

/// A run's networks and how they learn. The baseline does all its work in [`Trainer::teacher_update`].
pub enum Trainer {
    /// Teacher and student.
    SemiSupervised(Box<SemiSupervised>),
    /// One network.
    Supervised(Box<Supervised>),
}

impl Trainer {
    /// A trainer for the settings' method. `network` gives a fresh network each time it is called, first the teacher,
    /// then the student. The baseline's only network is made as the teacher is, so that until unlabelled pictures come
    /// in both methods are the same run, and what differs in the end is what those did.
    ///
    /// # Errors
    /// A setting is refused, or a network cannot be made.
    pub fn new<E: From<LearnError>>(
        settings: &Settings,
        mut network: impl FnMut(&'static str) -> Result<Box<dyn Training>, E>,
    ) -> Result<Self, E> {
        settings.validate()?;
        Ok(match settings.method {
            Method::Ssl => {
                let (teacher, student) = (network("teacher")?, network("student")?);
                Self::SemiSupervised(Box::new(SemiSupervised::new(teacher, student, settings.clone())?))
            }
            Method::Supervised => {
                Self::Supervised(Box::new(Supervised::new(network("teacher")?, settings.clone())?))
            }
        })
    }

    /// Steps made.
    pub fn steps_done(&self) -> u64 {
        match self {
            Self::SemiSupervised(t) => t.steps_done(),
            Self::Supervised(t) => t.steps_done(),
        }
    }

    /// What the next step does.
    pub fn phase(&self) -> Phase {
        match self {
            Self::SemiSupervised(t) => t.phase(),
            Self::Supervised(..) => Phase {
                teacher: true,
                student: StudentPhase::Waits,
                consistency: false,
                feedback: false,
                needs_weak: false,
                needs_strong: false,
            },
        }
    }

    /// The network the run is for, whose average is evaluated: the student, or the baseline's only one.
    pub fn student(&self) -> &dyn Training {
        match self {
            Self::SemiSupervised(t) => t.student(),
            Self::Supervised(t) => t.network(),
        }
    }

    /// The teacher, where there is one.
    pub fn teacher(&self) -> Option<&dyn Training> {
        match self {
            Self::SemiSupervised(t) => Some(t.teacher()),
            Self::Supervised(..) => None,
        }
    }

    /// See [`SemiSupervised::teacher_forward`].
    ///
    /// # Errors
    /// As there.
    pub fn teacher_forward(&mut self, batch: &TrainBatch) -> Result<(), LearnError> {
        match self {
            Self::SemiSupervised(t) => t.teacher_forward(batch),
            Self::Supervised(..) => Ok(()),
        }
    }

    /// The pseudo-labels of the step in flight, where the method makes some.
    pub fn pseudo_labels(&self) -> Option<&PseudoLabels> {
        match self {
            Self::SemiSupervised(t) => t.pseudo_labels(),
            Self::Supervised(..) => None,
        }
    }

    /// Says how much each pseudo-label of the step in flight counts, from 0 up.
    ///
    /// # Errors
    /// There are none, or not so many.
    pub fn set_pseudo_weights(&mut self, weights: &[f32]) -> Result<(), LearnError> {
        match self {
            Self::SemiSupervised(t) => t.set_pseudo_weights(weights),
            Self::Supervised(..) => {
                Err(LearnError::Batch("the supervised method has no pseudo-labels to weigh".into()))
            }
        }
    }

    /// See [`SemiSupervised::student_update`].
    ///
    /// # Errors
    /// As there.
    pub fn student_update(&mut self, batch: &TrainBatch) -> Result<(), LearnError> {
        match self {
            Self::SemiSupervised(t) => t.student_update(batch),
            Self::Supervised(..) => Ok(()),
        }
    }

    /// See [`SemiSupervised::meta_test`].
    ///
    /// # Errors
    /// As there.
    pub fn meta_test(&mut self, batch: &TrainBatch) -> Result<(), LearnError> {
        match self {
            Self::SemiSupervised(t) => t.meta_test(batch),
            Self::Supervised(..) => Ok(()),
        }
    }

    /// See [`SemiSupervised::teacher_update`]; the baseline's step.
    ///
    /// # Errors
    /// As there, or as [`Supervised::update`].
    pub fn teacher_update(&mut self, batch: &TrainBatch) -> Result<(), LearnError> {
        match self {
            Self::SemiSupervised(t) => t.teacher_update(batch),
            Self::Supervised(t) => t.update(batch),
        }
    }

    /// Ends the step and says what happened in it.
    ///
    /// # Errors
    /// Out of order, or too many steps in a row were skipped.
    pub fn end_step(&mut self) -> Result<StepRecord, LearnError> {
        match self {
            Self::SemiSupervised(t) => t.end_step(),
            Self::Supervised(t) => t.end_step(),
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

    /// Everything needed to go on.
    ///
    /// # Errors
    /// The device failed.
    pub fn state(&self) -> Result<TrainingState, LearnError> {
        match self {
            Self::SemiSupervised(t) => t.state(),
            Self::Supervised(t) => t.state(),
        }
    }

    /// Puts a state back.
    ///
    /// # Errors
    /// It does not fit.
    pub fn restore(&mut self, state: &TrainingState) -> Result<(), LearnError> {
        match self {
            Self::SemiSupervised(t) => t.restore(state),
            Self::Supervised(t) => t.restore(state),
        }
    }
}
