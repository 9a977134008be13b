//! A run on disk and over time: its folder, its life from step to step, its open data, and what is left of it.

mod card;
mod data_record;
mod folder;
mod model;
mod report;
mod session;
mod sets;

pub use data_record::DataRecord;
pub use folder::{RunFolder, probe_folder};
pub use model::{Model, TemporalModel};
pub use report::{RefineReport, RunReport, SkippedItems};
pub use session::{Advance, Cadence, Run, Session, Steps};
pub use sets::{Sets, SetsSummary, TrainingData, labelled_pool, open_clips};

pub(super) use card::{encoder_card, student_card};
