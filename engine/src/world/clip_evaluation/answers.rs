//! What is known of the frames that are under way.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use bevy_ecs::prelude::*;

use crate::learn::{Answer, TemporalStage};
use crate::signal::{SmoothKind, SmoothSettings, Smoother, VoteKind, VoteSettings, Voter};
use crate::world::error::WorldError;
use crate::world::refine::{ClipFeatures, PostConfig};

/// Ways of voting, in the order of [`FrameReading::votes`].
pub(super) const KINDS: [(VoteKind, &str); 3] =
    [(VoteKind::Block, "block"), (VoteKind::Centred, "centred"), (VoteKind::Causal, "causal")];
/// Frames that one run of the schedule takes in.
const FRAMES_A_RUN: usize = 32;

/// Everything known of a frame once it is through all stages.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FrameReading {
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
    /// The class after each way of voting: block, centred, causal.
    pub votes: [Option<usize>; 3],
    /// The most probable class after the box filter; nothing where it is off or there is no face.
    pub smoothed: Option<usize>,
}

impl FrameReading {
    /// The answer of the last network that the frame went through.
    pub fn answer(&self) -> Option<&Answer> {
        self.temporal.as_ref().or(self.student.as_ref())
    }
}

/// Where the walk over clips and frames is.
#[derive(Resource)]
pub(super) struct Walk {
    pub features: Arc<ClipFeatures>,
    pub clip: usize,
    /// Frames of the clip that this run takes in.
    pub now: Range<usize>,
    done: usize,
}

impl Walk {
    pub fn new(features: Arc<ClipFeatures>) -> Self {
        Self { features, clip: 0, now: 0..0, done: 0 }
    }

    /// Goes to the next frames: those after `now`, or the next clip's first.
    pub fn advance(&mut self) {
        if self.ends() && self.done > 0 {
            self.clip += 1;
            self.now = 0..0;
        }
        let end = self.features.set.frames(self.clip).min(self.now.end + FRAMES_A_RUN);
        self.now = self.now.end..end;
        self.done += self.now.len();
    }

    /// Whether `now` reaches the end of its clip.
    pub fn ends(&self) -> bool {
        self.now.end == self.features.set.frames(self.clip)
    }

    pub fn frames_done(&self) -> usize {
        self.done
    }

    /// Whether every frame has been taken in.
    pub fn is_done(&self) -> bool {
        self.done == self.features.set.total_frames()
    }
}

/// The encoder, where there is one; locked by nobody, the lock only makes it a resource.
#[derive(Resource)]
pub(super) struct Encoder(pub Option<Mutex<TemporalStage>>);

/// Frames on their way through the stages, oldest first, and how far each stage has come.
#[derive(Resource)]
pub(super) struct Line {
    pub readings: VecDeque<FrameReading>,
    /// Frames at the front that have passed the encoder.
    pub answered: usize,
    /// Of those, frames that have been given to the votes.
    pub polled: usize,
    voters: [Voter; 3],
    /// Frames at the front whose vote of each kind is known.
    voted: [usize; 3],
    chosen: Voter,
    chosen_done: usize,
    smoother: Option<Smoother>,
    smoothed: usize,
}

impl Line {
    pub fn new(classes: usize, post: &PostConfig) -> Result<Self, WorldError> {
        let voter = |kind| Voter::new(VoteSettings { kind, ..post.vote }, classes);
        let refuse = |e: crate::signal::SignalError| WorldError::setting("post", e.to_string());
        let voters = [voter(KINDS[0].0), voter(KINDS[1].0), voter(KINDS[2].0)];
        let [block, centred, causal] = voters;
        let smoothing = SmoothSettings { kind: SmoothKind::Centred, window: post.smoothing };
        let smoother = (post.smoothing > 1).then(|| Smoother::new(smoothing, classes));
        Ok(Self {
            readings: VecDeque::new(),
            answered: 0,
            polled: 0,
            voters: [block.map_err(refuse)?, centred.map_err(refuse)?, causal.map_err(refuse)?],
            voted: [0; 3],
            chosen: Voter::new(post.vote, classes).map_err(refuse)?,
            chosen_done: 0,
            smoother: smoother.transpose().map_err(refuse)?,
            smoothed: 0,
        })
    }

    /// Gives the votes every frame that has passed the encoder, and ends them where the clip ends.
    pub fn poll(&mut self, ends: bool) {
        for at in self.polled..self.answered {
            let answer = self.readings[at].answer().cloned();
            let label = answer.as_ref().map(|answer| answer.class);
            let probabilities = answer.map(|answer| answer.probabilities).unwrap_or_default();
            for (kind, voter) in self.voters.iter_mut().enumerate() {
                if let Some(vote) = voter.push(label, &probabilities) {
                    self.readings[self.voted[kind]].votes[kind] = vote.label;
                    self.voted[kind] += 1;
                }
            }
            if let Some(vote) = self.chosen.push(label, &probabilities) {
                self.readings[self.chosen_done].voted = vote.label;
                self.chosen_done += 1;
            }
            if let Some(smoother) = &mut self.smoother {
                let row = label.is_some().then_some(probabilities.as_slice());
                let best = smoother.push(row).map(|mean| mean.probabilities.and_then(most_probable));
                if let Some(best) = best {
                    self.readings[self.smoothed].smoothed = best;
                    self.smoothed += 1;
                }
            }
        }
        self.polled = self.answered;
        if ends {
            self.finish_polls();
        }
    }

    fn finish_polls(&mut self) {
        for (kind, voter) in self.voters.iter_mut().enumerate() {
            for vote in voter.finish() {
                self.readings[self.voted[kind]].votes[kind] = vote.label;
                self.voted[kind] += 1;
            }
        }
        for vote in self.chosen.finish() {
            self.readings[self.chosen_done].voted = vote.label;
            self.chosen_done += 1;
        }
        if let Some(smoother) = &mut self.smoother {
            while let Some(mean) = smoother.drain() {
                self.readings[self.smoothed].smoothed = mean.probabilities.and_then(most_probable);
                self.smoothed += 1;
            }
        }
    }

    /// Frames at the front that are through all stages.
    pub fn through(&self) -> usize {
        let smoothed = if self.smoother.is_some() { self.smoothed } else { self.polled };
        self.voted.iter().copied().chain([self.chosen_done, smoothed]).min().unwrap_or(0)
    }

    /// Takes out the frame at the front.
    pub fn pop(&mut self) -> Option<FrameReading> {
        let counts = [&mut self.answered, &mut self.polled, &mut self.chosen_done];
        for count in counts.into_iter().chain(&mut self.voted) {
            *count = count.saturating_sub(1);
        }
        self.smoothed = self.smoothed.saturating_sub(1);
        self.readings.pop_front()
    }
}

fn most_probable(row: &[f32]) -> Option<usize> {
    let best = row.iter().enumerate().reduce(|best, next| if next.1 > best.1 { next } else { best });
    best.map(|(class, _)| class)
}
