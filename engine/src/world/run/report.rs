//! What came of a run, as its `report.json` holds it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::sets::SetsSummary;
use crate::data::SkipLog;
use crate::learn::{EvalReport, Method};
use crate::world::clip::ClipScores;
use crate::world::config::{RefineConfig, RunConfig};

/// What came of a pre-training run.
#[derive(Debug, Clone, Serialize)]
pub struct RunReport {
    /// Steps made.
    pub steps: u64,
    /// `ssl` or `supervised`.
    pub method: Method,
    /// Which network `model.safetensors` holds: `student_average` or `student`.
    pub model: String,
    /// Scores by network: `student_average`, `student`, `teacher_average`, `teacher`, as far as the run has them.
    pub scores: BTreeMap<String, EvalReport>,
    /// The network with the highest macro F1; the model is chosen by method, not by this.
    pub best: Option<String>,
    /// Sizes of the data.
    pub data: SetsSummary,
    /// Items that could not be used.
    pub skipped: SkippedItems,
    /// Seconds of this process's training that were spent waiting for the loader.
    pub loader_waited_seconds: f64,
    /// The settings.
    pub config: RunConfig,
}

/// What came of a temporal run.
#[derive(Debug, Clone, Serialize)]
pub struct RefineReport {
    /// Steps made.
    pub steps: u64,
    /// `temporal`.
    pub method: &'static str,
    /// Hash of the frozen student.
    pub student: String,
    /// Scores on the validation clips, by what follows what; see [`ClipScores`].
    pub scores: Option<ClipScores>,
    /// Training clips.
    pub train_clips: usize,
    /// Frames of them.
    pub train_frames: usize,
    /// Validation clips.
    pub valid_clips: usize,
    /// Frames of them.
    pub valid_frames: usize,
    /// Faces that could not be read.
    pub skipped: SkippedItems,
    /// The settings.
    pub config: RefineConfig,
}

/// Items that could not be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkippedItems {
    /// How many.
    pub count: usize,
    /// The first few, each with its file and place.
    pub first: Vec<String>,
}

impl SkippedItems {
    /// What a log has counted.
    pub fn of(skips: &SkipLog) -> Self {
        Self { count: skips.count(), first: skips.first() }
    }
}
