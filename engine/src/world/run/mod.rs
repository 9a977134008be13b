//! A model as it lies on disk; a run on disk and over time: its folder, its life from step to step, its open data, and what is
//! left of it.

#[cfg(feature = "training")]
mod card;
#[cfg(feature = "training")]
mod cost;
#[cfg(feature = "training")]
mod data_record;
mod embedding;
mod export;
mod finished;
#[cfg(feature = "training")]
mod folder;
mod model;
#[cfg(feature = "training")]
mod need;
mod onnx;
#[cfg(feature = "training")]
mod origin;
#[cfg(feature = "training")]
mod report;
#[cfg(feature = "training")]
mod session;
#[cfg(feature = "training")]
mod sets;
#[cfg(feature = "training")]
mod start;

pub use embedding::EmbeddingModel;
pub use model::{Model, ModelNetwork, TemporalModel};

#[cfg(feature = "training")]
pub use {
    cost::RunCost,
    data_record::DataRecord,
    folder::{RunFolder, probe_folder},
    need::{SMALLER_PRETRAINING, SMALLER_REFINING, pretraining_need, refining_need},
    origin::Origin,
    report::{RefineReport, RunReport, SkippedItems},
    session::{Advance, Cadence, Run, Session, Steps},
    sets::{Sets, SetsSummary, TrainingData, labelled_pool, open_clips},
};

#[cfg(feature = "training")]
pub(super) use {
    card::{encoder_card, student_card, valid_metrics},
    start::starting_weights,
};
