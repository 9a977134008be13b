//! What clips scored, by what was done to the frames' answers.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;

use crate::learn::{Answer, Confusion, FrameReport, LearnError, TemperatureFit};
use crate::signal::{NearestHold, VoteKind};

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

/// Scores of the same frames, stage after stage. Frames without a face or a label are left out; each report has the score of
/// the challenge besides, in which those without a face count.
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
    /// By what the logits of the last network would have to be divided to be calibrated on these frames, over what they are divided
    /// by already; nothing where no frame has a label and a face.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calibrating_temperature: Option<f32>,
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
    per_frame: Counts,
    temporal: Option<Counts>,
    smoothed: Option<Counts>,
    vote: Counts,
    votes: [Counts; 3],
    /// Of the last network's answers.
    calibration: TemperatureFit,
    /// The class of a video without any answer.
    neutral: Option<usize>,
    /// The clip under way.
    clip: Option<usize>,
}

impl ClipTally {
    /// Of no frame yet; with counts for an encoder and for smoothing where there is one. `neutral` is the class that a
    /// challenge gives the frames of a video without any face.
    pub fn new(classes: usize, neutral: Option<usize>, temporal: bool, smoothed: bool) -> Self {
        let empty = Counts::new(classes);
        Self {
            per_frame: empty.clone(),
            temporal: temporal.then(|| empty.clone()),
            smoothed: smoothed.then(|| empty.clone()),
            vote: empty.clone(),
            votes: [empty.clone(), empty.clone(), empty],
            calibration: TemperatureFit::default(),
            neutral,
            clip: None,
        }
    }

    fn each(&mut self) -> impl Iterator<Item = &mut Counts> {
        let Self { per_frame, temporal, smoothed, vote, votes, .. } = self;
        [per_frame, vote].into_iter().chain(temporal).chain(smoothed).chain(votes)
    }

    /// Counts a frame; those of a clip come one after the other.
    ///
    /// # Errors
    /// A label is no class.
    pub fn add(&mut self, frame: &ScoredFrame) -> Result<(), LearnError> {
        if self.clip != Some(frame.clip) {
            self.complete()?;
            self.clip = Some(frame.clip);
        }
        let truth = frame.truth;
        if let (Some(answer), Ok(class)) = (frame.answer(), usize::try_from(truth)) {
            self.calibration.add(&answer.probabilities, class);
        }
        self.per_frame.add(truth, frame.student.as_ref().map(|a| a.class))?;
        if let Some(temporal) = &mut self.temporal {
            temporal.add(truth, frame.temporal.as_ref().map(|a| a.class))?;
        }
        if let Some(smoothed) = &mut self.smoothed {
            smoothed.add(truth, frame.smoothed)?;
        }
        self.vote.add(truth, frame.voted)?;
        self.votes.iter_mut().zip(frame.votes).try_for_each(|(counts, class)| counts.add(truth, class))
    }

    /// Ends the clip under way: its last frames without a face are counted.
    ///
    /// # Errors
    /// A label is no class.
    pub fn complete(&mut self) -> Result<(), LearnError> {
        let neutral = self.neutral;
        self.each().try_for_each(|counts| counts.complete(neutral))
    }

    /// What has been counted, in an order of its own.
    pub fn counts(&mut self) -> (Vec<Confusion>, TemperatureFit) {
        let counts = self.each().flat_map(|counts| [counts.seen.clone(), counts.all.clone()]).collect();
        (counts, self.calibration.clone())
    }

    /// Replaces what has been counted by the sum of what several tallies of the same kind have ([`ClipTally::counts`]).
    pub fn replace_counts(&mut self, parts: &[(Vec<Confusion>, TemperatureFit)]) {
        self.calibration = TemperatureFit::default();
        for (_, fit) in parts {
            self.calibration.merge(fit);
        }
        for (at, counts) in self.each().enumerate() {
            for (to, index) in [(&mut counts.seen, 2 * at), (&mut counts.all, 2 * at + 1)] {
                let mut parts = parts.iter().filter_map(|(part, _)| part.get(index));
                if let Some(first) = parts.next() {
                    *to = first.clone();
                    parts.for_each(|part| to.merge(part));
                }
            }
        }
    }

    /// The scores of the clips that are complete; `classes` has a name for each.
    pub fn scores(&self, classes: &[String]) -> ClipScores {
        let report = |counts: &Counts| FrameReport::new(&counts.seen, classes).with_challenge(&counts.all);
        let votes = VOTE_KINDS.iter().zip(&self.votes);
        ClipScores {
            per_frame: report(&self.per_frame),
            temporal: self.temporal.as_ref().map(report),
            smoothed: self.smoothed.as_ref().map(report),
            vote: report(&self.vote),
            votes: votes.map(|((_, name), counts)| ((*name).into(), report(counts))).collect(),
            calibrating_temperature: self.calibration.temperature(),
        }
    }
}

/// One way's answers: on the frames with a face, and on all frames, where those without one hold the nearest answer.
#[derive(Debug, Clone)]
struct Counts {
    seen: Confusion,
    all: Confusion,
    hold: NearestHold,
    /// Labels of the frames whose answer is not settled yet.
    waiting: VecDeque<i64>,
}

impl Counts {
    fn new(classes: usize) -> Self {
        let empty = Confusion::new(classes);
        Self { seen: empty.clone(), all: empty, hold: NearestHold::default(), waiting: VecDeque::new() }
    }

    fn add(&mut self, truth: i64, class: Option<usize>) -> Result<(), LearnError> {
        self.waiting.push_back(truth);
        if let Some(class) = class {
            self.seen.add(truth, class)?;
        }
        for (class, frames) in self.hold.push(class) {
            self.waiting.drain(..frames).try_for_each(|truth| self.all.add(truth, class))?;
        }
        Ok(())
    }

    fn complete(&mut self, neutral: Option<usize>) -> Result<(), LearnError> {
        let held = self.hold.finish().0.or(neutral);
        self.waiting.drain(..).try_for_each(|truth| match held {
            Some(class) => self.all.add(truth, class),
            None => self.all.add_unanswered(truth),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(clip: usize, truth: i64, class: Option<usize>) -> ScoredFrame {
        let student = class.map(|class| Answer { class, probabilities: vec![] });
        ScoredFrame { clip, truth, student, voted: class, ..ScoredFrame::default() }
    }

    #[test]
    fn frames_without_a_face_count_in_the_challenge_with_the_answer_they_hold() {
        let classes = ["neutral", "joy"].map(String::from);
        let frames = [
            frame(0, 1, None),
            frame(0, 1, Some(1)),
            frame(0, 0, None),
            frame(0, 0, Some(0)),
            frame(0, -1, None),
            frame(0, 1, None),
            frame(1, 0, None),
            frame(1, 1, None),
        ];
        // Held: 1 1 1 0 0 0 in the first video, neutral in the second; four of seven labelled frames are right.
        let mut tally = ClipTally::new(2, Some(0), false, false);
        for frame in &frames {
            tally.add(frame).expect("two classes");
        }
        tally.complete().expect("two classes");
        let score = tally.scores(&classes).vote;
        let challenge = score.challenge.expect("counted");
        assert_eq!((score.n, score.accuracy), (2, 1.0));
        assert_eq!((challenge.n, challenge.without_face), (7, 5));
        assert_eq!(challenge.confusion, [[2, 1], [2, 2]]);
        let mut foreign = ClipTally::new(2, None, false, false);
        for frame in &frames {
            foreign.add(frame).expect("two classes");
        }
        foreign.complete().expect("two classes");
        let challenge = foreign.scores(&classes).per_frame.challenge.expect("counted");
        assert_eq!(
            (challenge.n, challenge.accuracy),
            (7, 3.0 / 7.0),
            "a video that nobody answered is wrong"
        );
    }
}
