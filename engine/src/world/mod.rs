//! The ECS: what happens in which order. Schedules are the table of contents, samples of the current step are entities,
//! tensors and networks stay in resources, and no system computes anything itself.
//!
//! [`pretrain`], [`evaluate`], [`refine`], [`clip_evaluation`] and [`live`] hold one schedule each, with its stages, systems and
//! resources. [`Pretraining`] and [`Refining`] run theirs over many steps with evaluations and checkpoints in between. `prepare` is what loader threads do ahead,
//! `sets` opens a run's data, `run_folder` and `outcome` are its files, and [`RunConfig`] is all its settings.
//! Nothing outside this folder knows `bevy_ecs`.

pub mod clip_evaluation;
pub mod components;
mod config;
mod error;
pub mod evaluate;
pub mod live;
mod model;
mod outcome;
mod prepare;
pub mod pretrain;
mod pretraining;
pub mod refine;
mod run_folder;
mod schedule;
mod sets;

pub use clip_evaluation::{ClipScores, Encoding, FrameReading, evaluate_clips};
pub use config::{DataConfig, EvaluationConfig, InputConfig, ModelConfig, Precision, RunConfig, Sampling};
pub use error::WorldError;
pub use evaluate::{Subject, evaluate, evaluate_model};
pub use model::Model;
pub use outcome::{RunReport, Skipped};
pub use prepare::{Draw, Prepared, Preparer};
pub use pretraining::{Advance, Pretraining, Start};
pub use refine::{
    ClipDataConfig, ClipFeatures, EncoderConfig, Extraction, PostConfig, RefineAdvance, RefineConfig,
    RefineReport, Refining, extract, open_clips,
};
pub use run_folder::{RunFolder, probe_folder};
pub use sets::{Sets, SetsSummary};
