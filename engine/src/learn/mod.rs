//! Learning on the host: losses, pseudo-labels, the teacher/student step, optimiser rules, metrics, logs and
//! checkpoints, for any [`crate::backend::Training`].
//!
//! Without the feature `training` there is what reading needs: answers, the encoder at work, the student's classifier.
//!
//! Logits are few, so everything here is plain Rust over slices. [`SemiSupervised`] reads like the table of the
//! method: `teacher_forward`, `student_update`, `meta_test`, `teacher_update`. What runs a network lives in
//! `backend`; what draws and augments pictures lives in `data` and `media`.

mod affect;
mod answer;
#[cfg(feature = "training")]
mod batch;
#[cfg(feature = "training")]
mod calibration;
#[cfg(feature = "training")]
mod checkpoint;
mod encoder;
mod error;
mod finite;
#[cfg(feature = "training")]
mod frame_report;
#[cfg(feature = "training")]
mod gradient;
mod head;
mod loss;
#[cfg(feature = "training")]
mod metrics;
#[cfg(feature = "training")]
mod passes;
#[cfg(feature = "training")]
mod pseudo;
#[cfg(feature = "training")]
mod record;
#[cfg(feature = "training")]
mod report;
#[cfg(feature = "training")]
mod schedule;
#[cfg(feature = "training")]
mod semi_supervised;
#[cfg(feature = "training")]
mod settings;
#[cfg(feature = "training")]
mod settings_check;
#[cfg(feature = "training")]
mod skip_guard;
#[cfg(feature = "training")]
mod state;
#[cfg(feature = "training")]
mod supervised;
#[cfg(feature = "training")]
mod teacher_loss;
#[cfg(feature = "training")]
mod temperature_fit;
#[cfg(feature = "training")]
mod temporal;
#[cfg(feature = "training")]
mod temporal_settings;
#[cfg(feature = "training")]
mod tensorboard;
#[cfg(feature = "training")]
mod train_log;
#[cfg(feature = "training")]
mod trainer;
mod view_mean;
#[cfg(feature = "training")]
mod work;

#[cfg(all(test, feature = "training"))]
mod fixtures;
#[cfg(all(test, feature = "training"))]
mod step_tests;
#[cfg(all(test, feature = "training"))]
mod testing;
#[cfg(all(test, feature = "training"))]
mod toy_tests;
#[cfg(all(test, feature = "training"))]
mod trap_tests;

pub use affect::Affect;
pub use answer::Answer;
pub use encoder::{FeatureWindow, TemporalEncoder};
pub use error::LearnError;
pub use head::Head;
pub use loss::{Loss, arg_max, consistency, cross_entropy, one_hot, softmax};
pub use view_mean::mean_of_views;

#[cfg(feature = "training")]
pub use {
    batch::TrainBatch,
    calibration::{
        balancing_offsets, cross_fitted_temperatures, expected_calibration_error, fit_temperature,
        negative_log_likelihood,
    },
    checkpoint::{Checkpoints, RunIdentity},
    frame_report::{ChallengeScore, FrameReport},
    gradient::{Descent, clipped_step, gradient, gradient_step},
    metrics::{ClassScore, Confusion},
    passes::Passes,
    pseudo::{PseudoLabeller, PseudoLabels},
    record::StepRecord,
    report::{EvalReport, RiskCoverage},
    schedule::{Schedule, average_decay, scheduled},
    semi_supervised::SemiSupervised,
    settings::{
        Feedback, FineTune, LabelKind, Losses, Method, Optimiser, Phase, PseudoSettings, Settings,
        StudentPhase, ViewStrength,
    },
    skip_guard::SkipGuard,
    state::{Counters, TrainingState},
    supervised::Supervised,
    temperature_fit::TemperatureFit,
    temporal::{ClipBatch, TemporalRecord, TemporalTrainer},
    temporal_settings::{ClassWeights, TemporalSettings},
    tensorboard::{EventFile, EventValue},
    train_log::{Record, TrainLog},
    trainer::Trainer,
};
