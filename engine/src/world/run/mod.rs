//! A run on disk and over time: its folder, its life from step to step, its open data, and what is left of it.

mod card;
mod folder;
mod model;
mod need;
mod report;
mod session;
mod sets;

pub use folder::{RunFolder, probe_folder};
pub use model::{Model, TemporalModel};
pub use need::{SMALLER_PRETRAINING, SMALLER_REFINING, pretraining_need, refining_need};
pub use report::{RefineReport, RunReport, SkippedItems};
pub use session::{Advance, Cadence, Run, Session, Steps};
pub use sets::{Sets, SetsSummary, TrainingData, labelled_pool, open_clips};

pub(super) use card::{encoder_card, student_card};
