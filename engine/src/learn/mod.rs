//! Learning on the host: losses, pseudo-labels, the teacher/student step, optimiser rules, metrics, logs and
//! checkpoints, for any [`crate::backend::Network`].
//!
//! Logits are few, so everything here is plain Rust over slices. [`SemiSupervised`] reads like the table of the
//! method: `teacher_forward`, `student_update`, `meta_test`, `teacher_update`. What runs a network lives in
//! `backend`; what draws and augments pictures lives in `data` and `media`.

mod batch;
mod calibration;
mod checkpoint;
mod error;
mod finite;
mod frame_report;
mod head;
mod loss;
mod metrics;
mod optimise;
mod pseudo;
mod record;
mod report;
mod semi_supervised;
mod settings;
mod settings_check;
mod state;
mod supervised;
mod teacher_loss;
mod temporal;
mod temporal_settings;
mod temporal_stage;
mod train_log;
mod trainer;
mod views;

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

pub use batch::TrainBatch;
pub use calibration::{expected_calibration_error, fit_temperature, negative_log_likelihood};
pub use checkpoint::{Checkpoints, Identity};
pub use error::LearnError;
pub use finite::finite_logits;
pub use frame_report::FrameReport;
pub use head::Head;
pub use loss::{Loss, consistency, cross_entropy, log_softmax, one_hot, softmax};
pub use metrics::{ClassScore, Confusion};
pub use optimise::{Descent, SkipGuard, average_decay, descend, scheduled};
pub use pseudo::{PseudoLabeller, PseudoLabels};
pub use record::StepRecord;
pub use report::{EvalReport, RiskCoverage};
pub use semi_supervised::SemiSupervised;
pub use settings::{
    Feedback, FineTune, LabelKind, Losses, Method, Optimiser, Phase, PseudoSettings, Schedule, Settings,
    StudentPhase, View,
};
pub use state::{Counters, TrainingState};
pub use supervised::Supervised;
pub use temporal::{ClipBatch, TemporalRecord, TemporalTrainer};
pub use temporal_settings::{ClassWeights, TemporalSettings};
pub use temporal_stage::{Answer, TemporalStage};
pub use train_log::{Clock, Record, TrainLog, WallClock};
pub use trainer::Trainer;
pub use views::mean_of_views;
