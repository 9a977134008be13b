//! What clips scored, by what was done to the frames' answers.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::learn::{Answer, Confusion, FrameReport, LearnError};
use crate::signal::VoteKind;

/// Ways of voting, in the order of [`ScoredFrame::votes`].
pub const VOTE_KINDS: [(VoteKind, &str); 3] =
    [(VoteKind::Block, "block"), (VoteKind::Centred, "centred"), (VoteKind::Causal, "causal")];

/// Everything known of a frame of a clip once it is through all stages.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ScoredFrame {
    /// Number of its clip.
    pub clip: usize,
    /// Number in its clip, from 0.
    pub frame: usize,
    /// Its label, or -1.
    pub truth: i64,
    /// The student's answer; nothing where there is no face.
    pub student: Option<Answer>,
    /// The encoder's answer; nothing where there is no face or no encoder.
    pub temporal: Option<Answer>,
    /// The class after the vote that the settings choose; nothing where there is no face.
    pub voted: Option<usize>,
    /// The class after each way of voting, in the order of [`VOTE_KINDS`].
    pub votes: [Option<usize>; 3],
    /// The most probable class after the box filter; nothing where it is off or there is no face.
    pub smoothed: Option<usize>,
}

impl ScoredFrame {
    /// The answer of the last network that the frame went through.
    pub fn answer(&self) -> Option<&Answer> {
        self.temporal.as_ref().or(self.student.as_ref())
    }
}

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

/// Counts of the frames that are through.
#[derive(Debug, Clone)]
pub struct ClipTally {
    per_frame: Confusion,
    temporal: Option<Confusion>,
    smoothed: Option<Confusion>,
    vote: Confusion,
    votes: [Confusion; 3],
}

impl ClipTally {
    /// Of no frame yet; with counts for an encoder and for smoothing where there is one.
    pub fn new(classes: usize, temporal: bool, smoothed: bool) -> Self {
        let empty = Confusion::new(classes);
        Self {
            per_frame: empty.clone(),
            temporal: temporal.then(|| empty.clone()),
            smoothed: smoothed.then(|| empty.clone()),
            vote: empty.clone(),
            votes: [empty.clone(), empty.clone(), empty],
        }
    }

    /// Counts a frame.
    ///
    /// # Errors
    /// A label is no class.
    pub fn add(&mut self, frame: &ScoredFrame) -> Result<(), LearnError> {
        let truth = frame.truth;
        let count = |counts: Option<&mut Confusion>, class: Option<usize>| match (counts, class) {
            (Some(counts), Some(class)) => counts.add(truth, class),
            _ => Ok(()),
        };
        count(Some(&mut self.per_frame), frame.student.as_ref().map(|a| a.class))?;
        count(self.temporal.as_mut(), frame.temporal.as_ref().map(|a| a.class))?;
        count(self.smoothed.as_mut(), frame.smoothed)?;
        count(Some(&mut self.vote), frame.voted)?;
        self.votes.iter_mut().zip(frame.votes).try_for_each(|(counts, class)| count(Some(counts), class))
    }

    /// The scores of the frames counted so far; `classes` has a name for each.
    pub fn scores(&self, classes: &[String]) -> ClipScores {
        let report = |counts: &Confusion| FrameReport::new(counts, classes);
        let votes = VOTE_KINDS.iter().zip(&self.votes);
        ClipScores {
            per_frame: report(&self.per_frame),
            temporal: self.temporal.as_ref().map(report),
            smoothed: self.smoothed.as_ref().map(report),
            vote: report(&self.vote),
            votes: votes.map(|((_, name), counts)| ((*name).into(), report(counts))).collect(),
        }
    }
}
