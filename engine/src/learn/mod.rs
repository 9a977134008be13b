//! Learning on the host: losses, pseudo-labels, the teacher/student step, optimiser rules, metrics, logs and
//! checkpoints, for any [`crate::backend::Training`].
//!
//! Logits are few, so everything here is plain Rust over slices. [`SemiSupervised`] reads like the table of the
//! method: `teacher_forward`, `student_update`, `meta_test`, `teacher_update`. What runs a network lives in
//! `backend`; what draws and augments pictures lives in `data` and `media`.

mod answer;
mod batch;
mod calibration;
mod checkpoint;
mod encoder;
mod error;
mod finite;
mod frame_report;
mod gradient;
mod head;
mod loss;
mod metrics;
mod pseudo;
mod record;
mod report;
mod schedule;
mod semi_supervised;
mod settings;
mod settings_check;
mod skip_guard;
mod state;
mod supervised;
mod teacher_loss;
mod temporal;
mod temporal_settings;
mod train_log;
mod trainer;
mod view_mean;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod step_tests;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod toy_tests;
#[cfg(test)]
mod trap_tests;

pub use answer::Answer;
pub use batch::TrainBatch;
pub use calibration::{
    cross_fitted_temperatures, expected_calibration_error, fit_temperature, negative_log_likelihood,
};
pub use checkpoint::{Checkpoints, RunIdentity};
pub use encoder::{FeatureWindow, TemporalEncoder};
pub use error::LearnError;
pub use frame_report::{ChallengeScore, FrameReport};
pub use gradient::{Descent, clipped_step, gradient, gradient_step};
pub use head::Head;
pub use loss::{Loss, arg_max, consistency, cross_entropy, one_hot, softmax};
pub use metrics::{ClassScore, Confusion};
pub use pseudo::{PseudoLabeller, PseudoLabels};
pub use record::StepRecord;
pub use report::{EvalReport, RiskCoverage};
pub use schedule::{Schedule, average_decay, scheduled};
pub use semi_supervised::SemiSupervised;
pub use settings::{
    Feedback, FineTune, LabelKind, Losses, Method, Optimiser, Phase, PseudoSettings, Settings, StudentPhase,
    ViewStrength,
};
pub use skip_guard::SkipGuard;
pub use state::{Counters, TrainingState};
pub use supervised::Supervised;
pub use temporal::{ClipBatch, TemporalRecord, TemporalTrainer};
pub use temporal_settings::{ClassWeights, TemporalSettings};
pub use train_log::{Record, TrainLog};
pub use trainer::Trainer;
pub use view_mean::mean_of_views;
