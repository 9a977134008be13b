//! Majority votes over the labels of a window of frames.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::fixed::fixed;
use super::{SignalError, check_window};

/// Which frames vote on a frame's label. W is the window's width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VoteKind {
    /// Consecutive windows of W frames, each of which gets one majority; the last may be shorter.
    Block,
    /// The frames around it: W/2 before and (W-1)/2 after, so 15 and 14 for 30. At the ends those that there are.
    #[default]
    Centred,
    /// The frame and the W-1 before it.
    Causal,
}

/// How labels are voted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VoteSettings {
    /// Which frames vote.
    pub kind: VoteKind,
    /// Width of the window in frames, 1 to [`super::MAX_WINDOW`].
    pub window: usize,
}

impl Default for VoteSettings {
    fn default() -> Self {
        Self { kind: VoteKind::default(), window: 30 }
    }
}

impl VoteSettings {
    /// Checks the window's width.
    ///
    /// # Errors
    /// It is 0 or larger than [`super::MAX_WINDOW`].
    pub fn check(self) -> Result<(), SignalError> {
        check_window("vote window", self.window)
    }

    /// Frames pushed after a frame before its voted label is known: 0 causal, (W-1)/2 centred, W-1 block.
    pub fn latency(self) -> usize {
        match self.kind {
            VoteKind::Causal => 0,
            VoteKind::Centred => (self.window - 1) / 2,
            VoteKind::Block => self.window - 1,
        }
    }
}

/// A frame's label after the vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Voted {
    /// The frame, counted from 0 in the order of [`Voter::push`].
    pub frame: u64,
    /// Its label; `None` where it has no face.
    pub label: Option<usize>,
    /// Frames of its window that voted for the label.
    pub votes: u32,
    /// Frames of its window with a face.
    pub of: u32,
}

impl Voted {
    /// Share of the window's faces that voted for the label, 0 to 1.
    pub fn share(&self) -> f32 {
        self.votes as f32 / self.of.max(1) as f32
    }
}

/// Votes on labels as frames arrive.
///
/// The label with the most votes in the window wins. On a tie the frame keeps its own label if that is among the tied;
/// else the tied label with the highest mean probability over the window's faces wins, and where even those are equal
/// the one that was voted for last. A frame without a face neither votes nor changes, but takes its place in the window.
///
/// A push costs time in the number of classes, not in the window; memory is a window of frames.
#[derive(Debug, Clone)]
pub struct Voter {
    settings: VoteSettings,
    /// Votes of the sliding window, or of the block that is filling.
    tally: Tally,
    /// Votes of the last full block.
    closed: Tally,
    /// Frames of the sliding window, oldest first (block: frames that wait for their label).
    labels: VecDeque<Option<usize>>,
    /// Probabilities of the frames in `labels`, one row each; empty rows' values are 0 (block: unused).
    probabilities: VecDeque<f32>,
    /// When the frames in `labels` were, in seconds; only of a window of seconds.
    times: VecDeque<f64>,
    pushed: u64,
    emitted: u64,
}

impl Voter {
    /// A voter for labels below `classes`.
    ///
    /// # Errors
    /// As [`VoteSettings::check`].
    pub fn new(settings: VoteSettings, classes: usize) -> Result<Self, SignalError> {
        settings.check()?;
        Ok(Self {
            settings,
            tally: Tally::new(classes),
            closed: Tally::new(classes),
            labels: VecDeque::new(),
            probabilities: VecDeque::new(),
            times: VecDeque::new(),
            pushed: 0,
            emitted: 0,
        })
    }

    /// Takes the next frame, `None` where it has no face, and gives the label of the frame [`VoteSettings::latency`]
    /// frames ago. `probabilities` has one value a class; it is not looked at where there is no face.
    ///
    /// # Panics
    /// The label is not below the number of classes, or there is not one probability a class.
    pub fn push(&mut self, label: Option<usize>, probabilities: &[f32]) -> Option<Voted> {
        if self.settings.kind == VoteKind::Block {
            self.push_block(label, probabilities)
        } else {
            self.push_sliding(label, probabilities)
        }
    }

    /// As [`Voter::push`] of a causal vote whose window is the last `span` seconds, and at most the settings' frames: the frame is of the
    /// moment `at`, `None` for that of the frame before.
    ///
    /// # Panics
    /// As [`Voter::push`].
    pub fn push_within(
        &mut self,
        label: Option<usize>,
        probabilities: &[f32],
        at: Option<f64>,
        span: f64,
    ) -> Option<Voted> {
        let at = at.or(self.times.back().copied()).unwrap_or(0.0);
        // A frame that is just as old as the window is long is no part of it: a second of 30 a second is 30 frames.
        while self.times.front().is_some_and(|time| at - time > span - 1e-6) {
            self.times.pop_front();
            self.forget_oldest();
        }
        if self.labels.len() == self.settings.window {
            self.times.pop_front();
        }
        self.times.push_back(at);
        self.push_sliding(label, probabilities)
    }

    fn push_sliding(&mut self, label: Option<usize>, probabilities: &[f32]) -> Option<Voted> {
        if self.labels.len() == self.settings.window {
            self.forget_oldest();
        }
        let classes = self.tally.classes();
        if let Some(label) = label {
            self.tally.add(label, probabilities, self.pushed);
            self.probabilities.extend(probabilities);
        } else {
            self.probabilities.extend(std::iter::repeat_n(0.0, classes));
        }
        self.labels.push_back(label);
        self.pushed += 1;
        let due = self.pushed > self.settings.latency() as u64;
        due.then(|| self.emit_sliding())
    }

    /// The label of the next frame, whose window must be what the tally holds.
    fn emit_sliding(&mut self) -> Voted {
        let oldest = self.pushed - self.labels.len() as u64;
        let own = self.labels[(self.emitted - oldest) as usize];
        self.emit(own, false)
    }

    fn emit(&mut self, own: Option<usize>, block: bool) -> Voted {
        let tally = if block { &self.closed } else { &self.tally };
        let label = own.map(|own| tally.winner(own));
        let votes = label.map_or(0, |label| tally.votes[label]);
        let voted = Voted { frame: self.emitted, label, votes, of: tally.votes.iter().sum() };
        self.emitted += 1;
        voted
    }

    fn forget_oldest(&mut self) {
        let classes = self.tally.classes();
        if let Some(Some(label)) = self.labels.pop_front() {
            self.tally.remove(label, self.probabilities.drain(..classes));
        } else {
            self.probabilities.drain(..classes);
        }
    }

    fn push_block(&mut self, label: Option<usize>, probabilities: &[f32]) -> Option<Voted> {
        if let Some(label) = label {
            self.tally.add(label, probabilities, self.pushed);
        }
        self.labels.push_back(label);
        self.pushed += 1;
        if self.pushed.is_multiple_of(self.settings.window as u64) {
            self.close_block();
        }
        if self.labels.len() < self.settings.window {
            return None;
        }
        self.labels.pop_front().map(|own| self.emit(own, true))
    }

    fn close_block(&mut self) {
        std::mem::swap(&mut self.tally, &mut self.closed);
        self.tally.clear();
    }

    /// Ends the sequence: the labels of the frames that are still due, in order. The voter is then as new.
    pub fn finish(&mut self) -> Vec<Voted> {
        let mut rest = Vec::with_capacity((self.pushed - self.emitted) as usize);
        let window = self.settings.window as u64;
        let before = window / 2;
        while self.emitted < self.pushed {
            if self.settings.kind == VoteKind::Block {
                if self.emitted == self.pushed / window * window {
                    self.close_block();
                }
                let Some(own) = self.labels.pop_front() else { break };
                rest.push(self.emit(own, true));
            } else {
                while self.pushed - (self.labels.len() as u64) + before < self.emitted {
                    self.forget_oldest();
                }
                rest.push(self.emit_sliding());
            }
        }
        self.tally.clear();
        self.labels.clear();
        self.times.clear();
        self.probabilities.clear();
        (self.pushed, self.emitted) = (0, 0);
        rest
    }
}

/// Votes and summed probabilities of the faces in a window.
#[derive(Debug, Clone)]
struct Tally {
    votes: Vec<u32>,
    sums: Vec<u128>,
    /// The last frame that voted for each class; holds while the class has votes.
    last: Vec<u64>,
}

impl Tally {
    fn new(classes: usize) -> Self {
        Self { votes: vec![0; classes], sums: vec![0; classes], last: vec![0; classes] }
    }

    fn classes(&self) -> usize {
        self.votes.len()
    }

    fn clear(&mut self) {
        self.votes.fill(0);
        self.sums.fill(0);
    }

    fn add(&mut self, label: usize, probabilities: &[f32], frame: u64) {
        assert_eq!(probabilities.len(), self.classes(), "one probability a class");
        self.votes[label] += 1;
        self.last[label] = frame;
        for (sum, &p) in self.sums.iter_mut().zip(probabilities) {
            *sum += fixed(p);
        }
    }

    fn remove(&mut self, label: usize, probabilities: impl Iterator<Item = f32>) {
        self.votes[label] -= 1;
        for (sum, p) in self.sums.iter_mut().zip(probabilities) {
            *sum -= fixed(p);
        }
    }

    /// The window's label for a frame with this one. Sums stand for means: all classes have the same divisor.
    fn winner(&self, own: usize) -> usize {
        let most = self.votes.iter().copied().max().unwrap_or(0);
        if self.votes[own] == most {
            return own;
        }
        let tied = (0..self.classes()).filter(|&class| self.votes[class] == most);
        tied.max_by_key(|&class| (self.sums[class], self.last[class])).unwrap_or(own)
    }
}

/// Votes on a whole sequence: `labels` has a frame each, `probabilities` is frames x `classes`.
///
/// # Errors
/// As [`VoteSettings::check`].
///
/// # Panics
/// As [`Voter::push`]; `probabilities` does not have a row for each frame.
pub fn vote(
    settings: VoteSettings,
    labels: &[Option<usize>],
    probabilities: &[f32],
    classes: usize,
) -> Result<Vec<Option<usize>>, SignalError> {
    assert_eq!(probabilities.len(), labels.len() * classes, "a row of probabilities for each frame");
    let mut voter = Voter::new(settings, classes)?;
    let mut voted = Vec::with_capacity(labels.len());
    for (frame, &label) in labels.iter().enumerate() {
        voted.extend(voter.push(label, &probabilities[frame * classes..(frame + 1) * classes]));
    }
    voted.extend(voter.finish());
    Ok(voted.into_iter().map(|voted| voted.label).collect())
}
