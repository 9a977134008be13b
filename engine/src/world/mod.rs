//! The ECS: what happens in which order. Samples, frames, faces, tracks and clips are entities; stages are systems that
//! work on their components; a pipeline is a list of stages. Networks, and what the networks read as one batch, stay in
//! resources, and no system computes anything itself.
//!
//! The way down, each uses those below it: `live` (reading, for other programs) and `pipelines`; `stages`; `run` (folders,
//! models, sessions), `config`; `clip`; `components`, `reading` (what comes out); `schedule`. Nothing outside this folder knows `bevy_ecs`.

mod clip;
pub mod components;
pub mod config;
mod error;
pub mod live;
pub mod pipelines;
mod reading;
mod run;
mod schedule;
mod stages;

/// The ECS itself, for systems of a program's own: [`Pretraining::extend`], [`live::Recognizer::extend`].
pub use bevy_ecs as ecs;
pub use clip::{ClipFeatures, ClipScores, ClipTable, FrameTable, ScoredFrame, VOTE_KINDS};
pub use config::{
    ClipDataConfig, DataConfig, EncoderConfig, EvaluationConfig, InputConfig, ModelConfig, Precision,
    RefineConfig, RunConfig, Sampling,
};
pub use error::WorldError;
pub use pipelines::{
    ClipData, Evaluation, Extraction, Preparer, Pretraining, Refining, ScoreSink, Start, Subject, evaluate,
    evaluate_clips, evaluate_model, extract, train,
};
pub use run::{
    Advance, Model, RefineReport, Run, RunFolder, RunReport, Sets, SetsSummary, SkippedItems, TemporalModel,
    TrainingData, open_clips, probe_folder,
};
