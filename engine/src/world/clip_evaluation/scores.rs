//! What clips scored, by what was done to the frames' answers.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::learn::FrameReport;

/// Scores of the same frames, stage after stage. Frames without a face or a label are left out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClipScores {
    /// The student, each frame by itself.
    pub per_frame: FrameReport,
    /// The temporal encoder; nothing where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temporal: Option<FrameReport>,
    /// The box filter over the last stage's probabilities; nothing where it is switched off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smoothed: Option<FrameReport>,
    /// The vote that the settings choose, over the last stage's labels.
    pub vote: FrameReport,
    /// Each way of voting with the same window, by name.
    pub votes: BTreeMap<String, FrameReport>,
}

impl ClipScores {
    /// Every score by name: `per_frame`, `temporal`, `smoothed`, `vote`.
    pub fn rows(&self) -> BTreeMap<&'static str, &FrameReport> {
        let rows = [
            ("per_frame", Some(&self.per_frame)),
            ("temporal", self.temporal.as_ref()),
            ("smoothed", self.smoothed.as_ref()),
            ("vote", Some(&self.vote)),
        ];
        rows.into_iter().filter_map(|(name, report)| Some((name, report?))).collect()
    }
}
