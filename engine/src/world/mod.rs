//! The ECS: what happens in which order. Samples, frames, faces, tracks and clips are entities; stages are systems that
//! work on their components; a pipeline is a list of stages. Networks, and what the networks read as one batch, stay in
//! resources, and no system computes anything itself.
//!
//! Without the feature `training` there is `live` alone, and what it stands on.
//!
//! The way down, each uses those below it: `live` (reading, for other programs) and `pipelines`; `stages`; `run` (folders,
//! models, sessions), `config`; `clip`; `components`, `reading` (what comes out); `together` (what processes tell each other); `schedule`. Nothing outside this folder knows `bevy_ecs`.

#[cfg(feature = "training")]
mod clip;
pub mod components;
#[cfg(feature = "training")]
pub mod config;
mod error;
pub mod live;
pub mod pipelines;
mod reading;
mod run;
mod schedule;
mod stages;
#[cfg(feature = "training")]
mod together;

/// The ECS itself, for systems of a program's own: [`Pretraining::extend`], [`live::Recognizer::extend`].
pub use bevy_ecs as ecs;
pub use error::{ErrorKind, WorldError};
pub use run::{EmbeddingModel, Model, ModelNetwork, TemporalModel};

#[cfg(feature = "training")]
pub use {
    clip::{ClipFeatures, ClipScores, ClipTable, FrameTable, ScoredFrame, VOTE_KINDS},
    config::{
        ClipDataConfig, DataConfig, EncoderConfig, EvaluationConfig, InputConfig, ModelConfig, Precision,
        RefineConfig, RunConfig, Sampling,
    },
    pipelines::{
        Audience, Calibrated, ClipData, Evaluation, Extraction, Preparer, Pretraining, Refining, ScoreSink,
        Start, Subject, calibrate, evaluate, evaluate_clips, evaluate_model, evaluate_sources, extract,
        train,
    },
    run::{
        Advance, Origin, RefineReport, Run, RunCost, RunFolder, RunReport, Sets, SetsSummary, SkippedItems,
        TrainingData, open_clips, pretraining_need, probe_folder, refining_need,
    },
};
